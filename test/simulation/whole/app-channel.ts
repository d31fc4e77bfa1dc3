/** A channel as an app holds it: asked for, let go, asked for again, from inside of handlers too. */
import type { Channel } from '../../../src/channel.js';
import type { LastseqClient } from '../../../src/client.js';
import type { Position } from '../../../src/core/position.js';
import type { Effect, Input, Start } from '../../../src/core/vocabulary.js';
import { LastseqError } from '../../../src/errors.js';
import type { ChannelOptions, StandardSchema } from '../../../src/options.js';
import { Dice } from '../dice.js';
import type { ChannelPlan } from '../plan.js';
import type { AppSide } from '../tab.js';
import { AppWork } from './app-work.js';
import type { WholeClient } from './whole-client.js';

/** A start that differs from that of a handle just closed has to wait until the channel is left. */
const AGAIN_MS = 200;

export class AppChannel implements AppSide {
  readonly #work: AppWork;
  readonly #options: Omit<ChannelOptions, 'start'>;
  /** Does the app read with `for await`, rather than with handlers? */
  readonly #loops: boolean;
  #handle: Channel | undefined;
  #off: (() => void) | undefined;
  /** Another part of the page, that looks on. */
  #spectator: Channel | undefined;
  /** Promises of `ready()` that have not settled. */
  #waiting = 0;
  #isDeaf = false;
  #isWanted = false;

