/** Handlers turned into an async iterator: each item waits until the next one is asked for. */
import type { DeliveryEvents } from './delivery.js';
import { ABANDONED, type Emitter } from './emitter.js';

type Item = DeliveryEvents['message'] | DeliveryEvents['gap'];

/**
 * Asking for the next item commits the one before. Leaving the loop does not: the language does not
 * tell a loop left by `break` from one left by a throw, and committing what a loop body failed on would
 * lose it for good. The item is not given out again in this page; a reload gives it again.
 */
export function iterate(
  handlers: Emitter<DeliveryEvents>,
  signal: AbortSignal,
): AsyncIterableIterator<Item> {
  /** Given to the handlers, not yet asked for. At most one: the queue awaits each item. */
  let offered: { readonly item: Item; readonly done: (how?: typeof ABANDONED) => void } | undefined;
  /** Given to the loop, which is at work on it. */
  let taken: typeof offered;
  let waiting: ((result: IteratorResult<Item>) => void) | undefined;
  let ended = signal.aborted;

  const pass = (): void => {
    if (offered === undefined || waiting === undefined) return;
    taken = offered;
    offered = undefined;
    const resolve = waiting;
    waiting = undefined;
    resolve({ done: false, value: taken.item });
  };
  const offer = (item: Item): Promise<typeof ABANDONED | undefined> =>
    new Promise((resolve) => {
      offered = { item, done: resolve };
      pass();
    });
  const end = (): void => {
    ended = true;
    for (const off of offs) off();
    signal.removeEventListener('abort', end);
    taken?.done(ABANDONED);
    offered?.done(ABANDONED);
    taken = offered = undefined;
    waiting?.({ done: true, value: undefined });
    waiting = undefined;
  };
  const offs = ended ? [] : [handlers.on('message', offer), handlers.on('gap', offer)];
  signal.addEventListener('abort', end);

  return {
    next(): Promise<IteratorResult<Item>> {
      taken?.done();
      taken = undefined;
      if (ended) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve) => {
        waiting = resolve;
        pass();
      });
    },
    return(): Promise<IteratorResult<Item>> {
      end();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator](): AsyncIterableIterator<Item> {
      return this;
    },
  };
}
