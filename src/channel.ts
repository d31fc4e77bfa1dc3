/** A channel as an app holds it. */
import { checkListener } from './arguments.js';
import type { Position } from './core/position.js';
import type { ChannelState, Gap, Message } from './core/vocabulary.js';
import type { Committable } from './recipients.js';
import { badOption, LastseqError } from './errors.js';
import { iterate } from './iterator.js';
import type { Listener, ListenOptions } from './listeners.js';
import type { ChannelEvents, SharedChannel } from './shared-channel.js';

/** A message as handlers get it. `commit` is there with `commit: 'manual'` only. */
export type Delivered<Item> = Item & Partial<Committable>;

/** The handlers of one subscription. Both share one ordered queue, and both are awaited. */
export interface Handlers<Data> {
  readonly message: (message: Delivered<Message<Data>>) => unknown;
  /** Numbers are lost, or were healed by a snapshot. Without any such handler that is an error. */
  readonly gap?: ((gap: Delivered<Gap>) => unknown) | undefined;
}

/** Numbers for a debug view. */
export interface ChannelNumbers {
  /** Up to here the handlers have finished. */
  readonly position: Position | undefined;
  /** Up to here it is stored. */
  readonly stored: Position | undefined;
  /** Accepted in order, perhaps still queued. */
  readonly last: number;
  /** The greatest number heard of. */
  readonly head: number;
  /** Messages held because others before them are missing. */
  readonly held: number;
}

export interface PublishOptions {
  /**
   * Wait this long for a connection and the acknowledgement; what was sent before a drop is sent again
   * under the same key. Milliseconds, >= 1. Left out: reject at once when there is no connection or it
   * is lost, and after 10 seconds without an answer.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Names this publish: the server answers a repeated key with the first position. 1 to 255 bytes of
   * UTF-8. @default random
   */
  readonly key?: string | undefined;
}

export interface Channel<Data = unknown> extends AsyncIterable<
  Delivered<Message<Data>> | Delivered<Gap>
> {
  readonly name: string;
  readonly state: ChannelState;
  /**
   * Where the handlers have come to in this page, or your commits, where they are manual; undefined before
   * the first answer of the server.
   */
  readonly position: Position | undefined;
  /**
   * Adds handlers, and joins the channel. Never fails for the network's sake. A function is short for
   * `{ message }`. A handler added late sees what is delivered from then on.
   * @returns a function that removes them; calling it twice is fine.
   * @throws LastseqError `bad_option` or `closed`.
   */
  subscribe(
    handlers: Handlers<Data> | Handlers<Data>['message'],
    options?: ListenOptions,
  ): () => void;
  /**
   * State changes, and messages without a number (typing, cursors), which are never recovered.
   * @throws LastseqError `bad_option` or `closed`.
   */
  on(
    event: 'state',
    handler: (state: ChannelState) => unknown,
    options?: ListenOptions,
  ): () => void;
  on(event: 'ephemeral', handler: (data: unknown) => unknown, options?: ListenOptions): () => void;
  /**
   * Resolves when the channel is live and everything it missed has been handled: what was missed waits
   * for a message handler, and so does this. Joins the channel.
   * @throws LastseqError `channel_refused` or `closed`; the signal's reason when it is aborted.
   */
  ready(options?: ListenOptions): Promise<void>;
  /**
   * Sends data to the channel through the server's log. With `timeoutMs` it connects, should nobody have
   * asked for a connection.
   * @returns the position that the server stamped it with.
   * @throws LastseqError `not_connected`, `timeout`, `publish_refused`, `bad_option` or `closed`.
   */
  publish(data: Data, options?: PublishOptions): Promise<Position>;
  /**
   * Messages and gaps in order; ends when the handle is closed. An item is committed when the next is asked for.
   * @throws LastseqError `closed` when it was closed before.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Delivered<Message<Data>> | Delivered<Gap>>;
  /** The same, ended by a signal as well. @throws LastseqError `closed`. */
  items(options?: ListenOptions): AsyncIterableIterator<Delivered<Message<Data>> | Delivered<Gap>>;
  /** After handlers failed too often: tries the item again. */
  retry(): void;
  /** After handlers failed: passes over the item. A snapshot is not passed over. */
  skip(): void;
  /** Numbers for a debug view. */
  inspect(): ChannelNumbers;
  /** Lets go of the channel; its handlers are removed. Waits for no handler. Calling it twice is fine. */
  close(): Promise<void>;
}

