/**
 * How far the handlers have come: the end of the unbroken run of finished items, and, with manual
 * commits, of those that the app has committed.
 */
import type { Position, PositionWrite } from './core/position.js';

interface Entry {
  /** Missing when a handler let go of the item: it is done with, but moves no position. */
  mark?: PositionWrite | undefined;
  finished: boolean;
  committed: boolean;
}

export class CommitLog {
  position: Position | undefined;
  /** Manual commits: items in order that are not both finished and committed. */
  readonly #open: Entry[] = [];
  /** The item that handlers have now. */
  #current: Entry | undefined;
  #count = 0;
  #mark: PositionWrite | undefined;

  constructor(
    private readonly manual: boolean,
    private readonly emit: (count: number, mark: PositionWrite | undefined) => void,
  ) {}

  /** The commit function of the item that is being handed to its handlers. */
  committer(): () => void {
    const entry: Entry = { finished: false, committed: false };
    this.#open.push(entry);
    this.#current = entry;
    return () => {
      entry.committed = true;
      this.#advance();
      this.flush();
    };
  }

  /** Handlers are done with an item. */
  finished(mark: PositionWrite | undefined): void {
    if (!this.manual) return this.#done(mark);
    const entry = this.#current ?? { finished: false, committed: true };
    // No handler saw it, so no handler can commit it.
    if (this.#current === undefined) this.#open.push(entry);
    this.#current = undefined;
    entry.finished = true;
    entry.mark = mark;
    this.#advance();
  }

  /** Says what has changed, once per run of items. */
  flush(): void {
    if (this.#count === 0) return;
    const count = this.#count;
    const mark = this.#mark;
    this.#count = 0;
    this.#mark = undefined;
    this.emit(count, mark);
  }

  /** Nothing is stored any more: commits that come later belong to nobody. */
  close(): void {
    this.#open.length = 0;
    this.#count = 0;
  }

  #advance(): void {
    for (let first = this.#open[0]; first?.finished && first.committed; first = this.#open[0]) {
      this.#open.shift();
      this.#done(first.mark);
    }
  }

  #done(mark: PositionWrite | undefined): void {
    this.#count += 1;
    if (mark === undefined) return;
    this.#mark = mark;
    this.position = mark.position;
  }
}
