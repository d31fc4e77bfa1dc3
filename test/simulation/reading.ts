/** What the app has been given of one channel, from a join to the leave: where the next item must fit. */
import type { Page } from '../../src/core/frames.js';
import type { Position, StoredPosition } from '../../src/core/position.js';
import type { Gap, Item, Message } from '../../src/core/vocabulary.js';
import { Answers } from './answers.js';
import { Beginning } from './beginning.js';
import { justify } from './justify.js';
import type { Tab } from './tab.js';
import type { Oracle } from './oracle.js';
import type { ChannelPlan } from './plan.js';
import type { EpochLog } from './truth.js';
import type { World } from './world.js';

type SnapshotItem = Extract<Item, { type: 'snapshot' }>;

export class Reading {
  readonly beginning: Beginning;
  readonly answers: Answers;
  /** Numbers that only rise: only the log can say that a stretch is complete. */
  readonly #rises: boolean;
  /** Everything up to here was given to the app, or named. */
  at: Position | undefined;
  /** Did the app give the position where reading starts? */
  readonly isOwn: boolean;
  /** The last number of every epoch that was read, for an epoch that comes back. */
  readonly #seen = new Map<string, number>();
  #asked: 'unknown' | 'answered' = 'unknown';
  /** Given to the app above `at`, where a number that came is no position. */
  readonly #above = new Set<number>();
  #snapshot: SnapshotItem | undefined;
  #taken: Position | undefined;
  /** A stored position that came too late: what was passed over must be named at once. */
  #owed: StoredPosition | undefined;
  /** It was named by this gap, which the app has yet to handle. */
  late: { readonly gap: Gap; readonly base: Position } | undefined;
  #base: Position | undefined;

  constructor(
    private readonly world: World,
    private readonly channel: string,
    /** Starts that were made without an answer of the store, by channel; they outlive a leave. */
    private readonly blind: Map<string, Position>,
    readonly plan: ChannelPlan,
    start: Position | undefined,
  ) {
    this.#rises = world.plan.settings.numbering === 'monotonic';
    this.answers = new Answers(world);
    this.beginning = new Beginning(plan.start);
    this.at = start;
    this.isOwn = start !== undefined;
    if (plan.start !== 'stored') this.#asked = 'answered';
  }

