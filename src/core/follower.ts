/**
 * Follows one unbroken numbering: accepts what is next, holds what is early, asks the log for what is
 * missing. A new place in the log, or in another one, is a new follower with an empty buffer.
 */
import type { Consumer } from './consumer.js';
import type { Context } from './context.js';
import type { NumberedFrame, Page, RecoverRequest } from './frames.js';
import type { Arrival, GapDetector } from './gap-detector.js';
import type { Handout } from './handout.js';
import type { Join } from './join.js';
import type { Overlap } from './overlap.js';
import { coveredTo, isCut } from './page-walk.js';
import type { StoredPosition } from './position.js';
import type { Recovery } from './recovery.js';

/** The parts of a channel that a follower works with. */
export interface FollowerParts {
  readonly ctx: Context;
  readonly channel: string;
  readonly join: Join;
  readonly consumer: Consumer;
  readonly recovery: Recovery;
  readonly handout: Handout;
}

export class Follower {
  /** A follower is one of a channel's phases. */
  readonly name = 'following' as const;
  readonly epoch: string;
  /** Owner token of the stored position; renewed whenever the position is replaced. */
  readonly tok: string;
  readonly detector: GapDetector;
  /** Only for a server without epochs. */
  readonly overlap: Overlap | undefined;
  /** Our position at the last heartbeat: a later heartbeat with a smaller head shows a log that went back. */
  #beat = 0;
  /** The position that the last page brought us to, when more pages follow; -1 otherwise. */
  #walkedTo = -1;

  constructor(
    private readonly parts: FollowerParts,
    { epoch, seq, tok }: StoredPosition,
    detector: GapDetector = parts.ctx.track(seq),
  ) {
    detector.skipTo(seq);
    detector.doubt = 'none';
    this.epoch = epoch;
    this.tok = tok;
    this.detector = detector;
    this.overlap = parts.ctx.overlap?.(seq, detector.isOrdered);
  }

  /** The owner token for positions made of message numbers; undefined where such a number is no position. */
  get markTok(): string | undefined {
    return this.detector.isOrdered ? this.tok : undefined;
  }

  /**
   * The channel is joined on a new connection.
   * @returns true when no facts of the server can show that nothing is missing.
   */
  joined(): boolean {
    this.overlap?.joined(this.detector.last);
    return this.overlap !== undefined || !this.detector.isOrdered;
  }

  /** What to ask the log. */
  ask(id: number): RecoverRequest {
    const { channel, recovery } = this.parts;
    const { last } = this.detector;
    recovery.asked(id, last);
    return { channel, epoch: this.epoch, seq: this.overlap?.since(last) ?? last };
  }

  /** How many numbers are missing; 0 once the pages that bring them have begun to come. */
  get ahead(): number {
    const { last, want } = this.detector;
    return last === this.#walkedTo ? 0 : want - last;
  }

