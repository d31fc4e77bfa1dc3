/**
 * The judge. Follows what the app is given, item by item, and compares it with the truth: order, once,
 * never silent, gaps that the facts justify, positions that are never ahead of what was handled.
 */
import type {
  ClientFrame,
  Facts,
  Page,
  RecoverRequest,
  ServerFrame,
} from '../../src/core/frames.js';
import type { Position, PositionWrite, StoredPosition } from '../../src/core/position.js';
import type { Effect, Gap, Input, Item } from '../../src/core/vocabulary.js';
import { Account } from './account.js';
import type { Tab } from './tab.js';
import { Reading } from './reading.js';
import type { ChannelPlan } from './plan.js';
import { Watch } from './watch.js';
import type { World } from './world.js';

/** A rule was broken. */
export class Violation extends Error {
  constructor(
    readonly rule: string,
    detail: string,
  ) {
    super(`${rule}: ${detail}`);
  }
}

type Deliver = Extract<Effect, { type: 'deliver' }>;

export class Oracle {
  readonly #accounts = new Map<string, Account>();
  readonly #own = new Map<string, Position>();
  readonly #readings = new Map<Tab, Map<string, Reading>>();
  readonly #watch: Watch;
  readonly #told = new WeakSet<Gap>();
  /** The last `subscribe` of each channel: a refusal of an older one refuses nothing. */
  readonly #joins = new WeakMap<Tab, Map<string, number>>();

  /** What the app has handled, in whatever page. */
  readonly #had = new Set<string>();

  constructor(private readonly world: World) {
    this.#watch = new Watch(world);
  }

  fail(rule: string, detail: string): never {
    throw new Violation(rule, detail);
  }

  account(channel: string): Account {
    const known = this.#accounts.get(channel);
    if (known !== undefined) return known;
    const account = new Account();
    this.#accounts.set(channel, account);
    return account;
  }

  /** Where an app that keeps its own position stands. */
  ownPosition(channel: string): Position | undefined {
    return this.#own.get(channel);
  }

  reading(client: Tab, channel: string): Reading | undefined {
    return this.#readings.get(client)?.get(channel);
  }

  // --- around every input ---

