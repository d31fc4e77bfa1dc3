/** How long to wait before the next attempt to connect. */
import { MAX_TOLD_MS } from './backoff.js';
import type { Context } from './context.js';
import { CLOSE } from './frames.js';

/** `navigator.onLine === false` may be wrong for ever (VPNs, virtual machines): wait, but not longer. */
const OFFLINE_WAIT_MS = 30_000;
/** Nobody looks at a hidden page: spread its attempts over at least this long. */
const HIDDEN_SPREAD_MS = 10_000;
/** A restart announced without a spread of its own. */
const RESTART_SPREAD_MS = 5_000;

/** A connection that was lost, or did not come about. */
export interface Drop {
  /** Failures in a row before this one. */
  readonly failures: number;
  readonly online: boolean;
  readonly visible: boolean;
  readonly code: number | undefined;
  /** What a `goaway` asked for; no more than an hour of it is kept to. */
  readonly goawaySpreadMs: number | undefined;
}

/** Full jitter in every case, the first retry after a drop included: all clients drop together. */
export function redialMs(drop: Drop, ctx: Context): number {
  const { random, settings } = ctx;
  if (!drop.online) return OFFLINE_WAIT_MS;
  // A server that greets and goes away, again and again, meets the backoff: its spread may be 0.
  if (drop.goawaySpreadMs !== undefined && drop.failures === 0) {
    return random.next() * Math.min(drop.goawaySpreadMs, MAX_TOLD_MS);
  }
  if (drop.code === CLOSE.restart && drop.failures === 0) return random.next() * RESTART_SPREAD_MS;
  const isTold = drop.code === CLOSE.rate;
  const wait = ctx.backoffMs(drop.failures, isTold ? settings.backoffCapMs : undefined);
  return drop.visible ? wait : Math.max(wait, random.next() * HIDDEN_SPREAD_MS);
}
