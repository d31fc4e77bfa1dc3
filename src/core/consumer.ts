/**
 * The app's side of one channel: how many items its handlers have before them, and whether they are
 * stuck. Decides when to stop accepting, when a handler took too long, and when one is tried again.
 */
import { fullJitterMs } from './backoff.js';
import type { Context } from './context.js';
import type { Stall } from './channel-state.js';

const RETRY_BASE_MS = 500;
const RETRY_CAP_MS = 30_000;

type Work =
  | { readonly name: 'free' }
  /** Handlers have an item since then and have not settled. */
  | { readonly name: 'busy'; readonly since: number }
  /** They have not settled in their time, and are waited for. */
  | ({ readonly name: 'overdue' } & Stall)
  /** They failed; the same item is tried again when the deadline is due. */
  | ({ readonly name: 'retrying' } & Stall)
  /** They failed too often: only `retry()` or `skip()` goes on. */
  | ({ readonly name: 'stuck' } & Stall);

const FREE: Work = { name: 'free' };

export class Consumer {
  /** Items queued and not yet finished. */
  #waiting = 0;
  #failures = 0;
  #work: Work = FREE;

  constructor(
    private readonly ctx: Context,
    private readonly channel: string,
    private readonly maxAttempts: number,
  ) {}

  /** Room for more items; 0 when the queue is full. */
  get room(): number {
    return Math.max(0, this.ctx.settings.maxQueued - this.#waiting);
  }

  /** Is the queue half empty? Only then is the log asked: with less room, a call would bring few items. */
  get hasRoom(): boolean {
    return this.#waiting <= this.ctx.settings.maxQueued / 2;
  }

  /** Handlers are at work, and not known to hang. */
  get isBusy(): boolean {
    return this.#work.name === 'busy';
  }

  get stall(): Stall | undefined {
    return 'reason' in this.#work ? this.#work : undefined;
  }

  queued(count: number): void {
    this.#waiting += count;
  }

  /** Items are finished. */
  handled(count: number): void {
    // An item queued before the channel was joined anew is not counted here.
    this.#waiting = Math.max(0, this.#waiting - count);
    this.#failures = 0;
    // The item was skipped while it waited for another try: the next one must not inherit that wait.
    if (this.#work.name === 'retrying') this.ctx.disarm(this.#deadline);
    this.#work = FREE;
  }

  /** A handler returned a promise: it has `handlerTimeoutMs` from now. */
  handling(): void {
    // Of an item that was queued before the channel was joined anew: nobody will say that it is finished.
    if (this.#waiting === 0) return;
    this.#work = { name: 'busy', since: this.ctx.now };
    const { handlerTimeoutMs } = this.ctx.settings;
    // Set once, looked at when due: a deadline per message would fill the heap with stale ones.
    if (handlerTimeoutMs !== false) this.ctx.armOnce(this.#deadline, handlerTimeoutMs);
  }

  failed(kind: 'handler' | 'snapshot'): void {
    this.#failures += 1;
    if (kind === 'handler' && this.#failures >= this.maxAttempts) {
      this.#work = { name: 'stuck', reason: 'handler' };
      return;
    }
    const inMs = fullJitterMs(
      this.#failures - 1,
      this.ctx.random.next(),
      RETRY_BASE_MS,
      RETRY_CAP_MS,
    );
    this.#work = { name: 'retrying', reason: kind, until: this.ctx.now + inMs };
    this.ctx.arm(this.#deadline, inMs);
  }

  /** The app asked for another try of the item that failed. */
  retry(): void {
    if (this.#work.name !== 'stuck' && this.#work.name !== 'retrying') return;
    this.#failures = 0;
    this.#redeliver();
  }

  /** @param slept did the page sleep? Its handlers slept as well. */
  deadline(slept: boolean): void {
    const work = this.#work;
    const { handlerTimeoutMs } = this.ctx.settings;
    if (work.name === 'retrying') return this.#redeliver();
    if (work.name !== 'busy' || handlerTimeoutMs === false) return;
    if (this.ctx.extend(this.#deadline, slept, handlerTimeoutMs)) return;
    const due = work.since + handlerTimeoutMs;
    if (due > this.ctx.now) return this.ctx.deadlines.set(this.#deadline, due);
    this.#work = { name: 'overdue', reason: 'timeout' };
    this.ctx.problem({ code: 'handler_timeout', channel: this.channel });
  }

  close(): void {
    this.ctx.disarm(this.#deadline);
  }

  #redeliver(): void {
    this.#work = FREE;
    this.ctx.disarm(this.#deadline);
    this.ctx.emit({ type: 'redeliver', channel: this.channel });
  }

  get #deadline(): string {
    return `handler ${this.channel}`;
  }
}
