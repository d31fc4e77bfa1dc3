/** The app's handlers and the position store: what becomes of what is delivered, step by step. */
import { markOf } from '../../../src/commit-log.js';
import {
  mergePosition,
  type PositionWrite,
  type StoredPosition,
} from '../../../src/core/position.js';
import type { Input, Item } from '../../../src/core/vocabulary.js';
import type { Referee } from './referee.js';

type Operation =
  | { readonly type: 'load' }
  | { readonly type: 'save'; readonly id: number; readonly writes: readonly PositionWrite[] };

interface Waiting {
  readonly item: Item;
  readonly tok: string | undefined;
}

export class Keeper {
  /** What the store has been asked to do, in order. */
  #operations: Operation[] = [];
  /** What waits for the handlers; they are at work on the first of it. */
  #queue: Waiting[] = [];
  isWorking = false;

  constructor(
    private readonly channel: string,
    private readonly referee: Referee,
    /** What is in the store. It outlives pages. */
    public record: StoredPosition | undefined,
    private readonly input: (input: Input) => void,
  ) {}

  /** The page dies, and with it what waited. A write either has been made or will never be. */
  die(): void {
    this.#operations = [];
    this.#queue = [];
    this.isWorking = false;
  }

  /** What the store is to do next. */
  get operation(): Operation['type'] | undefined {
    return this.#operations[0]?.type;
  }

  ask(operation: Operation): void {
    this.#operations.push(operation);
  }

  push(items: readonly Item[], tok: string | undefined): void {
    this.#queue.push(...items.map((item) => ({ item, tok })));
    this.#work();
  }

  /** Handlers finish. */
  handle(): string {
    const item = this.#queue[0]?.item;
    this.isWorking = false;
    this.#done();
    if (item?.type === 'message') return `${item.epoch} ${item.seq}`;
    return item?.type === 'gap' ? `gap ${item.gap.epoch} ${item.gap.from}` : '';
  }

  /** The store does what it was asked for first, and says so. */
  operate(): string {
    const operation = this.#operations.shift();
    if (operation === undefined) return '';
    if (operation.type === 'load') this.#load();
    else this.#save(operation.id, operation.writes);
    const { record } = this;
    return `${operation.type} ${record === undefined ? '' : `${record.epoch} ${record.seq}`}`;
  }

  #load(): void {
    const { channel, record: position } = this;
    this.referee.loaded(position);
    this.input({ type: 'loaded', channel, ...(position ? { position } : {}) });
  }

  #save(id: number, writes: readonly PositionWrite[]): void {
    const refused: string[] = [];
    for (const write of writes) {
      const before = this.record;
      const { accepted, kept } = mergePosition(before, write);
      this.record = kept;
      if (!accepted) refused.push(write.channel);
      this.referee.stored(write, before, kept);
    }
    this.input({ type: 'saved', id, refused });
  }

  /** Handlers begin with the first that waits; what is nothing for them is done at once. */
  #work(): void {
    const first = this.#queue[0];
    if (this.isWorking || first === undefined) return;
    if (first.item.type === 'position') return this.#done();
    this.isWorking = true;
    this.input({ type: 'handling', channel: this.channel });
  }

  #done(): void {
    const first = this.#queue.shift();
    if (first === undefined || first.item.type === 'snapshot') return;
    const { item, tok } = first;
    const { channel } = this;
    this.referee.handled(item);
    const mark = markOf(item, tok);
    this.input({ type: 'handled', channel, count: 1, ...(mark ? { mark } : {}) });
    this.#work();
  }
}
