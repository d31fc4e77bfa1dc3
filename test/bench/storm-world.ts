/**
 * Many clients lose their server at once, in virtual time. The clients are the sessions that ship, with
 * their backoff, their gate and their recovery scheduler; around them is only what a network would do.
 */
import { DEFAULT_SETTINGS } from '../../src/core/settings.js';
import { Session } from '../../src/core/session.js';
import type { ClientFrame, RecoveryAnswer, ServerFrame } from '../../src/core/frames.js';
import type { Effect, Input } from '../../src/core/vocabulary.js';
import { Agenda } from '../simulation/agenda.js';

export interface StormOptions {
  readonly clients: number;
  readonly channels: number;
  /** Handshakes that the server accepts per second; beyond them it answers 503. */
  readonly connectsPerSecond: number;
  /** Recovery calls that it answers per second; beyond them it answers 503. */
  readonly recoversPerSecond: number;
  /** Without it all clients are of one mind: every one draws the same numbers. */
  readonly jitter: boolean;
  /** What the server has announced, in case it is lost; 0: nothing. */
  readonly retrySpreadMs: number;
  /** Without it every channel makes a call of its own, over HTTP. */
  readonly batching: boolean;
}

/** One second of the storm. */
export interface Second {
  attempts: number;
  accepted: number;
  recovers: number;
  /** Clients whose channels are all live at its end. */
  live: number;
}

/** One way through the network. */
const WAY_MS = 20;
/** What a 503 asks clients to wait. */
const RETRY_AFTER_MS = 1_000;
/** Long before the storm: the connections have proved themselves. */
const STORM_AT_MS = 60_000;
/** An end for a storm that does not end. */
const MAX_SECONDS = 180;
const EPOCH = 'e';

export function storm(options: StormOptions): readonly Second[] {
  const world = new World(options);
  return world.run();
}

class World {
  readonly agenda = new Agenda();
  readonly connects: Bucket;
  readonly recovers: Bucket;
  head = 1;
  live = 0;
  readonly #seconds: Second[] = [];

  constructor(readonly options: StormOptions) {
    this.connects = new Bucket(Infinity);
    this.recovers = new Bucket(Infinity);
  }

  run(): readonly Second[] {
    const { agenda, options } = this;
    const clients = Array.from({ length: options.clients }, (_, i) => new Client(this, i + 1));
    agenda.run(STORM_AT_MS);
    if (this.live !== options.clients) throw new Error('not everybody was live before the storm');
    this.connects.perSecond = options.connectsPerSecond;
    this.recovers.perSecond = options.recoversPerSecond;
    // Every channel has one message that its reader does not have.
    this.head += 1;
    for (const client of clients) client.lose();
    for (let second = 1; this.live < options.clients && second <= MAX_SECONDS; second += 1) {
      this.#seconds.push({ attempts: 0, accepted: 0, recovers: 0, live: 0 });
      agenda.run(STORM_AT_MS + second * 1_000);
      this.second.live = this.live;
    }
    return this.#seconds;
  }

  get second(): Second {
    return this.#seconds.at(-1) ?? { attempts: 0, accepted: 0, recovers: 0, live: 0 };
  }
}

/** So many a second, and no more than a tenth of them at one moment. */
class Bucket {
  #level = 0;
  #at = 0;

  constructor(public perSecond: number) {}

  take(now: number): boolean {
    if (this.perSecond === Infinity) return true;
    const most = this.perSecond / 10;
    this.#level = Math.min(most, this.#level + ((now - this.#at) / 1_000) * this.perSecond);
    this.#at = now;
    if (this.#level < 1) return false;
    this.#level -= 1;
    return true;
  }
}

class Client {
  readonly #session: Session;
  readonly #live = new Set<string>();
  #attempt = 0;
  #timerAt: number | undefined;

