/** What an app does with what it is given: handlers and snapshots that are slow, throw, commit or skip. */
import { markOf } from '../../../src/commit-log.js';
import type { Delivered } from '../../../src/channel.js';
import type { Position } from '../../../src/core/position.js';
import type { Effect, Gap, Input, Item, Message } from '../../../src/core/vocabulary.js';
import { handlerOf, loadedState, snapshotOf } from '../app.js';
import type { ChannelPlan } from '../plan.js';
import type { WholeClient } from './whole-client.js';

export interface Entry {
  readonly item: Item;
  readonly tok: string | undefined;
}

interface SnapshotRequest {
  readonly position: Position;
  readonly signal: AbortSignal;
}

export class AppWork {
  /** What the core has given out and does not know to be finished. */
  entries: readonly Entry[] = [];
  isFailed = false;
  /** Grows with every leave: who outlives one works for nobody. */
  #life = 0;
  #failures = 0;
  /** Those of the entries that the app is done with. */
  readonly #over = new WeakSet<Entry>();

  constructor(
    private readonly tab: WholeClient,
    private readonly plan: ChannelPlan,
  ) {}

  /** Between driver and core. */
  sees(input: Input): void {
    if (input.type === 'handlerFailed') this.isFailed = true;
    if (input.type !== 'handled' && input.type !== 'snapshotTaken') return;
    this.entries = this.entries.slice(input.type === 'handled' ? input.count : 1);
    this.isFailed = false;
  }

  seesEffect(effect: Effect): void {
    if (effect.type === 'deliver')
      this.entries = [...this.entries, ...effect.items.map((item) => ({ item, tok: effect.tok }))];
    else if (effect.type === 'redeliver') this.isFailed = false;
    else if (effect.type === 'left') {
      this.#life += 1;
      this.#failures = 0;
      this.entries = [];
      this.isFailed = false;
    }
  }

  /** A handler. @param mayFail a loop that throws lets go of the item. */
  given(part: Delivered<Message | Gap>, mayFail = true): Promise<void> | undefined {
    const { world } = this.tab;
    const life = this.#life;
    const entry = this.#entryOf(part);
    if (entry === undefined) {
      this.#judged(() =>
        world.oracle.fail(
          'I4 phantom',
          `${this.plan.name} ${JSON.stringify(part)} is given, and not queued`,
        ),
      );
      return undefined;
    }
    // The app commits when it likes, later and in any order.
    const isLater = world.dice.chance(0.5);
    if (isLater && part.commit !== undefined) this.after(world.dice.between(0, 150), part.commit);
    // A loop that throws lets go of the item, and so it never does.
    const { fails, takes } = handlerOf(world, mayFail ? this.#failures : Infinity);
    const settle = (): void => {
      // A handler that outlives its channel still does its work; only nobody listens any more.
      if (life === this.#life) this.#settle(entry, fails);
      if (!isLater && (!fails || this.plan.onHandlerError === 'skip')) part.commit?.();
      if (fails) throw new Error('the handler failed');
    };
    if (takes !== undefined) return this.#in(takes, settle);
    if (world.dice.chance(0.3)) this.tab.busyMs += world.dice.between(1, 10);
    settle();
    return undefined;
  }

  /** A handler of another part of the page. An item that it has had is had, whoever else fails and goes. */
  looksOn(message: Message): Promise<void> {
    const entry = this.#entryOf(message);
    return this.#in(5, () => {
      if (entry !== undefined) this.tab.world.oracle.passedOver(this.plan.name, entry.item);
    });
  }

  /** A snapshot. */
  load({ position, signal }: SnapshotRequest): Promise<Position | undefined> {
    const { world } = this.tab;
    const { name } = this.plan;
    const { fails, takes } = snapshotOf(world, this.#failures);
    return this.#in(takes, () => {
      if (signal.aborted) return undefined;
      this.#failures = fails ? this.#failures + 1 : 0;
      if (fails) throw new Error('the snapshot failed');
      const { real, told } = loadedState(world, this.plan);
      world.oracle.snapshotLoaded(this.tab, name, real);
      world.oracle.snapshotTaken(this.tab, name, told ?? position);
      return told;
    });
  }

  /** The app passes over the item whose handlers failed. @returns false when there is none to pass over. */
  skip(): boolean {
    const [entry] = this.entries;
    if (!this.isFailed || entry === undefined || entry.item.type === 'snapshot') return false;
    this.#passOver(entry);
    return true;
  }

  after(ms: number, work: () => void): void {
    this.tab.world.agenda.in(ms, () => {
      this.tab.run(work);
    });
  }

  #settle(entry: Entry, fails: boolean): void {
    const isOver = !fails || this.plan.onHandlerError === 'skip';
    this.#failures = isOver ? 0 : this.#failures + 1;
    if (!isOver) return;
    const { item } = entry;
    if (!fails) this.#judged(() => this.tab.world.oracle.handled(this.tab, this.plan.name, item));
    this.#passOver(entry);
  }

  #passOver(entry: Entry): void {
    const { item, tok } = entry;
    const { oracle } = this.tab.world;
    this.#over.add(entry);
    if (item.type === 'snapshot') return;
    oracle.passedOver(this.plan.name, item);
    const mark = markOf(item, tok);
    if (mark !== undefined) oracle.marked(this.tab, this.plan.name, mark);
  }

  /** What the handler was given, as the core gave it out. */
  #entryOf(part: Message | Gap): Entry | undefined {
    return this.entries.find((entry) => {
      const { item } = entry;
      if (this.#over.has(entry) || item.type !== part.type) return false;
      if (item.type === 'message')
        return item.epoch === part.epoch && item.seq === (part as Message).seq;
      if (item.type !== 'gap') return false;
      const { epoch, from, reason } = part as Gap;
      return item.gap.epoch === epoch && item.gap.from === from && item.gap.reason === reason;
    });
  }

  /** What breaks a rule must not pass for a handler that failed. */
  #judged(judge: () => void): void {
    try {
      judge();
    } catch (error) {
      this.tab.world.broken ??= error;
    }
  }

  #in<Result>(ms: number, work: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.after(ms, () => {
        try {
          resolve(work());
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }
}
