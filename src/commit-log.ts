/**
 * How far the handlers have come: the end of the unbroken run of finished items, and, with manual
 * commits, of those that the app has committed.
 */
import { advanced, type Position, type PositionWrite } from './core/position.js';
import type { Item, Message } from './core/vocabulary.js';

/** How handlers came to be done with an item. */
export type Ending =
  | 'handled'
  /** The app said to pass over it. */
  | 'skipped'
  /** A handler let go of it without finishing it. */
  | 'abandoned';

interface Entry {
  /** Are handlers done with it? */
  finished: boolean;
  /** What finishing the item says about the position, where it says anything. */
  mark: PositionWrite | undefined;
  committed: boolean;
}

/** Items that may wait for the app's commit: far more than a batch, far less than a page's memory. */
const MAX_UNCOMMITTED = 10_000;

export class CommitLog {
  position: Position | undefined;
  /** Manual commits: items in order that are not both finished and committed. */
  readonly #entries: Entry[] = [];
  /** The item that handlers have now. */
  #current: Entry | undefined;
  /** It was said that no more may wait. Again only when half of them have gone: commits may come one by one. */
  #isTold = false;
  #count = 0;
  #mark: PositionWrite | undefined;
  /** A gap that was let go of: what is finished next is stored in its stead, as the replacement that it was. */
  #abandoned: PositionWrite | undefined;

  constructor(
    readonly manual: boolean,
    /** @param count items that handlers are done with; 0 for a commit that came later. */
    private readonly emit: (count: number, mark: PositionWrite | undefined) => void,
    /** Commits that never come must not fill the memory: called once when no more items may wait. */
    private readonly full: () => void = () => undefined,
  ) {}

  /** The commit function of the item that is being handed to its handlers. */
  committer(): () => void {
    const entry = (this.#current ??= this.#open());
    return () => {
      entry.committed = true;
      this.#advance();
      this.flush();
    };
  }

  /** Handlers are done with an item. */
  finished(mark: PositionWrite | undefined, ending: Ending): void {
    this.#count += 1;
    if (!this.manual) {
      if (ending !== 'abandoned') this.#done(mark);
      else if (mark?.mode === 'replace') this.#abandoned = mark;
      return;
    }
    // What no handler saw, no handler can commit.
    const entry = this.#current ?? this.#open(true);
    this.#current = undefined;
    entry.finished = true;
    entry.mark = mark;
    if (ending === 'skipped') entry.committed = true;
    this.#advance();
  }

  /** No more items should be handed out before the app commits some. */
  get isFull(): boolean {
    return this.#entries.length >= MAX_UNCOMMITTED;
  }

  /** Says what has changed, once per run of items. */
  flush(): void {
    const count = this.#count;
    const mark = this.#mark;
    if (count === 0 && mark === undefined) return;
    this.#count = 0;
    this.#mark = undefined;
    this.emit(count, mark);
  }

  /** Nothing is stored any more: commits that come later belong to nobody. */
  close(): void {
    this.#entries.length = 0;
    this.#count = 0;
    this.#mark = undefined;
  }

  #open(committed = false): Entry {
    const entry: Entry = { finished: false, mark: undefined, committed };
    this.#entries.push(entry);
    if (this.isFull && !this.#isTold) this.full();
    this.#isTold ||= this.isFull;
    return entry;
  }

  #advance(): void {
    for (
      let [first] = this.#entries;
      first?.finished === true && first.committed;
      [first] = this.#entries
    ) {
      this.#entries.shift();
      this.#done(first.mark);
    }
    this.#isTold &&= this.#entries.length > MAX_UNCOMMITTED / 2;
  }

  #done(mark: PositionWrite | undefined): void {
    if (mark === undefined) return;
    this.#mark = advanced(this.#mark, advanced(this.#abandoned, mark));
    this.#abandoned = undefined;
    this.position = mark.position;
  }
}

/** What a finished item says about the position. @param tok undefined: a message says nothing. */
export function markOf(
  item: Message | Extract<Item, { type: 'gap' | 'position' }>,
  tok: string | undefined,
): PositionWrite | undefined {
  if (item.type !== 'message') return item.after;
  if (tok === undefined) return undefined;
  const { channel, epoch, seq } = item;
  return { channel, mode: 'advance', position: { epoch, seq, tok } };
}
