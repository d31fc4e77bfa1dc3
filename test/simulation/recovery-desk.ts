/** Fetch-since, over both carriers, with every way in which an answer can be wrong, late or missing. */
import type { ClientFrame, Page, RecoverRequest, RecoveryAnswer } from '../../src/core/frames.js';
import { NO_EPOCH } from '../../src/core/position.js';
import type { Tab } from './tab.js';
import type { Link } from './link.js';
import { shownPage } from './numbering.js';
import type { Server } from './server.js';
import { EpochLog, type ChannelLog } from './truth.js';
import type { World } from './world.js';

type RecoverFrame = Extract<ClientFrame, { type: 'recover' }>;

export class RecoveryDesk {
  readonly #cache = new Map<string, RecoveryAnswer>();
  readonly #forbidden = new Set<string>();

  constructor(
    private readonly world: World,
    private readonly server: Server,
  ) {}

  /** A channel may not be read for a while. */
  forbid(channel: string, forMs: number): void {
    this.#forbidden.add(channel);
    this.world.agenda.in(forMs, () => void this.#forbidden.delete(channel));
  }

  forbids(channel: string): boolean {
    return this.#forbidden.has(channel);
  }

  /** A call over HTTP. */
  fetch(
    client: Tab,
    request: RecoverRequest,
    limit: number,
    issuedAt: number | undefined,
    done: (answer: RecoveryAnswer) => void,
  ): void {
    const { world } = this;
    world.agenda.in(world.latency(), () => {
      if (world.strike('recoveryLost', 0.5)) return;
      const answer = this.#answer(request, limit, issuedAt);
      world.agenda.in(world.latency() + this.#delay(), () => {
        client.run(() => {
          done(answer);
        });
      });
    });
  }

  /** A frame over the socket. */
  recover(link: Link, { id, items, limit = Infinity }: RecoverFrame): void {
    const { world } = this;
    const { serverBatch } = world.plan;
    if (serverBatch !== undefined && items.length > serverBatch) {
      world.oracle.fail('limits', `${items.length} items in a frame, ${serverBatch} are allowed`);
    }
    if (world.strike('recoveryLost', 0.5)) return;
    const answers: RecoveryAnswer[] = [];
    for (const item of items) {
      if (world.strike('recoveryMissing', 0.4)) continue;
      answers.push(this.#answer(item, limit, link.issuedAt));
    }
    const send = (): void => {
      link.down({ type: 'recovered', id, items: answers });
    };
    const delay = this.#delay();
    if (delay > 0) world.agenda.in(delay, send);
    else send();
  }

  #delay(): number {
    const { recoverTimeoutMs } = this.world.plan.settings;
    if (!this.world.strike('recoverySlow', 0.7)) return 0;
    return this.world.dice.between(1, recoverTimeoutMs * 1.5);
  }

  #answer(request: RecoverRequest, limit: number, issuedAt: number | undefined): RecoveryAnswer {
    const { world } = this;
    const { channel } = request;
    if (!this.server.accepts(issuedAt)) return { status: 401, channel };
    if (this.forbids(channel)) return { status: 403, channel };
    if (world.strike('recoveryError', 0.6)) {
      if (world.dice.chance(0.5)) return { status: 500, channel };
      return { status: 0, channel, reason: 'network' };
    }
    if (world.strike('recoveryRate', 0.4)) {
      return {
        status: world.dice.pick([429, 503]),
        channel,
        retryInMs: world.dice.between(20, 600),
      };
    }
    if (world.strike('recoveryGarbage', 0.4)) {
      return { status: 0, channel, reason: 'not a page', defect: true };
    }
    const key = `${channel} ${request.epoch} ${request.seq} ${limit}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined && world.strike('recoveryCached', 0.7)) return cached;
    const answer = { status: 200, page: this.#page(request, limit) } as const;
    this.#cache.set(key, answer);
    return answer;
  }

  #page(request: RecoverRequest, limit: number): Page {
    const { numbers } = this.world.plan;
    const { channel, seq } = request;
    const { epochs, log } = this.world.log(channel);
    const page = this.#read(request, limit);
    return shownPage(numbers, page, seq, epochs.get(page.epoch) ?? log);
  }

  #read({ channel, epoch, seq }: RecoverRequest, limit: number): Page {
    const { world } = this;
    const log = world.log(channel);
    if (world.strike('recoveryForeign', 0.25)) {
      const foreign = world.dice.pick([...log.epochs.values(), stranger(log)]);
      return foreign.epoch === epoch || epoch === ''
        ? log.page(seq, limit, foreign)
        : { ...foreign.facts, channel, messages: [], more: false };
    }
    // Who has no position yet asks for whatever log there is.
    if (epoch !== log.log.epoch && epoch !== '')
      return { ...log.log.facts, channel, messages: [], more: false };
    const most = Math.min(limit, world.plan.serverPage);
    if (world.strike('recoveryLag', 0.5)) {
      const head = Math.max(0, log.log.head - world.dice.between(1, 4));
      return log.page(seq, most, log.log, head);
    }
    return log.page(seq, world.strike('recoveryShort', 0.7) ? 1 : most);
  }
}

/** An instance that has a log of its own: nobody publishes there. */
function stranger({ epochs, log: { epoch } }: ChannelLog): EpochLog {
  const log = epochs.get('stranger') ?? new EpochLog(epoch === NO_EPOCH ? epoch : 'stranger');
  epochs.set('stranger', log);
  return log;
}
