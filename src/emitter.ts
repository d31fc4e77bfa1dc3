/** mitt, contained: a listener that throws starves nobody, leaving twice is fine, a signal may end it. */
import mitt, { type Emitter as Mitt } from 'mitt';

import { onAbort } from './listeners.js';
import { call, reportFailures } from './outcome.js';

export class Emitter<Events extends Record<string, unknown>> {
  // The package's declarations do not type under NodeNext (mitt#191); its call is the same everywhere.
  readonly #mitt = (mitt as unknown as () => Mitt<Events>)();
  /** Removes a listener; those of listeners that are there. */
  readonly #offs = new Set<() => void>();

  /** @returns a function that removes the listener; calling it twice is fine. */
  on<Type extends keyof Events>(
    type: Type,
    handler: (event: Events[Type]) => unknown,
    signal: AbortSignal | undefined,
  ): () => void {
    if (signal?.aborted) return () => undefined;
    const listener = { isGone: false };
    const tell = (event: Events[Type]): void => {
      // mitt calls a copy of its list: a listener removed meanwhile must not run.
      if (!listener.isGone) reportFailures(call(handler, event, listener));
    };
    const off = (): void => {
      listener.isGone = true;
      this.#offs.delete(off);
      this.#mitt.off(type, tell);
      forget?.();
    };
    this.#offs.add(off);
    this.#mitt.on(type, tell);
    const forget = signal && onAbort(signal, off);
    return off;
  }

  /** @returns false when nobody listens. */
  emit<Type extends keyof Events>(type: Type, event: Events[Type]): boolean {
    const isHeard = (this.#mitt.all.get(type)?.length ?? 0) > 0;
    this.#mitt.emit(type, event);
    return isHeard;
  }

  /** Removes every listener. */
  clear(): void {
    for (const off of this.#offs) off();
  }
}
