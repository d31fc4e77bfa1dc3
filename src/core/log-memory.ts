/**
 * What a channel remembers of a log without epochs: enough to see, in an answer, whether it is still
 * the log that we read. Knows no questions.
 */
import type { Page, PageMessage } from './frames.js';
import type { Arrival } from './gap-detector.js';

/** A message that the log had. The id is known where the server gives ids, and we had the message. */
export interface Anchor {
  readonly seq: number;
  readonly id: string | undefined;
}

export class LogMemory {
  /** What the next answer should show, unless the log held nothing when it was last asked. */
  anchor: Anchor | undefined;
  /** Did the log hold nothing of ours when it was last asked? */
  isEmpty = false;
  /** Where numbers only rise: the ids of what came live and no answer has shown yet. */
  readonly #live = new Map<number, string>();
  /** The greatest number that came. Where numbers only rise, it may be above what answers confirm. */
  highest: number;

  /** @param seq where reading begins. @param isOrdered see `GapDetector`. */
  constructor(
    seq: number,
    private readonly isOrdered: boolean,
  ) {
    this.expect(seq);
    this.highest = seq;
  }

  /** The id of a message that we had, as far as it is remembered. @param had what we once stood on. */
  idOf(seq: number, had: Anchor | undefined): string | undefined {
    const at = [this.anchor, had].find((one) => one?.seq === seq);
    return at?.id ?? this.#live.get(seq);
  }

  accepted({ id, seq }: Arrival): void {
    this.highest = Math.max(this.highest, seq);
    if (!this.isOrdered && id !== undefined) this.#live.set(seq, id);
    if (this.isOrdered || this.isEmpty || this.anchor === undefined) this.anchor = { seq, id };
    this.isEmpty = false;
  }

  /** A page was taken, up to `last`: its end is what the next one should show. */
  walked(page: Page, last: number): void {
    for (const seq of this.#live.keys()) if (seq <= last) this.#live.delete(seq);
    // The log was asked from its start: the page ends in what we have already.
    if (this.isEmpty) return;
    const end = shownIn(page)
      .filter(({ seq }) => seq <= last)
      .at(-1);
    if (end === undefined) return;
    const { id, seq } = end;
    const anchor = this.anchor ?? { seq: 0, id: undefined };
    // What we have under an id is not renamed: the page may be an old one out of a cache.
    if (seq > anchor.seq || (seq === anchor.seq && anchor.id === undefined))
      this.anchor = { seq, id };
  }

  /** From now on answers should show what we have, under the id that it had. */
  expect(last: number): void {
    if (last === 0 || (this.anchor !== undefined && !this.isEmpty)) return;
    this.isEmpty = false;
    if (this.anchor?.seq !== last) this.anchor = { seq: last, id: undefined };
  }
}

export type Shown = Pick<PageMessage, 'seq' | 'id' | 'prev'>;

/** What a page shows of the log, by number: also those of others, where all channels share one counter. */
export function shownIn({ messages, void: others = [] }: Page): readonly Shown[] {
  if (others.length === 0) return messages;
  return [...messages, ...others.map(([, seq]) => ({ seq }))].sort((a, b) => a.seq - b.seq);
}
