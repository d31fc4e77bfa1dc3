/**
 * Reads one channel's log: where reading starts, when the log can no longer continue from our place,
 * what is named as lost, and where reading goes on.
 *
 *     loading -> starting -> following <-> resetting
 *     any -> failed | closed
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
import type { Facts, MessageFrame, Page } from './frames.js';
import type { GapDetector } from './gap-detector.js';
import { continuity, startPosition } from './page-walk.js';
import type { Position, StoredPosition } from './position.js';
import type { PositionLedger } from './position-ledger.js';
import type { ChannelIntent, Discontinuity, SnapshotReason } from './vocabulary.js';

/** The parts of a channel that its reader works with. */
export interface ReaderParts extends FollowerParts {
  readonly intent: ChannelIntent;
  readonly ledger: PositionLedger;
}

/** Two logs that take turns are the worst there is; a client that meets more of them forgets the oldest. */
const MAX_LEFT = 8;

export class Reader {
  phase: Phase = { name: 'starting' };
  /** Epochs that were left for another, with the last number had: one that comes back goes on there. */
  readonly #left = new Map<string, number>();
  /** A live message that came before there was a position to compare it with. */
  #early: Position | undefined;
  /** What the log last said of itself, in a join reply or an answer. */
  #facts: Facts | undefined;

  constructor(private readonly parts: ReaderParts) {}

  /** There is no position to resume: take it from the join reply, now or when it comes. */
  start(): void {
    const { intent, join } = this.parts;
    const { facts } = join;
    this.phase = { name: 'starting' };
    if (facts === undefined) return;
    const position = startPosition(intent.start, facts);
    if (intent.snapshot) {
      this.#reset('initial', position);
      // With `{ last: n }` the log is ahead of the place where reading starts.
      return this.heard(facts.epoch, facts.head);
    }
    this.parts.ledger.began(this.parts.channel, position);
    this.follow(position);
    this.compare(facts);
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
    this.#enter(stored);
    const { facts } = this.parts.join;
    if (facts !== undefined) this.compare(facts);
  }

  /** The store answered after we went on without it, at `base`: what was passed over is fetched, or named. */
  honourLate(stored: StoredPosition, base: Position): void {
    const { phase } = this;
    const { channel, ledger } = this.parts;
    if (phase.name !== 'following') return;
    const { detector, epoch } = phase;
    const same = stored.epoch === base.epoch;
    if (same && stored.seq >= base.seq) return;
    if (same && epoch === base.epoch && detector.last === base.seq) {
      ledger.discard(channel);
      return this.#enter(stored).heard(detector.want, 0);
    }
    ledger.barUntilTold(channel, base);
    this.#detour(passedOver(stored, base, phase)).pursue(0);
  }

  /** The facts of a join reply, held against our position. */
  compare(facts: Facts): void {
    this.#facts = facts;
    const { phase } = this;
    if (phase.name === 'starting') return this.start();
    if (phase.name === 'resetting') return this.#hearWhileResetting(facts.epoch, facts.head);
    if (phase.name !== 'following') return;
    const early = this.#early;
    this.#early = undefined;
    if (facts.epoch !== phase.epoch || facts.head < phase.detector.last) return phase.suspect(0);
    phase.heard(early?.epoch === phase.epoch ? Math.max(early.seq, facts.head) : facts.head, 0);
  }

  /** A live message. */
  message(frame: MessageFrame, seq: number): void {
    const { phase } = this;
    const epoch = frame.epoch ?? this.parts.join.facts?.epoch;
    if (phase.name === 'following') {
      // Without an epoch, and before the join reply that would name it, it may be of another log.
      if (epoch === phase.epoch) phase.arrive(frame, seq);
      else phase.suspect();
    } else if (epoch === undefined) return;
    else if (phase.name === 'resetting') this.#hearWhileResetting(epoch, seq);
    else this.#early = { epoch, seq };
  }

  /** A heartbeat's head. */
  beat(epoch: string, head: number): void {
    const { phase } = this;
    if (phase.name === 'following' && phase.epoch === epoch) phase.beat(head);
    else this.heard(epoch, head);
  }

  /** The log is known to reach this far. */
  heard(epoch: string, head: number): void {
    const { phase } = this;
    if (phase.name === 'resetting') this.#hearWhileResetting(epoch, head);
    else if (phase.name !== 'following') return;
    else if (phase.epoch === epoch) phase.heard(head);
    else phase.suspect();
  }

