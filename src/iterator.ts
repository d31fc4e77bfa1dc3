/** Handlers turned into an async iterator: each item waits until the next one is asked for. */
import type { DeliveryEvents } from './recipients.js';
import type { Listener } from './listeners.js';
import { ABANDONED, DECLINED } from './outcome.js';

const DONE = { done: true, value: undefined } as const;

type Item = DeliveryEvents['message'] | DeliveryEvents['gap'];
type Ending = typeof ABANDONED | typeof DECLINED;

/**
 * Asking for the next item commits the one before. Leaving the loop does not: the language does not
 * tell a loop left by `break` from one left by a throw, and committing what a loop body failed on would
 * lose it for good. The item is not given out again in this page; a reload gives it again. A loop that
 * a signal ends is at work until its body is: nothing overtakes it, and then it asks for the next.
 */
export function iterate(
  listen: (listener: Listener<DeliveryEvents>) => () => void,
): AsyncIterableIterator<Item> {
  /** Given to the handlers, not yet asked for. At most one: the queue awaits each item. */
  let offered: { readonly item: Item; readonly done: (how?: Ending) => void } | undefined;
  /** Given to the loop, which is at work on it. */
  let taken: typeof offered;
  /** Those who have asked and wait, in order. */
  const waiting: ((result: IteratorResult<Item>) => void)[] = [];
  let isEnded = false;

  const commit = (): void => {
    taken?.done();
    taken = undefined;
  };
  const pass = (): void => {
    if (offered === undefined) return;
    const resolve = waiting.shift();
    if (resolve === undefined) return;
    taken = offered;
    offered = undefined;
    resolve({ done: false, value: taken.item });
    // The next one was asked for already.
    if (waiting.length > 0) commit();
  };
  const offer = (item: Item): Promise<Ending | undefined> =>
    new Promise((resolve) => {
      offered = { item, done: resolve };
      pass();
    });
  const ended = (): void => {
    isEnded = true;
    offered?.done(DECLINED);
    offered = undefined;
    for (const resolve of waiting.splice(0)) resolve(DONE);
  };
  const off = listen({ message: offer, gap: offer, ended });

  return {
    next(): Promise<IteratorResult<Item>> {
      commit();
      if (isEnded) return Promise.resolve(DONE);
      return new Promise((resolve) => {
        waiting.push(resolve);
        pass();
      });
    },
    return(): Promise<IteratorResult<Item>> {
      off();
      ended();
      taken?.done(ABANDONED);
      taken = undefined;
      return Promise.resolve(DONE);
    },
    [Symbol.asyncIterator](): AsyncIterableIterator<Item> {
      return this;
    },
  };
}
