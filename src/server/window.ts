/**
 * How much of one connection is waited for at the same time: a distant app or log is then waited for once, and
 * not for each thing. Some of them may hang while the rest is well; others must not wait for those for long.
 */

/** At the same time, besides those that have been waited for long enough. */
export const AT_ONCE = 32;

/** How long others wait behind those that do not answer. */
export const ROUND_MS = 500;

export class Window {
  #size = AT_ONCE;
  #timer: NodeJS.Timeout | undefined;

  /** How many may be under way now. */
  get size(): number {
    return this.#size;
  }

  /** @param widened called after every round, when so many more may be. */
  open(widened: () => void): void {
    this.#size = AT_ONCE;
    this.#timer = setInterval(() => {
      this.#size += AT_ONCE;
      widened();
    }, ROUND_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** Does something with each of the values, `AT_ONCE` of them at the same time. `act` must not fail. */
export async function sideBySide<T>(
  values: Iterable<T>,
  act: (value: T) => Promise<void>,
): Promise<void> {
  const queue = [...values].values();
  const work = async (): Promise<void> => {
    for (const value of queue) await act(value);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
