/**
 * The app's durable state for one channel, which survives crashes: which numbers it has handled, was
 * told of as lost, or has in a snapshot. A stored position may not be ahead of it.
 */
import type { EpochLog } from './truth.js';

interface Covered {
  /** Every number up to here. */
  upTo: number;
  readonly beyond: Set<number>;
  /** Everything from here on, when a gap had no end. */
  from: number;
}

export class Account {
  readonly #epochs = new Map<string, Covered>();

  add(epoch: string, seq: number): void {
    const covered = this.#of(epoch);
    if (seq > covered.upTo) covered.beyond.add(seq);
    while (covered.beyond.delete(covered.upTo + 1)) covered.upTo += 1;
  }

  addRange(epoch: string, from: number, to: number): void {
    const covered = this.#of(epoch);
    if (from <= covered.upTo + 1) {
      covered.upTo = Math.max(covered.upTo, to);
      this.add(epoch, covered.upTo);
    } else for (let seq = from; seq <= to; seq += 1) this.add(epoch, seq);
  }

  addFrom(epoch: string, from: number): void {
    const covered = this.#of(epoch);
    covered.from = Math.min(covered.from, from);
  }

  has(epoch: string, seq: number): boolean {
    const covered = this.#of(epoch);
    return seq <= covered.upTo || covered.beyond.has(seq) || seq >= covered.from;
  }

  /** The first number up to `seq` that nobody accounts for; numbers declared void need no account. */
  missing(epoch: string, seq: number, log: EpochLog | undefined): number | undefined {
    const covered = this.#of(epoch);
    while (covered.upTo < seq) {
      const next = covered.upTo + 1;
      if (next >= covered.from) return undefined;
      if (log?.isVoid(next) !== true) return next;
      this.add(epoch, next);
    }
    return undefined;
  }

  #of(epoch: string): Covered {
    const known = this.#epochs.get(epoch);
    if (known !== undefined) return known;
    const covered = { upTo: 0, beyond: new Set<number>(), from: Infinity };
    this.#epochs.set(epoch, covered);
    return covered;
  }
}
