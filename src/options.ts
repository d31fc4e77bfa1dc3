/** Every option: its meaning, unit, default and bounds. All of them are checked at once, before anything runs. */
import {
  checkOptions,
  either,
  FUNCTION,
  isFunction,
  isName,
  range,
  type Rule,
} from './check-options.js';
import { isObject, isPosition, isSeq, type Position } from './core/position.js';
import { DEFAULT_SETTINGS, type Settings } from './core/settings.js';
import type { TraceLimits } from './core/traced-session.js';
import type {
  ChannelIntent,
  ChannelState,
  ConnectionState,
  Notice,
  SnapshotReason,
  Start,
} from './core/vocabulary.js';
import type { Dialect } from './dialects/dialect.js';
import { nativeDialect } from './dialects/native.js';
import { badOption } from './errors.js';

/** Where the server is. A function is asked at every attempt; it may take as long as an attempt may. */
export type UrlOption = string | URL | (() => string | URL | Promise<string | URL>);

/** The app's own fetch-since. Resolves with the body of an answer, or throws: an error with a numeric
 * `status` (and `retryInMs`) counts as an HTTP answer. */
export type RecoverFunction = (question: {
  readonly channel: string;
  readonly epoch: string;
  /** Exclusive: the answer begins with `since + 1`. */
  readonly since: number;
  readonly limit: number;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}) => Promise<unknown>;

/** What a logger is called with. Never a payload, never a token. */
export type LogEntry =
  | Notice
  | { readonly event: 'connection'; readonly state: ConnectionState }
  | { readonly event: 'channel'; readonly channel: string; readonly state: ChannelState }
  | { readonly event: 'stored'; readonly channel: string; readonly position: Position }
  | { readonly event: 'error'; readonly code: string; readonly message: string };

export interface ClientOptions {
  /**
   * The WebSocket address: `ws:` or `wss:`, or `http(s):`, or relative to the page. Left out when the
   * dialect brings a transport of its own.
   */
  readonly url?: UrlOption | undefined;
  /**
   * How missed messages are fetched: a URL (one GET per channel and page), a function, or left out:
   * over the socket, where the server offers it.
   */
  readonly recover?: string | URL | RecoverFunction | undefined;
  /**
   * The token for the socket and the recovery call, asked before every attempt. `refresh` is true when
   * the last one was refused: do not answer from a cache. Rejecting is retried with backoff; rejecting
   * with a `LastseqError` of code `unauthorized` is final. Has 10 seconds.
   * @default none: nothing is shown to the server
   */
  readonly token?:
    ((request: { readonly refresh: boolean }) => string | Promise<string>) | undefined;
  /**
   * Whose positions these are: a part of every stored key. Give the user's id, so that nobody resumes
   * where somebody else stopped. Two tabs of one namespace share their positions.
   * @default ''
   */
  readonly namespace?: string | undefined;
  /** The server's language. @default the protocol of `PROTOCOL.md` */
  readonly dialect?: Dialect | undefined;
  /** Called with what the client notices. Costs something per message. @default none */
  readonly logger?: ((entry: LogEntry) => void) | undefined;
  /**
   * How long a slightly reordered live message may take to settle before the log is asked.
   * Milliseconds, 0 to 5,000. @default 50
   */
  readonly reorderWindowMs?: number | undefined;
  /**
   * After this long a handler or snapshot that has not settled is reported and its channel shown as
   * `stalled`; it is waited for all the same. Milliseconds, >= 1, or `false` for never. @default 60,000
   */
  readonly handlerTimeoutMs?: number | false | undefined;
  /**
   * When recovery keeps failing for this long, go on without what is missing, and say so with a `gap`
   * of reason `unreachable`. Milliseconds, >= 1, or `false` to never give up. @default false
   */
  readonly giveUpAfterMs?: number | false | undefined;
  /** A handshake that takes longer is given up. Milliseconds, 100 to 120,000. @default 10,000 */
  readonly connectTimeoutMs?: number | undefined;
  /** The longest wait between two attempts, before jitter. Milliseconds, 1,000 to 3,600,000. @default 30,000 */
  readonly maxBackoffMs?: number | undefined;
  /** Positions are stored at most this often. Milliseconds, 20 to 60,000. @default 250 */
  readonly flushMs?: number | undefined;
  /**
   * Messages that may wait for the handlers of one channel; beyond it they are fetched again later.
   * 2 to 100,000. @default 2,000
   */
  readonly maxQueued?: number | undefined;
  /**
   * Keeps what went into the client and what it decided, for `client.trace()`. `inputs`: how much, where
   * every message counts as one more; the oldest go first. 1 to 1,000,000, by default 10,000. `payloads`:
   * keep the data of messages and who sent them in what `trace()` gives. @default false
   */
  readonly trace?:
    | boolean
    | { readonly inputs?: number | undefined; readonly payloads?: boolean | undefined }
    | undefined;
}

