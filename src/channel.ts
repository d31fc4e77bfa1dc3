/** A channel as an app holds it. */
import type { Position } from './core/position.js';
import type { ChannelState, Gap, Message } from './core/vocabulary.js';
import type { Committable } from './delivery.js';
import { onAbort, type ListenOptions } from './emitter.js';
import { badOption, LastseqError } from './errors.js';
import { iterate } from './iterator.js';
import type { ChannelNumbers, SharedChannel } from './shared-channel.js';

/** A message as handlers get it. `commit` is there with `commit: 'manual'` only. */
export type Delivered<Item> = Item & Partial<Committable>;

/** The handlers of one subscription. Both share one ordered queue, and both are awaited. */
export interface Handlers<Data> {
  readonly message: (message: Delivered<Message<Data>>) => unknown;
  /** Numbers are lost, or were healed by a snapshot. Without any such handler that is an error. */
  readonly gap?: ((gap: Delivered<Gap>) => unknown) | undefined;
}

export interface PublishOptions {
  /**
   * Wait this long for a connection and the acknowledgement; what was sent before a drop is sent again
   * under the same key. Milliseconds, >= 1. Left out: reject at once when there is no connection.
   */
  readonly timeoutMs?: number | undefined;
  /** Names this publish: the server answers a repeated key with the first position. @default random */
  readonly key?: string | undefined;
}

export interface Channel<Data = unknown> extends AsyncIterable<
  Delivered<Message<Data>> | Delivered<Gap>
> {
  readonly name: string;
  readonly state: ChannelState;
  /** Where the handlers have come to in this page; undefined before the first answer of the server. */
  readonly position: Position | undefined;
  /**
   * Adds handlers, and joins the channel. Never fails for the network's sake. A function is short for
   * `{ message }`. A handler added late sees what is delivered from then on.
   * @returns a function that removes them; calling it twice is fine.
   */
  subscribe(
    handlers: Handlers<Data> | Handlers<Data>['message'],
    options?: ListenOptions,
  ): () => void;
  /** State changes, and messages without a number (typing, cursors), which are never recovered. */
  on(
    event: 'state',
    handler: (state: ChannelState) => unknown,
    options?: ListenOptions,
  ): () => void;
  on(event: 'ephemeral', handler: (data: unknown) => unknown, options?: ListenOptions): () => void;
  /**
   * Resolves when the channel is live and everything it missed has been handled. Joins the channel.
   * @throws LastseqError `channel_refused` or `closed`; the signal's reason when it is aborted.
   */
  ready(options?: ListenOptions): Promise<void>;
  /**
   * Sends data to the channel through the server's log.
   * @returns the position that the server stamped it with.
   * @throws LastseqError `not_connected`, `timeout`, `publish_refused` or `closed`.
   */
  publish(data: Data, options?: PublishOptions): Promise<Position>;
  /** Messages and gaps in order; ends when the handle is closed. An item is committed when the next is asked for. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Delivered<Message<Data>> | Delivered<Gap>>;
  /** The same, ended by a signal as well. */
  items(options?: ListenOptions): AsyncIterableIterator<Delivered<Message<Data>> | Delivered<Gap>>;
  /** After handlers failed too often: tries the item again. */
  retry(): void;
  /** After handlers failed: passes over the item. */
  skip(): void;
  /** Numbers for a debug view. */
  inspect(): ChannelNumbers;
  /** Lets go of the channel; its handlers are removed. Waits for no handler. Calling it twice is fine. */
  close(): Promise<void>;
}

/** How a handle publishes. */
export type Publish = (
  channel: string,
  data: unknown,
  options: PublishOptions,
) => Promise<Position>;

export class ChannelHandle<Data> implements Channel<Data> {
  readonly name: string;
  readonly #closing = new AbortController();

  constructor(
    private readonly shared: SharedChannel,
    private readonly send: Publish,
  ) {
    this.name = shared.name;
    shared.open(this);
  }

  get state(): ChannelState {
    return this.#closing.signal.aborted ? { name: 'closed' } : this.shared.state;
  }

  get position(): Position | undefined {
    return this.shared.position;
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
    this.#assertOpen();
    if (signal?.aborted) return () => undefined;
    const shared = this.#hold();
    const until = [signal, this.#closing.signal];
    const offs = [shared.handlers.on('message', message as (m: Message) => unknown, ...until)];
    if (gap !== undefined) offs.push(shared.handlers.on('gap', gap, ...until));
    shared.delivery.wake();
    return () => {
      for (const off of offs) off();
    };
  }

  on(
    event: 'state' | 'ephemeral',
    handler: (event: never) => unknown,
    { signal }: ListenOptions = {},
  ): () => void {
    this.#assertOpen();
    const listener = handler as (event: unknown) => unknown;
    return this.shared.events.on(event, listener, signal, this.#closing.signal);
  }

  async ready({ signal }: ListenOptions = {}): Promise<void> {
    this.#assertOpen();
    if (signal?.aborted) throw signal.reason;
    const shared = this.#hold();
    const { events } = shared;
    await new Promise<void>((resolve, reject) => {
      const offs: (() => void)[] = [];
      const settle = (error?: Error): void => {
        for (const off of offs) off();
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = (): void => {
        const { delivery, name, state } = shared;
        if (state.name === 'live' && delivery.isEmpty) settle();
        else if (state.name === 'failed') {
          settle(new LastseqError('channel_refused', { channel: name, reason: state.code }));
        }
      };
      offs.push(
        events.on('state', look),
        events.on('drained', look),
        onAbort([signal], () => settle(signal?.reason as Error)),
        onAbort([this.#closing.signal], () => settle(this.#closed())),
      );
      look();
    });
  }

  publish(data: Data, options: PublishOptions = {}): Promise<Position> {
    if (this.#closing.signal.aborted) return Promise.reject(this.#closed());
    return this.send(this.name, data, options);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message<Data> | Gap> {
    return this.items();
  }

  items({ signal }: ListenOptions = {}): AsyncIterableIterator<Message<Data> | Gap> {
    this.#assertOpen();
    const shared = signal?.aborted ? undefined : this.#hold();
    const iterator = iterate(shared?.handlers, [signal, this.#closing.signal]);
    shared?.delivery.wake();
    return iterator as AsyncIterableIterator<Message<Data> | Gap>;
  }

  retry(): void {
    this.shared.retry();
  }

  skip(): void {
    this.shared.delivery.skip();
  }

  inspect(): ChannelNumbers {
    return this.shared.inspect();
  }

  close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.end();
      this.shared.release(this);
    }
    return Promise.resolve();
  }

  /** The handle is of no use any more: removes its handlers, ends its loops. */
  end(): void {
    this.#closing.abort();
  }

  /** Joins the channel. */
  #hold(): SharedChannel {
    this.shared.hold(this);
    return this.shared;
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw this.#closed();
  }

  #closed(): LastseqError {
    return new LastseqError('closed', { what: `the handle of channel ${this.name}` });
  }
}
