/** How long to wait before the next attempt to connect, by what is known of the loss. */
import { MAX_TOLD_MS } from './backoff.js';
import type { Context } from './context.js';
import { CLOSE } from './frames.js';
import type { PageSignal } from './vocabulary.js';

/** `navigator.onLine === false` may be wrong for ever (VPNs, virtual machines): wait, but not longer. */
const OFFLINE_WAIT_MS = 30_000;
/** Nobody looks at a hidden page: spread its attempts over at least this long. */
const HIDDEN_SPREAD_MS = 10_000;
/** A restart announced without a spread of its own. */
const RESTART_SPREAD_MS = 5_000;

export class Redial {
  /** In a row. */
  #failures = 0;
  #isOnline = true;
  #isVisible = true;
  #goawaySpreadMs: number | undefined;
  /** Of the last server that let us in: it is for the time when there is none. */
  #retrySpreadMs = 0;

  constructor(private readonly ctx: Context) {}

  /** Does the browser say that there is a network? */
  get isOnline(): boolean {
    return this.#isOnline;
  }

  /** The page tells of its network, and whether anybody looks at it. */
  signal(signal: PageSignal): void {
    if (signal === 'online' || signal === 'offline') this.#isOnline = signal === 'online';
    else if (signal !== 'freeze' && signal !== 'pagehide') this.#isVisible = signal !== 'hidden';
  }

  /** Earlier failures count no longer. */
  forgive(): void {
    this.#failures = 0;
  }

  /** May the next attempt be made without a wait? It counts as a failure all the same: there is one such attempt. */
  atOnce(): boolean {
    if (this.#failures > 0) return false;
    this.#failures = 1;
    return true;
  }

  /** The server is about to go. An hour is the most that it gets. */
  goaway(spreadMs: number): void {
    this.#goawaySpreadMs = Math.min(spreadMs, MAX_TOLD_MS);
  }

  /** What the server would have us do if it is lost with all its clients. */
  spreadRetries(overMs = 0): void {
    this.#retrySpreadMs = Math.min(overMs, MAX_TOLD_MS);
  }

  /** What the last server asked for says nothing about the next one, however the connection ended. */
  dialed(): void {
    this.#goawaySpreadMs = undefined;
  }

  /** A connection was lost, or did not come about. @returns the milliseconds until the next attempt. */
  lost(code: number | undefined): number {
    const waitMs = this.#waitMs(code);
    this.#failures += 1;
    return waitMs;
  }

  /** Full jitter in every case, the first retry after a drop included: all clients drop together. */
  #waitMs(code: number | undefined): number {
    const { random, settings } = this.ctx;
    if (!this.#isOnline) return OFFLINE_WAIT_MS;
    const isFirst = this.#failures === 0;
    // A server that greets and goes away, again and again, meets the backoff: its spread may be 0.
    if (this.#goawaySpreadMs !== undefined && isFirst) return random.next() * this.#goawaySpreadMs;
    if (code === CLOSE.restart && isFirst) return random.next() * RESTART_SPREAD_MS;
    const baseMs = code === CLOSE.rate ? settings.backoffCapMs : undefined;
    const backoffMs = this.ctx.backoffMs(this.#failures, baseMs);
    // The first retry finds out whether we were lost alone. If not, all of us are at the door.
    const waitMs = isFirst ? backoffMs : Math.max(backoffMs, this.ctx.chance * this.#retrySpreadMs);
    return this.#isVisible ? waitMs : Math.max(waitMs, random.next() * HIDDEN_SPREAD_MS);
  }
}