/** A validator of any library that follows Standard Schema v1. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}
type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly unknown[] };

export interface ChannelOptions<Data = unknown> {
  /**
   * Where reading starts when the channel is joined: `'stored'` (where this namespace stopped; when
   * nothing is stored, `'latest'`), `'latest'`, `'earliest'`, `{ last: n }` (n >= 1), or a `Position` that
   * came with the app's own state, which replaces the stored one.
   * @default 'stored', or with a `snapshot` 'latest'
   */
  readonly start?: Start | undefined;
  /**
   * Loads the state that this channel's messages change. Called at the first join of a page life (not
   * when a position was stored or given) and at every discontinuity, and awaited before the next
   * message. May return the position that its state really has. Retried with backoff when it fails.
   */
  readonly snapshot?:
    | ((request: {
        readonly reason: SnapshotReason;
        /** The log was here when the snapshot was asked for; whatever comes later is delivered. */
        readonly position: Position;
        /** Aborted when the channel is left. */
        readonly signal: AbortSignal;
      }) => Position | Promise<Position | undefined> | Promise<void> | undefined)
    | undefined;
  /** `skip`: report and go on. `retry`: try the same item again with backoff. @default 'skip' */
  readonly onHandlerError?: 'skip' | 'retry' | undefined;
  /** With `retry`: tries before the channel stalls until `retry()` or `skip()`. 1 to 1,000. @default 5 */
  readonly maxAttempts?: number | undefined;
  /** When a position may be stored: `after` all handlers finished, or when the app says so. @default 'after' */
  readonly commit?: 'after' | 'manual' | undefined;
  /** Checks and types `data`. A message that does not fit is an `error`, and is passed over. */
  readonly schema?: StandardSchema<Data> | undefined;
}

export interface ResolvedOptions extends ClientOptions {
  readonly namespace: string;
  readonly dialect: Dialect;
}

export interface ResolvedChannelOptions {
  readonly snapshot: ChannelOptions['snapshot'];
  readonly onHandlerError: 'skip' | 'retry';
  readonly commit: 'after' | 'manual';
  readonly schema: StandardSchema | undefined;
  /** What the core needs of them. Channels opened without options share it. */
  readonly intent: ChannelIntent;
}

const ADDRESS: Rule = [
  'an address, a URL, or a function',
  (value) => isName(value) || value instanceof URL || isFunction(value),
];

const CLIENT_RULES: Readonly<Record<keyof ClientOptions, Rule>> = {
  url: ADDRESS,
  recover: ADDRESS,
  token: FUNCTION,
  namespace: ['a string', (v) => typeof v === 'string'],
  dialect: ['a dialect', (v) => isObject(v) && 'decode' in v],
  logger: FUNCTION,
  reorderWindowMs: range(0, 5_000),
  handlerTimeoutMs: range(1, Infinity, true),
  giveUpAfterMs: range(1, Infinity, true),
  connectTimeoutMs: range(100, 120_000),
  maxBackoffMs: range(1_000, 3_600_000),
  flushMs: range(20, 60_000),
  maxQueued: range(2, 100_000),
  trace: ['a boolean, or { inputs: 1 to 1,000,000, payloads: a boolean }', isTraceOption],
};

const CHANNEL_RULES: Readonly<Record<keyof ChannelOptions, Rule>> = {
  start: ["'stored', 'latest', 'earliest', { last: n } or a Position", isStart],
  snapshot: FUNCTION,
  onHandlerError: either('skip', 'retry'),
  maxAttempts: range(1, 1_000),
  commit: either('after', 'manual'),
  schema: ['a Standard Schema validator', (v) => v instanceof Object && '~standard' in v],
};

export function resolveOptions(options: ClientOptions): ResolvedOptions {
  checkOptions(options, CLIENT_RULES, 'options');
  const { dialect = nativeDialect, namespace = '', url } = options;
  if (url === undefined && dialect.transport === undefined) {
    throw badOption('url', url, ADDRESS[0]);
  }
  if (dialect.numbering === 'monotonic' && dialect.tracker === undefined) {
    throw badOption('dialect', dialect, 'a dialect with the tracker `monotonic`');
  }
  return { ...options, namespace, dialect };
}

export function resolveChannelOptions(options: ChannelOptions): ResolvedChannelOptions {
  checkOptions(options, CHANNEL_RULES, 'channel options');
  const { commit = 'after', maxAttempts = 5, onHandlerError = 'skip', schema, snapshot } = options;
  const { start = snapshot === undefined ? 'stored' : 'latest' } = options;
  const intent = { start, snapshot: snapshot !== undefined, maxAttempts };
  return { snapshot, onHandlerError, commit, schema, intent };
}

function isStart(value: unknown): boolean {
  if (!isObject(value)) return ['stored', 'latest', 'earliest'].includes(value as string);
  return isPosition(value) || ('last' in value && isSeq(value.last));
}

function isTraceOption(value: unknown): boolean {
  if (!isObject(value)) return typeof value === 'boolean';
  const { inputs = 1, payloads = false, ...others } = value as Readonly<Record<string, unknown>>;
  const fits = isSeq(inputs) && inputs <= 1_000_000 && typeof payloads === 'boolean';
  return fits && Object.keys(others).length === 0;
}

/** How much is traced; undefined for nothing. */
export function traceLimitsOf({ trace }: ResolvedOptions): TraceLimits | undefined {
  if (!trace) return undefined;
  const { inputs = 10_000, payloads = false } = trace === true ? {} : trace;
  return { inputs, payloads };
}

/** The core's settings for these options. */
export function settingsOf(options: ResolvedOptions): Settings {
  const { dialect } = options;
  const given: Readonly<Record<string, unknown>> = {
    ...options,
    backoffCapMs: options.maxBackoffMs,
    hasToken: options.token !== undefined,
    carrier: options.recover === undefined ? 'socket' : 'fetch',
    verbose: options.logger !== undefined,
    numbering: dialect.numbering,
    epochs: dialect.overlap === undefined,
    pollMs: dialect.pollMs,
  };
  const settings = Object.entries(DEFAULT_SETTINGS).map(([name, value]) => [
    name,
    given[name] ?? (value as unknown),
  ]);
  return Object.fromEntries(settings) as Settings;
}
