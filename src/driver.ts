/**
 * The imperative shell: brings inputs to the core, runs the effects, owns the one timer and the token.
 * Decides nothing.
 */
import type { RecoveryAnswer } from './core/frames.js';
import type { Position } from './core/position.js';
import { Session } from './core/session.js';
import type { Settings } from './core/settings.js';
import type { Effect, Input } from './core/vocabulary.js';
import type { Dialect } from './dialects/dialect.js';
import { attempt, Dialer } from './dialer.js';
import type { LastseqError } from './errors.js';
import type { ResolvedOptions } from './options.js';
import type { Clock } from './ports/clock.js';
import type { History, HistoryAnswer } from './ports/history.js';
import type { PageSignals } from './ports/page-signals.js';
import type { PositionStore } from './ports/position-store.js';
import type { Transport, TransportEvent, TransportFactory } from './ports/transport.js';
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
  readonly options: ResolvedOptions;
  readonly settings: Settings;
  readonly ports: Ports;
  readonly turn: Turn;
  readonly app: (effect: AppEffect) => void;
  readonly report: (error: LastseqError) => void;
  readonly stored: (channel: string, position: Position) => void;
}

/** A timer this late means that the page slept: what the socket has queued must be heard first. */
const SLEPT_MS = 1_000;
/** Frames in one array to a server that takes them: keeps a WebSocket message well under any limit. */
const FRAMES_PER_ARRAY = 200;

export class Driver {
  readonly session: Session;
  readonly #transport: Transport;
  readonly #dialect: Dialect;
  readonly #dialer: Dialer;
  readonly #fetches = new Map<number, AbortController>();
  readonly #inputs: Input[] = [];
  #running = false;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;
  /** The attempt whose address is being asked for or whose socket is open. */
  #attempt = 0;
  #unlisten: (() => void) | undefined;
  #lastSave: Promise<unknown> = Promise.resolve();
  #forgets = new Map<number, (result: Promise<void>) => void>();
  #closed = false;