  /** Something of this channel could not be read: whatever it was, the log knows. */
  suspect(): void {
    if (this.phase.name === 'following') this.phase.suspect();
  }

  /** Goes on with what was put off. */
  pursue(): void {
    if (this.phase.name === 'following') this.phase.pursue(0);
  }

  /** An answer of the log. @param since the number that the question named. */
  judge(page: Page, since: number): void {
    const { phase } = this;
    if (phase.name !== 'following') return;
    this.#facts = page;
    const verdict = continuity(page, phase.epoch, phase.detector.last, since);
    // A lagging replica looks like a rewind: believed only when answers agree.
    if (verdict === 'rewind' && !this.parts.recovery.unconfirmed(verdict)) return;
    phase.trust();
    if (verdict === 'continues') this.#walk(phase, page, since);
    else if (verdict === 'truncated') this.#lose(phase, verdict, page, since, page.oldest - 1);
    else this.#lose(phase, verdict, page, since);
  }

  /** The app prefers fresh to complete: go on from what the log last said, and name what is missing. */
  giveUp(): void {
    const facts = this.#facts;
    const { phase } = this;
    const { join, recovery } = this.parts;
    if (phase.name !== 'following' || facts === undefined) return;
    if (!join.isIn || recovery.failures === 0) return;
    const detour = unreachable(facts, phase);
    if (isEmpty(detour)) return;
    recovery.succeeded();
    const follower = this.#detour(detour);
    follower.drain();
    follower.pursue(0);
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
    // Nothing is lost after all: what was delivered before may still be committed under its owner.
    else if (isEmpty(detour)) this.#enter({ ...detour.after, tok });
    else this.#detour(detour);
    // The state may be older than the log was when it was asked for.
    const known = heard ?? target;
    this.heard(known.epoch, known.seq);
  }

  /** Hands on what this input brought. */
  flush(): void {
    this.parts.handout.flush(this.phase.name === 'following' ? this.phase.tok : '');
  }

  #walk(follower: Follower, page: Page, since: number): void {
    const holeTo = follower.walk(page, since);
    if (holeTo !== undefined) this.#lose(follower, 'hole', page, since, holeTo);
  }

  /** A discontinuity. @param to the last number lost, where it is known: the page continues after it. */
  #lose(
    { detector, epoch, tok }: Follower,
    reason: Discontinuity,
    page: Page,
    since: number,
    to?: number,
  ): void {
    const { intent, recovery } = this.parts;
    const lost = { epoch, from: detector.last + 1, reason };
    recovery.reset();
    if (intent.snapshot) {
      return this.#reset(reason, { epoch: page.epoch, seq: page.head }, lost, tok);
    }
    const had = reason === 'epoch' ? this.#left.get(page.epoch) : undefined;
    const follower = this.#detour(discontinued(lost, page, to, had));
    follower.heard(to === undefined ? page.head : Math.max(detector.want, page.head), 0);
    if (to !== undefined) this.#walk(follower, page, since);
  }

  #reset(reason: SnapshotReason, target: Position, lost?: Loss, tok = ''): void {
    this.flush();
    this.phase = { name: 'resetting', reason, target, lost, tok, heard: undefined };
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

  /** Names what is lost, in order, and goes on behind it under a new owner token. */
  #detour({ after, keep, loss }: Detour): Follower {
    const { channel, handout, ledger } = this.parts;
    const { epoch } = after;
    this.#left.delete(loss.epoch);
    if (loss.epoch !== epoch) this.#leave(loss.epoch, loss.from - 1);
    // What was delivered before an epoch was left must not come twice when it is back.
    const seq = Math.max(after.seq, this.#left.get(epoch) ?? 0);
    const position = { epoch, seq, tok: ledger.token(channel) };
    handout.gap(loss, position);
    this.flush();
    return this.#enter(position, keep);
  }

  #leave(epoch: string, last: number): void {
    this.#left.set(epoch, last);
    const [oldest] = this.#left.keys();
    if (this.#left.size > MAX_LEFT && oldest !== undefined) this.#left.delete(oldest);
  }

  #enter(position: StoredPosition, keep?: GapDetector): Follower {
    const follower = new Follower(this.parts, position, keep);
    this.phase = follower;
    return follower;
  }
}
