/**
 * Reads one channel's log in order: follows the numbers, asks the log when they do not fit, hands on
 * what is next, and names what is lost.
 *
 *     loading -> starting -> following <-> resetting
 *     any -> failed | closed
 *
 * Live frames only raise suspicion; only an answer of the log settles anything. Every event ends in
 * `pursue`: a known difference always has work pending.
 */
import type { Following, Loss, Phase } from './channel-state.js';
import type { Consumer } from './consumer.js';
import type { Context } from './context.js';
import type { Facts, MessageFrame, Page } from './frames.js';
import { GapDetector, type Arrival } from './gap-detector.js';
import type { Handout } from './handout.js';
import type { Join } from './join.js';
import { continuity, coveredTo, startPosition, walkPage } from './page-walk.js';
import type { Position, StoredPosition } from './position.js';
import type { PositionLedger } from './position-ledger.js';
import type { Recovery } from './recovery.js';
import type { ChannelIntent, Gap, SnapshotReason } from './vocabulary.js';

/** The parts of a channel that its reader works with. */
export interface ReaderParts {
  readonly ctx: Context;
  readonly channel: string;
  readonly intent: ChannelIntent;
  readonly ledger: PositionLedger;
  readonly join: Join;
  readonly consumer: Consumer;
  readonly recovery: Recovery;
  readonly handout: Handout;
}

export class Reader {
  phase: Phase = { name: 'starting' };
  /** A live message that came before there was a position to compare it with. */
  #early: Position | undefined;
  /** The log must be asked although the numbers fit: another epoch was seen, or a head behind ours. */
  #suspicion = false;
  /** Where we were at the last heartbeat. */
  #beat = 0;

  constructor(private readonly parts: ReaderParts) {}

  /** There is no position to resume: take it from the join reply, now or when it comes. */
  start(): void {
    const { intent, join } = this.parts;
    const { facts } = join;
    this.phase = { name: 'starting' };
    if (facts === undefined) return;
    const position = startPosition(intent.start, facts);
    if (intent.snapshot) return this.#reset('initial', position, undefined);
    this.follow(position);
    this.compare(facts);
  }

  /** Goes on from a position that is new: a start, or the state that a snapshot loaded. */
  follow({ epoch, seq }: Position): void {
    const { channel, ctx, ledger } = this.parts;
    const position = { epoch, seq, tok: ctx.random.token() };
    this.#enter(position);
    ledger.mark({ channel, mode: 'replace', position });
  }

  /** Goes on from a position that the store held. */
  resume(stored: StoredPosition): void {
    this.#enter(stored);
    const { facts } = this.parts.join;
    if (facts !== undefined) this.compare(facts);
  }

  /** The store answered after we went on without it: what was passed over is fetched, or named. */
  honourLate(stored: StoredPosition): void {
    const { phase } = this;
    if (phase.name !== 'following') return;
    const { base, detector, epoch } = phase;
    if (stored.epoch === epoch && stored.seq >= base) return;
    if (stored.epoch === epoch && detector.last === base) {
      this.parts.ledger.discard(this.parts.channel);
      const { want } = detector;
      this.resume(stored);
      return this.#hint(want, 0);
    }
    const to = stored.epoch === epoch ? { to: base } : {};
    const reason = stored.epoch === epoch ? 'unreachable' : 'epoch';
    const loss = { epoch: stored.epoch, from: stored.seq + 1, reason } as const;
    this.#queueGap({ ...loss, ...to }, { epoch, seq: detector.last }, detector);
  }

