/**
 * A tab with all that ships: client, driver, delivery, storage and core, over ports that lead into the
 * simulated world. The judge looks on between driver and core, and sits in the handlers.
 */
import { LastseqClient } from '../../../src/client.js';
import type { DecodedFrame } from '../../../src/core/frames.js';
import type { Session } from '../../../src/core/session.js';
import type { Effect, Input, PageSignal } from '../../../src/core/vocabulary.js';
import { LastseqError } from '../../../src/errors.js';
import { resolveOptions } from '../../../src/options.js';
import type { TransportEvent } from '../../../src/ports/transport.js';
import { TokenProvider } from '../app.js';
import type { ChannelPlan } from '../plan.js';
import { Tab } from '../tab.js';
import type { World } from '../world.js';
import { AppChannel } from './app-channel.js';
import { linkTransport, passThrough, portsOf, type MakeTransport } from './ports.js';

export class WholeClient extends Tab {
  readonly session: Session;
  readonly channels = new Map<string, AppChannel>();
  /** The processor time that handlers took: while they run, the world stands still. */
  busyMs = 0;
  /** What the ports listen with. */
  emit: (event: TransportEvent) => void = () => undefined;
  tell: (signal: PageSignal) => void = () => undefined;
  readonly loads = new Map<string, ((input: Extract<Input, { type: 'loaded' }>) => void)[]>();
  readonly saves = new Map<number, (input: Extract<Input, { type: 'saved' }>) => void>();
  readonly #api: LastseqClient;
  readonly #tokens: TokenProvider;

  constructor(world: World, id: number, transport: MakeTransport = linkTransport) {
    super(world, id);
    this.#tokens = new TokenProvider(world);
    this.session = world.session({ ...world.plan.settings, seed: this.seed });
    this.#judge();
    const { hasToken, persistent } = world.plan.settings;
    const token = (): Promise<string> => this.#newToken();
    const url = world.dice.chance(0.3) ? () => this.#lookUp() : this.#address;
    const options = { url, ...(hasToken ? { token } : {}) };
    const resolved = resolveOptions({ ...options, dialect: passThrough(world.plan) });
    const core = (): Session => this.session;
    this.#api = new LastseqClient(resolved, portsOf(this, transport(this)), persistent, core);
    this.#api.on('error', (error) => {
      world.count(`error ${error.code}`);
      if (error.code !== 'channel_refused') return;
      const { channel } = (error as LastseqError<'channel_refused'>).details;
      this.channels.get(channel)?.refused();
    });
  }

  enter(input: Input): void {
    this.run(() => {
      switch (input.type) {
        case 'opened':
        case 'dropped':
          return this.emit(input);
        case 'loaded':
          return this.loads.get(input.channel)?.shift()?.(input);
        case 'saved':
          return this.saves.get(input.id)?.(input);
        case 'page':
          return this.tell(input.signal);
        case 'close':
          return void this.#api.close();
        case 'connect':
          return this.isClosed ? undefined : this.#api.connect();
        case 'release':
          return this.channels.get(input.channel)?.release();
        case 'retry':
          return this.channels.get(input.channel)?.retry();
        default:
          throw new Error(`nobody enters ${input.type} from outside`);
      }
    });
  }

  received(attempt: number, frames: readonly DecodedFrame[]): void {
    this.run(() => {
      this.emit({ type: 'received', attempt, data: frames });
    });
  }

  join(plan: ChannelPlan): void {
    this.run(() => {
      if (this.isClosed) return;
      const known = this.channels.get(plan.name);
      const channel = known ?? new AppChannel(this, plan, this.#api);
      this.channels.set(plan.name, channel);
      channel.join(this.startOf(plan));
    });
  }

  publish(id: number, channel: string, timeoutMs: number | undefined): void {
    this.run(() => {
      const app = this.channels.get(channel);
      if (this.isClosed || app === undefined) return;
      this.publishes.add(id);
      void app.publish(id, timeoutMs).then(
        () => this.publishes.delete(id),
        () => this.publishes.delete(id),
      );
    });
  }

  /** As above, one task after the other: promises settle between them. */
  override thaw(): void {
    const next = this.backlog.shift();
    if (next === undefined) {
      this.isFrozen = false;
      return;
    }
    this.world.agenda.in(0, () => {
      if (this.isDead) return;
      this.isFrozen = false;
      next();
      this.isFrozen = true;
      this.thaw();
    });
  }

  /** Between driver and core. What breaks a rule must not be swallowed by a promise. */
  #judge(): void {
    const { session } = this;
    const handle = session.handle.bind(session);
    session.handle = (input, now): readonly Effect[] => {
      if (this.isDead || this.world.broken !== undefined) return [];
      try {
        this.world.trace(this, input);
        this.world.oracle.before(this, input);
        const effects = handle(input, now);
        this.#handled(input, effects);
        return effects;
      } catch (error) {
        this.world.broken = error;
        return [];
      }
    };
  }

  #handled(input: Input, effects: readonly Effect[]): void {
    const { oracle } = this.world;
    if (this.world.isTraced) for (const effect of effects) this.world.trace(this, effect);
    if (input.type === 'recovered') this.calls.delete(input.id);
    if ('channel' in input) this.channels.get(input.channel)?.sees(input);
    oracle.after(this, input, effects);
    if (input.type === 'close') this.isClosed = true;
    for (const effect of effects) {
      if (effect.type === 'dial') this.attempt = effect.attempt;
      else if (effect.type === 'fetch') this.calls.add(effect.id);
      else if (effect.type === 'abort') this.calls.delete(effect.id);
      else if (effect.type === 'channelState' || effect.type === 'connectionState')
        this.seesState(effect);
      if ('channel' in effect) this.channels.get(effect.channel)?.seesEffect(effect);
    }
    oracle.settled(this);
  }

  get #address(): string {
    return `ws://server.test/${this.id}`;
  }

  #lookUp(): Promise<string> {
    return new Promise((resolve) => {
      this.world.agenda.in(this.world.latency(), () => {
        this.run(() => resolve(this.#address));
      });
    });
  }

  #newToken(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#tokens.ask(
        (work) => this.run(work),
        (outcome) => {
          if (outcome === 'ready') resolve(String(this.#tokens.issuedAt));
          else if (outcome === 'failed') reject(new Error('no token'));
          else reject(new LastseqError('unauthorized', {}));
        },
      );
    });
  }
}
