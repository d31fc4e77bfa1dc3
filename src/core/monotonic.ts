/**
 * Numbers that only rise, such as a counter that all channels share: what is missing does not show in
 * them. Only the log can say that a stretch is complete; `last` is the number up to which it has. What
 * came live above it is remembered by its number, and told apart from what was lost when the log is
 * asked the next time.
 */
import type { Page, PageMessage } from './frames.js';
import { GapDetector, type Arrival, type Order, type TrackerFactory } from './gap-detector.js';
import { coveredTo, type WalkEnd } from './page-walk.js';

/** Live numbers that may wait for the log's word. When there are as many, it is asked. */
const MAX_LIVE = 1_000;

class MonotonicTracker extends GapDetector {
  override readonly isOrdered = false;
  /** Accepted, and not confirmed by the log yet. */
  readonly #live = new Set<number>();

  override isStillAt(seq: number): boolean {
    return super.isStillAt(seq) && this.#live.size === 0;
  }

  override order(seq: number): Order {
    return seq <= this.last || this.#live.has(seq) ? 'duplicate' : 'next';
  }

  override accept(seq: number): void {
    this.held.delete(seq);
    this.#live.add(seq);
    if (this.#live.size >= MAX_LIVE) this.hint(seq);
  }

  override skipTo(to: number): void {
    super.skipTo(to);
    for (const seq of this.#live) if (seq <= to) this.#live.delete(seq);
  }

  /** What is held here is no sign that the log has more: it came as it should. */
  override hold(arrival: Arrival, max: number): boolean {
    const isKept = this.keep(arrival, max);
    if (!isKept) this.hint(arrival.seq);
    return isKept;
  }

  override dropHint(): void {
    this.want = this.last;
  }

  override walk(page: Page, accept: (message: PageMessage) => boolean): WalkEnd {
    let to = this.last;
    const covered = coveredTo(page);
    // What came live, and waits, is no less true because the page was made too early to hold it.
    const waiting = [...this.held.values()].filter(({ seq }) => seq <= covered);
    const all = [...page.messages, ...waiting].sort((a, b) => a.seq - b.seq);
    const isRead = all.every((message) => {
      const { seq } = message;
      const isKnown = seq <= to || this.#live.has(seq);
      if (!isKnown && !accept(message)) return false;
      to = Math.max(to, seq);
      return true;
    });
    this.skipTo(isRead ? covered : to);
    return { name: isRead ? 'through' : 'full' };
  }
}

/** For a dialect's `tracker`, where its numbering is `'monotonic'`. */
export const monotonic: TrackerFactory = (last) => new MonotonicTracker(last);
