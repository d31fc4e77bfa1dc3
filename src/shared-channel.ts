/** What all handles of one channel share: one subscription at the server, one queue, one state. */
import type { Numbers } from './core/channel-state.js';
import type { Position } from './core/position.js';
import type { ChannelState, Item } from './core/vocabulary.js';
import { Delivery } from './delivery.js';
import type { Driver } from './driver.js';
import type { LastseqError } from './errors.js';
import { Listeners } from './listeners.js';
import type { ResolvedChannelOptions } from './options.js';
import type { Publishes } from './publishes.js';
import type { DeliveryEvents } from './recipients.js';
import type { Turn } from './turn.js';

/** Besides those of the queue, events that do not take part in its order. */
export type ChannelEvents = DeliveryEvents & { state: ChannelState; ephemeral: unknown };

/** What the channels of a client share. */
export interface SharedParts {
  readonly driver: Driver;
  readonly turn: Turn;
  readonly report: (error: LastseqError) => void;
  readonly publishes: Publishes;
  readonly unused: (shared: SharedChannel) => void;
}

const IDLE: ChannelState = { name: 'idle' };

export class SharedChannel extends Listeners<ChannelEvents> {
  state: ChannelState = IDLE;
  /** Made for the first item: most channels of an app that has thousands are quiet. */
  delivery: Delivery | undefined = undefined;
  /** The last position that is known to be stored. */
  stored: Position | undefined = undefined;
  #handles = 0;
  /** Those of them that want the channel. */
  #holders = 0;

  constructor(
    readonly name: string,
    readonly options: ResolvedChannelOptions,
    readonly parts: SharedParts,
  ) {
    super();
  }

  /** Is everything finished that was given out? */
  get isDrained(): boolean {
    return this.delivery?.isEmpty ?? true;
  }

  /** Is that all there is? Inside the reorder window a channel is live although a number is missing. */
  get isComplete(): boolean {
    const { head = 0, last = 0 } = this.numbers ?? {};
    return this.isDrained && head <= last;
  }

  /** Where reading stands, while the channel is joined. */
  get numbers(): Numbers | undefined {
    return this.parts.driver.session.numbers(this.name);
  }

  open(): void {
    this.#handles += 1;
  }

  /** A handle wants the channel: join it, unless it is joined. */
  hold(): void {
    this.#holders += 1;
    this.parts.driver.start();
    // What a run of handlers has finished counts, should this be one of them and the channel begin anew.
    this.delivery?.flush();
    this.parts.driver.input({ type: 'join', channel: this.name, intent: this.options.intent });
  }

  /** A handle is closed: leave a little later, unless another one comes. */
  release(isHolder: boolean): void {
    this.#handles -= 1;
    if (isHolder) this.#holders -= 1;
    if (isHolder && this.#holders === 0) {
      this.parts.driver.input({ type: 'release', channel: this.name });
    }
    this.#letGo();
  }

  /** The core has left the channel: whoever comes now starts anew. */
  left(): void {
    this.delivery?.close();
    this.delivery = undefined;
    this.enter(IDLE);
    this.#letGo();
  }

  deliver(items: readonly Item[], tok: string | undefined): void {
    this.delivery ??= new Delivery(this);
    this.delivery.push({ items, tok });
  }

  enter(state: ChannelState): void {
    this.state = state;
    this.tell('state', state);
  }

  /** The client closed. */
  close(): void {
    this.delivery?.close();
    if (this.state.name !== 'closed') this.enter({ name: 'closed' });
    this.end();
  }

  /**
   * Nobody has a handle, and the core nothing to deliver: it may be forgotten. Asked of the core, which
   * leaves a channel before it joins it again: it may be joined, though whoever asked for that is gone.
   */
  #letGo(): void {
    if (this.#handles === 0 && !this.parts.driver.joins(this.name)) this.parts.unused(this);
  }
}
