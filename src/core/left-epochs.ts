/** Epochs that were left for another, with the last number had: one that comes back goes on there. */

/** Two logs that take turns are the worst there is; a client that meets more of them forgets the oldest. */
const MAX_LEFT = 8;

/** Most channels never leave one: a map of their own comes with the first. */
const NONE = new Map<string, number>();

export class LeftEpochs {
  #last = NONE;

  /** The last number had of an epoch, if it was read before. */
  lastOf(epoch: string): number | undefined {
    return this.#last.get(epoch);
  }

  /** @param last undefined when reading goes on in the same epoch. */
  leave(epoch: string, last: number | undefined): void {
    this.#last.delete(epoch);
    if (last === undefined) return;
    if (this.#last === NONE) this.#last = new Map();
    this.#last.set(epoch, last);
    const [oldest] = this.#last.keys();
    if (this.#last.size > MAX_LEFT && oldest !== undefined) this.#last.delete(oldest);
  }
}
