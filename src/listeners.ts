/**
 * Those who listen to one channel, in the order in which they came. There are thousands of channels, so
 * this is no emitter each but a list that is replaced, not changed: a call goes by the one it began with.
 */
import { both, call, reportFailures, type Outcome } from './outcome.js';

export interface ListenOptions {
  /** Aborting it removes the handler. */
  readonly signal?: AbortSignal | undefined;
}

/** What somebody hears, by event. */
export type Listener<Events> = {
  readonly [Type in keyof Events]?: ((event: Events[Type]) => unknown) | undefined;
} & {
  /** Nothing is heard any more: the owner was closed, or the signal aborted. */
  readonly ended?: () => void;
};

interface Entry<Events> {
  readonly listener: Listener<Events>;
  readonly owner: object;
  /** Lets go of the signal: an app may keep one for the life of a page, and make many handlers. */
  readonly forget: (() => void) | undefined;
  isGone: boolean;
}

const NOBODY: readonly never[] = [];

export class Listeners<Events extends Record<string, unknown>> {
  #entries: readonly Entry<Events>[] = NOBODY;
  /** Handlers that `give` called last. Those removed by another one before their turn are none. */
  calls = 0;

  has(type: keyof Events): boolean {
    return this.#entries.some(({ listener }) => listener[type] !== undefined);
  }

  /**
   * @param owner whose end is that of its listeners.
   * @returns a function that removes the listener; calling it twice is fine.
   */
  add(listener: Listener<Events>, owner: object, signal?: AbortSignal): () => void {
    const abort = (): void => {
      off();
      listener.ended?.();
    };
    const off = (): void => {
      this.#drop((one) => one === entry);
    };
    const forget = signal && onAbort(signal, abort);
    const entry: Entry<Events> = { listener, owner, forget, isGone: false };
    this.#entries = this.#entries.concat(entry);
    if (signal?.aborted) abort();
    return off;
  }

  /** Removes the listeners of an owner, or everybody's, and tells them. */
  end(owner?: object): void {
    const ended = this.#drop((entry) => owner === undefined || entry.owner === owner);
    for (const { listener } of ended) listener.ended?.();
  }

  /** Tells everybody. What they return is not awaited. */
  tell<Type extends keyof Events>(type: Type, event: Events[Type]): void {
    reportFailures(this.give(type, event));
  }

  /** Calls every handler. Never throws. */
  give<Type extends keyof Events>(type: Type, event: Events[Type]): Outcome {
    let calls = 0;
    let outcome: Outcome;
    for (const entry of this.#entries) {
      const handler = entry.listener[type] as ((event: Events[Type]) => unknown) | undefined;
      if (handler === undefined || entry.isGone) continue;
      calls += 1;
      outcome = both(outcome, call(handler, event, entry));
    }
    // At the end: a handler may have done what others are told of meanwhile.
    this.calls = calls;
    return outcome;
  }

  #drop(isMeant: (entry: Entry<Events>) => boolean): readonly Entry<Events>[] {
    const gone = this.#entries.filter(isMeant);
    // A copy: V8 leaves room for 16 more in what `filter` gives.
    this.#entries = this.#entries.filter((entry) => !isMeant(entry)).slice();
    for (const entry of gone) {
      entry.isGone = true;
      entry.forget?.();
    }
    return gone;
  }
}

/**
 * Calls back when a signal is aborted; it is not yet. It holds on to it no longer afterwards.
 *
 * @returns a function that waits no longer.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  signal.addEventListener('abort', callback);
  return () => {
    signal.removeEventListener('abort', callback);
  };
}
