/**
 * Some messages of a channel in a row. Their texts are bytes outside of the heap: as strings, the
 * garbage collector would copy each of them twice and look at all of them ever after, which takes longer
 * than all else that a message costs its log.
 */
import { envelopeBytes, type LogMessage } from './log.js';

/** What a block keeps of a message; the rest is the channel's. */
type Kept = Pick<LogMessage, 'ts' | 'from' | 'json'>;

export class Block {
  /** Where the text of each message ends. */
  readonly #ends: number[];
  readonly #times: number[];
  /** When each was appended, by the log's monotonic clock. */
  readonly #appended: number[];
  /** By place, where any message names one. */
  #senders: (string | undefined)[] | undefined;

  /**
   * A block with one message: thousands of channels have no more, and V8 would leave room for 16 others
   * in an array that was begun empty.
   * @param first the number of the message.
   * @param texts room for its text and others, whatever is in it.
   * @param at when it was appended.
   */
  constructor(
    readonly first: number,
    readonly texts: Buffer,
    { from, json, ts }: Kept,
    at: number,
  ) {
    this.#ends = [texts.write(json)];
    this.#times = [ts];
    this.#appended = [at];
    if (from !== undefined) this.#senders = [from];
  }

  /** The number behind its last message. */
  get end(): number {
    return this.first + this.#ends.length;
  }

  /** @param textBytes of the next JSON text in UTF-8. */
  hasRoom(textBytes: number): boolean {
    return this.#used + textBytes <= this.texts.length;
  }

  push({ from, json, ts }: Kept, at: number): void {
    if (from !== undefined) (this.#senders ??= [])[this.#ends.length] = from;
    // Nothing is lost in UTF-8: in JSON text a lone surrogate is escaped.
    this.#ends.push(this.#used + this.texts.write(json, this.#used));
    this.#times.push(ts);
    this.#appended.push(at);
  }

  appendedAt(seq: number): number {
    return this.#appended[seq - this.first] ?? 0;
  }

  /** What a message takes in a page, by `messageBytes`. */
  bytes(seq: number): number {
    const i = seq - this.first;
    return this.#endOf(i) - this.#endOf(i - 1) + envelopeBytes(this.#senders?.[i]);
  }

  read(seq: number): Kept {
    const i = seq - this.first;
    const json = this.texts.toString('utf8', this.#endOf(i - 1), this.#endOf(i));
    return { ts: this.#times[i] ?? 0, from: this.#senders?.[i], json };
  }

  get #used(): number {
    return this.#endOf(this.#ends.length - 1);
  }

  #endOf(i: number): number {
    return this.#ends[i] ?? 0;
  }
}
