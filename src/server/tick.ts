/**
 * The end of a tick: outboxes that got something in it are flushed together.
 *
 * `setImmediate` rather than a microtask, so that an app that awaits each of its appends still fills
 * one array; one for the whole hub rather than one per connection.
 */
import type { Outbox } from './outbox.js';

export class Tick {
  #due = new Set<Outbox>();
  #immediate: NodeJS.Immediate | undefined;

  readonly schedule = (outbox: Outbox): void => {
    this.#due.add(outbox);
    this.#immediate ??= setImmediate(() => this.#end());
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
  }
}
