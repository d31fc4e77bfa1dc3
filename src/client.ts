/** The client as an app holds it. */
import { checkChannelName, checkListener, differingOption } from './arguments.js';
import { ChannelHandle, type Channel } from './channel.js';
import type { Counters } from './core/counters.js';
import { Session } from './core/session.js';
import type { Settings } from './core/settings.js';
import type { Trace } from './core/trace.js';
import { TracedSession } from './core/traced-session.js';
import type { ConnectionState } from './core/vocabulary.js';
import { Driver, type AppEffect, type Ports } from './driver.js';
import { Emitter } from './emitter.js';
import { LastseqError, reportUncaught, type AnyLastseqError } from './errors.js';
import type { ListenOptions } from './listeners.js';
import {
  resolveChannelOptions,
  settingsOf,
  traceLimitsOf,
  type ChannelOptions,
  type LogEntry,
  type ResolvedOptions,
  type StandardSchema,
} from './options.js';
import { Publishes } from './publishes.js';
import { SharedChannel, type SharedParts } from './shared-channel.js';
import { Turn } from './turn.js';

/** `memory`: positions do not outlive the page at the moment. Told once per change. */
export type StorageState = 'persistent' | 'memory';

export type ClientEvents = {
  state: ConnectionState;
  error: AnyLastseqError;
  storage: StorageState;
};

export interface Client<Channels extends object = object> {
  readonly state: ConnectionState;
  /**
   * A handle of a channel. Several handles of one channel share one subscription; a second one gives
   * the same options or none. Nothing happens until the first `subscribe`, loop or `ready()`.
   * @throws LastseqError `bad_option`, `options_differ` or `closed`.
   */
  channel<Data>(
    name: string,
    options: ChannelOptions<Data> & { readonly schema: StandardSchema<Data> },
  ): Channel<Data>;
  channel<Name extends keyof Channels & string>(
    name: Name,
    options?: ChannelOptions<Channels[Name]>,
  ): Channel<Channels[Name]>;
  channel<Data>(name: string, options?: ChannelOptions<Data>): Channel<Data>;
  /**
   * @returns a function that removes the handler; calling it twice is fine.
   * @throws LastseqError `bad_option`.
   */
  on<Type extends keyof ClientEvents>(
    event: Type,
    handler: (event: ClientEvents[Type]) => unknown,
    options?: ListenOptions,
  ): () => void;
  /** Dials now: ends a wait, `unauthorized` and `failed`. Subscribing connects as well. @throws LastseqError `closed`. */
  connect(): void;
  /** Counters since the client was made. */
  stats(): Readonly<Counters>;
  /**
   * What went into the client and what it decided, for `JSON.stringify` and `npx lastseq replay`: with
   * names of channels, numbers and times, never a token, and no payload unless the option says so.
   * Also after `close()`. Undefined without the option `trace`.
   */
  trace(): Trace | undefined;
  /**
   * Wipes the stored positions of this `namespace` at this `url` (log out), and stores none of the open
   * channels'. Rejects when the storage fails, and with `timeout` when it does not answer in 2 seconds.
   * @throws LastseqError `closed` or `timeout`; what the storage failed with.
   */
  forget(): Promise<void>;
  /** Final: no callback comes any more. Resolves when the last positions are stored, or could not be. */
  close(): Promise<void>;
}

export class LastseqClient {
  readonly #events: Emitter<ClientEvents> = new Emitter();
  readonly #shared = new Map<string, SharedChannel>();
  readonly #driver: Driver;
  /** What its channels share. */
  readonly #parts: SharedParts;
  /** Of a channel: one object for all that are opened without any. */
  readonly #defaults = resolveChannelOptions({});
  #state: ConnectionState = { name: 'idle' };
  #closing: Promise<void> | undefined;
  /** True before anybody hears of it: whoever is told may ask for something, and nobody would answer. */
  #isClosed = false;

