/** The app in the page: makes a client and writes down, in order, everything that it is told. */
import type * as Lastseq from '../../src/index.js';

export interface Seen {
  /** Per channel what handlers were called with: numbers, and gaps such as `gap 4-6 truncated`. */
  readonly items: Record<string, (number | string)[]>;
  /** Changes of the connection's state, and events of the page, in one order. */
  readonly log: string[];
  /** States of the channels, as `room live`. */
  readonly channels: string[];
  /** Codes of the errors that the client reported. */
  readonly errors: string[];
  readonly storage: string[];
  /** The last number known to be stored, per channel. */
  readonly stored: Record<string, number>;
  /** Errors that nobody caught, and violations of the page's policy. */
  readonly uncaught: string[];
}

/** How handlers behave. */
export interface Work {
  /** The handler never settles at this number, until `release()`. */
  readonly holdAt?: number;
  /** Keeps the thread busy for so long at every message. */
  readonly busyMs?: number;
}

declare global {
  interface Window {
    Lastseq: typeof Lastseq;
    app: {
      readonly seen: Seen;
      /** The last client that was started. */
      client: Lastseq.Client;
      start(
        options?: Partial<Lastseq.ClientOptions>,
        channels?: Record<string, Lastseq.ChannelOptions>,
        work?: Work,
      ): void;
      ready(channel: string): Promise<void>;
      release(): void;
    };
  }
}

/** Runs in the page, so it uses nothing from outside. */
export function installApp(): void {
  const seen: Seen = {
    items: {},
    log: [],
    channels: [],
    errors: [],
    storage: [],
    stored: {},
    uncaught: [],
  };
  let release = (): void => undefined;

  for (const type of ['online', 'offline', 'pagehide', 'pageshow'] as const) {
    addEventListener(type, (event) => {
      seen.log.push((event as PageTransitionEvent).persisted ? `${type} persisted` : type);
    });
  }
  for (const type of ['freeze', 'resume']) {
    document.addEventListener(type, () => seen.log.push(type));
  }
  document.addEventListener('visibilitychange', () => seen.log.push(document.visibilityState));
  addEventListener('error', (event) => seen.uncaught.push(event.message));
  addEventListener('unhandledrejection', (event) => seen.uncaught.push(String(event.reason)));
  document.addEventListener('securitypolicyviolation', (event) => {
    seen.uncaught.push(`${event.effectiveDirective} forbids ${event.blockedURI}`);
  });

  const describeState = (state: Lastseq.ConnectionState): string =>
    state.name === 'waiting' ? `waiting ${state.reason}` : state.name;

  window.app = {
    seen,
    client: undefined as unknown as Lastseq.Client,
    start(options = {}, channels = { room: {} }, { busyMs = 0, holdAt } = {}) {
      const client = window.Lastseq.createClient({
        url: '/realtime',
        flushMs: 20,
        logger: (entry) => {
          if (entry.event === 'stored') seen.stored[entry.channel] = entry.position.seq;
          if (entry.event === 'positionReplaced') seen.log.push('position replaced');
        },
        ...options,
      });
      window.app.client = client;
      client.on('state', (state) => {
        const entry = describeState(state);
        if (seen.log.at(-1) !== entry) seen.log.push(entry);
      });
      client.on('error', ({ code }) => seen.errors.push(code));
      client.on('storage', (state) => seen.storage.push(state));
      for (const [name, channelOptions] of Object.entries(channels)) {
        const channel = client.channel(name, channelOptions) as Lastseq.Channel<{ n: number }>;
        const items = (seen.items[name] ??= []);
        channel.on('state', (state) => seen.channels.push(`${name} ${state.name}`));
        channel.subscribe({
          message: ({ data, seq }) => {
            items.push(data.n === seq ? seq : `${seq} with the data of ${data.n}`);
            if (busyMs > 0)
              for (const until = performance.now() + busyMs; performance.now() < until;);
            return seq === holdAt ? new Promise<void>((resolve) => (release = resolve)) : undefined;
          },
          gap: ({ from, reason, to }) => items.push(`gap ${from}-${to ?? '?'} ${reason}`),
        });
      }
    },
    ready: (channel) => window.app.client.channel(channel).ready(),
    release: () => release(),
  };
}