  constructor(private readonly parts: DriverParts) {
    this.session = new Session(parts.settings);
    this.#dialect = parts.options.dialect;
    this.#dialer = new Dialer(parts.options);
    this.#transport = parts.ports.transport((event) => {
      this.#received(event);
    });
  }

  /** Listens to the page. Called once there is something to do: a client that is only made is inert. */
  start(): void {
    this.#unlisten ??= this.parts.ports.signals.listen((signal) => {
      this.enter({ type: 'page', signal });
      if (signal === 'pagehide' || signal === 'freeze') this.#release();
    });
  }

  /** An input that begins a task. What the app asks for may come out of a handler: that is `input`. */
  enter(input: Input): void {
    this.parts.turn.begin(this.parts.ports.clock.now());
    this.input(input);
  }

  /** Takes an input now, or after the one that is being handled. */
  input(input: Input): void {
    if (this.#closed) return;
    this.#inputs.push(input);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const effects = this.session.handle(next, this.parts.ports.clock.now());
        for (const effect of effects) this.#run(effect);
      }
    } finally {
      this.#running = false;
    }
    this.#schedule();
  }

  /** Wipes the stored positions of this namespace. */
  forget(id: number): Promise<void> {
    return new Promise((resolve) => {
      this.#forgets.set(id, resolve);
      this.enter({ type: 'forget', id });
    });
  }

  /** Final. @returns when the last positions are written, or could not be in time. */
  close(): Promise<void> {
    const { clock, store } = this.parts.ports;
    this.enter({ type: 'close' });
    this.#closed = true;
    this.#unlisten?.();
    this.#timer?.cancel();
    for (const controller of this.#fetches.values()) controller.abort();
    this.#transport.close(1000, 'closed by the app');
    return new Promise((resolve) => {
      const cancel = clock.after(this.parts.settings.storageTimeoutMs, resolve);
      void this.#lastSave.finally(() => {
        cancel();
        store.release();
        resolve();
      });
    });
  }

  #run(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect.frames, effect.asArray);
      case 'dial':
        return this.#dial(effect.attempt);
      case 'hangUp':
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
        return this.#fetch(effect);
      case 'abort':
        this.#fetches.get(effect.id)?.abort();
        this.#fetches.delete(effect.id);
        return;
      case 'load':
        return this.#load(effect.channel);
      case 'save':
        return this.#save(effect);
      case 'releaseStore':
        return this.parts.ports.store.release();
      case 'forget':
        this.#forgets.get(effect.id)?.(attempt(() => this.parts.ports.store.forget()));
        this.#forgets.delete(effect.id);
        return;
      default:
        return this.parts.app(effect);
    }
  }

  #received(event: TransportEvent): void {
    if (event.type !== 'received') return this.enter(event);
    const { attempt } = event;
    this.enter({ type: 'frames', attempt, frames: this.#dialect.decode(event.data) });
  }

  #send(frames: Parameters<Dialect['encode']>[0], asArray: boolean): void {
    // Publishes carry the app's data and go alone: an array of them could pass the server's frame limit.
    const small = asArray ? frames.filter(({ type }) => type !== 'publish') : [];
    for (let i = 0; i < small.length; i += FRAMES_PER_ARRAY) {
      this.#transport.send(this.#dialect.encode(small.slice(i, i + FRAMES_PER_ARRAY)));
    }
    for (const frame of frames) {
      if (!asArray || frame.type === 'publish') this.#transport.send(this.#dialect.encode([frame]));
    }
  }

  #dial(number: number): void {
    this.#attempt = number;
    const current = (): boolean => !this.#closed && number === this.#attempt;
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

  #fetch({ id, limit, request, tokenVersion }: Extract<Effect, { type: 'fetch' }>): void {
    const controller = new AbortController();
    this.#fetches.set(id, controller);
    const question = { ...request, limit, token: this.#dialer.token, signal: controller.signal };
    void attempt(() => this.parts.ports.history.fetch(question)).then(
      (answer) => {
        this.#fetches.delete(id);
        this.enter({
          type: 'recovered',
          id,
          tokenVersion,
          answer: this.#judge(answer, request.channel),
        });
      },
      (error: unknown) => {
        const answer = { status: 0, channel: request.channel, reason: String(error) } as const;
        this.enter({ type: 'recovered', id, tokenVersion, answer });
      },
    );
  }

  #judge(answer: HistoryAnswer, channel: string): RecoveryAnswer {
    if (!('body' in answer)) {
      const { detail, retryInMs, status } = answer;
      if (status === 0) return { status: 0, channel, reason: detail ?? 'no answer' };
      return { status, channel, ...(retryInMs === undefined ? {} : { retryInMs }) };
    }
    const page = this.#dialect.decodePage(answer.body, channel);
    if ('type' in page) return { status: 0, channel, reason: page.reason, defect: true };
    return { status: 200, page };
  }

  #load(channel: string): void {
    void attempt(() => this.parts.ports.store.load(channel)).then(
      (position) => {
        this.enter({ type: 'loaded', channel, ...(position ? { position } : {}) });
      },
      () => {
        this.enter({ type: 'loaded', channel, failed: true });
      },
    );
  }

  #save({ id, writes }: Extract<Effect, { type: 'save' }>): void {
    this.#lastSave = attempt(() => this.parts.ports.store.save(writes)).then(
      (refused) => {
        for (const { channel, position } of writes) {
          if (!refused.includes(channel)) this.parts.stored(channel, position);
        }
        this.enter({ type: 'saved', id, refused });
      },
      () => {
        this.enter({ type: 'saved', id, refused: [], failed: true });
      },
    );
  }

  /** The page may be frozen or cached: an open database would keep other tabs from deleting it. */
  #release(): void {
    void this.#lastSave.finally(() => {
      this.parts.ports.store.release();
    });
  }

  #schedule(): void {
    const at = this.session.nextDeadline();
    if (this.#closed || at === undefined || (this.#timer !== undefined && this.#timer.at <= at))
      return;
    const { clock } = this.parts.ports;
    this.#timer?.cancel();
    const tick = (): void => {
      this.enter({ type: 'tick' });
    };
    const cancel = clock.after(at - clock.now(), () => {
      this.#timer = undefined;
      if (clock.now() - at > SLEPT_MS) clock.soon(tick);
      else tick();
    });
    this.#timer = { at, cancel };
  }
}
