/**
 * The judge of the small world: the rules of the simulator's oracle, for one reader with `start: 'stored'`
 * and a log that loses nothing but its epoch. What it remembers is part of a state, so it is little.
 */
import type { Facts } from '../../../src/core/frames.js';
import type { Numbers } from '../../../src/core/channel-state.js';
import type { Position, PositionWrite, StoredPosition } from '../../../src/core/position.js';
import type { Gap, Item } from '../../../src/core/vocabulary.js';
import { Account } from '../account.js';
import { Violation } from '../oracle.js';
import type { ChannelLog, EpochLog } from '../truth.js';

export class Referee {
  /** Everything up to here was given to the app of this page life, or named. */
  at: Position | undefined;
  /** What the last join said, until reading begins. */
  #facts: Facts | undefined;
  /** The epoch of the last answer of the log, where it is not ours. */
  #answered: string | undefined;
  /** What the app has handled or was told of, over all page lives. */
  readonly #account = new Account();

  constructor(private readonly log: ChannelLog) {}

  /** Another page life begins. */
  turnPage(): void {
    this.at = undefined;
    this.#facts = undefined;
    this.#answered = undefined;
  }

  loaded(position: Position | undefined): void {
    if (position !== undefined) this.#begin(position);
  }

  subscribed({ epoch, head, oldest }: Facts): void {
    if (this.at === undefined) this.#facts = { epoch, head, oldest };
  }

  answered(epoch: string): void {
    this.#answered = epoch === this.at?.epoch ? undefined : epoch;
  }

  /** Given to the app, which handles it later. */
  given(item: Item): void {
    if (item.type === 'message') {
      const { data, epoch, seq } = item;
      if (!this.#epoch(epoch).has(seq, data as number)) fail('I4 phantom', `${epoch} ${seq}`);
      if (this.at === undefined) this.#start({ epoch, seq: seq - 1 });
      this.#step(epoch, seq);
    } else if (item.type === 'gap') this.#gap(item.gap, item.after.position);
    else if (item.type === 'position') this.#stay(item.after.position);
    else fail('I11', 'a snapshot that nobody wants');
  }

  /** The input is done. Where the client stands is where the app was brought, item by item. */
  settled(numbers: Numbers | undefined): void {
    if (numbers === undefined) return;
    const { epoch, last: seq } = numbers;
    if (this.at === undefined) this.#start({ epoch, seq });
    this.#stay({ epoch, seq });
  }

  handled(item: Item): void {
    if (item.type === 'message') this.#account.add(item.epoch, item.seq);
    else if (item.type === 'gap') {
      const { epoch, from, to } = item.gap;
      if (to === undefined) this.#account.addFrom(epoch, from);
      else this.#account.addRange(epoch, from, to);
    }
  }

  stored(
    { mode }: PositionWrite,
    before: StoredPosition | undefined,
    { epoch, seq, tok }: StoredPosition,
  ): void {
    if (before?.tok === tok && before.epoch === epoch && seq < before.seq)
      fail('I9 a stored position goes back', `${mode}: ${before.seq} -> ${seq}`);
    const missing = this.#account.missing(epoch, seq, this.#epoch(epoch));
    if (missing !== undefined)
      fail('I3 a stored position is ahead', `${epoch} ${seq}, ${missing} was not handled`);
  }

  /** Reading starts where the join said, and what lies before is no loss. */
  #start({ epoch, seq }: Position): void {
    if (this.#facts?.epoch !== epoch || this.#facts.head !== seq)
      fail('I2 start', `${epoch} ${seq}, the join said ${JSON.stringify(this.#facts)}`);
    this.#account.addRange(epoch, 1, seq);
    this.#begin({ epoch, seq });
  }

  #begin({ epoch, seq }: Position): void {
    this.at = { epoch, seq };
    this.#facts = undefined;
  }

  #step(epoch: string, seq: number): void {
    const { at } = this;
    if (at?.epoch !== epoch) return fail('I2 epoch in silence', `${at?.epoch} -> ${epoch} ${seq}`);
    if (seq <= at.seq) fail('I1 order', `${epoch} ${at.seq} -> ${seq}`);
    if (seq > at.seq + 1) fail('I2 silent gap', `${epoch} ${at.seq + 1} before ${seq}`);
    this.at = { epoch, seq };
  }

  #stay({ epoch, seq }: Position): void {
    const { at } = this;
    if (at?.epoch !== epoch || at.seq !== seq)
      fail('L3 moved in silence', `${at?.epoch} ${at?.seq} -> ${epoch} ${seq}`);
  }

  /** Nothing is ever trimmed here: only another epoch is a loss, and only when the log said so. */
  #gap({ epoch, from, reason, to }: Gap, after: Position): void {
    const what = `gap ${epoch} ${from}..${to ?? '?'} ${reason}`;
    const { at } = this;
    if (at?.epoch !== epoch || from !== at.seq + 1)
      return fail('I5 misplaced', `${what} after ${at?.epoch} ${at?.seq}`);
    const isSaid = this.#answered === after.epoch && after.epoch !== epoch;
    if (reason !== 'epoch' || to !== undefined || !isSaid) fail('I5 unjustified', what);
    if (after.seq !== this.#epoch(after.epoch).oldest - 1)
      fail('I5', `${what}: goes on from ${after.epoch} ${after.seq}`);
    this.at = { epoch: after.epoch, seq: after.seq };
  }

  #epoch(epoch: string): EpochLog {
    return this.log.epochs.get(epoch) ?? fail('I4', `there never was an epoch ${epoch}`);
  }
}

export function fail(rule: string, detail: string): never {
  throw new Violation(rule, detail);
}
