/**
 * One channel's queue to the app: one item at a time, awaited, in order. Tries again what failed, and
 * says how far the handlers have come.
 */
import { Backlog, type Batch } from './backlog.js';
import { CommitLog, type Ending, markOf } from './commit-log.js';
import type { Position, PositionWrite } from './core/position.js';
import type { Input, Item } from './core/vocabulary.js';
import { LastseqError } from './errors.js';
import type { Listeners } from './listeners.js';
import { ABANDONED, DECLINED, isThenable, type Failure, type Outcome } from './outcome.js';
import { Recipients, type DeliveryEvents, type RecipientsHost } from './recipients.js';
import type { Turn } from './turn.js';

/** The channel whose queue it is. Its handlers outlive the queue: it may be asked for anew before it is left. */
export interface DeliveryHost extends RecipientsHost, Pick<Listeners<DeliveryEvents>, 'tell'> {
  readonly parts: RecipientsHost['parts'] & {
    readonly driver: { input(input: Input): void };
    readonly turn: Turn;
  };
}

/** What the tries of the current item have come to so far. */
interface Tried {
  /** Has a handler finished it? */
  readonly isServed: boolean;
  /** What becomes of it: a loop that let go of it says so in one try, another may end it. */
  readonly ending: Ending;
}

type State =
  | { readonly name: 'ready'; readonly tried: Tried }
  /** Handlers or a snapshot have an item and have not settled, or are being called at this moment. */
  | { readonly name: 'working' }
  /** They failed; the core says when to try again. */
  | { readonly name: 'failed'; readonly failures: readonly Failure[]; readonly tried: Tried }
  /** Handlers may still have an item. A snapshot was told to stop, and what it says to that is no error. */
  | { readonly name: 'closed'; readonly item: Item | undefined };

/** Is it an error, and not what a loop says that was left? */
const isReal = ({ error }: Failure): boolean => error !== DECLINED && error !== ABANDONED;
const READY: State = { name: 'ready', tried: { isServed: false, ending: 'handled' } };
const WORKING: State = { name: 'working' };

export class Delivery {
  readonly #commits: CommitLog;
  readonly #recipients: Recipients;
  readonly #backlog = new Backlog();
  #state: State = READY;

  constructor(private readonly host: DeliveryHost) {
    const { name: channel, options, parts } = host;
    const full = (): void => parts.report(new LastseqError('uncommitted', { channel }));
    const emit = (count: number, mark: PositionWrite | undefined): void => {
      if (count > 0) this.#input({ type: 'handled', channel, count, mark });
      else if (mark !== undefined) this.#input({ type: 'committed', channel, mark });
      // A late commit may have made room for more.
      if (count === 0) this.wake();
    };
    this.#commits = new CommitLog(options.commit === 'manual', emit, full);
    this.#recipients = new Recipients(host, this.#commits, () => this.#state.name !== 'closed');
  }

  /** The position up to which the handlers have finished, in order; at first the one where they begin. */
  get position(): Position | undefined {
    return this.#commits.position;
  }

  get isEmpty(): boolean {
    return this.#backlog.isEmpty;
  }

  push(batch: Batch): void {
    this.#commits.position ??= placeBefore(batch);
    this.#backlog.push(batch);
    this.resume();
  }

  /** Goes on in a later task. */
  wake(): void {
    if (!this.isEmpty) this.host.parts.turn.later(this);
  }

  /** Tells the core now, and not at the end of the run, how far the handlers have come. */
  flush(): void {
    this.#commits.flush();
  }

