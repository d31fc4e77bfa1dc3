/** The items of a channel that are not finished, in order, in the batches that the core delivered. */
import type { Item } from './core/vocabulary.js';

export interface Batch {
  readonly items: readonly Item[];
  /** Owner token of the positions that its messages mark; undefined where their numbers are none. */
  readonly tok: string | undefined;
}

export class Backlog {
  #batches: Batch[] = [];
  /** Index of the current item in the first batch. */
  #next = 0;

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** Is there more than the current item? */
  get hasMore(): boolean {
    return this.#batches.length > 1 || (this.#batches[0]?.items.length ?? 0) - this.#next > 1;
  }

  /** The current item. */
  get item(): Item | undefined {
    return this.#batches[0]?.items[this.#next];
  }

  /** The owner token of the current item. */
  get tok(): string | undefined {
    return this.#batches[0]?.tok;
  }

  push(batch: Batch): void {
    this.#batches.push(batch);
  }

  /** The current item is finished. */
  shift(): void {
    this.#next += 1;
    if (this.#next < (this.#batches[0]?.items.length ?? 0)) return;
    this.#batches.shift();
    this.#next = 0;
  }

  clear(): void {
    this.#batches = [];
    this.#next = 0;
  }
}
