/** A client over doubles: its clock, network, server, store and page are the test's. */
import { afterEach, beforeEach, expect, vi } from 'vitest';
import type {
  Channel,
  ChannelOptions,
  ClientOptions,
  Client,
  LastseqError,
} from '../../src/index.js';
import type { PageSignal } from '../../src/core/vocabulary.js';
import type { PositionWrite, StoredPosition } from '../../src/core/position.js';
import {
  createClientWith,
  FakeNetwork,
  FakeServer,
  ManualClock,
  memoryPositionStore,
  type FakeServerOptions,
  type PageSignals,
  type Ports,
  type PositionStore,
} from '../../src/testing/index.js';

/** What was handed to the page as uncaught; a test that expects some empties it. */
export const uncaught: unknown[] = [];

beforeEach(() => {
  uncaught.length = 0;
  vi.stubGlobal('reportError', (error: unknown) => void uncaught.push(error));
});

afterEach(() => {
  vi.unstubAllGlobals();
  expect(uncaught).toEqual([]);
});

/** A page whose life is scripted. */
export class FakePage implements PageSignals {
  readonly listeners = new Set<(signal: PageSignal) => void>();

  listen(emit: (signal: PageSignal) => void): () => void {
    this.listeners.add(emit);
    return () => void this.listeners.delete(emit);
  }

  tell(signal: PageSignal): void {
    for (const emit of [...this.listeners]) emit(signal);
  }
}

/** A store that remembers how it was called. */
export class SpyStore implements PositionStore {
  readonly kept = new Map<string, StoredPosition>();
  readonly saves: (readonly PositionWrite[])[] = [];
  loads = 0;
  forgets = 0;
  releases = 0;
  readonly #inner = memoryPositionStore(this.kept);

  load(channel: string): Promise<StoredPosition | undefined> {
    this.loads += 1;
    return this.#inner.load(channel);
  }
  save(writes: readonly PositionWrite[]): Promise<readonly string[]> {
    this.saves.push(writes);
    return this.#inner.save(writes);
  }
  forget(): Promise<void> {
    this.forgets += 1;
    return this.#inner.forget();
  }
  release(): void {
    this.releases += 1;
  }
}

export interface Setup {
  readonly clock: ManualClock;
  readonly network: FakeNetwork;
  readonly server: FakeServer;
  readonly store: SpyStore;
  readonly page: FakePage;
  readonly client: Client;
  /** Codes of the errors that the client reported, in order. */
  readonly errors: string[];
  readonly reports: LastseqError[];
  readonly room: (options?: ChannelOptions<any>, name?: string) => Channel<any>;
  /** Publishes data to the log until its head is `head`. */
  readonly publishTo: (head: number, channel?: string) => void;
  /** What the client sent, frames of arrays apart, oldest first. */
  readonly sent: (type?: string) => Record<string, any>[];
  /** Lets promises settle and `ms` pass. */
  readonly pass: (ms?: number) => Promise<void>;
}

export interface SetupOptions {
  readonly options?: Partial<ClientOptions>;
  readonly ports?: Partial<Ports>;
  readonly server?: FakeServerOptions;
  /** Another page over the same world. */
  readonly like?: Pick<Setup, 'clock' | 'server' | 'network' | 'store'>;
  /** Leave `error` without a listener. */
  readonly deaf?: boolean;
}

export function setup({ options, ports, server: caps, like, deaf }: SetupOptions = {}): Setup {
  const clock = like?.clock ?? new ManualClock();
  const network = like?.network ?? new FakeNetwork();
  const server = like?.server ?? new FakeServer(network, caps);
  const store = like?.store ?? new SpyStore();
  const page = new FakePage();
  const client = createClientWith(
    { url: 'wss://example.test/realtime', ...options },
    { clock, transport: network.transport, store, signals: page, ...ports },
  );
  const reports: LastseqError[] = [];
  const errors: string[] = [];
  if (deaf !== true) {
    client.on('error', (error) => {
      reports.push(error);
      errors.push(error.code);
    });
  }
  return {
    clock,
    network,
    server,
    store,
    page,
    client,
    errors,
    reports,
    room: (channelOptions, name = 'room') => client.channel<any>(name, channelOptions),
    publishTo: (head, channel = 'room') => {
      while (server.log.facts(channel).head < head) {
        server.publish(channel, `m${server.log.facts(channel).head + 1}`);
      }
    },
    sent: (type) =>
      network.sockets
        .flatMap((socket) => socket.sent.flatMap((text) => JSON.parse(text)))
        .filter((frame) => type === undefined || frame.type === type),
    pass: (ms = 0) => clock.advance(ms),
  };
}

/** A promise in the hands of the test. */
export function deferred<Value = void>(): {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
} {
  let resolve!: (value: Value) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** What a promise has come to, without waiting for it. */
export function outcome(promise: Promise<unknown>): {
  value?: unknown;
  error?: any;
  done: boolean;
} {
  const result: { value?: unknown; error?: unknown; done: boolean } = { done: false };
  promise.then(
    (value) => Object.assign(result, { value, done: true }),
    (error: unknown) => Object.assign(result, { error, done: true }),
  );
  return result;
}

/** The code of the `LastseqError` that `call` throws. */
export function thrown(call: () => unknown): LastseqError {
  try {
    call();
  } catch (error) {
    return error as LastseqError;
  }
  throw new Error('nothing was thrown');
}
