/**
 * One channel's queue to the app: one item at a time, awaited, in order. Isolates handlers from each
 * other, reports what they throw, and says how far they have come.
 */
import { isPosition, type Position, type PositionWrite } from './core/position.js';
import type { Gap, Input, Item, Message, SnapshotReason } from './core/vocabulary.js';
import { ABANDONED, Emitter, isThenable, type Failure, type Outcome } from './emitter.js';
import { LastseqError, seqOf } from './errors.js';
import type { Turn } from './turn.js';
import { CommitLog } from './commit-log.js';

/** A gap or message that the app commits itself, with `commit: 'manual'`. */
export interface Committable {
  /** Says that the app has finished with it. The unbroken run of committed items is stored. */
  commit(): void;
}

/** What handlers of a channel are called with. */
export type DeliveryEvents = { message: Message; gap: Gap };

/** The app's state, loaded anew; see `ChannelOptions.snapshot`. */
export type SnapshotHook = (request: {
  readonly reason: SnapshotReason;
  readonly position: Position;
  readonly signal: AbortSignal;
}) => unknown;

export interface DeliveryParts {
  readonly channel: string;
  readonly turn: Turn;
  readonly onHandlerError: 'skip' | 'retry';
  readonly manual: boolean;
  readonly snapshot: SnapshotHook | undefined;
  /** Checks a message's data; throws or rejects when it does not fit. */
  readonly check: ((message: Message) => Message | Promise<Message>) | undefined;
  readonly input: (input: Input) => void;
  readonly report: (error: LastseqError) => void;
  /** Everything queued is finished. */
  readonly drained: () => void;
}

interface Batch {
  readonly items: readonly Item[];
  readonly tok: string;
}

type State =
  | { readonly name: 'ready' }
  /** Handlers or a snapshot have an item and have not settled. */
  | { readonly name: 'working' }
  /** They failed; the core says when to try again. */
  | { readonly name: 'failed'; readonly failures: readonly Failure[] }
  | { readonly name: 'closed' };

export class Delivery {
  readonly handlers: Emitter<DeliveryEvents> = new Emitter();
  readonly #abort: AbortController = new AbortController();
  readonly #commits: CommitLog;
  #batches: Batch[] = [];
  /** Where the first batch has got to. */
  #next = 0;
  #state: State = { name: 'ready' };
  /** What the snapshot that just settled returned. */
  #taken: Position | undefined;

