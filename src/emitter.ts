/** mitt, contained: a handler that throws starves nobody, promises are seen, leaving twice is fine. */
import mitt, { type Emitter as Mitt } from 'mitt';

import { isObject } from './core/position.js';
import { reportUncaught } from './errors.js';

/** A handler failed; `again` calls that one handler, and no other, once more. */
export interface Failure {
  readonly error: unknown;
  readonly again: () => Outcome;
  /** Was the handler removed since? Then there is nobody to call. */
  readonly isGone: () => boolean;
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

/** A handler may resolve with this: it never began with the item, and whoever comes next may have it. */
export const DECLINED: unique symbol = Symbol('declined');

/** Never added to. */
const NONE: Set<() => void> = new Set();

export class Emitter<Events extends Handlers> {
  /** Made for the first handler and dropped with the last: there are thousands of emitters without any. */
  #mitt: Mitt<Events> | undefined;
  /** Removes a handler; those of handlers that are there. */
  #offs = NONE;
  /** What the handlers of the emit under way have left behind; made only when one does. */
  #run: Run | undefined;
  /** Handlers called so far. Those removed by another one before their turn are none. */
  calls = 0;

  count(type: keyof Events): number {
    return this.#mitt?.all.get(type)?.length ?? 0;
  }

  /**
   * @param signals the first one that is aborted removes the handler.
   * @returns a function that removes the handler; calling it twice is fine.
   */
  on<Type extends keyof Events>(
    type: Type,
    handler: (event: Events[Type]) => unknown,
    ...signals: readonly (AbortSignal | undefined)[]
  ): () => void {
    if (signals.some((signal) => signal?.aborted)) return () => undefined;
    const isGone = (): boolean => !this.#offs.has(off);
    const wrapped = (event: Events[Type]): void => {
      // mitt calls a copy of its list: a handler removed meanwhile must not run.
      if (!isGone()) this.#call(handler, event, isGone);
    };
    const off = (): void => {
      if (!this.#offs.delete(off)) return;
      forget();
      this.#mitt?.off(type, wrapped);
      if (this.#offs.size > 0) return;
      this.#mitt = undefined;
      this.#offs = NONE;
    };
    if (this.#offs === NONE) this.#offs = new Set();
    this.#offs.add(off);
    // The package's declarations do not type under NodeNext (mitt#191); its call is the same everywhere.
    this.#mitt ??= (mitt as unknown as () => Mitt<Events>)();
    this.#mitt.on(type, wrapped);
    const forget = onAbort(signals, off);
    return off;
  }

  /** Calls every handler. Never throws. On the hot path: no promise is made when all are synchronous. */
  emit<Type extends keyof Events>(type: Type, event: Events[Type]): Outcome {
    return this.#collecting(() => this.#mitt?.emit(type, event));
  }

  /** Removes every handler. */
  clear(): void {
    for (const off of this.#offs) off();
  }

  #call<Event>(handler: (event: Event) => unknown, event: Event, isGone: Failure['isGone']): void {
    const failure = (error: unknown): Failure => ({
      error,
      isGone,
      again: () => this.#collecting(() => this.#call(handler, event, isGone)),
    });
    this.calls += 1;
    try {
      const result = handler(event);
      if (!isThenable(result)) return;
      this.#collect().pending.push(
        Promise.resolve(result).then(
          (value) => (value === ABANDONED || value === DECLINED ? failure(value) : undefined),
          failure,
        ),
      );
    } catch (error) {
      this.#collect().failures.push(failure(error));
    }
  }

  #collecting(call: () => void): Outcome {
    const outer = this.#run;
    this.#run = undefined;
    call();
    const run = this.#run as Run | undefined;
    this.#run = outer;
    return run === undefined ? undefined : settle(run);
  }

  #collect(): Run {
    return (this.#run ??= { failures: [], pending: [] });
  }
}

function settle({ failures, pending }: Run): Outcome {
  if (pending.length === 0) return failures;
  return Promise.all(pending).then((late) => [...failures, ...late.filter((f) => f !== undefined)]);
}

/** Several outcomes as one. */
export function together(outcomes: readonly Outcome[]): Outcome {
  if (!outcomes.some(isThenable)) return outcomes.flatMap((o) => (o ?? []) as readonly Failure[]);
  const settled = outcomes.map((outcome) => Promise.resolve(outcome));
  return Promise.all(settled).then((all) => all.flatMap((failures) => failures ?? []));
}

/** For events that are not delivered in order and awaited: a listener that fails is reported as uncaught. */
export function reportFailures(outcome: Outcome): void {
  if (isThenable(outcome)) void outcome.then(reportFailures);
  else for (const { error } of outcome ?? []) reportUncaught(error);
}

export function isThenable<Value>(value: Value): value is Extract<Value, PromiseLike<unknown>> {
  return isObject(value) && typeof (value as { readonly then?: unknown }).then === 'function';
}

/**
 * Calls back when the first of several signals is aborted; none of them is yet. It holds on to none of
 * them afterwards: an app may keep one signal for the life of a page, and make many handlers.
 * `AbortSignal.any` is missing in browsers of 2023.
 *
 * @returns a function that waits no longer.
 */
export function onAbort(
  signals: readonly (AbortSignal | undefined)[],
  callback: () => void,
): () => void {
  const stop = (): void => {
    for (const signal of signals) signal?.removeEventListener('abort', abort);
  };
  const abort = (): void => {
    stop();
    callback();
  };
  for (const signal of signals) signal?.addEventListener('abort', abort);
  return stop;
}
