/**
 * What one subscription with a filter has been shown of a channel.
 *
 * To its reader a hidden number looks like a lost one, so every message names the one before it that
 * was shown, and heads say how far nothing was. Only numbers that came by here without a break are
 * called hidden: what this process did not see, the reader is left to ask the log about.
 */
import type { Facts } from '../core/frames.js';
import type { FilterMessage, MessageFilter } from './filter.js';

export class View {
  readonly #sees: MessageFilter;
  #epoch: string | undefined;
  /** Every number above `shown`, up to `seen`, is hidden. Nothing is said about `shown` and below. */
  #shown = 0;
  #seen = 0;

  constructor(sees: MessageFilter) {
    this.#sees = sees;
  }

  /** Takes a live message. @returns what it names as its predecessor; `undefined` when it is hidden. */
  take(message: FilterMessage): number | undefined {
    const { epoch, seq } = message;
    if (epoch !== this.#epoch || seq !== this.#seen + 1) this.#shown = seq - 1;
    this.#epoch = epoch;
    this.#seen = seq;
    if (!this.#sees(message)) return undefined;
    const prev = this.#shown;
    this.#shown = seq;
    return prev;
  }

  /** A number at or below `head` above which nothing is for this reader. */
  visible({ epoch, head }: Facts): number {
    return epoch === this.#epoch && head <= this.#seen ? Math.min(this.#shown, head) : head;
  }
}
