/**
 * The server: one or two instances over one log. They fan messages out with skew, answer joins, probes
 * and recovery, and do everything wrong that the plan asks for.
 */
import type {
  ClientFrame,
  DecodedFrame,
  MessageFrame,
  ServerFrame,
} from '../../src/core/frames.js';
import type { Tab } from './tab.js';
import { Link } from './link.js';
import { RecoveryDesk } from './recovery-desk.js';
import type { ChannelLog, EpochLog } from './truth.js';
import type { World } from './world.js';

const HEARTBEAT_MS = 1_000;

export class Server {
  readonly links = new Set<Link>();
  readonly desk: RecoveryDesk;
  /** Tokens issued before this are refused. */
  validSince = 0;

  constructor(private readonly world: World) {
    this.desk = new RecoveryDesk(world, this);
  }

  dial(client: Tab, attempt: number): Link {
    const { world } = this;
    const instance = world.dice.between(0, world.plan.instances - 1);
    const link = new Link(world, this, client, attempt, instance);
    if (world.strike('refusedDial', 0.6)) link.close(1006);
    else if (!world.strike('hangingDial', 0.5)) {
      world.agenda.in(world.latency() + world.latency(), () => {
        this.#accept(link);
      });
    }
    return link;
  }

  accepts(issuedAt: number | undefined): boolean {
    if (!this.world.plan.settings.hasToken) return true;
    return issuedAt !== undefined && issuedAt >= this.validSince;
  }

  authenticated(link: Link): void {
    if (this.accepts(link.issuedAt)) return;
    if (this.world.dice.chance(0.5)) link.close(4401);
    else link.down({ type: 'error', code: 'unauthorized', retry: false });
  }

  receive(link: Link, frame: ClientFrame): void {
    switch (frame.type) {
      case 'subscribe':
        return this.#subscribe(link, frame.id, frame.channel);
      case 'unsubscribe':
        link.attached.delete(frame.channel);
        return;
      case 'recover':
        return this.desk.recover(link, frame);
      case 'ping':
        link.down({ type: 'pong' });
        return this.#heads(link);
      case 'publish': {
        const log = this.world.log(frame.channel);
        const seq = log.keys.get(frame.key) ?? this.world.publish(frame.channel);
        log.keys.set(frame.key, seq);
        const position = { epoch: log.log.epoch, seq };
        return link.down({ type: 'ack', id: frame.id, channel: frame.channel, position });
      }
      default:
        return;
    }
  }

  /** A message was appended: every instance hears of it, one perhaps later than the other. */
  fanOut({ channel, log }: ChannelLog, seq: number): void {
    const { world } = this;
    const slot = log.at(seq);
    if (slot?.kind !== 'entry') return;
    const { epoch } = log;
    const frame = this.#message(channel, log, seq, slot.uid);
    for (let instance = 0; instance < world.plan.instances; instance += 1) {
      const skew = world.strike('skew', 0.7) ? world.dice.between(1, 200) : 0;
      const send = (): void => {
        // A server that leaves the epoch out must not let a frame of the old one pass for the new.
        if (world.plan.omitEpoch && world.log(channel).log.epoch !== epoch) return;
        this.#send(instance, channel, frame);
      };
      if (skew === 0) send();
      else world.agenda.in(skew, send);
    }
  }

