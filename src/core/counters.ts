/** What `client.stats()` counts, since the client was made. */
export interface Counters {
  /** Messages handed to the delivery queue, the recovered ones included. */
  delivered: number;
  /** Messages that came out of the log. */
  recovered: number;
  /** Messages that came again and were dropped. */
  duplicates: number;
  /** Gaps that the app was told of. */
  gaps: number;
  /** Gaps in the live numbers that closed by themselves inside the reorder window. */
  reordersHealed: number;
  /** Questions to the log, one per channel and page. */
  fetches: number;
  /** Connections opened after the first. */
  reconnects: number;
  /** Frames, or parts of one, that fitted no rule. */
  badFrames: number;
  /** Messages dropped because a buffer was full, and fetched again. */
  overflows: number;
}

export function newCounters(): Counters {
  return {
    delivered: 0,
    recovered: 0,
    duplicates: 0,
    gaps: 0,
    reordersHealed: 0,
    fetches: 0,
    reconnects: 0,
    badFrames: 0,
    overflows: 0,
  };
}
