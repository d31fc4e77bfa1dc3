/** One schedule: a server, its logs, a store, tabs and an app, in virtual time, under the plan's faults. */
import type { Session } from '../../src/core/session.js';
import { sessionFor } from '../../src/core/session-for.js';
import type { Settings } from '../../src/core/settings.js';
import { Agenda } from './agenda.js';
import { Client } from './client.js';
import { Dice } from './dice.js';
import { scheduleFaults } from './faults.js';
import { Oracle, Violation } from './oracle.js';
import { DELIVERED_MS, END_MS, FAULTS, HEALED_MS, type Fault, type Plan } from './plan.js';
import { Server } from './server.js';
import { Store } from './store.js';
import type { Tab } from './tab.js';
import { ChannelLog } from './truth.js';

/** A schedule with more steps than this goes in circles. */
const MOST_STEPS = 60_000;

/** The counters' names, made once: they are counted millions of times. */
const COUNTED = Object.fromEntries(FAULTS.map((fault) => [fault, `fault ${fault}`])) as Record<
  Fault,
  string
>;

/** Each hole takes three answers, up to two seconds apart, before it is believed. */
const MOST_HOLES = 3;

export interface Result {
  readonly seed: number;
  readonly steps: number;
  readonly violation:
    { readonly rule: string; readonly text: string; readonly at: number } | undefined;
}

/** Counts over many schedules. */
export type Tally = Map<string, number>;

export type Tracer = (at: number, text: string) => void;

export class World {
  readonly agenda = new Agenda();
  readonly dice: Dice;
  readonly logs = new Map<string, ChannelLog>();
  readonly server: Server;
  readonly store: Store;
  readonly oracle: Oracle;
  readonly tabs: Tab[] = [];
  /** What a promise would swallow. */
  broken: unknown;
  /** Messages that were handled successfully, by page life. */
  readonly handled = new Set<string>();
  readonly #rewound = new Set<string>();
  readonly #chances = new Map<Fault, Dice>();
  #isHealed = false;
  #uids = 0;
  #clients = 0;
  #publishes = 0;

  constructor(
    readonly plan: Plan,
    private readonly tally: Tally,
    private readonly tracer?: Tracer,
    /** Makes the cores of the clients. */
    readonly session: (settings: Settings) => Session = sessionFor,
    private readonly newTab: (world: World, id: number) => Tab = (world, id) =>
      new Client(world, id),
  ) {
    this.dice = new Dice(plan.seed).fork('world');
    this.oracle = new Oracle(this);
    this.store = new Store(this);
    this.server = new Server(this);
    for (const { limit, name } of plan.channels) {
      const nextUid = (): number => (this.#uids += 1);
      this.logs.set(name, new ChannelLog(name, limit, nextUid, plan.numbers.epochs));
    }
  }

  run(): Result {
    try {
      const course = this.#course();
      while (course.next().done !== true);
      return this.#result(undefined);
    } catch (error) {
      return this.#result(error ?? 'nothing');
    }
  }

  /** The same where promises have a part: they settle between any two steps. */
  async runSettling(settle: () => Promise<void>): Promise<Result> {
    try {
      const course = this.#course();
      while (course.next().done !== true) {
        await settle();
        if (this.broken !== undefined) throw this.broken;
      }
      return this.#result(undefined);
    } catch (error) {
      return this.#result(error ?? 'nothing');
    }
  }

  /** The schedule, step by step, and the judge's last word. */
  *#course(): Generator<void> {
    this.#begin();
    yield* this.#steps(END_MS);
    // Broken storage is tried again after up to a minute, or when the page is hidden.
    if (this.#storageBroke) for (const tab of this.tabs) tab.signal('hidden');
    yield* this.#steps(END_MS + 500);
    this.oracle.finish();
  }

  *#steps(until: number): Generator<void> {
    while (this.agenda.step(until)) {
      if (this.agenda.steps > MOST_STEPS) this.oracle.fail('I7', 'it goes in circles');
      yield;
    }
  }