  constructor(
    private readonly tab: WholeClient,
    private readonly plan: ChannelPlan,
    private readonly api: LastseqClient,
  ) {
    const { manual, maxAttempts, name, onHandlerError, snapshot } = plan;
    const dice = new Dice(tab.world.plan.seed).fork(`app ${name}`);
    this.#work = new AppWork(tab, plan);
    this.#loops = !manual && dice.chance(0.2);
    this.#options = {
      maxAttempts,
      onHandlerError,
      commit: manual ? 'manual' : 'after',
      ...(snapshot ? { snapshot: (request) => this.#work.load(request) } : {}),
      ...(dice.chance(0.2) ? { schema: this.#schema } : {}),
    };
  }

  /** Nothing to handle, and nobody waits for the channel to be ready. */
  get isIdle(): boolean {
    return this.queued === 0 && this.#waiting === 0;
  }

  get queued(): number {
    return this.#work.entries.length;
  }

  get messagesQueued(): number {
    return this.#work.entries.filter(({ item }) => item.type === 'message').length;
  }

  get isFailed(): boolean {
    return this.#work.isFailed;
  }

  join(start: Start): void {
    this.#isWanted = true;
    const { name } = this.plan;
    if (this.#handle !== undefined && this.tab.states.get(name) !== 'failed') return;
    void this.#handle?.close();
    void this.#spectator?.close();
    this.#spectator = this.#handle = undefined;
    try {
      this.#handle = this.api.channel(name, { ...this.#options, start }) as Channel;
    } catch (error) {
      if (!(error instanceof LastseqError) || error.code !== 'options_differ') throw error;
      return this.#work.after(AGAIN_MS, () => this.#again());
    }
    this.#handle.on('state', ({ name: state }) => {
      // A new handle is how an app tries again, and some do so at once.
      if (state === 'failed' && this.tab.world.strike('rejoin', 0.7)) this.#again();
    });
    this.#subscribe();
    this.#waiting += 1;
    const settled = (): void => void (this.#waiting -= 1);
    this.#handle.ready().then(settled, settled);
  }

  listen(): void {
    if (this.#isDeaf) this.#subscribe();
  }

  deafen(): void {
    this.#isDeaf = true;
    void this.#spectator?.close();
    this.#off?.();
  }

  release(): void {
    this.#isWanted = false;
    void this.#spectator?.close();
    this.#off?.();
    void this.#handle?.close();
    this.#spectator = this.#handle = undefined;
  }

  retry(): void {
    this.#handle?.retry();
  }

  publish(id: number, timeoutMs: number | undefined): Promise<Position> {
    if (this.#handle === undefined) return Promise.reject(new Error('not joined'));
    return this.#handle.publish(id, { key: `k${id}`, timeoutMs });
  }

  /** The server has refused the channel, which perhaps nobody wants any more. */
  refused(): void {
    const { dice } = this.tab.world;
    if (this.#handle !== undefined || !this.tab.world.strike('rejoin', 0.7)) return;
    // A part of the page comes and goes in one go, and the next one comes while the channel is being left.
    const visitor = this.api.channel(this.plan.name);
    visitor.subscribe(() => undefined);
    void visitor.close();
    this.#work.after(dice.between(0, 2_000), () => this.tab.join(this.plan));
  }

  sees(input: Input): void {
    this.#work.sees(input);
    const { dice } = this.tab.world;
    if (input.type !== 'handlerFailed' || !dice.chance(0.2)) return;
    this.#work.after(dice.between(0, 800), () => {
      if (this.#handle !== undefined && this.#work.skip()) this.#handle.skip();
    });
  }

  seesEffect(effect: Effect): void {
    this.#work.seesEffect(effect);
  }

  #again(): void {
    if (this.#isWanted && !this.tab.isClosed) this.tab.join(this.plan);
  }

  #subscribe(): void {
    const handle = this.#handle;
    this.#isDeaf = false;
    this.#off?.();
    if (handle === undefined || this.tab.isClosed) return;
    if (this.#loops) return this.#loop(handle);
    this.#off = handle.subscribe({
      message: (message) => this.#given(message),
      gap: (gap) => this.#given(gap),
    });
  }

  #given(part: Parameters<AppWork['given']>[0]): Promise<void> | undefined {
    const working = this.#work.given(part);
    this.#rash();
    return working;
  }

  #loop(handle: Channel): void {
    const { world } = this.tab;
    const ending = new AbortController();
    this.#off = () => ending.abort();
    const read = async (): Promise<void> => {
      for await (const part of handle.items({ signal: ending.signal })) {
        // Resolved before the channel was left, and begun after that: it works for nobody.
        if (handle !== this.#handle) return;
        const working = this.#work.given(part, false);
        this.#rash();
        await working;
      }
    };
    read().catch((error: unknown) => (world.broken ??= error));
  }

  /** What an app does from inside of a handler. */
  #rash(): void {
    const { world } = this.tab;
    const { dice } = world;
    if (world.strike('deaf', 0.1)) this.#subscribe();
    if (world.strike('rejoin', 0.05)) this.#spectate();
    if (world.strike('rejoin', 0.1)) {
      this.release();
      if (dice.chance(0.7)) this.tab.join(this.plan);
      else this.#work.after(dice.between(0, 3_000), () => this.tab.join(this.plan));
    }
    if (!world.strike('close', 0.02)) return;
    this.tab.enter({ type: 'close' });
    const i = world.tabs.indexOf(this.tab);
    world.agenda.in(dice.between(0, 500), () => {
      if (world.tabs[i] === this.tab) world.reload(i);
    });
  }

  /** Another part of the page looks on for a while, and takes its time. */
  #spectate(): void {
    if (this.tab.isClosed || this.#spectator !== undefined) return;
    const other = this.api.channel(this.plan.name);
    this.#spectator = other as Channel;
    // Both must be done with an item: when the channel is left before, it comes to this one again.
    this.tab.world.store.tampered.add(this.plan.name);
    other.subscribe((message) => this.#work.looksOn(message));
    this.#work.after(this.tab.world.dice.between(0, 1_000), () => void other.close());
  }

  /** Everything fits, now or a little later. */
  readonly #schema: StandardSchema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) =>
        this.tab.world.dice.chance(0.5)
          ? { value }
          : new Promise((resolve) => this.#work.after(3, () => resolve({ value }))),
    },
  } as StandardSchema;
}