  /** A live message of our epoch. */
  arrive(frame: NumberedFrame): void {
    const { detector } = this;
    const { channel, ctx, recovery } = this.parts;
    const { prev, seq } = frame;
    if (this.overlap?.hears(seq, detector.last)) this.suspect();
    const order = detector.order(seq, prev);
    if (order === 'duplicate') {
      ctx.counters.duplicates += 1;
      ctx.notice({ event: 'duplicate', channel, seq });
      return;
    }
    if (order === 'next' && !this.#waits) {
      if (this.#accept(frame, false)) this.drain();
    } else if (!detector.hold(frame, ctx.settings.maxHeld)) ctx.counters.overflows += 1;
    else ctx.notice({ event: 'held', channel, seq });
    if (detector.behind || !recovery.isIdle) this.pursue(this.#settleMs());
  }

  /** Hands on what is held and has come next. */
  drain(): void {
    while (!this.#waits) {
      const next = this.detector.takeNext();
      if (next === undefined || !this.#accept(next, false)) return;
    }
  }

  /**
   * A heartbeat's head. One behind the messages already here is a benign race, unless it went back.
   * @param visible the last number up to it that this reader may see.
   */
  beat(head: number, visible: number = head): void {
    const { last } = this.detector;
    const wentBack = head < this.#beat;
    this.#beat = last;
    if (wentBack) this.suspect();
    else if (visible > last) this.heard(visible);
    else this.#passOver(head);
  }

  /** The log is known to reach this far: a reason to ask, never a position. */
  heard(head: number, inMs: number = this.#settleMs()): void {
    if (head <= this.detector.want && inMs > 0) return;
    this.detector.hint(head);
    this.pursue(inMs);
  }

  /** Something does not fit. Only the log can say what, so it is asked. */
  suspect(inMs: number = this.#settleMs()): void {
    this.detector.doubt = 'real';
    this.pursue(inMs);
  }

  /** The server sends no heads: it is time to ask the log. */
  poll(): void {
    if (this.detector.doubt === 'none') this.detector.doubt = 'routine';
    this.pursue(0);
  }

  /** Goes on without the log's word. */
  goOn(): void {
    const { detector } = this;
    detector.doubt = 'none';
    // Where numbers only rise, messages wait as long as a head is ahead; the next head makes us ask again.
    if (!detector.isOrdered) detector.dropHint();
    this.drain();
    this.pursue(0);
  }

  /** The log has answered: what was suspected is settled, unless an overlap question is still open. */
  trust(): void {
    this.detector.doubt = this.overlap?.isOpen ? 'real' : 'none';
  }

  /**
   * Takes a page that continues our numbers.
   * @param since the number that the question named.
   * @returns the end of a hole that enough answers agree on, if there is one.
   */
  walk(page: Page, since: number): number | undefined {
    const { detector } = this;
    const { recovery } = this.parts;
    const before = detector.last;
    let marked = before;
    const end = detector.walk(page, (message) => {
      if (!this.#accept(message, true)) return false;
      if (detector.isOrdered) marked = message.seq;
      return true;
    });
    // The position moved beyond the last message that says so: the store must be told separately.
    if (detector.last > marked) this.#mark();
    this.overlap?.memory.walked(page, detector.last);
    if (detector.last > before && isCut(page)) detector.doubt = 'real';
    detector.hint(page.head);
    this.drain();
    this.#walkedTo = detector.behind ? detector.last : -1;
    // Live messages may have overtaken the page, which then brings nothing new: that is progress too.
    const progress = detector.last > before || (end.name === 'through' && coveredTo(page) > since);
    if (this.overlap?.hadRoomForOne) {
      this.pursue(0);
    } else if (progress || end.name === 'full' || !detector.behind) {
      recovery.succeeded();
      this.pursue(0);
    } else if (end.name === 'hole') {
      if (recovery.unconfirmed('hole'))
        return Math.min(end.to, (detector.firstHeld ?? Infinity) - 1);
    } else if (page.head > detector.last) {
      // The page says that there is more, and brought nothing new. Asked at once, that would never end.
      recovery.failed();
    } else if (recovery.unconfirmed('nothing')) {
      detector.dropHint();
      this.drain();
      this.pursue(0);
    }
    return undefined;
  }

  /**
   * Brings the recovery in line with what is known: something is missing or in doubt, so the log is asked
   * in `inMs`; or nothing is, so a wait for that question is called off.
   */
  pursue(inMs: number): void {
    const { consumer, ctx, join, recovery } = this.parts;
    if (!join.isIn) return;
    if (this.detector.doubt === 'none' && !this.detector.behind) {
      if (recovery.callOff()) ctx.counters.reordersHealed += 1;
    } else if (!consumer.hasRoom) {
      recovery.park();
    } else if (inMs === 0) recovery.now();
    else recovery.soon(inMs);
  }

  /**
   * Must live messages wait for the log's word? Where numbers only rise, they do not say what is missing
   * before them; where there are no epochs, what fits may be of a log that began anew. Before the answer to
   * a join nothing is known of what was missed.
   */
  get #waits(): boolean {
    const { behind, doubt, isOrdered } = this.detector;
    if (isOrdered && this.overlap === undefined) return false;
    return doubt === 'real' || !this.parts.join.isIn || (behind && !isOrdered);
  }

  /** Hands a message on. Without room for it only its number is kept, and it is fetched again later. */
  #accept(arrival: Arrival, recovered: boolean): boolean {
    const { handout, recovery } = this.parts;
    if (handout.message(this.epoch, arrival, recovered)) {
      this.detector.accept(arrival.seq);
      this.overlap?.memory.accepted(arrival);
      return true;
    }
    this.detector.hint(arrival.seq);
    recovery.park();
    return false;
  }

  /**
   * Nothing up to `head` is for this reader: the one case in which a head moves the position. Otherwise
   * the log would drop the position of a reader that sees few messages as too old.
   */
  #passOver(head: number): void {
    const { consumer, recovery } = this.parts;
    const isPending = !recovery.isIdle || consumer.room === 0;
    if (isPending || head <= this.detector.last) return;
    this.detector.skipTo(head);
    this.#mark();
  }

  /** Queues our position: it is stored once everything queued before it is handled. */
  #mark(): void {
    const { epoch, tok } = this;
    this.parts.handout.position({ epoch, seq: this.detector.last, tok });
  }

  /** The reorder window with jitter: a lost message is missed by every subscriber at the same moment. */
  #settleMs(): number {
    const { chance, settings } = this.parts.ctx;
    return settings.reorderWindowMs * (1 + chance);
  }
}
