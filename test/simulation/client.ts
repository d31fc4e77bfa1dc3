/**
 * A tab by the million: the session that ships and, around it, what the driver does, without promises.
 * The driver that ships is in `whole/`.
 */
import { decodeFrames } from '../../src/core/codec.js';
import type { DecodedFrame } from '../../src/core/frames.js';
import type { Session } from '../../src/core/session.js';
import type { Effect, Input } from '../../src/core/vocabulary.js';
import { TokenProvider } from './app.js';
import { DeliveryModel } from './delivery-model.js';
import type { Link } from './link.js';
import type { ChannelPlan } from './plan.js';
import { Tab } from './tab.js';
import { toWire } from './wire.js';
import type { World } from './world.js';

export class Client extends Tab {
  readonly session: Session;
  readonly channels = new Map<string, DeliveryModel>();
  #link: Link | undefined;
  #timerAt: number | undefined;
  readonly #tokens: TokenProvider;
  readonly #inputs: Input[] = [];
  #running = false;

  constructor(world: World, id: number) {
    super(world, id);
    this.#tokens = new TokenProvider(world);
    this.session = world.session({ ...world.plan.settings, seed: this.seed });
  }

  /** An input that begins a task; a frozen page takes it when it thaws. */
  enter(input: Input): void {
    this.run(() => {
      this.input(input);
    });
  }

  /** Takes an input now, or after the one that is being handled. */
  input(input: Input): void {
    if (this.isClosed || this.isDead) return;
    this.#inputs.push(input);
    if (this.#running) return;
    this.#running = true;
    const { oracle } = this.world;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      this.world.trace(this, next);
      oracle.before(this, next);
      const effects = this.session.handle(next, this.world.agenda.now);
      if (this.world.isTraced) for (const effect of effects) this.world.trace(this, effect);
      oracle.after(this, next, effects);
      if (next.type === 'close') this.isClosed = true;
      for (const effect of effects) this.#run(effect);
      oracle.settled(this);
    }
    this.#running = false;
    this.#schedule();
  }

  received(attempt: number, frames: readonly DecodedFrame[]): void {
    const seen = this.world.plan.wire ? decodeFrames(toWire(frames)) : frames;
    this.enter({ type: 'frames', attempt, frames: seen });
  }

  join(plan: ChannelPlan): void {
    this.run(() => {
      const { maxAttempts, name: channel, snapshot } = plan;
      if (!this.channels.has(channel)) {
        this.channels.set(channel, new DeliveryModel(this.world, this, plan));
      }
      const intent = { start: this.startOf(plan), snapshot, maxAttempts };
      this.input({ type: 'join', channel, intent });
    });
  }

  publish(id: number, channel: string, timeoutMs: number | undefined): void {
    this.run(() => {
      if (this.isClosed) return;
      this.publishes.add(id);
      this.input({ type: 'publish', id, channel, key: `k${id}`, data: id, timeoutMs });
    });
  }

  /** The page is gone. Nothing of it runs any more. */
  override die(): void {
    super.die();
    this.#link?.hangUp();
  }

  #run(effect: Effect): void {
    const { oracle, server, store } = this.world;
    switch (effect.type) {
      case 'dial':
        this.#link?.hangUp();
        this.attempt = effect.attempt;
        this.#link = server.dial(this, effect.attempt);
        return;
      case 'hangUp':
        this.#link?.hangUp();
        return;
      case 'authenticate':
        this.#link?.show(this.#tokens.issuedAt);
        return;
      case 'send':
        this.#link?.up(effect.frames);
        return;
      case 'askToken':
        return this.#askToken(effect.version);
      case 'fetch': {
        const { id, limit, request, tokenVersion } = effect;
        this.calls.add(id);
        server.desk.fetch(this, request, limit, this.#tokens.issuedAt, (answer) => {
          this.calls.delete(id);
          this.enter({ type: 'recovered', id, answer, tokenVersion });
        });
        return;
      }
      case 'abort':
        this.calls.delete(effect.id);
        return;
      case 'releaseStore':
        return store.release();
      case 'load':
        return store.load(this, effect.channel);
      case 'save':
        return store.save(this, effect.id, effect.writes);
      case 'deliver':
        this.channels.get(effect.channel)?.push(effect.items, effect.tok);
        return;
      case 'redeliver':
        this.channels.get(effect.channel)?.redeliver();
        return;
      case 'left': {
        const delivery = this.channels.get(effect.channel);
        if (delivery === undefined) return;
        delivery.close();
        this.channels.set(effect.channel, new DeliveryModel(this.world, this, delivery.plan));
        return;
      }
      case 'published':
        if (!this.publishes.delete(effect.id)) oracle.fail('publish', 'settled twice');
        return;
      case 'channelState':
      case 'connectionState':
        return this.seesState(effect);
      default:
        return;
    }
  }

  #askToken(version: number): void {
    this.#tokens.ask(
      (work) => this.run(work),
      (outcome) => this.enter({ type: 'token', version, outcome }),
    );
  }

  #schedule(): void {
    const at = this.session.nextDeadline();
    if (this.isClosed || at === undefined) return;
    if (this.#timerAt !== undefined && this.#timerAt <= at) return;
    this.#timerAt = at;
    const { world } = this;
    const late = world.strike('lateTick', 0.2) ? world.dice.between(1, 1_500) : 0;
    world.agenda.at(at + late, () => {
      this.run(() => {
        if (this.#timerAt !== at) return;
        this.#timerAt = undefined;
        this.enter({ type: 'tick' });
      });
    });
  }
}
