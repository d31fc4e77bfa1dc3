/**
 * Follows one unbroken numbering: accepts what is next, holds what is early, asks the log for what is
 * missing. A new place in the log, or in another one, is a new follower with an empty buffer.
 */
import type { Consumer } from './consumer.js';
import type { Context } from './context.js';
import type { MessageFrame, Page } from './frames.js';
import { GapDetector, type Arrival } from './gap-detector.js';
import type { Handout } from './handout.js';
import type { Join } from './join.js';
import { coveredTo, walkPage } from './page-walk.js';
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
  /** The log must be asked although the numbers fit: another epoch was seen, or a head behind ours. */
  #suspicion = false;
  /** Where we were at the last heartbeat. */
  #beat = 0;

  constructor(
    private readonly parts: FollowerParts,
    { epoch, seq, tok }: StoredPosition,
    detector: GapDetector = new GapDetector(seq),
  ) {
    detector.skipTo(seq);
    this.epoch = epoch;
    this.tok = tok;
    this.detector = detector;
  }

  /** A live message of our epoch. */
  arrive(frame: MessageFrame, seq: number): void {
    const { detector } = this;
    const { channel, ctx, recovery } = this.parts;
    switch (detector.order(seq)) {
      case 'next':
        if (this.#accept(frame, seq, false)) this.drain();
        break;
      case 'duplicate':
        ctx.counters.duplicates += 1;
        ctx.notice({ event: 'duplicate', channel, seq });
        return;
      case 'early':
        if (!detector.hold(seq, frame, ctx.settings.maxHeld)) ctx.counters.overflows += 1;
        else ctx.notice({ event: 'held', channel, seq });
    }
    if (detector.behind || !recovery.isIdle) this.pursue(this.#settleMs());
  }

  /** Hands on what is held and has come next. */
  drain(): void {
    const { detector } = this;
    for (let next = detector.takeNext(); next !== undefined; next = detector.takeNext()) {
      if (!this.#accept(next, detector.last + 1, false)) return;
    }
  }

  /** A heartbeat's head. One behind the messages already here is a benign race, unless it went back. */
  beat(head: number): void {
    const wentBack = head < this.#beat;
    this.#beat = this.detector.last;
    if (wentBack) this.suspect();
    else this.heard(head);
  }

  /** The log is known to reach this far: a reason to ask, never a position. */
  heard(head: number, inMs: number = this.#settleMs()): void {
    if (head <= this.detector.want && inMs > 0) return;
    this.detector.hint(head);
    this.pursue(inMs);
  }

  /** Something does not fit. Only the log can say what, so it is asked. */
  suspect(inMs: number = this.#settleMs()): void {
    this.#suspicion = true;
    this.pursue(inMs);
  }

  /** The log has been asked, or the suspicion is void. */
  trust(): void {
    this.#suspicion = false;
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
    const end = walkPage(page, detector, (message) => this.#accept(message, message.seq, true));
    this.drain();
    detector.hint(page.head);
    // What live frames brought meanwhile is progress too: the page only covers old ground.
    const progress = detector.last > before || (end.name === 'through' && coveredTo(page) > since);
    if (progress || end.name === 'full' || !detector.behind) {
      recovery.succeeded();
      this.pursue(0);
    } else if (end.name === 'hole') {
      if (recovery.unconfirmed('hole'))
        return Math.min(end.to, (detector.firstHeld ?? Infinity) - 1);
    } else if (page.head > detector.last) {
      // `more` for ever, with nothing new in it.
      recovery.failed();
    } else if (recovery.unconfirmed('nothing')) {
      detector.dropHint();
      this.pursue(0);
    }
    return undefined;
  }

  /** Sees to it that a known difference has work pending, and that none is pending without one. */
  pursue(inMs: number): void {
    const { consumer, ctx, join, recovery } = this.parts;
    if (!join.isIn) return;
    if (!this.#suspicion && !this.detector.behind) {
      if (recovery.callOff()) ctx.counters.reordersHealed += 1;
    } else if (!consumer.hasRoom) {
      if (recovery.canPark) recovery.park();
    } else if (inMs === 0) recovery.now();
    else recovery.soon(inMs);
  }

  /** Hands a message on. When there is no room only its number is kept: the log is the buffer. */
  #accept(arrival: Arrival, seq: number, recovered: boolean): boolean {
    const { handout, recovery } = this.parts;
    if (handout.message(this.epoch, arrival, seq, recovered)) {
      this.detector.accept(seq);
      return true;
    }
    this.detector.hint(seq);
    if (recovery.canPark) recovery.park();
    return false;
  }

  /** The reorder window, and chance: a lost message hits every subscriber at the same moment. */
  #settleMs(): number {
    const { random, settings } = this.parts.ctx;
    return settings.reorderWindowMs * (1 + random.next());
  }
}