  /** Tries the failed handlers of the current item again, and no others. */
  redeliver(): void {
    if (this.#state.name !== 'failed') return;
    const { tried } = this.#state;
    const failures = this.#state.failures.filter(({ listener }) => !listener.isGone);
    if (failures.length > 0) {
      this.#state = WORKING;
      this.#settle(this.#recipients.giveAgain(failures), tried);
    } else if (tried.isServed) this.#finish(tried.ending);
    // Nobody has had it: it goes to the next handler, such as that of a component mounted again.
    else this.#state = { name: 'ready', tried };
    this.resume();
  }

  /** Passes over the item whose handlers failed. Nothing stands in for a snapshot: it is tried again. */
  skip(): void {
    if (this.#state.name !== 'failed' || this.#backlog.item?.type === 'snapshot') return;
    this.#finish('skipped');
    this.#commits.flush();
    // Not in this call: an error handler that skips item after item would go one deeper with each.
    this.host.parts.turn.later(this);
  }

  /** Final. A handler at work is not waited for, and not interrupted. */
  close(): void {
    const { item } = this.#backlog;
    this.#state = { name: 'closed', item: item?.type === 'snapshot' ? undefined : item };
    this.#backlog.clear();
    this.#recipients.close();
    this.#commits.close();
    this.host.parts.turn.cancel(this);
  }

  /** Goes on in this task. */
  resume(): void {
    while (
      this.#state.name === 'ready' &&
      !this.#backlog.isEmpty &&
      this.host.has('message') &&
      !this.#commits.isFull
    ) {
      // The current item is handed over even when the turn is over.
      if (this.#backlog.hasMore && this.host.parts.turn.isOver()) {
        this.#commits.flush();
        return this.host.parts.turn.later(this);
      }
      this.#deliver(this.#state.tried);
    }
    this.#commits.flush();
    if (this.isEmpty) this.host.tell('drained', undefined);
  }

  #deliver(tried: Tried): void {
    const { item } = this.#backlog;
    if (item === undefined) return;
    if (item.type === 'position') return this.#finish('handled');
    this.#state = WORKING;
    this.#settle(this.#recipients.give(item), tried);
  }

  #settle(outcome: Outcome, tried: Tried): void {
    if (!isThenable(outcome)) return this.#settled(outcome ?? [], tried);
    this.#commits.flush();
    this.#input({ type: 'handling', channel: this.host.name });
    void outcome.then((failures) => {
      this.#settled(failures, tried);
      this.resume();
    });
  }

  /** @param before what the tries before this one came to */
  #settled(failures: readonly Failure[], before: Tried): void {
    // The result no longer matters, an error does.
    if (this.#state.name === 'closed')
      return this.#recipients.report(failures.filter(isReal), this.#state.item);
    if (failures.length === 0) return this.#finish(before.ending);
    const begun = failures.filter(({ error }) => error !== DECLINED);
    const isServed = failures.length < this.#recipients.calls;
    if (!isServed && begun.length === 0) {
      this.#state = { name: 'ready', tried: before };
      return this.#input({ type: 'handled', channel: this.host.name, count: 0 });
    }
    const real = begun.filter(isReal);
    const ending = real.length < begun.length ? 'abandoned' : before.ending;
    const tried = { isServed: isServed || before.isServed, ending };
    if (real.length > 0) this.#failed(real, tried);
    else this.#finish(ending);
  }

  #failed(failures: readonly Failure[], tried: Tried): void {
    const { name: channel, options } = this.host;
    const { item } = this.#backlog;
    const kind = item?.type === 'snapshot' ? 'snapshot' : 'handler';
    const again = kind === 'snapshot' || options.onHandlerError === 'retry';
    // The state is set before the errors are reported: a listener may call retry, skip or close.
    if (again) {
      this.#commits.flush();
      this.#state = { name: 'failed', failures, tried };
      this.#input({ type: 'handlerFailed', channel, kind });
    } else this.#finish(tried.ending);
    this.#recipients.report(failures, item);
  }

  #finish(ending: Ending): void {
    this.#state = READY;
    const { item, tok } = this.#backlog;
    if (item === undefined) return;
    this.#backlog.shift();
    if (item.type !== 'snapshot') return this.#commits.finished(markOf(item, tok), ending);
    this.#input({
      type: 'snapshotTaken',
      channel: this.host.name,
      position: this.#recipients.taken,
    });
  }

  #input(input: Input): void {
    this.host.parts.driver.input(input);
  }
}

/** The place before the first item, where it has one. */
function placeBefore({ items: [item], tok }: Batch): Position | undefined {
  if (item?.type === 'gap') return { epoch: item.gap.epoch, seq: item.gap.from - 1 };
  if (item?.type !== 'message' || tok === undefined) return undefined;
  return { epoch: item.epoch, seq: item.seq - 1 };
}
