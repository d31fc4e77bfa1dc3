/** What the log has answered one reading: the last page, and whether the answers say that it began anew. */
import type { Page } from '../../src/core/frames.js';
import { isCut } from '../../src/core/page-walk.js';
import type { Position } from '../../src/core/position.js';
import type { EpochLog } from './truth.js';
import type { World } from './world.js';

/** Answers that must agree before a rewind is believed. */
const AGREEING = 3;

export class Answers {
  /** The last answer. */
  page: Page | undefined;
  /** What was asked for. */
  since: Position | undefined;
  #call = 0;
  #askedAt = 0;
  #stoodAt: Position | undefined;
  /** The greatest number that had come live above the position when the log was asked. */
  #highest = 0;
  /** The ids of what the app was given, for a server without epochs. */
  readonly #uids = new Map<number, number>();
  #showsAnother = false;
  #behind = 0;

  constructor(private readonly world: World) {}

  /** @param highest the greatest number that came live above the position; 0 for none. */
  asked(id: number, since: Position, stoodAt: Position | undefined, highest: number): void {
    this.#call = id;
    this.#askedAt = this.world.agenda.now;
    this.since = since;
    this.#stoodAt = stoodAt;
    this.#highest = highest;
  }

  /** The question was given up: its answer is none. */
  gaveUp(id: number = this.#call): void {
    if (this.#call === id) this.#call = 0;
  }

  /** Over the socket nothing else shows that a call took too long. */
  ticked(): void {
    const { agenda, plan } = this.world;
    if (this.#askedAt + plan.settings.recoverTimeoutMs <= agenda.now) this.gaveUp();
  }

  /**
   * @param call the call that it answers: only the last one counts.
   * @param last the last number that the app was given.
   * @returns false for an answer that nobody waits for.
   */
  heard(call: number, page: Page, last: number | undefined): boolean {
    if (call !== this.#call) return false;
    this.page = page;
    this.#showsAnother = this.#compare(page, last);
    // A question without epochs overlaps what we have.
    const since = this.world.plan.numbers.epochs ? this.since : this.#stoodAt;
    const isBehind = since?.epoch === page.epoch && page.head < since.seq;
    this.#behind = isBehind || this.#endsBelow(page) ? this.#behind + 1 : 0;
    return true;
  }

  /** Do the answers say that the log began anew? */
  get sayRewind(): boolean {
    return this.#behind >= AGREEING || this.#showsAnother;
  }

  /**
   * May reading go on at `next`, in the log that the last answer is of?
   * @param known the last number that was had of it, where it was read before.
   */
  goOnAt(next: Position, known: number | undefined, log: EpochLog): boolean {
    if (this.page === undefined || next.epoch !== this.page.epoch) return false;
    const start = this.page.oldest - 1;
    // Without facts the log begins where it shows its first message.
    const first = this.world.plan.numbers.epochs ? undefined : this.page.messages[0]?.seq;
    return [log.afterVoid(known ?? start, next.seq), start, (first ?? 0) - 1].includes(next.seq);
  }

  /** The app was given a message. */
  had(seq: number, uid: number): void {
    if (!this.world.plan.numbers.epochs) this.#uids.set(seq, uid);
  }

  /** Numbers are used again. */
  forget(): void {
    this.#uids.clear();
  }

  /**
   * Does the log end where we stand, without what came live above it? A counter that began anew looks
   * like that, and so does an old answer out of a cache: told apart by nothing that the client has.
   */
  #endsBelow(page: Page): boolean {
    const { head, messages } = page;
    // The head of a cut page is where it was cut.
    if (this.world.plan.numbers.epochs || messages.length === 0 || isCut(page)) return false;
    return head === this.#stoodAt?.seq && head < this.#highest;
  }

  /** Does it have another message under a number that is known? */
  #compare({ messages }: Page, last = Infinity): boolean {
    if (this.world.plan.numbers.epochs) return false;
    const known = this.#uids;
    const isAnother = messages.some(({ data, seq }) => (known.get(seq) ?? data) !== data);
    for (const { data, seq } of messages)
      if (seq <= last && !known.has(seq)) known.set(seq, data as number);
    return isAnother;
  }
}
