/**
 * Positions: where a reader stands in a channel's log.
 *
 * Knows nothing of sockets, storage or time. Numbers of different epochs are never compared.
 */

/**
 * A place in one life of a channel's log: "I have everything up to and including `seq`".
 * Always moved and stored as a pair: an epoch kept without its number names a place that never was.
 */
export interface Position {
  /** Opaque name of one unbroken numbering. It changes whenever a number may be used again. */
  readonly epoch: string;
  /** The last sequence number had, a safe integer >= 0; 0 is the place before the first message. */
  readonly seq: number;
}

/**
 * The epoch of a server that has none. Dialects put it into their frames; the client knows by its
 * settings that this name tells no two logs apart.
 */
export const NO_EPOCH = '-';

/** What a position store keeps for a channel. */
export interface StoredPosition extends Position {
  /**
   * Owner token, renewed whenever the position is replaced rather than advanced. A rewind lowers the
   * number inside one epoch; without the token the store would refuse the lower number for ever.
   */
  readonly tok: string;
}

/** One pending write of a position. */
export interface PositionWrite {
  readonly channel: string;
  readonly position: StoredPosition;
  /**
   * `advance` moves forward under one token; `replace` (discontinuity, explicit start) wins over any
   * other owner. Under its own token it may come late or twice, and then it is an advance as well.
   */
  readonly mode: 'advance' | 'replace';
}

/** Is `value` an object, so that its properties may be read? */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Is `value` a sequence number of a message: a safe integer >= 1? */
export function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

/** Is `value` a number that a position, head or `since` may have: a safe integer >= 0? */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Is `value` a time to wait, in milliseconds? */
export function isMs(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0;
}

/** Is `value` a position? Checked wherever one comes from outside: the app, the store, a snapshot. */
export function isPosition(value: unknown): value is Position {
  if (!isObject(value)) return false;
  const { epoch, seq } = value as Partial<Position>;
  return typeof epoch === 'string' && epoch.length > 0 && isCount(seq);
}

/** Is `value` a stored position? Storage may hold anything: another version, garbage, another app. */
export function isStoredPosition(value: unknown): value is StoredPosition {
  return isPosition(value) && typeof (value as Partial<StoredPosition>).tok === 'string';
}

/** A write that follows another: what advances a replacement must still reach the store as one. */
export function advanced(before: PositionWrite | undefined, write: PositionWrite): PositionWrite {
  const replaces = before?.mode === 'replace' && before.position.tok === write.position.tok;
  return replaces ? { ...write, mode: 'replace' } : write;
}

/**
 * What a store holds after `write`, given what it holds now.
 * Advances of one owner commute, associate and repeat harmlessly: they take the greater number.
 * An advance of another owner or epoch is refused: somebody replaced the position meanwhile.
 *
 * @returns the record to keep, and whether the write still speaks for this owner.
 */
export function mergePosition(
  stored: StoredPosition | undefined,
  write: PositionWrite,
): { readonly kept: StoredPosition; readonly accepted: boolean } {
  const { position, mode } = write;
  if (stored?.tok === position.tok && stored.epoch === position.epoch) {
    return { kept: stored.seq < position.seq ? position : stored, accepted: true };
  }
  const accepted = stored === undefined || mode === 'replace';
  return { kept: accepted ? position : stored, accepted };
}
