/**
 * The imperative shell: brings inputs to the core, runs the effects, owns the one timer and the token.
 * Decides nothing.
 */
import type { ClientFrame } from './core/frames.js';
import { SLEPT_MS } from './core/liveness.js';
import type { Position } from './core/position.js';
import type { Session } from './core/session.js';
import type { Settings } from './core/settings.js';
import type { Effect, Input } from './core/vocabulary.js';
import type { Dialect } from './dialects/dialect.js';
import { Dialer } from './dialer.js';
import { LastseqError, reportUncaught } from './errors.js';
import { Fetches } from './fetches.js';
import type { ResolvedOptions } from './options.js';
import type { Clock } from './ports/clock.js';
import type { History } from './ports/history.js';
import type { PageSignals } from './ports/page-signals.js';
import type { PositionStore } from './ports/position-store.js';
import type { Transport, TransportEvent, TransportFactory } from './ports/transport.js';
import { Storage } from './storage.js';
import type { Turn } from './turn.js';

/** The world, as the client touches it. */
export interface Ports {
  readonly transport: TransportFactory;
  readonly history: History;
  readonly store: PositionStore;
  readonly clock: Clock;
  readonly signals: PageSignals;
}

/** Effects that are for the app rather than the world. */
export type AppEffect = Extract<
  Effect,
  {
    type:
      | 'deliver'
      | 'ephemeral'
      | 'redeliver'
      | 'left'
      | 'published'
      | 'connectionState'
      | 'channelState'
      | 'storageState'
      | 'problem'
      | 'notice';
  }
>;

export interface DriverParts {
  readonly session: Session;
  readonly options: ResolvedOptions;
  readonly settings: Settings;
  readonly ports: Ports;
  readonly turn: Turn;
  readonly app: (effect: AppEffect) => void;
  readonly report: (error: LastseqError) => void;
  readonly stored: (channel: string, position: Position) => void;
}

/** Frames in one array to a server that takes them: keeps a WebSocket message well under any limit. */
const FRAMES_PER_ARRAY = 200;

/** Effects that ask the app, or the world, for something. */
const QUESTIONS: readonly Effect['type'][] = ['askToken', 'dial', 'fetch', 'load'];

export class Driver {
  readonly session: Session;
  readonly #transport: Transport;
  readonly #dialect: Dialect;
  readonly #dialer: Dialer;
  readonly #storage: Storage;
  readonly #fetches: Fetches;
  readonly #inputs: Input[] = [];
  #running = false;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;
  /** The current attempt: its address is being asked for, or its socket opened or open. 0: none. */
  #attempt = 0;
  /** The attempt that waits for the app's `url` function. 0: none. */
  #addressing = 0;
  #unlisten: (() => void) | undefined;
  /** Those who wait for a wipe. The core asks for each in its turn. */
  readonly #forgets: ((result: Promise<void>) => void)[] = [];
  #closed = false;