  /** @param stoodAt where the client was. */
  asked(id: number, since: Position, stoodAt: Position | undefined): void {
    this.answers.asked(id, since, stoodAt, this.#rises ? Math.max(0, ...this.#above) : 0);
  }

  heardPage(call: number, page: Page): void {
    if (!this.answers.heard(call, page, this.at?.seq) || this.at !== undefined) return;
    const { joins } = this.world.plan.numbers;
    if (joins !== 'facts') this.beginning.answered(page, this.answers.since?.seq ?? 0);
  }

  loaded(position: StoredPosition | undefined, oracle: Oracle): void {
    if (this.#asked === 'answered') {
      // Another tab has stored one between two answers, and reading has not begun yet.
      if (this.#snapshot === undefined) this.at ??= position;
      return;
    }
    this.#asked = 'answered';
    const blind = this.blind.get(this.channel);
    this.blind.delete(this.channel);
    this.#base = blind;
    if (position === undefined) {
      if (blind !== undefined) oracle.begins(this.channel, blind);
    } else if (this.at === undefined) {
      if (this.#snapshot === undefined) this.at = position;
    } else if (blind === undefined || this.plan.snapshot) return;
    else if (position.epoch !== blind.epoch) this.#owed = position;
    else if (position.seq < blind.seq) {
      const untouched =
        this.at?.epoch === blind.epoch && this.at.seq === blind.seq && this.#above.size === 0;
      if (untouched) {
        this.at = position;
        this.#seen.delete(position.epoch);
      } else this.#owed = { ...position, tok: String(blind.seq) };
    }
  }

  /** Joined again before the last position was stored: the client goes on from memory. */
  resumed(client: Tab, asksStore: boolean): void {
    if (this.#asked === 'answered' || this.at !== undefined) return;
    const numbers = client.session.numbers(this.channel);
    if (numbers === undefined) return;
    if (!asksStore) {
      this.#asked = 'answered';
      this.blind.delete(this.channel);
    }
    this.at = { epoch: numbers.epoch, seq: numbers.last };
    // Begun and left in one tick: nothing was seen of the beginning.
    if (asksStore && !client.marked.has(this.channel) && !this.blind.has(this.channel))
      this.blind.set(this.channel, this.at);
  }

  /** The channel has failed. It may have begun in this very input, and nothing else shows where. */
  ended(oracle: Oracle): void {
    const facts = this.beginning.facts.at(-1);
    const isBegun = this.at !== undefined || this.#snapshot !== undefined;
    if (isBegun || this.#asked === 'unknown' || facts === undefined) return;
    oracle.begins(this.channel, this.beginning.said(facts.epoch, facts.head));
  }

  taken(position: Position): void {
    this.#taken = position;
  }

  item(item: Item, oracle: Oracle): void {
    if (item.type === 'message') this.#message(item, oracle);
    else if (item.type === 'gap') this.#gap(item, oracle);
    else if (item.type === 'snapshot') this.#load(item, oracle);
    else this.#moved(item.after.position, oracle);
  }

  /** The input is done: a start must show by now, and what was owed must have come. */
  settled(client: Tab, oracle: Oracle): void {
    const owed = this.#owed;
    this.#owed = undefined;
    // Manual commits: whether the app had committed the gap before it left is not known here.
    if (owed !== undefined && !this.plan.manual)
      oracle.fail('I2', `${this.channel}: ${owed.seq} was stored, and passed over in silence`);
    if (this.#taken !== undefined) {
      const taken = this.#taken;
      this.#taken = undefined;
      if (this.#snapshot?.reason === 'initial') {
        this.#begin(taken);
        this.world.forgetHandled(client.id, this.channel);
      }
      this.#snapshot = undefined;
      // What came live above the state comes again.
      this.#above.clear();
    }
    if (this.at !== undefined || this.#snapshot !== undefined) return;
    const numbers = client.session.numbers(this.channel);
    if (numbers !== undefined) this.#start({ epoch: numbers.epoch, seq: numbers.last }, oracle);
  }

  /** Within one page life a message is handled successfully once. */
  handledOnce(client: Tab, epoch: string, seq: number, oracle: Oracle): void {
    // What was not committed may come again after a leave; other starts than `stored` start over.
    if (this.plan.manual || this.plan.start !== 'stored') return;
    // Begun without the store's word, at the place that a log named which may lag.
    if (!this.world.plan.numbers.epochs && this.blind.has(this.channel)) return;
    // The epochs that a reader has left are forgotten when the channel is.
    if (this.world.plan.level.recoveryForeign > 0) return;
    if (this.world.mayRepeat(this.channel)) return;
    const key = `${client.id} ${this.channel} ${epoch} ${seq}`;
    if (this.world.handled.has(key)) oracle.fail('I10 once', key);
    this.world.handled.add(key);
  }

  #message({ data, epoch, seq }: Message, oracle: Oracle): void {
    const { channel } = this;
    const log = this.#log(epoch, oracle);
    if (!log.has(seq, data as number)) oracle.fail('I4 phantom', `${channel} ${epoch} ${seq}`);
    if (this.#snapshot !== undefined) oracle.fail('I11', `${channel} ${seq} during a snapshot`);
    if (this.at === undefined)
      this.#start(this.#rises ? this.beginning.said(epoch, seq) : { epoch, seq: seq - 1 }, oracle);
    const at = this.at as Position | undefined;
    if (at?.epoch !== epoch) {
      return oracle.fail('I2 epoch in silence', `${channel} ${at?.epoch} -> ${epoch} ${seq}`);
    }
    if (seq <= at.seq) oracle.fail('I1 order', `${channel} ${epoch} ${at.seq} -> ${seq}`);
    this.answers.had(seq, data as number);
    if (this.#rises) {
      if (this.#above.has(seq)) oracle.fail('I1 twice', `${channel} ${epoch} ${seq}`);
      this.#above.add(seq);
      return;
    }
    for (let n = at.seq + 1; n < seq; n += 1) {
      if (!log.isVoid(n)) oracle.fail('I2 silent gap', `${channel} ${epoch} ${n} before ${seq}`);
    }
    if (seq <= (this.#seen.get(epoch) ?? 0))
      oracle.fail('I1 twice', `${channel} ${epoch} ${seq} came before, in an epoch that came back`);
    this.#seen.set(epoch, seq);
    this.at = { epoch, seq };
  }

  /** A position that no message carries: everything up to it was given to the app, or is no loss. */
  #moved({ epoch, seq }: Position, oracle: Oracle): void {
    this.world.count('position');
    if (this.at === undefined) this.#start(this.beginning.said(epoch, seq), oracle);
    const { channel } = this;
    const at = this.at as Position | undefined;
    if (at?.epoch !== epoch) return oracle.fail('I2 epoch in silence', `${channel} ${epoch}`);
    if (seq < at.seq) oracle.fail('I1 order', `${channel} ${epoch} ${at.seq} -> ${seq}`);
    const log = this.#log(epoch, oracle);
    for (let n = at.seq + 1; n <= seq && !this.world.hasRewound(channel); n += 1) {
      if (log.isVoid(n) || this.#above.has(n)) continue;
      // A server that does not say how far back its log reaches cannot show that something is gone.
      if (!this.world.plan.numbers.knowsLog && !log.holds(n)) oracle.excused(channel, epoch, n);
      else oracle.fail('I2 silent gap', `${channel} ${epoch} ${n}, the position is ${seq}`);
    }
    this.#goOn({ epoch, seq });
  }

  #goOn(position: Position): void {
    if (position.epoch !== this.at?.epoch) this.#above.clear();
    for (const seq of this.#above) if (seq <= position.seq) this.#above.delete(seq);
    this.at = position;
  }

  #gap({ after: { position }, gap }: Extract<Item, { type: 'gap' }>, oracle: Oracle): void {
    this.world.count(`gap ${gap.reason}${gap.healed ? ' healed' : ''}`);
    const { at } = this;
    if (this.#owed !== undefined) return this.#late(gap, position, oracle);
    if (at === undefined) return oracle.fail('I5', `${oracle.describe(gap)} before any start`);
    const next = this.#log(at.epoch, oracle).afterVoid(at.seq, gap.from - 1) + 1;
    if (gap.epoch !== at.epoch || gap.from !== next)
      oracle.fail('I5 misplaced', `${oracle.describe(gap)} after ${at.epoch} ${at.seq}`);
    if (gap.to !== undefined && gap.to < gap.from) oracle.fail('I5', oracle.describe(gap));
    if (gap.healed !== undefined) {
      const taken = this.#taken ?? position;
      if (position.epoch !== taken.epoch || position.seq < taken.seq)
        oracle.fail('I5', `${oracle.describe(gap)}: goes on at ${position.epoch} ${position.seq}`);
      // The state is older than what came live above it: that comes again.
      this.#above.clear();
    } else {
      const { answers, channel, world } = this;
      const log = (epoch: string): EpochLog => this.#log(epoch, oracle);
      justify(gap, position, { answers, channel, log, oracle, seen: this.#seen, world });
    }
    this.#seen.set(at.epoch, at.seq);
    if (gap.reason === 'rewind') {
      this.#seen.delete(gap.epoch);
      this.world.rewound(this.channel);
      this.#above.clear();
      this.answers.forget();
    }
    this.#goOn(position);
  }

  /** A gap that looks back: the store answered after reading had begun without it. */
  #late(gap: Gap, next: Position, oracle: Oracle): void {
    const owed = this.#owed;
    this.#owed = undefined;
    if (owed === undefined || gap.epoch !== owed.epoch || gap.from !== owed.seq + 1)
      oracle.fail('I5 late', `${oracle.describe(gap)}, owed from ${owed?.seq}`);
    const { at } = this;
    const seq = at && this.#log(at.epoch, oracle).afterVoid(at.seq, next.seq);
    if (next.epoch !== at?.epoch || next.seq !== seq)
      oracle.fail('I5 late', `${oracle.describe(gap)} moves the position to ${next.seq}`);
    this.at = { epoch: next.epoch, seq };
    if (this.#base !== undefined) this.late = { gap, base: this.#base };
    if (owed !== undefined && owed.epoch !== this.at?.epoch) this.#seen.set(owed.epoch, owed.seq);
    this.world.count('late store');
  }

  #load(item: SnapshotItem, oracle: Oracle): void {
    this.world.count(`snapshot ${item.reason}`);
    if (this.#snapshot !== undefined) oracle.fail('I11', `${this.channel}: two snapshots at once`);
    if (item.reason === 'initial') this.#mayStart(item.position, oracle);
    this.#snapshot = item;
  }

  #start(position: Position, oracle: Oracle): void {
    this.#mayStart(position, oracle);
    if (this.#asked === 'unknown') this.blind.set(this.channel, position);
    else oracle.begins(this.channel, position);
    this.#begin(position);
  }

  #begin(position: Position): void {
    this.#above.clear();
    this.at = { epoch: position.epoch, seq: position.seq };
  }

  #mayStart(position: Position, oracle: Oracle): void {
    const { epoch, seq } = position;
    if (!this.beginning.allows(position, this.#log(epoch, oracle)))
      oracle.fail('I2 start', `${this.channel} starts at ${epoch} ${seq}`);
  }

  #log(epoch: string, oracle: Oracle): EpochLog {
    const log = this.world.log(this.channel).epochs.get(epoch);
    return log ?? oracle.fail('I4', `${this.channel}: there never was an epoch ${epoch}`);
  }
}
