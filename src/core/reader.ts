/**
 * Reads one channel's log: where reading starts, what is named as lost, and where it goes on behind that.
 *
 *     loading -> starting -> following <-> resetting
 *     any -> closed
 *
 * Live frames only raise suspicion; only an answer of the log settles anything.
 */
import type { Loss, Phase } from './channel-state.js';
import {
  behindSnapshot,
  discontinued,
  isEmpty,
  passedOver,
  unreachable,
  type Detour,
} from './detour.js';
import { Follower, type FollowerParts } from './follower.js';
import type { Facts, Head, NumberedFrame, Page, RecoverRequest } from './frames.js';
import type { GapDetector } from './gap-detector.js';
import { LeftEpochs } from './left-epochs.js';
import { continuity, coveredTo, startPosition } from './page-walk.js';
import type { Position, StoredPosition } from './position.js';
import type { PositionLedger } from './position-ledger.js';
import { Resetting } from './resetting.js';
import { Starting } from './starting.js';
import type { ChannelIntent, Discontinuity, SnapshotReason } from './vocabulary.js';

/** The parts of a channel that its reader works with. */
export interface ReaderParts extends FollowerParts {
  readonly intent: ChannelIntent;
  readonly ledger: PositionLedger;
}

export class Reader {
  #phase: Phase = new Starting();
  #left: LeftEpochs | undefined;
  /** A live message that came before there was a position to compare it with. */
  #early: Position | undefined;
  /** What the log last said of itself, in a join reply or an answer. */
  #facts: Facts | undefined;

  constructor(private readonly parts: ReaderParts) {}

  get phase(): Phase {
    return this.#phase;
  }

  /** Hands on first what the phase before has accepted: it carries the owner token of that phase. */
  set phase(next: Phase) {
    this.flush();
    this.#phase = next;
  }

  /** The phase that reads from message to message; undefined in every other phase. */
  get following(): Follower | undefined {
    return this.#phase.name === 'following' ? this.#phase : undefined;
  }

  /** There is no position to resume: take it from the join reply, now or when it comes. */
  start(): void {
    const { intent, join } = this.parts;
    this.phase = new Starting();
    if (!join.isIn) return;
    if (join.facts === undefined) return this.joined();
    this.#begin(startPosition(intent.start, join.facts));
    // With `{ last: n }` the log is ahead of the place where reading starts.
    this.compare(join.facts);
  }

  /** Goes on from a position that is new: a start, or the state that a snapshot loaded. */
  follow({ epoch, seq }: Position): void {
    const { channel, ledger } = this.parts;
    const position = { epoch, seq, tok: ledger.token(channel) };
    this.#enter(position);
    ledger.mark({ channel, mode: 'replace', position });
  }

  /** Goes on from a position that the store held. */
  resume(stored: StoredPosition): void {
    const { channel, join, ledger, recovery } = this.parts;
    // A question on its way named another position: its answer would leave out the numbers between.
    recovery.stop();
    this.#enter(stored);
    // A store drops positions that are not written for long: a quiet channel must show that it is in use.
    ledger.mark({ channel, mode: 'advance', position: stored });
    if (join.facts !== undefined) this.compare(join.facts);
    else if (join.isIn) this.joined();
  }

  /** The store answered late: reading began at `base`. Fetches what was passed over, or names it. */
  honourLate(stored: StoredPosition, base: Position): void {
    const { following } = this;
    const { channel, ledger } = this.parts;
    if (following === undefined) return;
    const { detector, epoch } = following;
    const same = stored.epoch === base.epoch;
    if (same && stored.seq >= base.seq) return;
    if (same && epoch === base.epoch && detector.isStillAt(base.seq)) {
      ledger.discard(channel);
      this.resume(stored);
      return this.following?.heard(detector.want, 0);
    }
    ledger.barUntilTold(channel, base);
    this.#detour(passedOver(stored, base, following)).pursue(0);
  }

