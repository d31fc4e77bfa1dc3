/** How much may happen in the small world, and the settings that keep its states few. */
import { DEFAULT_SETTINGS, type Settings } from '../../../src/core/settings.js';

/** How often each of them may happen at most. Everything else happens as often as it can. */
export interface Scope {
  readonly messages: number;
  /** Live frames that are lost. */
  readonly losses: number;
  /** Connections that end, with a sound or without one. */
  readonly cuts: number;
  /** Pages that die; each is loaded again. */
  readonly crashes: number;
  /** Logs that are replaced by an empty one of another epoch. */
  readonly epochs: number;
  /** Heartbeats while something else is on its way; when nothing is, there is always one more. */
  readonly beats: number;
  /**
   * How handlers and the store keep up with what is delivered. `any`: each step takes as long as it likes.
   * `level`: they are at once done with everything. That leaves out less than it seems: a page whose
   * handlers or store stand still is, for all that survives it, a page that died then, and a page may be
   * dead for long.
   */
  readonly pace: 'any' | 'level';
}

export const SCOPE: Scope = {
  messages: 3,
  losses: 1,
  cuts: 1,
  crashes: 1,
  epochs: 1,
  beats: 0,
  pace: 'level',
};

/** How a world begins: the search starts from each of them. */
export interface Beginning {
  readonly carrier: Settings['carrier'];
  /** Does the store hold a position, the one before the first message? Then every message is owed. */
  readonly isStored: boolean;
}

export const BEGINNINGS: readonly Beginning[] = (['socket', 'fetch'] as const).flatMap((carrier) =>
  [true, false].map((isStored) => ({ carrier, isStored })),
);

/** Time limits of which no sum of some is another. A page of two, so that a third message needs a second. */
export const SETTINGS: Settings = {
  ...DEFAULT_SETTINGS,
  minUptimeMs: 0,
  pageLimit: 2,
  handlerTimeoutMs: false,
  probeTimeoutMs: 100_000,
  joinTimeoutMs: 230_000,
  recoverTimeoutMs: 370_000,
  storageTimeoutMs: 530_000,
  connectTimeoutMs: 710_000,
  heartbeatMs: 4_000_000,
};
