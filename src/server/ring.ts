/**
 * The retained messages of one channel: a queue without holes, bounded by count, bytes and age.
 *
 * Because the numbers have no holes, a number is an index: nothing is searched. Knows no clock; the
 * caller brings the time.
 */
import type { LogMessage } from './log.js';

/** Bounds of a ring; what exceeds one of them is dropped from the oldest end. */
export interface RingBounds {
  readonly maxLength: number;
  readonly maxBytes: number;
  /** Age in milliseconds above which a message is dropped, or `false` for no bound. */
  readonly ttlMs: number | false;
}

interface Slot {
  readonly message: LogMessage;
  readonly bytes: number;
  /** When it was appended, by the log's monotonic clock. */
  readonly at: number;
}

export class Ring {
  readonly #bounds: RingBounds;
  /** Dropped slots are emptied at once and cut off in bulk: shifting an array costs its length. */
  #slots: (Slot | undefined)[] = [];
  #start = 0;
  #bytes = 0;
  #head = 0;

  constructor(bounds: RingBounds) {
    this.#bounds = bounds;
  }

  get head(): number {
    return this.#head;
  }

  get oldest(): number {
    return this.#head - (this.#slots.length - this.#start) + 1;
  }

  /** Appends a message, whose number must be `head + 1`, and drops what no longer fits. */
  push(message: LogMessage, bytes: number, at: number): void {
    this.#slots.push({ message, bytes, at });
    this.#bytes += bytes;
    this.#head = message.seq;
    this.trim(at);
  }

  /** Drops what exceeds the bounds at the time `now`. */
  trim(now: number): void {
    const { maxLength, maxBytes, ttlMs } = this.#bounds;
    for (let slot = this.#slots[this.#start]; slot; slot = this.#slots[this.#start]) {
      const aged = ttlMs !== false && now - slot.at > ttlMs;
      if (!aged && this.#bytes <= maxBytes && this.#slots.length - this.#start <= maxLength) break;
      this.#slots[this.#start] = undefined;
      this.#start += 1;
      this.#bytes -= slot.bytes;
    }
    if (this.#start > 1_000 && this.#start * 2 > this.#slots.length) this.#compact();
  }

  /** Drops everything retained. The head stays: numbers are not used again. */
  expire(): void {
    this.#slots = [];
    this.#start = 0;
    this.#bytes = 0;
  }

  /**
   * The retained messages above `since`, oldest first.
   * @returns them, and which of the two limits cut the list short, if one did.
   */
  after(
    since: number,
    limit: number,
    maxBytes: number,
  ): { readonly messages: readonly LogMessage[]; readonly cut?: 'limit' | 'bytes' } {
    const messages: LogMessage[] = [];
    let bytes = 0;
    for (let seq = Math.max(since + 1, this.oldest); seq <= this.#head; seq += 1) {
      const slot = this.#slots[this.#start + seq - this.oldest];
      if (slot === undefined) break;
      if (messages.length >= limit) return { messages, cut: 'limit' };
      bytes += slot.bytes;
      if (bytes > maxBytes && (messages.length > 0 || maxBytes === 0))
        return { messages, cut: 'bytes' };
      messages.push(slot.message);
    }
    return { messages };
  }

  #compact(): void {
    this.#slots = this.#slots.slice(this.#start);
    this.#start = 0;
  }
}