  /** Compares the facts of a join reply with our position. */
  compare(facts: Facts): void {
    this.#facts = facts;
    const { phase } = this;
    if (phase.name === 'starting') return this.start();
    if (phase.name === 'resetting') return phase.hear(facts.epoch, facts.head);
    if (phase.name !== 'following') return;
    const early = this.#early;
    this.#early = undefined;
    const mustAsk = phase.joined();
    if (mustAsk || facts.epoch !== phase.epoch || facts.head < phase.detector.last) {
      return phase.suspect(0);
    }
    phase.heard(early?.epoch === phase.epoch ? Math.max(early.seq, facts.head) : facts.head, 0);
  }

  /** The server serves us and says nothing of its log: asks the log. */
  joined(): void {
    const { phase } = this;
    if (phase.name === 'starting') this.parts.recovery.now();
    else if (phase.name === 'resetting') phase.hearNothing();
    else if (phase.name === 'following') {
      phase.joined();
      phase.suspect(0);
    }
  }

  /** A live message. */
  message(frame: NumberedFrame): void {
    const { phase } = this;
    const epoch = frame.epoch ?? this.parts.join.facts?.epoch;
    if (phase.name === 'following') {
      // The epoch is another, or not known before the join reply: the message may be of another log.
      if (epoch === phase.epoch) phase.arrive(frame);
      else phase.suspect();
    } else if (epoch === undefined) return;
    else if (phase.name === 'resetting') phase.hear(epoch, frame.seq);
    else this.#early = { epoch, seq: frame.seq };
  }

  /** A heartbeat's head. */
  beat({ epoch, head, visible }: Omit<Head, 'channel'>): void {
    const { phase } = this;
    if (phase.name === 'following' && phase.epoch === epoch) phase.beat(head, visible);
    else this.heard(epoch, head);
  }

  /** The log is known to reach this far. */
  heard(epoch: string, head: number, inMs?: number): void {
    const { phase } = this;
    if (phase.name === 'resetting') phase.hear(epoch, head);
    else if (phase.name !== 'following') return;
    else if (phase.epoch === epoch) phase.heard(head, inMs);
    else phase.suspect();
  }

  /** What to ask the log now. @returns undefined when nothing is to be asked. */
  ask(id: number): RecoverRequest | undefined {
    const { phase } = this;
    const { channel, join, recovery } = this.parts;
    if (!join.isIn) return undefined;
    if (phase.name === 'following') return phase.ask(id);
    if (phase.name !== 'starting' || join.facts !== undefined) return undefined;
    recovery.asked(id, phase.since);
    return { channel, epoch: '', seq: phase.since };
  }

  /** An answer of the log. @param since where we were when we asked. */
  judge(answer: Page, since: number): void {
    const { phase } = this;
    if (phase.name === 'starting') return this.#startFrom(answer, phase);
    if (phase.name !== 'following') return;
    const { detector, epoch, overlap } = phase;
    const { recovery } = this.parts;
    const { page, says } = overlap?.read(answer, since) ?? { page: answer, says: 'ours' };
    this.#facts = page;
    const verdict = says === 'ours' ? continuity(page, epoch, detector.last, since) : 'rewind';
    // A lagging replica looks like a rewind: believed only when answers agree.
    if (verdict !== 'rewind') recovery.refuted('rewind');
    else if (says !== 'another' && !recovery.unconfirmed(verdict)) return;
    phase.trust();
    if (verdict === 'continues') return this.#walk(phase, page, since);
    this.#lose(phase, verdict, page, since, verdict === 'truncated' ? page.oldest - 1 : undefined);
  }

