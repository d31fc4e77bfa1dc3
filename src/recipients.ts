/**
 * Those whom a channel's items are for: the handlers of messages and gaps, with the app's schema before
 * them, and its snapshot function. Calls them, and reports what they throw; when is not decided here.
 */
import type { CommitLog } from './commit-log.js';
import { isPosition, type Position } from './core/position.js';
import type { Gap, Item, Message, SnapshotReason } from './core/vocabulary.js';
import { badOption, LastseqError } from './errors.js';
import type { Listeners } from './listeners.js';
import type { ResolvedChannelOptions } from './options.js';
import { both, DECLINED, isThenable, type Failure, type Outcome } from './outcome.js';
import { fit } from './schema.js';

/** A gap or message that the app commits itself, with `commit: 'manual'`. */
export interface Committable {
  /** Says that the app has finished with it. The unbroken run of committed items is stored. */
  commit(): void;
}

/** What handlers of a channel are called with; `drained` when everything queued is finished. */
export type DeliveryEvents = { message: Message; gap: Gap; drained: undefined };

/** The channel whose recipients they are. */
export interface RecipientsHost extends Pick<Listeners<DeliveryEvents>, 'calls' | 'give' | 'has'> {
  readonly name: string;
  readonly options: ResolvedChannelOptions;
  readonly parts: { readonly report: (error: LastseqError) => void };
}

/** The outcome of an item that no handler has taken: it stays the current one. */
const NOT_TAKEN: readonly Failure[] = [
  { error: DECLINED, listener: { isGone: true }, again: () => undefined },
];

export class Recipients {
  /** How many handlers were given the item in the last try. */
  calls = 0;
  /** The position that the last snapshot returned. */
  taken: Position | undefined;
  /** Made with the first snapshot: it takes more memory than all else of an idle channel. */
  #abort: AbortController | undefined;

  constructor(
    private readonly host: RecipientsHost,
    private readonly commits: CommitLog,
    /** Is the queue still there? Handlers outlive it. */
    private readonly isOpen: () => boolean,
  ) {}

  give(item: Exclude<Item, { type: 'position' }>): Outcome {
    this.calls = 0;
    if (item.type === 'message') return this.#message(item);
    if (item.type === 'gap') return this.#gap(item.gap);
    return this.#snapshot(item.reason, item.position);
  }

  /** Calls those again who failed, and no others; nor those whom one of them removes before their turn. */
  giveAgain(failures: readonly Failure[]): Outcome {
    this.calls = 0;
    let outcome: Outcome;
    for (const { again, listener } of failures) {
      if (listener.isGone) continue;
      this.calls += 1;
      outcome = both(outcome, again());
    }
    return outcome;
  }

  /** @param item nothing is said of one that is not there. */
  report(failures: readonly Failure[], item: Item | undefined): void {
    if (item === undefined) return;
    const { name: channel, parts } = this.host;
    const seq = item.type === 'message' ? item.seq : undefined;
    const details = { channel, event: item.type, seq };
    for (const { error: cause } of failures) {
      parts.report(
        item.type === 'snapshot'
          ? new LastseqError('snapshot_failed', { channel }, { cause })
          : new LastseqError('handler_failed', details, { cause }),
      );
    }
  }

  /** A snapshot is told to stop; handlers are not interrupted. */
  close(): void {
    this.#abort?.abort();
  }

  #message(message: Message): Outcome {
    const { host } = this;
    const { schema } = host.options;
    if (schema === undefined) return this.#give('message', message);
    // A message that does not fit the schema is reported and passed over: trying again would not help.
    const unfit = (error: unknown): readonly Failure[] => {
      host.parts.report(error as LastseqError);
      return [];
    };
    try {
      const checked = fit(schema, message);
      if (!isThenable(checked)) return this.#give('message', checked);
      return checked.then(async (fits) => {
        // Meanwhile the handlers may have been removed, or the channel left.
        const isWanted = this.isOpen() && host.has('message');
        return isWanted ? ((await this.#give('message', fits)) ?? []) : NOT_TAKEN;
      }, unfit);
    } catch (error) {
      return unfit(error);
    }
  }

  #gap(gap: Gap): Outcome {
    if (this.host.has('gap')) return this.#give('gap', gap);
    const { channel, from, reason, to } = gap;
    this.host.parts.report(new LastseqError('gap_unhandled', { channel, from, to, reason }));
    return undefined;
  }

  #give<Type extends 'message' | 'gap'>(type: Type, item: DeliveryEvents[Type]): Outcome {
    const { commits } = this;
    const given = commits.manual ? { ...item, commit: commits.committer() } : item;
    const outcome = this.host.give(type, given);
    this.calls = this.host.calls;
    return outcome;
  }

  async #snapshot(reason: SnapshotReason, position: Position): Promise<readonly Failure[]> {
    const { signal } = (this.#abort ??= new AbortController());
    this.taken = undefined;
    try {
      const result: unknown = await this.host.options.snapshot?.({ reason, position, signal });
      if (result !== undefined && !isPosition(result)) {
        throw badOption('snapshot result', result, 'a Position or nothing');
      }
      this.taken = result;
      return [];
    } catch (error) {
      return [
        { error, again: () => this.#snapshot(reason, position), listener: { isGone: false } },
      ];
    }
  }
}