  #message(channel: string, log: EpochLog, seq: number, data: number): MessageFrame {
    const { numbers, omitEpoch } = this.world.plan;
    if (omitEpoch) return { type: 'message', channel, seq, data };
    if (numbers.kind === 'contiguous')
      return { type: 'message', channel, epoch: log.epoch, seq, data };
    return {
      type: 'message',
      channel,
      epoch: log.epoch,
      seq,
      data,
      ...(numbers.kind === 'sparse' ? { prev: log.entryBefore(seq) } : {}),
      ...(numbers.ids ? { id: String(data) } : {}),
    };
  }

  ephemeral(channel: string): void {
    for (const link of this.links) {
      if (link.attached.has(channel)) link.down({ type: 'message', channel, data: 'typing' });
    }
  }

  closeAll(code: number, instance?: number): void {
    for (const link of this.links) {
      if (instance === undefined || link.instance === instance) link.close(code);
    }
  }

  /** Another process: every client finds out, on the way that was dead as well. */
  beginAnew(): void {
    for (const link of this.links) link.losesDown = false;
    this.closeAll(1012);
  }

  /** Tells fresh facts without being asked, or ends a subscription, for now or for good. */
  disturb(channel: string, kind: 'facts' | 'unsubscribed' | 'ended'): void {
    for (const link of this.links) {
      if (!link.attached.has(channel)) continue;
      if (kind === 'facts') link.down(this.#served(channel));
      else {
        link.attached.delete(channel);
        const retry = kind === 'unsubscribed';
        link.down({ type: 'unsubscribed', channel, code: retry ? 'limit' : 'forbidden', retry });
      }
    }
  }

  #accept(link: Link): void {
    const { world } = this;
    link.open();
    if (!link.isOpen || link.isOver) return;
    this.links.add(link);
    const { caps, channels, numbers, retrySpreadMs, serverBatch, serverPage } = world.plan;
    const limits = { page: serverPage, ...(serverBatch ? { batch: serverBatch } : {}) };
    link.down({ type: 'welcome', caps, heartbeatMs: HEARTBEAT_MS, retrySpreadMs, limits });
    if (numbers.joins === 'all') {
      for (const { name } of channels) link.attached.add(name);
      link.down({ type: 'joined' });
    }
    if (world.strike('flap', 0.8)) {
      world.agenda.in(world.dice.between(0, 60), () => {
        link.close(world.dice.pick([1006, 1013, 1011]));
      });
    }
    this.#beat(link);
  }

  #beat(link: Link): void {
    this.world.agenda.in(HEARTBEAT_MS, () => {
      if (link.isOver) {
        this.links.delete(link);
        return;
      }
      if (!this.world.strike('headsLost', 0.9)) this.#heads(link);
      this.#beat(link);
    });
  }

  #heads(link: Link): void {
    const { numbers } = this.world.plan;
    if (numbers.pollMs !== false) return;
    const heads = [...link.attached].map((channel) => {
      const { log } = this.world.log(channel);
      const lag = this.world.strike('headsLag', 0.5) ? this.world.dice.between(1, 4) : 0;
      const head = Math.max(0, log.head - lag);
      const { epoch } = log;
      if (numbers.kind !== 'sparse') return { channel, epoch, head };
      return { channel, epoch, head, visible: log.entryBefore(head + 1) };
    });
    link.down({ type: 'heads', heads });
  }

  #send(instance: number, channel: string, frame: DecodedFrame): void {
    const { world } = this;
    for (const link of this.links) {
      if (link.instance !== instance || !link.attached.has(channel)) continue;
      if (world.strike('drop', 0.4)) continue;
      if (world.strike('badFrame', 0.15)) {
        const known = world.dice.chance(0.5) ? { channel } : {};
        link.down({ type: 'bad', reason: 'garbled', ...known });
        continue;
      }
      link.down(frame);
      if (world.strike('duplicate', 0.4)) link.down(frame);
    }
  }

  #subscribe(link: Link, id: number, channel: string): void {
    const { world } = this;
    if (!this.accepts(link.issuedAt)) {
      return link.down({ type: 'error', id, channel, code: 'unauthorized', retry: false });
    }
    if (this.desk.forbids(channel)) {
      return link.down({ type: 'error', id, channel, code: 'forbidden', retry: false });
    }
    if (world.strike('joinRefused', 0.5)) {
      return link.down({ type: 'error', id, channel, code: 'internal', retry: true });
    }
    const reply = this.#served(channel, id);
    if (world.strike('lateAttach', 0.8)) {
      // Facts first, attached later: what is published between is never sent.
      world.agenda.in(world.dice.between(1, 100), () => void link.attached.add(channel));
    } else link.attached.add(channel);
    if (!world.strike('lateReply', 0.8)) return link.down(reply);
    // Attached first, answered later: messages overtake the answer.
    world.agenda.in(world.dice.between(1, 100), () => {
      if (!link.attached.has(channel)) return;
      link.down(this.#served(channel, id));
    });
  }

  #served(channel: string, id?: number): ServerFrame {
    const { numbers } = this.world.plan;
    const known = id === undefined ? { channel } : { id, channel };
    if (numbers.joins !== 'facts') return { type: 'joined', ...known };
    const { log } = this.world.log(channel);
    return { type: 'subscribed', ...known, ...log.facts };
  }
}