  constructor(private readonly parts: DriverParts) {
    this.session = parts.session;
    this.#dialect = parts.options.dialect;
    this.#dialer = new Dialer(parts.options);
    const enter = (input: Input): void => this.enter(input);
    this.#fetches = new Fetches(parts.ports.history, this.#dialect, enter);
    this.#storage = new Storage(parts.ports.store, parts.stored, enter);
    this.#transport = parts.ports.transport((event) => {
      this.#received(event);
    });
  }

  /** Listens to the page, from the first use on: a client that was only made has no listeners. */
  start(): void {
    if (this.#closed) return;
    this.#unlisten ??= this.parts.ports.signals.listen((signal) => {
      this.enter({ type: 'page', signal });
      if (signal === 'pagehide' || signal === 'freeze') void this.#storage.release();
    });
  }

  /** Takes an input with which a new task begins. What a handler of the app may ask for goes to `input`. */
  enter(input: Input): void {
    this.parts.turn.begin();
    this.input(input);
  }

  /** Takes an input, after those that are being handled. */
  input(input: Input): void {
    // A write that settles after the close may be followed by another one.
    if (this.#closed && input.type !== 'saved') return;
    this.#inputs.push(input);
    if (this.#running) return;
    this.#running = true;
    const now = this.parts.ports.clock.now();
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const effects = this.session.handle(next, now);
        for (const effect of effects) this.#run(effect);
      }
    } finally {
      this.#running = false;
    }
    this.#schedule();
  }

  /** Is the channel joined, or about to be? */
  joins(channel: string): boolean {
    const asks = (input: Input): boolean => input.type === 'join' && input.channel === channel;
    return this.session.has(channel) || this.#inputs.some(asks);
  }

  /**
   * Wipes the stored positions of this namespace.
   * @throws LastseqError `timeout`; or whatever the store rejects with.
   */
  forget(): Promise<void> {
    const { clock } = this.parts.ports;
    return new Promise((resolve, reject) => {
      const cancel = clock.after(this.parts.settings.storageTimeoutMs, () => {
        reject(new LastseqError('timeout', { detail: 'the storage did not answer' }));
      });
      this.#forgets.push((result) => {
        void result.then(resolve, reject).then(cancel);
      });
      this.enter({ type: 'forget' });
    });
  }

  /** Final. @returns when the last positions are written, or could not be in time. */
  close(): Promise<void> {
    const { clock } = this.parts.ports;
    this.enter({ type: 'close' });
    this.#closed = true;
    this.#unlisten?.();
    this.#timer?.cancel();
    this.#transport.close(1000, 'closed by the app');
    return new Promise((resolve) => {
      const cancel = clock.after(this.parts.settings.storageTimeoutMs, resolve);
      void this.#storage.release().then(cancel).then(resolve);
    });
  }

  #run(effect: Effect): void {
    // Of the same input as what made the app close us: it is asked for nothing any more.
    if (this.#closed && QUESTIONS.includes(effect.type)) return;
    switch (effect.type) {
      case 'send':
        return this.#send(effect.frames, effect.asArray);
      case 'dial':
        return this.#dial(effect.attempt);
      case 'hangUp':
        if (this.#addressing === effect.attempt && effect.reason === 'timeout') {
          this.parts.report(new LastseqError('url_failed', { detail: 'it did not settle' }));
        }
        this.#attempt = 0;
        return this.#transport.close(effect.code, effect.reason);
      case 'authenticate':
        if (this.#dialer.token !== undefined) {
          this.#send([{ type: 'auth', token: this.#dialer.token }], false);
        }
        return;
      case 'askToken':
        void this.#dialer.askToken(effect.refresh).then((result) => {
          this.enter({ type: 'token', version: effect.version, ...result });
        });
        return;
      case 'fetch':
        return this.#fetches.begin(effect, this.#dialer.token);
      case 'abort':
        return this.#fetches.abort(effect.id);
      case 'load':
        return this.#storage.load(effect.channel);
      case 'save':
        return this.#storage.save(effect);
      case 'releaseStore':
        return this.parts.ports.store.release();
      case 'forget':
        return this.#forgets.shift()?.(this.#storage.forget());
      default:
        return this.parts.app(effect);
    }
  }

  #received(event: TransportEvent): void {
    if (event.type === 'dropped' && event.error !== undefined) {
      const { error: cause, ...dropped } = event;
      this.parts.report(new LastseqError('url_failed', { detail: dropped.reason }, { cause }));
      return this.enter(dropped);
    }
    if (event.type !== 'received') return this.enter(event);
    const frames = this.#dialect.decode(event.data);
    this.enter({ type: 'frames', attempt: event.attempt, frames });
  }

  #send(frames: readonly ClientFrame[], asArray: boolean): void {
    // Publishes carry the app's data and go alone: an array of them could pass the server's frame limit.
    const small = asArray ? frames.filter(({ type }) => type !== 'publish') : [];
    for (let i = 0; i < small.length; i += FRAMES_PER_ARRAY) {
      this.#write(small.slice(i, i + FRAMES_PER_ARRAY));
    }
    for (const frame of frames) {
      if (!asArray || frame.type === 'publish') this.#write([frame]);
    }
  }

  #write(frames: readonly ClientFrame[]): void {
    // A `toJSON` or a dialect's `send` is the app's, and may throw: all else goes on.
    try {
      const data = this.#dialect.encode(frames);
      if (data !== undefined) this.#transport.send(data);
    } catch (error) {
      reportUncaught(error);
    }
  }

  #dial(number: number): void {
    this.#attempt = number;
    this.#addressing = number;
    const current = (): boolean => {
      if (this.#addressing === number) this.#addressing = 0;
      return !this.#closed && number === this.#attempt;
    };
    this.#dialer.address(
      (url) => {
        if (current()) this.#transport.open(number, url);
      },
      (error) => {
        if (!current()) return;
        this.parts.report(error);
        this.enter({ type: 'dropped', attempt: number, code: 1006, reason: 'no address' });
      },
    );
  }

  #schedule(): void {
    const at = this.session.nextDeadline();
    if (this.#closed || at === undefined || (this.#timer !== undefined && this.#timer.at <= at))
      return;
    const { clock } = this.parts.ports;
    this.#timer?.cancel();
    const tick = (): void => this.enter({ type: 'tick' });
    const cancel = clock.after(at - clock.now(), () => {
      this.#timer = undefined;
      // The page slept: what the socket has queued must be heard first.
      if (clock.now() - at > SLEPT_MS) clock.soon(tick);
      else tick();
    });
    this.#timer = { at, cancel };
  }
}