  constructor(private readonly parts: DeliveryParts) {
    this.#commits = new CommitLog(parts.manual, (count, mark) => {
      parts.input({ type: 'handled', channel: parts.channel, count, ...(mark ? { mark } : {}) });
    });
  }

  /** The position up to which the handlers have finished, in order. */
  get position(): Position | undefined {
    return this.#commits.position;
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  push(batch: Batch): void {
    this.#batches.push(batch);
    this.#pump();
  }

  /** A handler was added, or a turn has come: goes on in this task. */
  resume(): void {
    this.#pump();
  }

  /** Goes on in a later task. */
  wake(): void {
    if (!this.isEmpty) this.parts.turn.later(this);
  }

  /** Tries the failed handlers of the current item again, and no others. */
  redeliver(): void {
    if (this.#state.name !== 'failed') return;
    const { failures } = this.#state;
    this.#state = { name: 'ready' };
    this.#settle(together(failures.map((failure) => failure.again())));
    this.#pump();
  }

  /** Passes over the item whose handlers failed. */
  skip(): void {
    if (this.#state.name !== 'failed') return;
    this.#state = { name: 'ready' };
    this.#finish(true);
    this.#pump();
  }

  /** Final. A handler at work is not waited for, and not interrupted. */
  close(): void {
    this.#state = { name: 'closed' };
    this.#batches = [];
    this.#abort.abort();
    this.#commits.close();
    this.parts.turn.cancel(this);
    this.handlers.clear();
  }

  #pump(): void {
    while (
      this.#state.name === 'ready' &&
      this.#batches.length > 0 &&
      this.handlers.count('message') > 0
    ) {
      if (this.#backlog > 1 && this.parts.turn.isOver()) {
        this.#commits.flush();
        return this.parts.turn.later(this);
      }
      this.#deliver();
    }
    this.#commits.flush();
    if (this.isEmpty) this.parts.drained();
  }

  get #backlog(): number {
    return (this.#batches[0]?.items.length ?? 0) - this.#next;
  }

  get #item(): Item | undefined {
    return this.#batches[0]?.items[this.#next];
  }

  #deliver(): void {
    const item = this.#item;
    if (item === undefined) return;
    if (item.type === 'message') this.#settle(this.#message(item));
    else if (item.type === 'gap') this.#settle(this.#gap(item.gap));
    else this.#settle(this.#snapshot(item.reason, item.position));
  }

  #message(message: Message): Outcome {
    const { check } = this.parts;
    if (check === undefined) return this.#emit('message', message);
    try {
      const checked = check(message);
      if (!isThenable(checked)) return this.#emit('message', checked);
      return checked.then(
        async (fits) => (await this.#emit('message', fits)) ?? [],
        (error: unknown) => {
          this.#unfit(error);
          return [];
        },
      );
    } catch (error) {
      this.#unfit(error);
      return undefined;
    }
  }

  #gap(gap: Gap): Outcome {
    if (this.handlers.count('gap') > 0) return this.#emit('gap', gap);
    const { channel, from, reason, to } = gap;
    this.parts.report(new LastseqError('gap_unhandled', { channel, from, to, reason }));
    return undefined;
  }

  #emit<Type extends keyof DeliveryEvents>(type: Type, item: DeliveryEvents[Type]): Outcome {
    if (!this.parts.manual) return this.handlers.emit(type, item);
    return this.handlers.emit(type, { ...item, commit: this.#commits.committer() });
  }

  /** A message that does not fit the schema is reported and passed over: trying again would not help. */
  #unfit(error: unknown): void {
    this.parts.report(error as LastseqError);
  }

  #snapshot(reason: SnapshotReason, position: Position): Outcome {
    const { snapshot } = this.parts;
    const { signal } = this.#abort;
    const failed = (error: unknown): readonly Failure[] => [
      { error, again: () => this.#snapshot(reason, position) },
    ];
    this.#taken = undefined;
    return Promise.resolve()
      .then(() => snapshot?.({ reason, position, signal }))
      .then((result) => {
        if (result !== undefined && !isPosition(result)) {
          const expected = 'a Position or nothing';
          throw new LastseqError('bad_option', {
            option: 'snapshot result',
            value: result,
            expected,
          });
        }
        this.#taken = result;
        return [];
      })
      .catch(failed);
  }

  #settle(outcome: Outcome): void {
    if (outcome === undefined) return this.#finish(true);
    if (!isThenable(outcome))
      return outcome.length > 0 ? this.#failed(outcome) : this.#finish(true);
    this.#state = { name: 'working' };
    this.#commits.flush();
    this.parts.input({ type: 'handling', channel: this.parts.channel });
    void outcome.then((failures) => {
      if (this.#state.name !== 'working') return;
      this.#state = { name: 'ready' };
      if (failures.length > 0) this.#failed(failures);
      else this.#finish(true);
      this.#pump();
    });
  }

  #failed(failures: readonly Failure[]): void {
    const { channel, input, onHandlerError, report } = this.parts;
    const item = this.#item;
    if (item === undefined) return;
    const real = failures.filter(({ error }) => error !== ABANDONED);
    const code = item.type === 'snapshot' ? 'snapshot_failed' : 'handler_failed';
    for (const { error } of real) {
      const details =
        code === 'snapshot_failed' ? { channel } : { channel, event: item.type, ...seqOf(item) };
      report(new LastseqError(code, details, { cause: error }));
    }
    if (real.length === 0) return this.#finish(false);
    if (item.type !== 'snapshot' && onHandlerError === 'skip') return this.#finish(true);
    this.#commits.flush();
    this.#state = { name: 'failed', failures: real };
    input({
      type: 'handlerFailed',
      channel,
      kind: item.type === 'snapshot' ? 'snapshot' : 'handler',
    });
  }

  /** @param commit false when a handler let go of the item without finishing it. */
  #finish(commit: boolean): void {
    const item = this.#item;
    const batch = this.#batches[0];
    if (item === undefined || batch === undefined) return;
    this.#step();
    if (item.type === 'snapshot') {
      const position = this.#taken === undefined ? {} : { position: this.#taken };
      return this.parts.input({ type: 'snapshotTaken', channel: this.parts.channel, ...position });
    }
    this.#commits.finished(commit ? markOf(item, batch.tok) : undefined);
  }

  #step(): void {
    this.#next += 1;
    if (this.#backlog > 0) return;
    this.#batches.shift();
    this.#next = 0;
  }
}

/** What a finished item says about the position. */
function markOf(item: Message | Extract<Item, { type: 'gap' }>, tok: string): PositionWrite {
  if (item.type === 'gap') return item.after;
  const { channel, epoch, seq } = item;
  return { channel, mode: 'advance', position: { epoch, seq, tok } };
}

/** Several outcomes as one. */
function together(outcomes: readonly Outcome[]): Outcome {
  if (!outcomes.some(isThenable)) return outcomes.flatMap((o) => (o ?? []) as readonly Failure[]);
  const settled = outcomes.map((outcome) => Promise.resolve(outcome));
  return Promise.all(settled).then((all) => all.flatMap((failures) => failures ?? []));
}