  get #storageBroke(): boolean {
    const { level } = this.plan;
    return level.storeSlow + level.storeFail + level.storeHang > 0;
  }

  #result(error: unknown): Result {
    const { agenda, plan } = this;
    const result = { seed: plan.seed, steps: agenda.steps };
    if (error === undefined) return { ...result, violation: undefined };
    const rule = error instanceof Violation ? error.rule : 'thrown';
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const text = error instanceof Violation ? error.message : stack;
    return { ...result, violation: { rule, text, at: agenda.now } };
  }

  log(channel: string): ChannelLog {
    return this.logs.get(channel) as ChannelLog;
  }

  /** Does a fault strike at this event? */
  strike(fault: Fault, most: number): boolean {
    if (this.#isHealed) return false;
    const level = this.plan.level[fault];
    if (level === 0) return false;
    let dice = this.#chances.get(fault);
    if (dice === undefined) {
      dice = new Dice(this.plan.seed).fork(`each ${fault}`);
      this.#chances.set(fault, dice);
    }
    if (!dice.chance(level * most)) return false;
    this.hit(fault);
    return true;
  }

  hit(fault: Fault): void {
    this.count(COUNTED[fault]);
    this.tracer?.(this.agenda.now, `! ${fault}`);
  }

  count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }

  get isTraced(): boolean {
    return this.tracer !== undefined;
  }

  trace(client: Tab, what: object): void {
    this.tracer?.(this.agenda.now, `${client.id} ${JSON.stringify(what)}`);
  }

  latency(): number {
    const base = 1 + this.dice.next() * 9;
    return this.strike('latency', 0.5) ? base + this.dice.next() * 140 : base;
  }

  publish(channel: string): number {
    const log = this.log(channel);
    const { kind } = this.plan.numbers;
    if (log.holes < MOST_HOLES && this.strike('hole', 0.15))
      log.burn(kind === 'contiguous' || kind === 'bare' ? 'hole' : 'skip', this.dice.between(1, 2));
    if (this.strike('void', 0.25)) log.burn('void', this.dice.between(1, 3));
    if (kind === 'sparse' || this.plan.settings.numbering === 'monotonic')
      log.burn('skip', this.dice.pick([0, 0, 1, 3]));
    const seq = log.append(this.agenda.now);
    this.tracer?.(this.agenda.now, `+ ${channel} ${log.log.epoch} ${seq}`);
    this.server.fanOut(log, seq);
    return seq;
  }

  /** A new epoch, with a part of the old entries in it or none. */
  replaceLog(channel: string, keep: number): void {
    if (!this.plan.numbers.epochs) return this.#goBack(channel, keep);
    this.log(channel).replace(keep);
    this.tracer?.(this.agenda.now, `* ${channel} ${this.log(channel).log.epoch} keeps ${keep}`);
    if (this.plan.omitEpoch) this.server.closeAll(1012);
  }

  /** The log goes back inside its epoch, against the protocol. Found as long as nothing is published. */
  rewind(channel: string, by: number): void {
    this.#goBack(channel, Math.max(0, this.log(channel).log.head - by));
  }

  #goBack(channel: string, to: number): void {
    const { log } = this.log(channel);
    log.rewind(to);
    this.#rewound.add(channel);
    // Numbers begin anew when such a server does, and that ends its connections.
    if (!this.plan.numbers.epochs) this.server.beginAnew();
    this.tracer?.(this.agenda.now, `* ${channel} rewinds to ${log.head}`);
  }

  /** A state was loaded anew: what lies behind it may come again. */
  forgetHandled(client: number, channel: string): void {
    const prefix = `${client} ${channel} `;
    for (const key of this.handled) if (key.startsWith(prefix)) this.handled.delete(key);
  }

  rewound(channel: string): void {
    this.#rewound.add(channel);
  }

  hasRewound(channel: string): boolean {
    return this.#rewound.has(channel);
  }

  /** Is a repeated message no fault of the client? */
  mayRepeat(channel: string): boolean {
    // Numbers that only rise: what came live above the stored position comes again.
    const { numbering } = this.plan.settings;
    return (
      numbering === 'monotonic' ||
      this.plan.tabs > 1 ||
      this.#rewound.has(channel) ||
      this.store.tampered.has(channel)
    );
  }

  /** The page of a tab goes away and comes back. */
  reload(i: number): void {
    this.tabs[i]?.die();
    this.#open(i);
  }

  #open(i: number): void {
    this.#clients += 1;
    const client = this.newTab(this, this.#clients);
    this.tabs[i] = client;
    for (const plan of this.plan.channels) {
      this.agenda.in(this.dice.between(0, 50), () => client.join(plan));
    }
  }

  #begin(): void {
    const { plan } = this;
    for (const channel of plan.channels) {
      const before = this.dice.between(0, channel.publishes);
      for (let i = 0; i < before; i += 1) this.publish(channel.name);
      for (let i = 0; i < channel.publishes; i += 1) {
        // Bursts and pauses; a few come after everything is well again.
        const at = this.dice.chance(0.9) ? HEALED_MS : HEALED_MS + 4_000;
        this.agenda.at(this.dice.next() * at, () => this.#burst(channel.name));
      }
    }
    for (let i = 0; i < plan.tabs; i += 1) this.#open(i);
    scheduleFaults(this);
    this.agenda.at(HEALED_MS, () => {
      this.#isHealed = true;
      this.tracer?.(this.agenda.now, '--- healed');
    });
    for (const ms of [0, 700, 1_500, 3_000]) this.agenda.at(HEALED_MS + ms, () => this.#care());
    this.agenda.at(DELIVERED_MS - 5_000, () => {
      for (const { name } of plan.channels) this.publish(name);
    });
  }

  #burst(channel: string): void {
    if (this.dice.chance(0.15) && this.plan.caps.includes('publish')) {
      const tab = this.dice.pick(this.tabs);
      this.#publishes += 1;
      const id = this.#publishes;
      tab.publish(id, channel, this.dice.chance(0.5) ? this.dice.between(50, 800) : undefined);
      return;
    }
    const { kind } = this.plan.numbers;
    // The last of the log may be for others.
    if (kind === 'sparse' && this.dice.chance(0.3)) return this.log(channel).burn('skip', 1);
    const count = this.dice.chance(0.2) ? this.dice.between(2, 6) : 1;
    for (let i = 0; i < count; i += 1) this.publish(channel);
  }

  /** The user comes back and the app does what an app does: everything that only they can do. */
  #care(): void {
    for (const tab of this.tabs) {
      if (tab.isClosed) continue;
      tab.thaw();
      for (const signal of ['online', 'pageshow', 'visible'] as const) tab.signal(signal);
      if (tab.connection === 'unauthorized' || tab.connection === 'failed')
        tab.enter({ type: 'connect' });
      for (const plan of this.plan.channels) tab.join(plan);
      for (const delivery of tab.channels.values()) tab.run(() => delivery.listen());
      for (const [channel, delivery] of tab.channels)
        if (delivery.isFailed) tab.enter({ type: 'retry', channel });
    }
  }
}
