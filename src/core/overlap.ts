/**
 * For a server without epochs: is the log that answers still the one that we read? Every question
 * overlaps what we have by one message, and the answer should show it under the same id.
 */
import type { Page } from './frames.js';
import type { Arrival } from './gap-detector.js';
import { isCut } from './page-walk.js';

/** A message that the log had. The id is known where the server gives ids, and we had the message. */
interface Anchor {
  readonly seq: number;
  readonly id: string | undefined;
}

interface Question {
  readonly since: number;
  readonly anchor: Anchor | undefined;
  readonly low: number | undefined;
  /** The greatest number that we had of the log when we asked. */
  readonly highest: number;
}

/** Makes what is asked along from `seq` on. */
export type OverlapFactory = (seq: number, isOrdered: boolean) => Overlap;

export const overlap: OverlapFactory = (seq, isOrdered) => new Overlap(seq, isOrdered);

export class Overlap {
  /** What the next answer should show; undefined while the log is known to hold nothing of ours. */
  #anchor: Anchor | undefined;
  /** A number that may be one of a log that began anew: asked for, to see how far that log reaches. */
  #low: number | undefined;
  #question: Question = { since: 0, anchor: undefined, low: undefined, highest: 0 };
  /** The greatest number that came. Where numbers only rise, it may be above what answers confirm. */
  #highest: number;
  /** The last answer ended below what the log had given us before it. */
  #isShort = false;
  /** And at or below where we are: the log may have begun anew. */
  isBehind = false;
  /** The last answer had room for what we have and for nothing else: the next question goes on behind it. */
  hasRoomForOne = false;
  /** Nothing has come live on this connection that the log was asked about. */
  #isFresh = true;
  /** May the whole log be asked for, once a connection, when it shows nothing of ours? */
  #mayAskAll = true;

  /** @param seq where reading begins. @param isOrdered see `GapDetector`. */
  constructor(
    seq: number,
    private readonly isOrdered: boolean,
  ) {
    if (seq > 0) this.#anchor = { seq, id: undefined };
    this.#highest = seq;
  }

  /** Is there a question that the last answer was none to? */
  get isOpen(): boolean {
    return this.#low !== undefined || this.#isShort || this.hasRoomForOne;
  }

  /** A new connection: the server may have started anew meanwhile. @param last where we are. */
  joined(last: number): void {
    this.#isFresh = true;
    this.#mayAskAll = true;
    if (last > 0) this.#anchor ??= { seq: last, id: undefined };
  }

  /**
   * A live message came. A counter that began anew shows first in a number that we are past: taken for
   * a duplicate, it and all that follow would be dropped without a word.
   * @returns true when the log should be asked.
   */
  hears(seq: number, last: number): boolean {
    const isFirst = this.#isFresh;
    this.#isFresh = false;
    if (!isFirst || seq > last) return false;
    this.#low = seq;
    return true;
  }

  /** The server names a head behind us: what its log has there is asked for. */
  hearsHead(head: number, last: number): void {
    if (head < last) this.#low = Math.max(1, head);
  }

  accepted({ id, seq }: Arrival): void {
    this.#highest = Math.max(this.#highest, seq);
    if (this.isOrdered || this.#anchor === undefined) this.#anchor = { seq, id };
  }

  /** What to ask for, being at `last`: `since`, exclusive. */
  since(last: number): number {
    const anchor = this.hasRoomForOne ? undefined : this.#anchor;
    this.hasRoomForOne = false;
    const since = this.#low ?? Math.min(last + 1, anchor?.seq ?? last + 1);
    const highest = Math.max(this.#highest, last);
    this.#question = { since: Math.max(0, since - 1), anchor, low: this.#low, highest };
    return this.#question.since;
  }

  /**
   * Reads an answer.
   * @param last where we were when we asked.
   * @returns what it says of our log: `oldest` tells how far back it reaches. Undefined when it is the answer of another log.
   */
  read(page: Page, last: number): Page | undefined {
    const { anchor, highest, low, since } = this.#question;
    const { head, messages, more } = page;
    this.isBehind = this.#isShort = false;
    const shown = anchor && messages.find(({ seq }) => seq >= anchor.seq);
    if (shown !== undefined && shown.seq === anchor?.seq && differ(shown.id, anchor.id)) {
      return undefined;
    }
    // Or it was cut without a word: then the next one goes on from here.
    this.#isShort = head < highest && messages.length > 0 && !more;
    this.isBehind = head < since || (this.#isShort && head <= last);
    // Asked again in the same way until enough answers agree.
    if (this.isBehind) return page;
    if (low !== undefined && isCut(page) && low <= head && head < last) {
      // How far that log reaches is known at its end.
      this.#low = head + 1;
      return { ...page, head: last };
    }
    // What was heard since the question is still to be asked for.
    if (this.#low === low) this.#low = undefined;
    // A replica that lags knows nothing of what came live: the next live message is looked at again.
    if (low !== undefined && messages.length === 0) this.#isFresh = true;
    if (shown !== undefined) {
      const { prev = shown.seq - 1, seq } = shown;
      this.hasRoomForOne = more && seq === anchor?.seq && messages.at(-1) === shown;
      return seq === anchor?.seq ? page : { ...page, oldest: Math.max(page.oldest, prev + 1) };
    }
    if (anchor !== undefined && messages.length === 0) this.#isGone(since);
    // Nothing of it proves anything: as if the log ended where we are.
    return head < last ? { ...page, head: last } : page;
  }

  /** A page was taken, up to `last`: its end is what the next one should show. */
  walked(page: Page, last: number): void {
    for (let i = page.messages.length - 1; i >= 0; i -= 1) {
      const message = page.messages[i];
      if (message === undefined || message.seq > last) continue;
      const { id, seq } = message;
      if (seq >= (this.#anchor?.seq ?? 0)) this.#anchor = { seq, id };
      return;
    }
  }

  /** The log has lost what it should have shown, to age, or because it began anew. */
  #isGone(since: number): void {
    this.#anchor = undefined;
    if (this.#mayAskAll && since > 0) this.#low = 1;
    this.#mayAskAll = false;
  }
}

const differ = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a !== b;
