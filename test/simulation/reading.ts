/** What the app has been given of one channel, from a join to the leave: where the next item must fit. */
import type { Facts, Page } from '../../src/core/frames.js';
import type { Position, StoredPosition } from '../../src/core/position.js';
import type { Gap, Item, Message } from '../../src/core/vocabulary.js';
import type { Client } from './client.js';
import type { Oracle } from './oracle.js';
import type { ChannelPlan } from './plan.js';
import type { EpochLog } from './truth.js';
import type { World } from './world.js';

type GapItem = Extract<Item, { type: 'gap' }>;
type SnapshotItem = Extract<Item, { type: 'snapshot' }>;

/** Answers that must agree before a rewind is believed. */
const AGREEING = 3;

export class Reading {
  /** What joins have said: what a start without a position may go by. */
  readonly facts: Facts[] = [];
  /** Everything up to here was given to the app, or named. */
  at: Position | undefined;
  /** The last number of every epoch that was read, for an epoch that comes back. */
  readonly #seen = new Map<string, number>();
  #asked: 'unknown' | 'answered' = 'unknown';
  #since: Position | undefined;
  #call = 0;
  #askedAt = 0;
  #page: Page | undefined;
  #stoodAt: Position | undefined;
  /** The greatest number that had come live when the log was asked. */
  #highest = 0;
  /** Given to the app above `at`, where a number that came is no position. */
  readonly #above = new Set<number>();
  /** The ids of what the app was given, for a server without epochs. */
  readonly #uids = new Map<number, number>();
  #showsAnother = false;
  #behind = 0;
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
    this.at = start;
    if (plan.start !== 'stored') this.#asked = 'answered';
  }

  /** @param stoodAt where the client was. */
  asked(id: number, since: Position, stoodAt: Position | undefined): void {
    this.#call = id;
    this.#askedAt = this.world.agenda.now;
    this.#since = since;
    this.#stoodAt = stoodAt;
    this.#highest = Math.max(0, ...this.#above);
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

  /** @param call the call that it answers: only the last one counts. */
  heardPage(call: number, page: Page): void {
    if (call !== this.#call) return;
    this.#page = page;
    this.#showsAnother = this.#compare(page);
    // A question without epochs overlaps what we have.
    const since = this.world.plan.numbers.epochs ? this.#since : this.#stoodAt;
    const isBehind = since?.epoch === page.epoch && page.head < since.seq;
    this.#behind = isBehind || this.#endsBelow(page) ? this.#behind + 1 : 0;
    if (this.world.plan.numbers.joins !== 'facts' && this.at === undefined) this.#startsIn(page);
  }

  /** Where no join says anything of the log, its answer does. */
  #startsIn(page: Page): void {
    this.facts.push(page);
    if (this.plan.start !== 'last' || page.more) return;
    // The whole of it is known: messages are counted, not numbers.
    const seq = page.messages.at(-4)?.seq ?? Math.max(page.oldest - 1, this.#since?.seq ?? 0);
    this.facts.push({ ...page, head: seq + 3, oldest: Math.min(page.oldest, seq + 1) });
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
    } else if (blind === undefined) return;
    else if (this.plan.snapshot) return;
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
  resumed(client: Client, asksStore: boolean): void {
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
  settled(client: Client, oracle: Oracle): void {
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
  handledOnce(client: Client, epoch: string, seq: number, oracle: Oracle): void {
    // What was not committed may come again after a leave; other starts than `stored` start over.
    if (this.plan.manual || this.plan.start !== 'stored') return;
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
      this.#start(this.#rises ? this.#saidToStart(epoch, seq) : { epoch, seq: seq - 1 }, oracle);
    const at = this.at as Position | undefined;
    if (at?.epoch !== epoch) {
      return oracle.fail('I2 epoch in silence', `${channel} ${at?.epoch} -> ${epoch} ${seq}`);
    }
    if (seq <= at.seq) oracle.fail('I1 order', `${channel} ${epoch} ${at.seq} -> ${seq}`);
    if (!this.world.plan.numbers.epochs) this.#uids.set(seq, data as number);
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

  /** Numbers that only rise: only the log can say that a stretch is complete. */
  get #rises(): boolean {
    return this.world.plan.settings.numbering === 'monotonic';
  }

  /** A position that no message carries: everything up to it was given to the app, or is no loss. */
  #moved({ epoch, seq }: Position, oracle: Oracle): void {
    this.world.count('position');
    if (this.at === undefined) this.#start(this.#saidToStart(epoch, seq), oracle);
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
    this.at = { epoch: position.epoch, seq: position.seq };
  }

  #gap({ after, gap }: GapItem, oracle: Oracle): void {
    this.world.count(`gap ${gap.reason}${gap.healed ? ' healed' : ''}`);
    const { at } = this;
    if (this.#owed !== undefined) return this.#late(gap, after.position, oracle);
    if (at === undefined) return oracle.fail('I5', `${oracle.describe(gap)} before any start`);
    const log = this.#log(at.epoch, oracle);
    let next = at.seq + 1;
    while (next < gap.from && log.isVoid(next)) next += 1;
    if (gap.epoch !== at.epoch || gap.from !== next)
      oracle.fail('I5 misplaced', `${oracle.describe(gap)} after ${at.epoch} ${at.seq}`);
    if (gap.to !== undefined && gap.to < gap.from) oracle.fail('I5', oracle.describe(gap));
    const { position } = after;
    if (gap.healed !== undefined) {
      const taken = this.#taken ?? position;
      if (position.epoch !== taken.epoch || position.seq < taken.seq)
        oracle.fail(
          'I5',
          `${oracle.describe(gap)}: goes on from ${position.epoch} ${position.seq}`,
        );
      // The state is older than what came live above it: that comes again.
      this.#above.clear();
    } else this.#justify(gap, position, oracle);
    this.#seen.set(at.epoch, at.seq);
    if (gap.reason === 'rewind') {
      this.#seen.delete(gap.epoch);
      this.world.rewound(this.channel);
      this.#above.clear();
      this.#uids.clear();
    }
    this.#goOn(position);
  }

  #justify(gap: Gap, next: Position, oracle: Oracle): void {
    const { epoch, from, reason, to } = gap;
    const page = this.#page;
    const what = `${this.channel} ${oracle.describe(gap)}`;
    switch (reason) {
      case 'truncated':
      case 'hole': {
        if (to === undefined || next.epoch !== epoch || next.seq !== to) oracle.fail('I5', what);
        if (this.world.hasRewound(this.channel)) return;
        const log = this.#log(epoch, oracle);
        for (let n = from; n <= (to ?? 0); n += 1) {
          if (log.holds(n)) oracle.fail('I5 unjustified', `${what}: the log holds ${n}`);
        }
        return;
      }
      case 'epoch':
      case 'rewind': {
        if (page === undefined) return oracle.fail('I5 unjustified', `${what}: no answer`);
        const said =
          reason === 'epoch'
            ? page.epoch !== epoch
            : this.#behind >= AGREEING || this.#showsAnother;
        if (!said) oracle.fail('I5 unjustified', `${what}: the log did not say so`);
        const known = reason === 'epoch' ? this.#seen.get(page.epoch) : undefined;
        const expected = known ?? page.oldest - 1;
        const log = this.#log(page.epoch, oracle);
        let seq = expected;
        while (seq < next.seq && log.isVoid(seq + 1)) seq += 1;
        // Without facts the log begins where it shows its first message.
        const first = this.world.plan.numbers.epochs ? undefined : page.messages[0]?.seq;
        const fits = [seq, page.oldest - 1, (first ?? 0) - 1].includes(next.seq);
        if (next.epoch !== page.epoch || !fits)
          oracle.fail('I5', `${what}: goes on from ${next.epoch} ${next.seq}, not ${expected}`);
        return;
      }
      case 'unreachable':
        if (this.world.plan.settings.giveUpAfterMs === false) oracle.fail('I5', what);
    }
  }

  /**
   * Does the log end where we stand, without what came live above it? A counter that began anew looks
   * like that, and so does an old answer out of a cache: told apart by nothing that the client has.
   */
  #endsBelow({ head, messages, more }: Page): boolean {
    const { epochs } = this.world.plan.numbers;
    if (epochs || !this.#rises || messages.length === 0 || more) return false;
    return head === this.#stoodAt?.seq && head < this.#highest;
  }

  /** Does it have another message under a number that is known? */
  #compare({ messages }: Page): boolean {
    if (this.world.plan.numbers.epochs) return false;
    const known = this.#uids;
    const isAnother = messages.some(({ data, seq }) => (known.get(seq) ?? data) !== data);
    for (const { data, seq } of messages)
      if (seq <= (this.at?.seq ?? Infinity) && !known.has(seq)) known.set(seq, data as number);
    return isAnother;
  }

  /** A gap that looks back: the store answered after reading had begun without it. */
  #late(gap: Gap, next: Position, oracle: Oracle): void {
    const owed = this.#owed;
    this.#owed = undefined;
    if (owed === undefined || gap.epoch !== owed.epoch || gap.from !== owed.seq + 1)
      oracle.fail('I5 late', `${oracle.describe(gap)}, owed from ${owed?.seq}`);
    const { at } = this;
    let seq = at?.seq ?? 0;
    while (at !== undefined && seq < next.seq && this.#log(at.epoch, oracle).isVoid(seq + 1))
      seq += 1;
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
    if (item.reason === 'initial') this.#startsAt(item.position, oracle);
    this.#snapshot = item;
  }

  /** Where reading starts, when the first item does not show it. */
  #saidToStart(epoch: string, seq: number): Position {
    const said = [...this.facts].reverse().find((facts) => facts.epoch === epoch);
    return { epoch, seq: said === undefined ? seq : Math.min(seq, this.#from(said)) };
  }

  #start(position: Position, oracle: Oracle): void {
    this.#startsAt(position, oracle);
    if (this.#asked === 'unknown') this.blind.set(this.channel, position);
    else oracle.begins(this.channel, position);
    this.#begin(position);
  }

  #begin(position: Position): void {
    this.#above.clear();
    this.at = { epoch: position.epoch, seq: position.seq };
  }

  /** May reading start here, by what the joins have said? */
  #startsAt({ epoch, seq }: Position, oracle: Oracle): void {
    const log = this.#log(epoch, oracle);
    const fits = this.facts.some((facts) => {
      if (facts.epoch !== epoch) return false;
      const from = this.#from(facts);
      for (let n = from + 1; n <= seq; n += 1) if (!log.isVoid(n)) return false;
      return from <= seq;
    });
    if (!fits) oracle.fail('I2 start', `${this.channel} starts at ${epoch} ${seq}`);
  }

  #from({ head, oldest }: Facts): number {
    if (this.plan.start === 'earliest') return oldest - 1;
    return this.plan.start === 'last' ? Math.max(oldest - 1, head - 3, 0) : head;
  }

  #log(epoch: string, oracle: Oracle): EpochLog {
    const log = this.world.log(this.channel).epochs.get(epoch);
    return log ?? oracle.fail('I4', `${this.channel}: there never was an epoch ${epoch}`);
  }
}
