/**
 * The line of channels that want to ask the log, and the calls on their way: many channels in one
 * `recover` frame where the socket carries it, else one call a channel, few at a time.
 */
import type { Auth } from './auth.js';
import type { Context } from './context.js';
import type { Limits, RecoverRequest, RecoveryAnswer } from './frames.js';
import { isBare } from './page-walk.js';
import type { SendQueue } from './send-queue.js';

/** A channel that asks the log. */
export interface Asker {
  readonly channel: string;
  /** Messages known to be missing, where this is the first question for them. */
  readonly ahead: number;
  /** The position to ask from, or undefined when it no longer wants to. */
  request(id: number): RecoverRequest | undefined;
  answered(id: number, answer: RecoveryAnswer): void;
}

/** Items of a `recover` frame, until the server announces a limit of its own. */
const DEFAULT_BATCH = 100;
/**
 * When several pages are needed anyway, the first one is cut to this part of a page, so that the app has
 * something to show while the others come. Of 1,000 messages, TCP's slow start brings that many in two
 * round trips.
 */
const FIRST_PART = 1 / 8;

export class RecoveryCalls {
  readonly #line = new Set<Asker>();
  /** The calls under way by id, and in each those who wait for an answer by channel. */
  readonly #calls = new Map<number, Map<string, Asker>>();
  /** The call that last brought a channel something. */
  #served = 0;
  #batch = DEFAULT_BATCH;
  #page: number;

  constructor(
    private readonly ctx: Context,
    private readonly sender: SendQueue,
    private readonly auth: Auth,
  ) {
    this.#page = ctx.settings.pageLimit;
  }

  add(asker: Asker): void {
    this.#line.add(asker);
  }

  remove(asker: Asker): void {
    this.#line.delete(asker);
    for (const [id, askers] of this.#calls) {
      if (askers.get(asker.channel) !== asker) continue;
      askers.delete(asker.channel);
      if (askers.size === 0) this.#end(id);
    }
  }

  /** Takes the limits that the server announced. It refuses a call that asks for more. */
  setLimits({ batch = DEFAULT_BATCH, page = Infinity }: Limits): void {
    this.#batch = batch;
    this.#page = Math.min(page, this.ctx.settings.pageLimit);
  }

  /** Makes the calls that there is room for. Called once at the end of every input. */
  flush(): void {
    const { maxCalls } = this.ctx.settings;
    while (this.#line.size > 0 && this.#calls.size < maxCalls) {
      if (this.#isFetch) this.#call(1);
      else if (this.ctx.caps.has('recover')) this.#call(this.#batch);
      else this.#refuseLine();
    }
  }

  /** An answer for one channel of a call. The call ends with the last of them. */
  answered(id: number, answer: RecoveryAnswer): void {
    const askers = this.#calls.get(id);
    const channel = 'page' in answer ? answer.page.channel : answer.channel;
    const asker = askers?.get(channel);
    if (askers === undefined || asker === undefined) return;
    askers.delete(channel);
    if (askers.size === 0) this.#end(id, false);
    if ('page' in answer && isBare(answer.page)) {
      // The channels before it took all the room in the answer. That is no failure: it asks once more.
      if (this.#served === id) return this.add(asker);
    } else this.#served = id;
    asker.answered(id, answer);
  }

  /** A call took too long. */
  timedOut(id: number): void {
    if (!this.#isFetch) this.sender.unanswered();
    this.ended(id, 'timed out');
  }

  /** The whole call ended: whoever got no answer in it asks again. @returns false for no call of ours. */
  ended(id: number, reason: string): boolean {
    const askers = this.#calls.get(id);
    if (askers === undefined) return false;
    this.#end(id);
    for (const asker of askers.values()) {
      asker.answered(id, { status: 0, channel: asker.channel, reason });
    }
    return true;
  }

  get #isFetch(): boolean {
    return this.ctx.settings.carrier === 'fetch';
  }

  #call(most: number): void {
    const id = this.sender.nextId();
    const askers = new Map<string, Asker>();
    const items: RecoverRequest[] = [];
    let part = FIRST_PART;
    for (const asker of this.#line) {
      this.#line.delete(asker);
      const request = asker.request(id);
      if (request === undefined) continue;
      if (asker.ahead <= this.#page) part = 1;
      askers.set(asker.channel, asker);
      items.push(request);
      this.ctx.counters.fetches += 1;
      this.ctx.notice({ event: 'asked', channel: asker.channel, since: request.seq });
      if (items.length >= most) break;
    }
    const first = items[0];
    if (first === undefined) return;
    this.#calls.set(id, askers);
    this.ctx.arm(`recover ${id}`, this.ctx.settings.recoverTimeoutMs);
    const limit = Math.ceil(this.#page * part);
    if (this.#isFetch) {
      const tokenVersion = this.auth.version;
      this.ctx.emit({ type: 'fetch', id, request: first, limit, tokenVersion });
    } else this.sender.send({ type: 'recover', id, items, limit });
  }

  /** Nothing can answer: say so per channel, so that each shows it and backs off. */
  #refuseLine(): void {
    for (const asker of this.#line) {
      this.#line.delete(asker);
      const id = this.sender.nextId();
      if (asker.request(id) === undefined) continue;
      const reason =
        'the server offers no recovery over the socket, and no `recover` option is set';
      asker.answered(id, { status: 0, channel: asker.channel, reason, defect: true });
    }
  }

  /** @param abort should the shell cancel the request? What was sent over the socket cannot be cancelled. */
  #end(id: number, abort: boolean = this.#isFetch): void {
    this.#calls.delete(id);
    this.ctx.disarm(`recover ${id}`);
    if (abort) this.ctx.emit({ type: 'abort', id });
  }
}
