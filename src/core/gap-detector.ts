/**
 * The gap detector of one channel: which message is next, which came again, which came too early.
 *
 * Knows one epoch at a time, and neither time nor recovery. One number deduplicates: `seq <= last`.
 */
import type { MessageFrame, PageMessage } from './frames.js';

/** A message out of a live frame or a page, its epoch known to be ours. */
export type Arrival = MessageFrame | PageMessage;

/** What a number is to us. */
export type Order = 'next' | 'duplicate' | 'early';

export class GapDetector {
  /** The last number accepted: handed on, not necessarily handled. */
  last: number;
  /** The greatest number heard of. A hint: after some answers that do not confirm it, it is dropped. */
  want: number;
  readonly #held = new Map<number, Arrival>();

  constructor(last: number) {
    this.last = last;
    this.want = last;
  }

  /** Are we behind what we have heard of? */
  get behind(): boolean {
    return this.want > this.last;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  order(seq: number): Order {
    if (seq === this.last + 1) return 'next';
    return seq <= this.last ? 'duplicate' : 'early';
  }

  /** The next message was handed on. */
  accept(seq: number): void {
    this.last = seq;
    if (seq > this.want) this.want = seq;
    if (this.#held.size > 0) this.#held.delete(seq);
  }

  /** Jumps over numbers that will never come. */
  skipTo(to: number): void {
    if (to <= this.last) return;
    this.last = to;
    if (to > this.want) this.want = to;
    for (const seq of this.#held.keys()) if (seq <= to) this.#held.delete(seq);
  }

  /** Remembers that the log reaches this far. */
  hint(head: number): void {
    if (head > this.want) this.want = head;
  }

  /** Keeps an early message for later. When the buffer is full only its number is kept, as a hint. */
  hold(seq: number, arrival: Arrival, max: number): boolean {
    this.hint(seq);
    if (this.#held.has(seq) || this.#held.size >= max) return false;
    this.#held.set(seq, arrival);
    return true;
  }

  /** Takes the held message that comes next, if it is there. */
  takeNext(): Arrival | undefined {
    if (this.#held.size === 0) return undefined;
    const next = this.#held.get(this.last + 1);
    if (next !== undefined) this.#held.delete(this.last + 1);
    return next;
  }

  /** The least number held, if any. */
  get firstHeld(): number | undefined {
    let least: number | undefined;
    for (const seq of this.#held.keys()) if (least === undefined || seq < least) least = seq;
    return least;
  }

  /** The hint was not confirmed: forget it, and what is held, which may come from a dead branch. */
  dropHint(): void {
    this.want = this.last;
    this.#held.clear();
  }
}
