/** Time and chance. Nothing else in the package reads a clock or rolls dice. */
export interface Clock {
  /** Milliseconds that never go back and count the time a machine slept. The origin means nothing. */
  now(): number;
  /** Milliseconds by the clock on the wall: a cheaper reading, which may jump and may stand still. */
  wall(): number;
  /** Calls back once, no earlier than in `inMs`. @returns a function that calls it off. */
  after(inMs: number, callback: () => void): () => void;
  /** Calls back in a later task, soon: hidden pages must not throttle it. */
  soon(callback: () => void): void;
  /** An integer from a good source, for seeds. */
  seed(): number;
}