export class ChannelHandle<Data> implements Channel<Data> {
  #isHolder = false;
  #isEnded = false;

  constructor(private readonly shared: SharedChannel) {
    shared.open();
  }

  get name(): string {
    return this.shared.name;
  }

  get state(): ChannelState {
    return this.#isEnded ? { name: 'closed' } : this.shared.state;
  }

  get position(): Position | undefined {
    const { delivery, isDrained, numbers } = this.shared;
    const position = delivery?.position;
    if (position !== undefined) return { epoch: position.epoch, seq: position.seq };
    return numbers && isDrained ? { epoch: numbers.epoch, seq: numbers.last } : undefined;
  }

  subscribe(
    handlers: Handlers<Data> | Handlers<Data>['message'],
    { signal }: ListenOptions = {},
  ): () => void {
    const { gap, message } =
      typeof handlers === 'function'
        ? ({ message: handlers } as Handlers<Data>)
        : (Object(handlers) as Partial<Handlers<Data>>);
    if (typeof message !== 'function' || (gap !== undefined && typeof gap !== 'function')) {
      const expected = 'a function, or { message, gap? } of functions';
      throw badOption('handlers', handlers, expected);
    }
    // Methods keep their object. A function is taken as it is: there may be thousands of them.
    const listener =
      message === handlers
        ? { message }
        : { message: message.bind(handlers), gap: gap?.bind(handlers) };
    return this.#listen(listener as Listener<ChannelEvents>, signal);
  }

  on(
    event: 'state' | 'ephemeral',
    handler: (event: never) => unknown,
    { signal }: ListenOptions = {},
  ): () => void {
    this.#assertOpen();
    checkListener(['state', 'ephemeral'], event, handler);
    return this.shared.add({ [event]: handler }, this, signal);
  }

  async ready({ signal }: ListenOptions = {}): Promise<void> {
    this.#assertOpen();
    if (signal?.aborted) throw signal.reason;
    this.#hold();
    // Asked for inside of a handler, the channel is joined once all are told of what it was before.
    await Promise.resolve();
    this.#assertOpen();
    const { shared } = this;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        const { name, state } = shared;
        if (state.name === 'live' && shared.isComplete) resolve();
        else if (state.name === 'failed') {
          reject(new LastseqError('channel_refused', { channel: name, reason: state.code }));
        } else return;
        off();
      };
      const ended = (): void => {
        reject(signal?.aborted ? (signal.reason as Error) : this.#closed());
      };
      const off = shared.add({ state: look, drained: look, ended }, this, signal);
      look();
    });
  }

  async publish(data: Data, options: PublishOptions = {}): Promise<Position> {
    this.#assertOpen();
    return await this.shared.parts.publishes.publish(this.name, data, options);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message<Data> | Gap> {
    return this.items();
  }

  items({ signal }: ListenOptions = {}): AsyncIterableIterator<Message<Data> | Gap> {
    const iterator = iterate((listener) => this.#listen(listener, signal));
    return iterator as AsyncIterableIterator<Message<Data> | Gap>;
  }

  retry(): void {
    const { driver, turn } = this.shared.parts;
    // Not in this call: an error handler that tries again and again would hold the page up.
    turn.later({ resume: () => driver.input({ type: 'retry', channel: this.name }) });
  }

  skip(): void {
    this.shared.delivery?.skip();
  }

  inspect(): ChannelNumbers {
    const { numbers, stored } = this.shared;
    const { held = 0, head = 0, last = 0 } = numbers ?? {};
    return { position: this.position, stored, last, head, held };
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isEnded = true;
      this.shared.end(this);
      this.shared.release(this.#isHolder);
    }
    return Promise.resolve();
  }

  /** Joins the channel, and adds handlers of its queue. */
  #listen(listener: Listener<ChannelEvents>, signal: AbortSignal | undefined): () => void {
    this.#assertOpen();
    const { shared } = this;
    const off = shared.add(listener, this, signal);
    if (!signal?.aborted) this.#hold();
    shared.delivery?.wake();
    return off;
  }

  /** Joins the channel. */
  #hold(): void {
    if (this.#isHolder) return;
    this.#isHolder = true;
    this.shared.hold();
  }

  get #isClosed(): boolean {
    return this.#isEnded || this.shared.state.name === 'closed';
  }

  #assertOpen(): void {
    if (this.#isClosed) throw this.#closed();
  }

  #closed(): LastseqError {
    return new LastseqError('closed', { what: `the handle of channel ${this.name}` });
  }
}
