/**
 * For a server without epochs: is the log that answers still the one that we read? Every question
 * overlaps what we have by one message, and the answer should show it under the same id.
 */
import type { Page } from './frames.js';
import { LogMemory, shownIn, type Anchor, type Shown } from './log-memory.js';
import { coveredTo, isCut } from './page-walk.js';

interface Question {
  readonly since: number;
  /** What the answer should show. */
  readonly anchor?: Anchor | undefined;
  /** What we stood on when we asked: in the answer it bears the id that it had. */
  readonly had?: Anchor | undefined;
  readonly low?: number | undefined;
  /** The greatest number that we had of the log when we asked. */
  readonly highest: number;
}

/** Makes the overlap of a channel that is read from `seq` on. */
export type OverlapFactory = (seq: number, isOrdered: boolean) => Overlap;

/** For a dialect's `overlap`, where the server has no epochs and the frames carry `NO_EPOCH`. */
export const overlap: OverlapFactory = (seq, isOrdered) => new Overlap(seq, isOrdered);

/** What an answer says of the log that gave it. */
export interface Reading {
  /**
   * Of our log: `ours`, with `oldest` and `head` as far as they can be believed; `behind`: it ends at or
   * below where we are, and may have begun anew, which is believed when enough answers agree; `another`:
   * it has another message under a number of ours.
   */
  readonly says: 'ours' | 'behind' | 'another';
  readonly page: Page;
}

export class Overlap {
  /** What was accepted, live or out of pages, is told to it. */
  readonly memory: LogMemory;
  /** A number that may be one of a log that began anew: asked for, to see how far that log reaches. */
  #low: number | undefined;
  #question: Question = { since: 0, highest: 0 };
  /**
   * What the last answer left to be asked. `short`: it ended below what the log had given us before it, or where we are.
   * `one`: it had room for what we have and for nothing else, and the next question goes on behind it.
   */
  #left: 'nothing' | 'short' | 'one' = 'nothing';
  /** No live message has come yet on this connection. */
  #isFresh = true;

  /** @param seq where reading begins. @param isOrdered see `GapDetector`. */
  constructor(seq: number, isOrdered: boolean) {
    this.memory = new LogMemory(seq, isOrdered);
  }

  /** Did the last answer leave something to be asked? */
  get isOpen(): boolean {
    return this.#low !== undefined || this.#left !== 'nothing';
  }

  /** Did the last answer show what we have, and no more, although there is more? */
  get hadRoomForOne(): boolean {
    return this.#left === 'one';
  }

  /** A new connection: the server may have started anew meanwhile. @param last where we are. */
  joined(last: number): void {
    this.#isFresh = true;
    this.#left = 'nothing';
    this.memory.expect(last);
  }

  /**
   * A live message came. A counter that began anew shows first in a number that we are past: taken for
   * a duplicate, it and all that follow would be dropped without a word.
   * @returns true when the log should be asked.
   */
  hears(seq: number, last: number): boolean {
    const isFirst = this.#isFresh;
    this.#isFresh = false;
    const isOdd = seq <= last && (isFirst || this.memory.isEmpty);
    if (isOdd) this.#low = Math.min(seq, this.#low ?? seq);
    return isOdd;
  }

  /** Notes the next question. @param last where we are. @returns its `since`, exclusive. */
  since(last: number): number {
    const { anchor: had, highest, isEmpty } = this.memory;
    const anchor = this.hadRoomForOne || isEmpty ? undefined : had;
    // A log that was empty is asked from its start: what it holds is new, or its counter began anew.
    const low = this.#low ?? (isEmpty ? 1 : undefined);
    const from = low ?? Math.min(last + 1, anchor?.seq ?? last + 1);
    const since = Math.max(0, from - 1);
    this.#question = { since, anchor, had, low, highest: Math.max(highest, last) };
    return since;
  }

  /**
   * Reads an answer.
   * @param last where we were when we asked.
   */
  read(page: Page, last: number): Reading {
    const { had, highest, low, since } = this.#question;
    const { head, more } = page;
    const messages = shownIn(page);
    this.#left = 'nothing';
    if (messages.some(({ id, seq }) => differ(id, this.memory.idOf(seq, had)))) {
      return { says: 'another', page };
    }
    // Does the page say where the log ends? Or it was cut without a word: then the next one goes on from here.
    const isEnd = !more || (low !== undefined && !isCut(page));
    if (head < highest && messages.length > 0 && isEnd) this.#left = 'short';
    if (head < since || (this.#left === 'short' && head <= last)) return { says: 'behind', page };
    return { says: 'ours', page: this.#judge(page, last, messages) };
  }

  /** What a page that goes on from here proves: `oldest` and `head` as far as they can be believed. */
  #judge(page: Page, last: number, messages: readonly Shown[]): Page {
    const { anchor, low, since } = this.#question;
    const { head, more } = page;
    const shown = anchor && messages.find(({ seq }) => seq >= anchor.seq);
    if (low !== undefined && isCut(page) && low <= head && head < last) {
      // How far that log reaches is known at its end.
      this.#low = head + 1;
      return { ...page, head: last };
    }
    // What was heard since the question is still to be asked for.
    if (this.#low === low) this.#low = undefined;
    // It reaches as far as we do: what it shows there says whether it is ours, and nothing before that.
    if (messages.length > 0) {
      this.memory.expect(last);
      if (coveredTo(page) < last) this.#left = 'short';
    }
    // Nothing below us proves anything of what comes: as if the log ended where we are.
    const seen = head < last ? { ...page, head: last } : page;
    if (shown !== undefined) {
      const { prev = shown.seq - 1, seq } = shown;
      if (seq !== anchor?.seq) {
        // What is there before it shows that the log reaches back: what we have was taken out of its middle.
        const isCutOff = messages[0]?.seq === seq;
        return isCutOff ? { ...page, oldest: Math.max(page.oldest, prev + 1) } : page;
      }
      if (!more || messages.at(-1)?.seq !== seq) return page;
      this.#left = 'one';
      // A head that the server names is a head; one that is made of the page says nothing of what comes.
      return isCut(page) ? seen : page;
    }
    if (messages.length === 0 && (anchor ?? low) !== undefined) {
      // The log has lost what it should have shown, to age, or because it began anew.
      this.memory.isEmpty = true;
      if (since > 0) this.#low = 1;
    }
    return seen;
  }
}

const differ = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a !== b;