  /** The facts of a join reply, held against our position. */
  compare(facts: Facts): void {
    const { phase } = this;
    if (phase.name === 'starting') return this.start();
    if (phase.name === 'resetting') return this.#hearWhileResetting(facts.epoch, facts.head);
    if (phase.name !== 'following') return;
    const { detector, epoch } = phase;
    const fits = facts.epoch === epoch && facts.head >= detector.last;
    if (fits) detector.hint(facts.head);
    else this.#suspicion = true;
    if (this.#early?.epoch === epoch) detector.hint(this.#early.seq);
    this.#early = undefined;
    this.pursue(0);
  }

  /** A live message. */
  message(frame: MessageFrame, seq: number): void {
    const { phase } = this;
    const epoch = frame.epoch ?? this.parts.join.facts?.epoch;
    if (phase.name === 'following') {
      if (epoch !== undefined && epoch !== phase.epoch) this.suspect();
      else this.#arrive(phase, frame, seq);
    } else if (epoch === undefined) return;
    else if (phase.name === 'resetting') this.#hearWhileResetting(epoch, seq);
    else this.#early = { epoch, seq };
  }

  /** A heartbeat's head: a reason to ask, never a position. */
  head(epoch: string, head: number): void {
    const { phase } = this;
    if (phase.name === 'resetting') return this.#hearWhileResetting(epoch, head);
    if (phase.name !== 'following') return;
    // A head behind the messages already here is a benign race, unless it is behind where we were a beat ago.
    const wentBack = head < this.#beat;
    this.#beat = phase.detector.last;
    if (epoch !== phase.epoch || wentBack) this.suspect();
    else if (head > phase.detector.last) this.#hint(head);
  }

  /** Something does not fit. Only the log can say what, so it is asked. */
  suspect(): void {
    if (this.phase.name !== 'following') return;
    this.#suspicion = true;
    this.pursue(this.#settleMs());
  }

  /** An answer of the log. @param since the number that the question named. */
  judge(page: Page, since: number): void {
    const { phase } = this;
    if (phase.name !== 'following') return;
    const { recovery } = this.parts;
    const verdict = continuity(page, phase.epoch, phase.detector.last);
    // A lagging replica looks like a rewind: believed only when answers agree.
    if (verdict === 'rewind' && !recovery.unconfirmed()) return;
    this.#suspicion = false;
    if (verdict === 'continues') this.#walk(phase, page, since);
    else if (verdict === 'truncated') this.#lose(verdict, page, page.oldest - 1, since);
    else this.#lose(verdict, page, undefined, since);
  }

  /** The app prefers fresh to complete: go on from what the join said, and name what is missing. */
  giveUp(): void {
    const { phase } = this;
    const { join, recovery } = this.parts;
    const { facts } = join;
    if (phase.name !== 'following' || facts === undefined || recovery.failures === 0) return;
    const { detector, epoch } = phase;
    const same = facts.epoch === epoch;
    const firstHeld = same ? detector.firstHeld : undefined;
    const seq =
      firstHeld === undefined ? Math.max(facts.head, same ? detector.want : 0) : firstHeld - 1;
    const to = same ? { to: seq } : {};
    if (same && seq <= detector.last) return;
    recovery.succeeded();
    this.#suspicion = false;
    const loss = { epoch, from: detector.last + 1, reason: 'unreachable' } as const;
    const keep = same ? detector : undefined;
    this.#queueGap({ ...loss, ...to }, { epoch: facts.epoch, seq }, keep);
    if (this.phase.name === 'following') this.#drain(this.phase);
    this.pursue(0);
  }

  /** The app's state is loaded: go on from the position that it really has. */
  snapshotTaken(position: Position | undefined): void {
    const { phase } = this;
    this.parts.consumer.handled(1);
    if (phase.name !== 'resetting') return;
    const { heard, lost } = phase;
    const { epoch, seq } = position ?? phase.target;
    // A state older than what was delivered must not bring anything twice.
    const known = lost !== undefined && lost.epoch === epoch && lost.reason !== 'rewind';
    const after = { epoch, seq: known ? Math.max(seq, lost.from - 1) : seq };
    if (lost === undefined) this.follow(after);
    else
      this.#queueGap({ ...lost, ...(known ? { to: after.seq } : {}), healed: 'snapshot' }, after);
    if (heard !== undefined && heard.epoch !== after.epoch) this.#suspicion = true;
    this.#hint(heard?.epoch === after.epoch ? heard.seq : 0, 0);
  }

  /** Sees to it that a known difference has work pending, and that none is pending without one. */
  pursue(inMs: number): void {
    const { phase } = this;
    const { consumer, join, recovery } = this.parts;
    if (phase.name !== 'following' || !join.isIn) return;
    if (!this.#suspicion && !phase.detector.behind) {
      if (recovery.callOff()) this.parts.ctx.counters.reordersHealed += 1;
    } else if (!consumer.hasRoom) {
      if (recovery.canPark) recovery.park();
    } else if (inMs === 0) recovery.now();
    else recovery.soon(inMs);
  }

  /** Hands on what this input brought. */
  flush(): void {
    this.parts.handout.flush(this.phase.name === 'following' ? this.phase.tok : '');
  }

  #walk(phase: Following, page: Page, since: number): void {
    const { detector } = phase;
    const { recovery } = this.parts;
    const before = detector.last;
    const end = walkPage(page, detector, (message) =>
      this.#accept(phase, message, message.seq, true),
    );
    this.#drain(phase);
    detector.hint(page.head);
    if (end.name === 'full') return;
    // What live frames brought meanwhile is progress too: the page only covers old ground.
    const progress = detector.last > before || (end.name === 'through' && coveredTo(page) > since);
    if (progress || !detector.behind) {
      recovery.succeeded();
      this.pursue(0);
    } else if (end.name === 'hole') {
      if (recovery.unconfirmed())
        this.#lose('hole', page, Math.min(end.to, (detector.firstHeld ?? Infinity) - 1), since);
    } else if (page.head > detector.last) {
      // `more` for ever, with nothing new in it.
      recovery.failed();
    } else if (recovery.unconfirmed()) {
      detector.dropHint();
      this.pursue(0);
    }
  }

  /** A discontinuity. @param to the last number lost, where it is known: the page continues after it. */
  #lose(
    reason: Loss['reason'] & SnapshotReason,
    page: Page,
    to: number | undefined,
    since: number,
  ): void {
    const { phase } = this;
    const { intent, recovery } = this.parts;
    if (phase.name !== 'following') return;
    const loss = { epoch: phase.epoch, from: phase.detector.last + 1, reason };
    recovery.reset();
    if (intent.snapshot) return this.#reset(reason, { epoch: page.epoch, seq: page.head }, loss);
    const { want } = phase.detector;
    const after = { epoch: page.epoch, seq: to ?? page.oldest - 1 };
    this.#queueGap({ ...loss, ...(to === undefined ? {} : { to }) }, after);
    if (to === undefined) return this.#hint(page.head, 0);
    this.#hint(want, 0);
    this.#walkOn(page, since);
  }

