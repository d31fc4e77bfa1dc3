/**
 * The gap detector of one channel: which message is next, which came again, which came too early.
 *
 * Knows one epoch at a time, and neither time nor recovery. One number deduplicates: `seq <= last`.
 */
import type { NumberedFrame, Page, PageMessage } from './frames.js';
import { walkPage, type WalkEnd } from './page-walk.js';

/** A message out of a live frame or a page, its epoch known to be ours. */
export type Arrival = NumberedFrame | PageMessage;

/** How a number stands to those accepted so far. */
export type Order = 'next' | 'duplicate' | 'early';

/**
 * Why the log must be asked although the numbers fit. `routine`: its turn has come, and nothing looks
 * wrong. `real`: another epoch was seen, a head behind ours, or a new connection that says nothing.
 */
export type Doubt = 'none' | 'routine' | 'real';

/** Makes what follows the numbers of a channel from `last` on. */
export type TrackerFactory = (last: number) => GapDetector;

const NONE: Map<number, Arrival> = new Map<number, Arrival>();

export const gapDetector: TrackerFactory = (last) => new GapDetector(last);

export class GapDetector {
  /** The last number accepted: handed on, not necessarily handled. */
  last: number;
  /** The greatest number heard of. A hint: after some answers that do not confirm it, it is dropped. */
  want: number;
  doubt: Doubt = 'none';
  /** Is the number of an accepted message a position, because all before it were accepted too? */
  readonly isOrdered: boolean = true;
  /** Messages that came too early. One empty map serves all channels that hold none. */
  protected held: Map<number, Arrival> = NONE;

  constructor(last: number) {
    this.last = last;
    this.want = last;
  }

  /** Are we behind what we have heard of? */
  get behind(): boolean {
    return this.want > this.last;
  }

  get heldCount(): number {
    return this.held.size;
  }

  /** Was nothing accepted since we were at `seq`? */
  isStillAt(seq: number): boolean {
    return this.last === seq;
  }

  /** @param prev the number before it that this reader may see, where it is not `seq - 1`. */
  order(seq: number, prev: number = seq - 1): Order {
    if (seq === this.last + 1) return 'next';
    if (seq <= this.last) return 'duplicate';
    return prev <= this.last ? 'next' : 'early';
  }

  /** The next message was handed on. */
  accept(seq: number): void {
    this.last = seq;
    this.hint(seq);
    if (this.held.size > 0) this.held.delete(seq);
  }

  /** Jumps over numbers that will never come. */
  skipTo(to: number): void {
    if (to <= this.last) return;
    this.last = to;
    this.hint(to);
    for (const seq of this.held.keys()) if (seq <= to) this.held.delete(seq);
  }

  /** Remembers that the log reaches this far. */
  hint(head: number): void {
    if (head > this.want) this.want = head;
  }

  /** Keeps an early message for later. When the buffer is full only its number is kept, as a hint. */
  hold(arrival: Arrival, max: number): boolean {
    this.hint(arrival.seq);
    return this.keep(arrival, max);
  }

  /** @returns false when the buffer is full. */
  protected keep(arrival: Arrival, max: number): boolean {
    const { seq } = arrival;
    if (this.held.size >= max && !this.held.has(seq)) return false;
    if (this.held === NONE) this.held = new Map();
    this.held.set(seq, arrival);
    return true;
  }

  /** Takes the held message that comes next, if it is there. */
  takeNext(): Arrival | undefined {
    if (this.held.size === 0) return undefined;
    const next = this.held.get(this.last + 1) ?? this.held.get(this.firstHeld ?? 0);
    if (next === undefined) return undefined;
    const order = this.order(next.seq, next.prev);
    if (order !== 'early') this.held.delete(next.seq);
    return order === 'duplicate' ? this.takeNext() : order === 'next' ? next : undefined;
  }

  /** The least number held, if any. */
  get firstHeld(): number | undefined {
    let least: number | undefined;
    for (const seq of this.held.keys()) if (least === undefined || seq < least) least = seq;
    return least;
  }

  /** The log did not confirm the hint: forgets it, and the held messages, which may be of a replaced log. */
  dropHint(): void {
    this.want = this.last;
    this.held.clear();
  }

  /** @param accept hands a message of the page on, or returns false when there is no room for it. */
  walk(page: Page, accept: (message: PageMessage) => boolean): WalkEnd {
    return walkPage(page, this, accept);
  }
}
