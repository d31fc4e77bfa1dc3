/** mitt, contained: a handler that throws starves nobody, promises are seen, leaving twice is fine. */
import mitt, { type Emitter as Mitt } from 'mitt';

import { reportUncaught } from './errors.js';

/** A handler failed; `again` calls that one handler, and no other, once more. */
export interface Failure {
  readonly error: unknown;
  readonly again: () => Outcome;
}

/** undefined: all handlers are done and well. */
export type Outcome = readonly Failure[] | Promise<readonly Failure[]> | undefined;

export interface ListenOptions {
  /** Aborting it removes the handler. */
  readonly signal?: AbortSignal | undefined;
}

type Handlers = Record<string, unknown>;

interface Run {
  readonly failures: Failure[];
  readonly pending: Promise<Failure | undefined>[];
}

/**
 * A handler may resolve with this: it has let go of the item without finishing it (a loop was left).
 * The item is not offered again in this page, and its position is not stored on its account.
 */
export const ABANDONED: unique symbol = Symbol('abandoned');

export class Emitter<Events extends Handlers> {
  // The package's declarations do not type under NodeNext (mitt#191); its call is the same everywhere.
  readonly #mitt: Mitt<Events> = (mitt as unknown as () => Mitt<Events>)();
  readonly #counts = new Map<keyof Events, number>();
  /** What the handlers of the emit under way have left behind; made only when one does. */
  #run: Run | undefined;

  count(type: keyof Events): number {
    return this.#counts.get(type) ?? 0;
  }

  /** @returns a function that removes the handler; calling it twice is fine. */
  on<Type extends keyof Events>(
    type: Type,
    handler: (event: Events[Type]) => unknown,
    { signal }: ListenOptions = {},
  ): () => void {
    if (signal?.aborted === true) return () => undefined;
    let active = true;
    const wrapped = (event: Events[Type]): void => {
      // mitt calls a copy of its list: a handler removed meanwhile must not run.
      if (active) this.#call(handler, event);
    };
    const off = (): void => {
      if (!active) return;
      active = false;
      this.#mitt.off(type, wrapped);
      this.#counts.set(type, this.count(type) - 1);
      signal?.removeEventListener('abort', off);
    };
    this.#mitt.on(type, wrapped);
    this.#counts.set(type, this.count(type) + 1);
    signal?.addEventListener('abort', off);
    return off;
  }

  /** Calls every handler. Never throws. On the hot path: nothing is allocated when all are synchronous. */
  emit<Type extends keyof Events>(type: Type, event: Events[Type]): Outcome {
    const outer = this.#run;
    this.#run = undefined;
    this.#mitt.emit(type, event);
    const run = this.#run as Run | undefined;
    this.#run = outer;
    return run === undefined ? undefined : settle(run);
  }

  /** Removes every handler. */
  clear(): void {
    this.#mitt.all.clear();
    this.#counts.clear();
  }

  #call<Event>(handler: (event: Event) => unknown, event: Event): void {
    const failure = (error: unknown): Failure => ({
      error,
      again: () => {
        const outer = this.#run;
        this.#run = undefined;
        this.#call(handler, event);
        const run = this.#run as Run | undefined;
        this.#run = outer;
        return run === undefined ? undefined : settle(run);
      },
    });
    try {
      const result = handler(event);
      if (!isThenable(result)) return;
      this.#collect().pending.push(
        Promise.resolve(result).then(
          (value) => (value === ABANDONED ? failure(ABANDONED) : undefined),
          failure,
        ),
      );
    } catch (error) {
      this.#collect().failures.push(failure(error));
    }
  }

  #collect(): Run {
    return (this.#run ??= { failures: [], pending: [] });
  }
}

function settle({ failures, pending }: Run): Outcome {
  if (pending.length === 0) return failures;
  return Promise.all(pending).then((late) => [...failures, ...late.filter((f) => f !== undefined)]);
}

/** For events that are not delivered in order and awaited: a listener that fails is reported as uncaught. */
export function reportFailures(outcome: Outcome): void {
  if (isThenable(outcome)) void outcome.then(reportFailures);
  else for (const { error } of outcome ?? []) reportUncaught(error);
}

export function isThenable<Value>(value: Value): value is Extract<Value, PromiseLike<unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  );
}

/** A signal that follows two. `AbortSignal.any` is missing in browsers of 2023. */
export function either(a: AbortSignal, b: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => {
    for (const signal of [a, b]) signal.removeEventListener('abort', abort);
    controller.abort();
  };
  for (const signal of [a, b]) signal.addEventListener('abort', abort);
  if (a.aborted || b.aborted) abort();
  return controller.signal;
}