  /** `giveUpAfterMs` is over: goes on from what the log last said, and names what is missing. */
  giveUp(): void {
    const { following } = this;
    const { join, recovery } = this.parts;
    if (!following || !join.isIn || recovery.failures === 0) return;
    const detour = unreachable(this.#facts, following);
    // Where nothing is missing, something may still wait for the log's word.
    if (isEmpty(detour) && following.detector.heldCount === 0) return;
    recovery.succeeded();
    (isEmpty(detour) ? following : this.#detour(detour)).goOn();
  }

  /** The app's state is loaded: go on from the position that it really has. */
  snapshotTaken(position: Position | undefined): void {
    const { phase } = this;
    this.parts.consumer.handled(1);
    if (phase.name !== 'resetting') return;
    const { heard, lost, target, tok } = phase;
    const after = position ?? target;
    const detour = lost === undefined ? undefined : behindSnapshot(lost, after);
    if (detour === undefined) this.follow(after);
    // Nothing is lost after all. The owner token stays: what was delivered before may still be committed.
    else if (isEmpty(detour)) this.#enter({ ...detour.after, tok });
    else this.#detour(detour);
    // The state may be older (a read replica) than the log was when the snapshot was asked for.
    const known = heard ?? target;
    this.heard(known.epoch, known.seq);
  }

  /** Emits what this input brought for the app. */
  flush(): void {
    const { following } = this;
    this.parts.handout.flush(following === undefined ? '' : following.markTok);
  }

  /** Starts at `position`: with the app's snapshot where it has one, else by following. */
  #begin(position: Position): void {
    const { channel, intent, ledger } = this.parts;
    if (intent.snapshot) return this.#reset('initial', position);
    ledger.began(channel, position);
    this.follow(position);
  }

  /** Starts by an answer of the log, where no join reply has told its facts. */
  #startFrom(page: Page, starting: Starting): void {
    const { intent, recovery } = this.parts;
    const position = starting.read(page, intent.start);
    recovery.succeeded();
    if (position === undefined) return recovery.now();
    this.#facts = page;
    this.#begin(position);
    const { seq } = position;
    if (this.following && seq >= starting.since && seq <= coveredTo(page))
      this.#walk(this.following, page, seq);
    this.heard(page.epoch, page.head, 0);
    if (this.#early !== undefined) this.heard(this.#early.epoch, this.#early.seq);
    this.#early = undefined;
  }

  #walk(follower: Follower, page: Page, since: number): void {
    const holeTo = follower.walk(page, since);
    if (holeTo !== undefined) this.#lose(follower, 'hole', page, since, holeTo);
  }

  /** A discontinuity. @param to the last number lost, if known: the page goes on after it, with no other question. */
  #lose(
    { detector, epoch, tok }: Follower,
    reason: Discontinuity,
    page: Page,
    since: number,
    to?: number,
  ): void {
    const lost = { epoch, from: detector.last + 1, reason };
    this.parts.recovery.reset();
    if (this.parts.intent.snapshot) {
      return this.#reset(reason, { epoch: page.epoch, seq: page.head }, lost, tok);
    }
    const had = reason === 'epoch' ? this.#left?.lastOf(page.epoch) : undefined;
    const follower = this.#detour(discontinued(lost, page, to, had, detector));
    if (to === undefined) return follower.heard(page.head, 0);
    follower.detector.hint(detector.want);
    this.#walk(follower, page, since);
  }

  #reset(reason: SnapshotReason, target: Position, lost?: Loss, tok = ''): void {
    this.phase = new Resetting(target, lost, tok);
    this.parts.handout.snapshot(reason, target);
  }

  /** Names what is lost, in order, and goes on behind it under a new owner token. */
  #detour({ after, keep, loss }: Detour): Follower {
    const { channel, handout, ledger } = this.parts;
    const { epoch } = after;
    const left = (this.#left ??= new LeftEpochs());
    left.leave(loss.epoch, loss.epoch === epoch ? undefined : loss.from - 1);
    // An epoch that was left may come back: what was delivered of it must not be delivered twice.
    const seq = Math.max(after.seq, left.lastOf(epoch) ?? 0);
    const position = { epoch, seq, tok: ledger.token(channel) };
    handout.gap(loss, position);
    return this.#enter(position, keep);
  }

  #enter(position: StoredPosition, keep?: GapDetector): Follower {
    const follower = new Follower(this.parts, position, keep);
    this.phase = follower;
    return follower;
  }
}
