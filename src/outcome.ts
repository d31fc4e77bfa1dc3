/** What handlers come to: a handler that throws starves nobody, and promises are seen. */
import { isObject } from './core/position.js';
import { reportUncaught } from './errors.js';

/** A handler failed; `again` calls that one handler, and no other, once more. */
export interface Failure {
  readonly error: unknown;
  readonly again: () => Outcome;
  /** Once it is gone there is nobody to call. */
  readonly listener: { readonly isGone: boolean };
}

/** undefined: all handlers are done and well. */
export type Outcome = readonly Failure[] | Promise<readonly Failure[]> | undefined;

/**
 * A handler may resolve with this: it has let go of the item without finishing it (a loop was left).
 * The item is not offered again in this page, and its position is not stored on its account.
 */
export const ABANDONED: unique symbol = Symbol('abandoned');

/** A handler may resolve with this: it never began with the item, and whoever comes next may have it. */
export const DECLINED: unique symbol = Symbol('declined');

/** Calls a handler. Never throws. On the hot path: no promise is made for a synchronous one. */
export function call<Event>(
  handler: (event: Event) => unknown,
  event: Event,
  listener: Failure['listener'],
): Outcome {
  const failed = (error: unknown): readonly Failure[] => [
    { error, listener, again: () => call(handler, event, listener) },
  ];
  try {
    const result = handler(event);
    if (!isThenable(result)) return undefined;
    return Promise.resolve(result).then(
      (value) => (value === ABANDONED || value === DECLINED ? failed(value) : []),
      failed,
    );
  } catch (error) {
    return failed(error);
  }
}

/** Two outcomes as one. */
export function both(one: Outcome, other: Outcome): Outcome {
  if (one === undefined || other === undefined) return one ?? other;
  if (!isThenable(one) && !isThenable(other)) return [...one, ...other];
  return Promise.all([one, other]).then((all) => all.flat());
}

/** For events that are not delivered in order and awaited: a listener that fails is reported as uncaught. */
export function reportFailures(outcome: Outcome): void {
  if (isThenable(outcome)) void outcome.then(reportFailures);
  else for (const { error } of outcome ?? []) reportUncaught(error);
}

export function isThenable<Value>(value: Value): value is Extract<Value, PromiseLike<unknown>> {
  return isObject(value) && typeof (value as { readonly then?: unknown }).then === 'function';
}
