import type { PositionWrite, StoredPosition } from '../core/position.js';

/**
 * Where positions outlive the page. May reject, hang or lie: the core time-boxes every call.
 * Every implementation passes `positionStoreContract` of `lastseq/testing`.
 */
export interface PositionStore {
  /** The position kept for a channel; undefined when there is none, or it is garbage. */
  load(channel: string): Promise<StoredPosition | undefined>;
  /**
   * Merges all writes by `mergePosition`, in one read-and-write transaction per record.
   * @returns the channels whose advance was refused because somebody replaced the position.
   */
  save(writes: readonly PositionWrite[]): Promise<readonly string[]>;
  /** Wipes every position of this namespace. */
  forget(): Promise<void>;
  /** Lets go of the database, so that the page can be frozen or another tab can delete it. */
  release(): void;
}
