/**
 * Remembers the epochs that reading has left, and how far it came: when one is back, it goes on there. Most
 * channels never leave one, and have none of these.
 */

/** More than two logs taking turns are not to be expected; beyond this many the oldest is forgotten. */
const MAX_LEFT = 8;

export class LeftEpochs {
  readonly #last = new Map<string, number>();

  /** The last number that was delivered of an epoch, if it was read before. */
  lastOf(epoch: string): number | undefined {
    return this.#last.get(epoch);
  }

  /** @param last undefined when reading goes on in the same epoch. */
  leave(epoch: string, last: number | undefined): void {
    this.#last.delete(epoch);
    if (last === undefined) return;
    this.#last.set(epoch, last);
    const [oldest] = this.#last.keys();
    if (this.#last.size > MAX_LEFT && oldest !== undefined) this.#last.delete(oldest);
  }
}