  before(client: Tab, input: Input): void {
    switch (input.type) {
      case 'join':
        return this.#joined(client, input.channel, input.intent.start);
      case 'frames':
        // Of a socket that was given up, the client takes nothing any more.
        if (input.attempt !== client.attempt || client.connection !== 'open') return;
        for (const frame of input.frames) if (frame.type !== 'bad') this.#frame(client, frame);
        return;
      case 'recovered':
        if ('page' in input.answer) this.#page(client, input.id, input.answer.page);
        return;
      case 'tick':
        for (const reading of this.#readings.get(client)?.values() ?? []) reading.answers.ticked();
        return;
      case 'loaded':
        if (input.failed !== true && client.states.get(input.channel) !== 'failed')
          this.reading(client, input.channel)?.loaded(input.position, this);
    }
  }

  after(client: Tab, input: Input, effects: readonly Effect[]): void {
    for (const effect of effects) {
      this.world.count(effect.type);
      if (effect.type === 'abort') this.#aborted(client, effect.id);
      else if (effect.type === 'deliver') this.#deliver(client, effect);
      else if (effect.type === 'channelState' && effect.state.name === 'failed')
        this.reading(client, effect.channel)?.ended(this);
      else if (effect.type === 'left') {
        const reading = this.reading(client, effect.channel);
        const late = reading?.late;
        // It may have begun in this very tick: then no mark is of where it did.
        if (reading?.at === undefined) client.marked.delete(effect.channel);
        // Named, but the app never came to it: whoever joins anew is still owed it.
        if (late !== undefined && (this.#manual(effect.channel) || !this.#told.has(late.gap)))
          client.blind.set(effect.channel, late.base);
        this.#readings.get(client)?.delete(effect.channel);
        // A channel that had failed is left and joined anew in one step.
        if (input.type === 'join') this.#joined(client, input.channel, input.intent.start);
      }
    }
    // What this input delivers was there when it asked, whichever is said first.
    for (const effect of effects) {
      if (effect.type === 'fetch') this.#asked(client, effect.id, effect.request);
      else if (effect.type === 'send') this.#sent(client, effect.frames);
    }
    if (input.type === 'join') {
      const asksStore = effects.some(({ type }) => type === 'load');
      this.reading(client, input.channel)?.resumed(client, asksStore);
    }
    const readings = this.#readings.get(client);
    if (readings !== undefined) {
      for (const reading of readings.values()) reading.settled(client, this);
    }
    this.#watch.effects(client, input, effects);
  }

  /** The effects have run. */
  settled(client: Tab): void {
    this.#watch.settled(client, (channel) => this.reading(client, channel));
  }

  finish(): void {
    this.#watch.finish();
  }

  // --- what the app does ---

  handled(client: Tab, channel: string, item: Item): void {
    const reading = this.reading(client, channel);
    if (item.type === 'message') {
      const { epoch, seq } = item;
      const account = this.account(channel);
      // A log that answers for another leads to an epoch that comes back: its messages come again.
      const once = reading?.plan.start === 'own' && this.world.plan.level.recoveryForeign === 0;
      const key = `${channel} ${epoch} ${seq}`;
      // Where a log that lags says where `latest` is, what one page passed over may come to another.
      const had = this.world.plan.numbers.epochs
        ? account.has(epoch, seq)
        : reading?.isOwn === true && this.#had.has(key);
      if (once && had && !this.world.mayRepeat(channel))
        this.fail('I10 once across pages', `${key} was handled before`);
      this.#had.add(key);
      reading?.handledOnce(client, epoch, seq, this);
    }
    this.passedOver(channel, item);
  }

  /** The app was told, and that is that. */
  passedOver(channel: string, item: Item): void {
    const account = this.account(channel);
    if (item.type === 'message') account.add(item.epoch, item.seq);
    else if (item.type === 'gap') {
      this.#told.add(item.gap);
      const { epoch, from, to } = item.gap;
      if (to === undefined) account.addFrom(epoch, from);
      else account.addRange(epoch, from, to);
      // Where the new log is read from is no loss of the old one; what lay before it is gone.
      const after = item.after.position;
      if (after.epoch !== epoch || item.gap.reason === 'rewind')
        account.addRange(after.epoch, 1, after.seq);
    }
  }

  marked(client: Tab, channel: string, mark: PositionWrite): void {
    client.marked.add(channel);
    const { epoch, seq } = mark.position;
    this.#own.set(channel, { epoch, seq });
  }

  /** The app's state now holds everything up to `real`, and nothing older matters any more. */
  snapshotLoaded(client: Tab, channel: string, real: Position): void {
    const account = this.account(channel);
    for (const log of this.world.log(channel).epochs.values()) {
      account.addRange(log.epoch, 1, log.epoch === real.epoch ? real.seq : log.head);
    }
    this.reading(client, channel);
  }

  snapshotTaken(client: Tab, channel: string, position: Position): void {
    this.reading(client, channel)?.taken(position);
  }

  /** A position reached the store. */
  stored(write: PositionWrite, before: StoredPosition | undefined, kept: StoredPosition): void {
    const { channel } = write;
    if (before?.tok === kept.tok && before.epoch === kept.epoch && kept.seq < before.seq)
      this.fail('I9 a stored position goes back', `${channel} ${before.seq} -> ${kept.seq}`);
    const log = this.world.log(channel).epochs.get(kept.epoch);
    const missing = this.account(channel).missing(kept.epoch, kept.seq, log);
    // A log that went back inside its epoch takes the sense out of its numbers.
    if (missing !== undefined && !this.world.hasRewound(channel)) {
      const what = `${channel} ${kept.epoch} ${kept.seq} is stored, ${missing} was not handled`;
      this.fail('I3 a stored position is ahead', what);
    }
  }

  /** Reading starts here by the app's own choice: what lies before is none of its business. */
  begins(channel: string, { epoch, seq }: Position): void {
    this.account(channel).addRange(epoch, 1, seq);
  }

  /** A number that nobody can know to be missing. */
  excused(channel: string, epoch: string, seq: number): void {
    this.account(channel).add(epoch, seq);
  }

  // --- what the client hears ---

  #joined(client: Tab, channel: string, start: unknown): void {
    const readings = this.#readings.get(client) ?? new Map<string, Reading>();
    this.#readings.set(client, readings);
    if (readings.has(channel)) return;
    const plan = this.world.plan.channels.find(({ name }) => name === channel) as ChannelPlan;
    const own = typeof start === 'object' && start !== null && 'epoch' in start;
    const position = own ? (start as Position) : undefined;
    readings.set(channel, new Reading(this.world, channel, client.blind, plan, position));
  }

  #frame(client: Tab, frame: ServerFrame): void {
    if (frame.type === 'subscribed') {
      const { epoch, head, oldest } = frame;
      const facts: Facts = { epoch, head, oldest };
      this.reading(client, frame.channel)?.beginning.facts.push(facts);
    } else if (frame.type === 'unsubscribed' || frame.type === 'error') {
      const { channel = '' } = frame;
      // An error of a channel refuses its join: it waits for no answer then.
      if (frame.type === 'error' && frame.id !== this.#joins.get(client)?.get(channel)) return;
      this.reading(client, channel)?.answers.gaveUp();
    } else if (frame.type === 'recovered') {
      for (const item of frame.items) if ('page' in item) this.#page(client, frame.id, item.page);
    }
  }

  #page(client: Tab, call: number, page: Page): void {
    this.reading(client, page.channel)?.heardPage(call, page);
  }

  #manual(channel: string): boolean {
    return this.world.plan.channels.some(({ manual, name }) => manual && name === channel);
  }

  #asked(client: Tab, id: number, request: RecoverRequest): void {
    const { channel } = request;
    const numbers = client.session.numbers(channel);
    const stoodAt = numbers && { epoch: numbers.epoch, seq: numbers.last };
    this.reading(client, channel)?.asked(id, request, stoodAt);
  }

  #aborted(client: Tab, id: number): void {
    for (const reading of this.#readings.get(client)?.values() ?? []) reading.answers.gaveUp(id);
  }

  #sent(client: Tab, frames: readonly ClientFrame[]): void {
    const joins = this.#joins.get(client) ?? new Map<string, number>();
    this.#joins.set(client, joins);
    for (const frame of frames) {
      if (frame.type === 'subscribe') joins.set(frame.channel, frame.id);
      else if (frame.type === 'recover')
        for (const item of frame.items) this.#asked(client, frame.id, item);
    }
  }

  #deliver(client: Tab, { channel, items, tok }: Deliver): void {
    const reading = this.reading(client, channel);
    if (reading === undefined) return this.fail('I8', `${channel} is delivered, nobody wants it`);
    if (tok === '' && items.some(({ type }) => type === 'message'))
      this.fail('I3 owner', `${channel}: the store would refuse the place of what is delivered`);
    for (const item of items) reading.item(item, this);
  }

  describe({ epoch, from, reason, to }: Gap): string {
    return `gap ${epoch} ${from}..${to ?? '?'} ${reason}`;
  }
}