  constructor(
    private readonly world: World,
    id: number,
  ) {
    const { batching, channels, jitter } = world.options;
    this.#session = new Session({
      ...DEFAULT_SETTINGS,
      seed: jitter ? id * 7_919 : 1,
      carrier: batching ? 'socket' : 'fetch',
    });
    for (let i = 0; i < channels; i += 1) {
      const start = { epoch: EPOCH, seq: world.head };
      this.#take({
        type: 'join',
        channel: `room:${i}`,
        intent: { start, snapshot: false, maxAttempts: 5 },
      });
    }
  }

  /** The server is gone. */
  lose(): void {
    this.#take({ type: 'dropped', attempt: this.#attempt, code: 1006, reason: '' });
  }

  #take(input: Input): void {
    const { agenda } = this.world;
    for (const effect of this.#session.handle(input, agenda.now)) this.#run(effect);
    const at = this.#session.nextDeadline();
    if (at === undefined || (this.#timerAt !== undefined && this.#timerAt <= at)) return;
    this.#timerAt = at;
    agenda.at(at, () => {
      if (this.#timerAt !== at) return;
      this.#timerAt = undefined;
      this.#take({ type: 'tick' });
    });
  }

  #run(effect: Effect): void {
    switch (effect.type) {
      case 'dial':
        return this.#dial(effect.attempt);
      case 'send':
        return this.#send(effect.frames);
      case 'fetch':
        return this.#fetch(effect);
      case 'deliver':
        return this.#later(0, {
          type: 'handled',
          channel: effect.channel,
          count: effect.items.length,
        });
      case 'channelState':
        return this.#state(effect.channel, effect.state.name === 'live');
    }
  }

  #later(inMs: number, input: Input): void {
    this.world.agenda.in(inMs, () => this.#take(input));
  }

  #dial(attempt: number): void {
    const { agenda, connects, second } = this.world;
    this.#attempt = attempt;
    second.attempts += 1;
    agenda.in(WAY_MS, () => {
      if (!connects.take(agenda.now)) {
        return this.#later(WAY_MS, { type: 'dropped', attempt, code: 1006, reason: '' });
      }
      this.world.second.accepted += 1;
      this.#later(WAY_MS, { type: 'opened', attempt });
      this.#later(WAY_MS, { type: 'frames', attempt, frames: [this.#welcome] });
    });
  }

  get #welcome(): ServerFrame {
    const { retrySpreadMs } = this.world.options;
    const caps = ['recover', 'arrays', 'ping'];
    return { type: 'welcome', caps, heartbeatMs: 86_400_000, retrySpreadMs, limits: {} };
  }

  #send(frames: readonly ClientFrame[]): void {
    const { agenda, head } = this.world;
    const attempt = this.#attempt;
    const joins = frames.filter((frame) => frame.type === 'subscribe');
    if (joins.length > 0) {
      const facts = { epoch: EPOCH, head, oldest: 1 };
      const answers = joins.map(({ channel, id }) => ({
        type: 'subscribed' as const,
        id,
        channel,
        ...facts,
      }));
      this.#later(2 * WAY_MS, { type: 'frames', attempt, frames: answers });
    }
    for (const frame of frames) {
      if (frame.type !== 'recover') continue;
      agenda.in(WAY_MS, () => {
        const isIn = this.#isAnswered();
        const items = frame.items.map(({ channel, seq }) => this.#answer(channel, seq, isIn));
        const recovered = { type: 'recovered', id: frame.id, items } as const;
        this.#later(WAY_MS, { type: 'frames', attempt, frames: [recovered] });
      });
    }
  }

  #fetch({ id, request, tokenVersion }: Extract<Effect, { type: 'fetch' }>): void {
    this.world.agenda.in(WAY_MS, () => {
      const answer = this.#answer(request.channel, request.seq, this.#isAnswered());
      this.#later(WAY_MS, { type: 'recovered', id, answer, tokenVersion });
    });
  }

  #isAnswered(): boolean {
    const { agenda, recovers, second } = this.world;
    second.recovers += 1;
    return recovers.take(agenda.now);
  }

  #answer(channel: string, since: number, isIn: boolean): RecoveryAnswer {
    if (!isIn) return { status: 503, channel, retryInMs: RETRY_AFTER_MS };
    const { head } = this.world;
    const messages = Array.from({ length: head - since }, (_, i) => ({
      seq: since + 1 + i,
      data: null,
    }));
    return { status: 200, page: { channel, epoch: EPOCH, head, oldest: 1, messages, more: false } };
  }

  #state(channel: string, isLive: boolean): void {
    const { channels } = this.world.options;
    const before = this.#live.size === channels;
    if (isLive) this.#live.add(channel);
    else this.#live.delete(channel);
    const after = this.#live.size === channels;
    if (before !== after) this.world.live += after ? 1 : -1;
  }
}