  constructor(
    private readonly options: ResolvedOptions,
    ports: Ports,
    persistent: boolean,
    /** Makes the core. */
    newSession: (settings: Settings, options: ResolvedOptions) => Session = sessionOf,
  ) {
    const turn = new Turn(ports.clock);
    const report = (error: LastseqError): void => this.#report(error);
    const seed = ports.clock.seed();
    const keyPrefix = (seed >>> 0).toString(36) + ports.clock.seed().toString(36);
    const settings = { ...settingsOf(options), seed, persistent };
    this.#driver = new Driver({
      session: newSession(settings, options),
      options,
      ports,
      turn,
      settings,
      app: (effect) => this.#run(effect),
      report,
      stored: (channel, { epoch, seq }) => {
        const shared = this.#shared.get(channel);
        const position = { epoch, seq };
        if (shared !== undefined) shared.stored = position;
        this.#log({ event: 'stored', channel, position });
      },
    });
    this.#parts = {
      driver: this.#driver,
      turn,
      report,
      publishes: new Publishes(this.#driver, keyPrefix, () => this.#assertOpen()),
      unused: (shared) => {
        if (this.#shared.get(shared.name) === shared) this.#shared.delete(shared.name);
      },
    };
  }

  get state(): ConnectionState {
    return this.#state;
  }

  channel(name: string, options?: ChannelOptions): Channel {
    this.#assertOpen();
    checkChannelName(name);
    const known = this.#shared.get(name);
    const resolved = options ? resolveChannelOptions(options) : (known?.options ?? this.#defaults);
    const option = known && differingOption(known.options, resolved);
    if (option !== undefined) throw new LastseqError('options_differ', { channel: name, option });
    const shared = known ?? new SharedChannel(name, resolved, this.#parts);
    this.#shared.set(name, shared);
    return new ChannelHandle(shared);
  }

  on<Type extends keyof ClientEvents>(
    event: Type,
    handler: (event: ClientEvents[Type]) => unknown,
    options?: ListenOptions,
  ): () => void {
    checkListener(['state', 'error', 'storage'], event, handler);
    return this.#events.on(event, handler, options?.signal);
  }

  connect(): void {
    this.#assertOpen();
    this.#driver.start();
    this.#driver.input({ type: 'connect' });
  }

  stats(): Readonly<Counters> {
    return { ...this.#driver.session.counters };
  }

  trace(): Trace | undefined {
    const { session } = this.#driver;
    return session instanceof TracedSession ? session.trace() : undefined;
  }

  async forget(): Promise<void> {
    this.#assertOpen();
    await this.#driver.forget();
    for (const shared of this.#shared.values()) shared.stored = undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    for (const { delivery } of this.#shared.values()) delivery?.flush();
    const closed = this.#driver.close();
    this.#enter({ name: 'closed' });
    for (const shared of this.#shared.values()) shared.close();
    this.#shared.clear();
    this.#events.clear();
    await closed;
  }

  #run(effect: AppEffect): void {
    const shared = 'channel' in effect ? this.#shared.get(effect.channel) : undefined;
    switch (effect.type) {
      case 'deliver':
        return shared?.deliver(effect.items, effect.tok);
      case 'redeliver':
        return shared?.delivery?.redeliver();
      case 'ephemeral':
        return shared?.tell('ephemeral', effect.data);
      case 'left':
        return shared?.left();
      case 'channelState':
        this.#log({ event: 'channel', channel: effect.channel, state: effect.state });
        return shared?.enter(effect.state);
      case 'connectionState':
        return this.#enter(effect.state);
      case 'storageState':
        return void this.#events.emit('storage', effect.state);
      case 'published':
        return this.#parts.publishes.settle(effect.id, effect.result);
      case 'problem': {
        // Of the same input as what made the app close us: it would be told as uncaught.
        if (this.#isClosed) return;
        const { code, ...details } = effect.problem;
        return this.#report(new LastseqError(code, details));
      }
      case 'notice':
        return this.#log(effect.notice);
    }
  }

  #enter(state: ConnectionState): void {
    // Closed by a handler, we are told of it before the core has finished what it was at.
    if (this.#state.name === 'closed') return;
    this.#state = state;
    this.#log({ event: 'connection', state });
    this.#events.emit('state', state);
  }

  /** Tells the app's error handlers; without any, the page. */
  #report(error: LastseqError): void {
    this.#log({ event: 'error', code: error.code, message: error.message });
    if (!this.#events.emit('error', error as AnyLastseqError)) reportUncaught(error);
  }

  #log(entry: LogEntry): void {
    try {
      this.options.logger?.(entry);
    } catch (error) {
      reportUncaught(error);
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new LastseqError('closed', { what: 'the client' });
  }
}

function sessionOf(settings: Settings, options: ResolvedOptions): Session {
  const limits = traceLimitsOf(options);
  const { overlap, tracker } = options.dialect;
  return limits
    ? new TracedSession(settings, limits, tracker, overlap)
    : new Session(settings, tracker, overlap);
}