  #walkOn(page: Page, since: number): void {
    if (this.phase.name === 'following') this.#walk(this.phase, page, since);
  }

  #reset(reason: SnapshotReason, target: Position, lost: Loss | undefined): void {
    this.flush();
    this.parts.recovery.stop();
    this.phase = { name: 'resetting', reason, target, lost, heard: undefined };
    this.parts.handout.snapshot(reason, target);
  }

  #hearWhileResetting(epoch: string, seq: number): void {
    const { phase } = this;
    if (phase.name !== 'resetting') return;
    // A strange epoch outweighs any number: it makes us ask the log as soon as the state is loaded.
    const { heard, target } = phase;
    if (heard !== undefined && heard.epoch !== target.epoch) return;
    if (epoch !== target.epoch || seq > (heard?.seq ?? target.seq)) phase.heard = { epoch, seq };
  }

  #arrive(phase: Following, frame: MessageFrame, seq: number): void {
    const { detector } = phase;
    const { channel, ctx, recovery } = this.parts;
    switch (detector.order(seq)) {
      case 'next':
        if (this.#accept(phase, frame, seq, false) && detector.heldCount > 0) this.#drain(phase);
        break;
      case 'duplicate':
        ctx.counters.duplicates += 1;
        ctx.notice({ event: 'duplicate', channel, seq });
        return;
      case 'early':
        if (detector.hold(seq, frame, ctx.settings.maxHeld))
          ctx.notice({ event: 'held', channel, seq });
        else ctx.counters.overflows += 1;
    }
    if (detector.behind || !recovery.isIdle) this.pursue(this.#settleMs());
  }

  #drain(phase: Following): void {
    const { detector } = phase;
    for (let next = detector.takeNext(); next !== undefined; next = detector.takeNext()) {
      if (!this.#accept(phase, next, detector.last + 1, false)) return;
    }
  }

  /** Hands a message on. When there is no room only its number is kept: the log is the buffer. */
  #accept(
    { detector, epoch }: Following,
    arrival: Arrival,
    seq: number,
    recovered: boolean,
  ): boolean {
    const { handout, recovery } = this.parts;
    if (handout.message(epoch, arrival, seq, recovered)) {
      detector.accept(seq);
      return true;
    }
    detector.hint(seq);
    if (recovery.canPark) recovery.park();
    return false;
  }

  /** Names what is lost, in order, and goes on behind it under a new owner token. */
  #queueGap(loss: Loss & Pick<Gap, 'to' | 'healed'>, after: Position, keep?: GapDetector): void {
    const { ctx, handout } = this.parts;
    const { from, to } = loss;
    if (to !== undefined && to < from) return this.follow(after);
    const position = { ...after, tok: ctx.random.token() };
    handout.gap(loss, position);
    this.flush();
    this.#enter(position, keep);
  }

  #enter({ epoch, seq, tok }: StoredPosition, keep?: GapDetector): void {
    // Held messages may come from a dead branch: a new place starts with an empty buffer.
    const detector = keep ?? new GapDetector(seq);
    detector.skipTo(seq);
    this.#beat = 0;
    this.phase = { name: 'following', epoch, tok, detector, base: seq };
  }

  #hint(head: number, inMs: number = this.#settleMs()): void {
    if (this.phase.name !== 'following') return;
    this.phase.detector.hint(head);
    this.pursue(inMs);
  }

  /** The reorder window, and chance: a lost message hits every subscriber at the same moment. */
  #settleMs(): number {
    const { random, settings } = this.parts.ctx;
    return settings.reorderWindowMs * (1 + random.next());
  }
}
