/**
 * The feed of a log: every listener sees every message, in the order in which they are emitted.
 *
 * A listener may append. Called at once, the listeners behind it would see the second message before
 * the first; so what is emitted meanwhile waits until all have had the one before.
 */
import type { LogMessage } from './log.js';

type Listener = (message: LogMessage) => void;

export class Feed {
  readonly #listeners = new Set<{ readonly call: Listener }>();
  readonly #waiting: LogMessage[] = [];
  #emitting = false;

  listen(call: Listener): () => void {
    // A wrapper of its own, so that one function may listen twice and leave once.
    const entry = { call };
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  emit(message: LogMessage): void {
    this.#waiting.push(message);
    if (this.#emitting) return;
    this.#emitting = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      for (const { call } of [...this.#listeners]) callListener(call, next);
    }
    this.#emitting = false;
  }
}

/** What a listener throws is nobody's to catch here: it becomes an uncaught exception, later. */
function callListener(call: Listener, message: LogMessage): void {
  try {
    call(message);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
