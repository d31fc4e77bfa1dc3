/**
 * The retained messages of one channel: a queue without holes, bounded by count, bytes and age.
 *
 * Because the numbers have no holes, a number is an index: nothing is searched but its block. Knows no
 * clock; the caller brings the time.
 */
import { Block } from './block.js';
import { ENVELOPE_BYTES, type LogMessage } from './log.js';

/** Bounds of a ring; what exceeds one of them is dropped from the oldest end. */
export interface RingBounds {
  readonly maxLength: number;
  readonly maxBytes: number;
  /** Age in milliseconds above which a message is dropped, or `false` for no bound. */
  readonly ttlMs: number | false;
}

/** The most room for texts in a block, but for a longer text. */
const BLOCK_BYTES = 65_536;

/** A block or a spare room that is so many times as large as a new one would be is not used any more. */
const MAX_OVERSIZE = 4;

export class Ring {
  /** Oldest first. A message stays where it is; a block is let go of with its last one. */
  #blocks: readonly Block[] = [];
  /** The room of a block that was let go of, for the next one: a busy channel asks for no memory any more. */
  #spare: Buffer | undefined;
  #head = 0;
  #oldest = 1;
  #bytes = 0;

  constructor(
    private readonly channel: string,
    private readonly epoch: string,
    private readonly bounds: RingBounds,
  ) {}

  get head(): number {
    return this.#head;
  }

  get oldest(): number {
    return this.#oldest;
  }

  /**
   * Appends a message, whose number must be `head + 1`, and drops what no longer fits.
   * @param at the time, by the log's monotonic clock.
   */
  push(message: LogMessage, at: number): void {
    const { json, seq } = message;
    const textBytes = Buffer.byteLength(json);
    let block = this.#blocks.at(-1);
    if (block?.hasRoom(textBytes) === true && !this.#isOutsized(block)) block.push(message, at);
    else {
      block = new Block(seq, this.#room(textBytes), message, at);
      this.#blocks = [...this.#blocks, block];
    }
    this.#head = seq;
    this.#bytes += block.bytes(seq);
    this.trim(at);
  }

  /** Drops what exceeds the bounds at the time `now`. */
  trim(now: number): void {
    const { maxLength, maxBytes, ttlMs } = this.bounds;
    for (let [block] = this.#blocks; block; [block] = this.#blocks) {
      const aged = ttlMs !== false && now - block.appendedAt(this.#oldest) > ttlMs;
      const length = this.#head - this.#oldest + 1;
      // A sender may be as long as it likes: what was appended last is kept all the same.
      const fits = this.#bytes <= maxBytes || length === 1;
      if (!aged && fits && length <= maxLength) return;
      this.#bytes -= block.bytes(this.#oldest);
      this.#oldest += 1;
      if (this.#oldest === block.end) this.#letGo(block);
    }
    // Nothing is retained, and nothing kept for later either.
    this.#spare = undefined;
  }

  /** Drops everything retained. The head stays: numbers are not used again. */
  expire(): void {
    this.#blocks = [];
    this.#spare = undefined;
    this.#oldest = this.#head + 1;
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
    const { channel, epoch } = this;
    const messages: LogMessage[] = [];
    let bytes = 0;
    for (const block of this.#blocks) {
      for (let seq = Math.max(since + 1, this.#oldest, block.first); seq < block.end; seq += 1) {
        if (messages.length >= limit) return { messages, cut: 'limit' };
        bytes += block.bytes(seq);
        if (bytes > maxBytes && (messages.length > 0 || maxBytes === 0))
          return { messages, cut: 'bytes' };
        const { from, json, ts } = block.read(seq);
        messages.push({ channel, epoch, seq, ts, from, json });
      }
    }
    return { messages };
  }

  /**
   * The part of the retained texts that a block has room for. What was dropped stays in memory until all of
   * its block is: it must not come to be much beside what is kept.
   */
  get #wanted(): number {
    const length = this.#head - this.#oldest + 1;
    return Math.min((this.#bytes - length * ENVELOPE_BYTES) / 4, BLOCK_BYTES);
  }

  /** A channel that has gone quiet would take for ever to fill a block of its busy days. */
  #isOutsized({ texts }: Block): boolean {
    return texts.length > MAX_OVERSIZE * this.#wanted;
  }

  /** @returns room for a text, and for those that follow unless it is a long one. */
  #room(textBytes: number): Buffer {
    const isLong = textBytes > BLOCK_BYTES / 4;
    const size = isLong ? textBytes : Math.max(textBytes, Math.floor(this.#wanted));
    const spare = this.#spare;
    const fits = spare !== undefined && size <= spare.length && spare.length <= MAX_OVERSIZE * size;
    if (!fits) return Buffer.allocUnsafeSlow(size);
    this.#spare = undefined;
    return spare;
  }

  #letGo({ texts }: Block): void {
    this.#blocks = this.#blocks.slice(1);
    this.#spare = texts.length <= BLOCK_BYTES ? texts : undefined;
  }
}
