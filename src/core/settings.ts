/**
 * How the numbers of a channel rise. `contiguous`: 1, 2, 3 …, so that a missing number is a missing
 * message. `sparse`: a message names the one before it in `prev`, where numbers are left out on purpose.
 * `monotonic`: they only rise, so that nothing can be told from a number that is left out.
 */
export type Numbering = 'contiguous' | 'sparse' | 'monotonic';

/** The numbers that the core decides by. Every duration is in milliseconds. */
export interface Settings {
  /** Seed of all jitter and owner tokens: a trace with its seed replays exactly. */
  readonly seed: number;
  /** Is there a token provider? */
  readonly hasToken: boolean;
  /** How recovery travels: in `recover` frames over the socket, or by the app's URL or function. */
  readonly carrier: 'socket' | 'fetch';
  readonly numbering: Numbering;
  /** Does an epoch tell one life of a log from another? */
  readonly epochs: boolean;
  /** Between questions to the log, for a server that sends no heads. */
  readonly pollMs: number | false;
  /** Does the store outlive the page? */
  readonly persistent: boolean;
  /** Names every debug event; costs something per message. */
  readonly verbose: boolean;

  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** A connection shorter than this does not reset the backoff (accept-then-close servers). */
  readonly minUptimeMs: number;
  readonly connectTimeoutMs: number;
  readonly tokenTimeoutMs: number;
  /** Assumed until the server's `welcome` announces its own. */
  readonly heartbeatMs: number;
  readonly probeTimeoutMs: number;
  readonly joinTimeoutMs: number;
  readonly recoverTimeoutMs: number;
  /** How long a slightly reordered message may take to settle before the log is asked. */
  readonly reorderWindowMs: number;
  /** Most messages held out of order per channel; beyond it they are fetched again. */
  readonly maxHeld: number;
  /** Most items waiting for the handlers per channel; beyond it they are fetched again. */
  readonly maxQueued: number;
  /** Messages asked for in one page. */
  readonly pageLimit: number;
  /** Recovery calls in flight at once, over all channels. */
  readonly maxCalls: number;
  readonly flushMs: number;
  readonly storageTimeoutMs: number;
  readonly leaveDelayMs: number;
  readonly handlerTimeoutMs: number | false;
  readonly giveUpAfterMs: number | false;
}

export const DEFAULT_SETTINGS: Settings = Object.freeze({
  seed: 1,
  hasToken: false,
  carrier: 'socket',
  numbering: 'contiguous',
  epochs: true,
  pollMs: false,
  persistent: true,
  verbose: false,
  // The range that peers converged on: a second is unnoticed, half a minute is the most a user waits.
  backoffBaseMs: 1_000,
  backoffCapMs: 30_000,
  minUptimeMs: 5_000,
  connectTimeoutMs: 10_000,
  tokenTimeoutMs: 10_000,
  heartbeatMs: 25_000,
  probeTimeoutMs: 3_000,
  joinTimeoutMs: 10_000,
  recoverTimeoutMs: 10_000,
  reorderWindowMs: 50,
  maxHeld: 1_000,
  maxQueued: 2_000,
  pageLimit: 1_000,
  maxCalls: 4,
  flushMs: 250,
  storageTimeoutMs: 2_000,
  leaveDelayMs: 1_000,
  handlerTimeoutMs: 60_000,
  giveUpAfterMs: false,
});
