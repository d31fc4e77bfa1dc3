/**
 * The end of a tick: outboxes that got something in it are flushed together.
 *
 * `setImmediate` rather than a microtask, so that an app that awaits each of its appends still fills
 * one array; one for the whole hub rather than one per connection, so that what many readers are to get
 * is written once.
 */
import type { Outbox } from './outbox.js';

export class Tick {
  #due = new Set<Outbox>();
  #immediate: NodeJS.Immediate | undefined;
  /** What was made last: readers of one channel are to get the same frames. */
  #joined: { readonly texts: readonly string[]; readonly bytes: Buffer } | undefined;

  readonly schedule = (outbox: Outbox): void => {
    this.#due.add(outbox);
    this.#immediate ??= setImmediate(() => this.#end());
  };

  /** The frames of one WebSocket message, written once for all who are to get the same. */
  readonly join = (texts: readonly string[]): Buffer => {
    const before = this.#joined;
    const isSame =
      before?.texts.length === texts.length && before.texts.every((text, i) => text === texts[i]);
    if (isSame) return before.bytes;
    const bytes = Buffer.from(texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(',')}]`);
    this.#joined = { texts, bytes };
    return bytes;
  };

  /** Flushes what is due now, and leaves nothing behind. */
  stop(): void {
    clearImmediate(this.#immediate);
    this.#end();
  }

  #end(): void {
    this.#immediate = undefined;
    const due = this.#due;
    this.#due = new Set();
    for (const outbox of due) outbox.flush();
    this.#joined = undefined;
  }
}
