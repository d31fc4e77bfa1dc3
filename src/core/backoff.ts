/** Backoff and randomness. Both depend on their input alone, so that a seed repeats a whole schedule. */

/**
 * The longest time that a server may ask for, with `welcome`, `goaway` or `Retry-After`. An hour is more
 * than any restart, rate limit or heartbeat takes; a number that is wrong (seconds for milliseconds, a date
 * of another year) must not silence a client for good.
 */
export const MAX_TOLD_MS = 3_600_000;

/**
 * Full jitter after the cap: a random time between 0 and the capped exponential. Jitter added before
 * the cap would let every client of a dead server return in step once the cap is reached.
 *
 * @param attempt failures so far, 0 for the first retry.
 * @param random a number in [0, 1).
 */
export function fullJitterMs(
  attempt: number,
  random: number,
  baseMs: number,
  capMs: number,
): number {
  return random * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
}

/** A seeded source of numbers in [0, 1): mulberry32, chosen for its size. Not for secrets. */
export class Random {
  #state: number;

  /** @param seed any integer; equal seeds give equal sequences. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A short random name: an owner token of a stored position. */
  token(): string {
    return Math.trunc((this.next() + this.next() / 2 ** 32) * 2 ** 53).toString(36);
  }
}
