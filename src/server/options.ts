/** The options of the hub: their meaning, their defaults, and the one place that checks them. */
import type { IncomingMessage } from 'node:http';
import type { Limits } from '../core/frames.js';
import type { Authorize } from './authorize.js';
import { refuseOption, wholeNumber } from './errors.js';
import type { FilterRule } from './filter.js';
import type { Log } from './log.js';
import type { Origins } from './origin.js';
import type { OnError } from './report.js';

export interface HubOptions {
  /** Where numbers are made and messages are kept. The hub serves it and does not own it. */
  readonly log: Log;
  /** Who may do what. There is no default: `() => ({})` lets everybody do everything. */
  readonly authorize: Authorize;
  /**
   * Which messages of a channel a reader sees, for channels whose readers may not see everything.
   * Asked after `authorize` has allowed a subscription or a recovery; the function that it answers is
   * then asked for each message, `undefined` means all of them. When it throws or rejects, the request
   * is refused with `internal` and `onError` is told. Numbers and heads are those of the whole channel:
   * how much there is that they do not see, readers can tell. One channel per audience is cheaper.
   * Default: everybody sees everything.
   */
  readonly filter?: FilterRule | undefined;
  /**
   * Milliseconds between two heartbeats. Announced to clients, which take a connection for dead after
   * 2.5 of them without a frame. Default 25,000, below the idle limits of common proxies; 10 to
   * 3,600,000.
   */
  readonly heartbeatMs?: number | undefined;
  /**
   * Over how many milliseconds clients spread their retries when they lose this server and the first
   * retry fails too: they were not lost alone, and all of them are at the door. Announced to clients.
   * Somewhat more than all clients of the service divided by the handshakes that it takes per
   * millisecond. Default 0: their backoff alone, which does not know how many they are; 0 to 3,600,000.
   */
  readonly retrySpreadMs?: number | undefined;
  /** What one request may ask for. Announced to clients. */
  readonly limits?: HubLimits | undefined;
  /**
   * Whose pages may connect and recover. Default: pages of the same host, by comparing the headers
   * `Origin` and `Host`, in which another port is another host; behind a proxy that rewrites `Host`,
   * name the origins. Requests without an `Origin` come from no browser and are always let in.
   */
  readonly origins?: Origins | undefined;
  /**
   * Longest WebSocket message accepted, in bytes; a longer one ends its connection with 1009. Default
   * 1,048,576; 1,024 to 16,777,216.
   */
  readonly maxFrameBytes?: number | undefined;
  /**
   * When more bytes than this wait for one connection and another frame comes, its client counts as
   * too slow: it is closed with 4408 and resumes from the log. Answers to its own requests wait for
   * it instead. Default 4,194,304; at least twice `limits.pageBytes`.
   */
  readonly maxBufferedBytes?: number | undefined;
  /**
   * Frames of one connection that may wait for their turn; more of them end it with 4429. Default
   * 20,000, room for a client that joins 10,000 channels at once; 1 to 10,000,000.
   */
  readonly maxQueuedFrames?: number | undefined;
  /** The same in bytes of WebSocket messages. Default 4,194,304; at least `maxFrameBytes`. */
  readonly maxQueuedBytes?: number | undefined;
  /**
   * Recoveries over HTTP that may be under way at once, slow readers included; more of them get a 503.
   * Default 256; 1 to 1,000,000.
   */
  readonly maxRecoveries?: number | undefined;
  /**
   * What a 429 or 503 asks a client to wait, in milliseconds; over HTTP in whole seconds, rounded up.
   * Default 1,000; 0 to 3,600,000.
   */
  readonly retryAfterMs?: number | undefined;
  /**
   * Called for each new connection before anything is sent on it; the hub calls `socket.send` by that
   * name every time, so that a test may replace it. What it throws is reported to `onError`.
   */
  readonly onConnection?: ((socket: HubSocket, request: IncomingMessage) => void) | undefined;
  /**
   * Told of failures that clients see only as `internal`: of the log, of `authorize`, of other
   * functions given here. It must not throw. Default: one line on the console, without the token.
   */
  readonly onError?: OnError | undefined;
}

/**
 * The socket of a connection: a `WebSocket` of the package `ws`, as far as the hub uses it. Said here in
 * our own words, so that apps need no types of `ws`.
 */
export interface HubSocket {
  /** Bytes accepted by `send` and not yet handed to the network. */
  readonly bufferedAmount: number;
  /**
   * Sends one WebSocket message, the bytes of a text that other connections are sent as well. `written`,
   * where it is given, is called when the network has it, or with an error.
   */
  send(text: Buffer, options: { readonly binary: false }, written?: (error?: Error) => void): void;
  /** Sends a WebSocket ping, which browsers answer by themselves. */
  ping(): void;
  close(code: number, reason: string): void;
  /** Ends the connection at once, without a close code. */
  terminate(): void;
}

export interface HubLimits {
  /** Messages in a page of a recovery. Default 1,000; 1 to 100,000. */
  readonly page?: number | undefined;
  /**
   * Bytes of messages in the answer to one recovery, over all channels of a `recover` frame. One
   * message is always given, whatever its length; with it a page stays below the 8,388,608 characters
   * above which a client drops a WebSocket message. Default 1,048,576; 1,024 to 4,194,304.
   */
  readonly pageBytes?: number | undefined;
  /** Channels in one `recover` frame. Default 500; 1 to 10,000. */
  readonly batch?: number | undefined;
  /** Subscriptions of one connection. Default 10,000; 1 to 1,000,000. */
  readonly channels?: number | undefined;
}

/** Options with nothing left out. `undefined` is how an app leaves one out that it computes. */
export type Complete<Options> = {
  readonly [Name in keyof Options]-?: Exclude<Options[Name], undefined>;
};

export type HubSettings = Complete<
  Omit<HubOptions, 'limits' | 'filter' | 'origins' | 'onConnection' | 'onError'>
> &
  Pick<HubOptions, 'filter' | 'origins' | 'onConnection' | 'onError'> & {
    readonly limits: Required<Limits>;
  };

/** @throws ServerError `bad_option` at the first option that is not what it may be. */
export function resolveHubOptions(options: HubOptions): HubSettings {
  const { limits = {}, maxBufferedBytes = 4_194_304, maxQueuedBytes = 4_194_304 } = options;
  const page = wholeNumber('limits.page', limits.page ?? 1_000, 1, 100_000);
  const pageBytes = wholeNumber(
    'limits.pageBytes',
    limits.pageBytes ?? 1_048_576,
    1_024,
    4_194_304,
  );
  const batch = wholeNumber('limits.batch', limits.batch ?? 500, 1, 10_000);
  const channels = wholeNumber('limits.channels', limits.channels ?? 10_000, 1, 1_000_000);
  const maxFrameBytes = wholeNumber(
    'maxFrameBytes',
    options.maxFrameBytes ?? 1_048_576,
    1_024,
    16_777_216,
  );

  checkLog(options.log);
  checkFunction('authorize', options.authorize);
  if (options.filter !== undefined) checkFunction('filter', options.filter);
  if (options.onConnection !== undefined) checkFunction('onConnection', options.onConnection);
  if (options.onError !== undefined) checkFunction('onError', options.onError);
  return {
    ...options,
    limits: { page, pageBytes, batch, channels },
    heartbeatMs: wholeNumber('heartbeatMs', options.heartbeatMs ?? 25_000, 10, 3_600_000),
    retrySpreadMs: wholeNumber('retrySpreadMs', options.retrySpreadMs ?? 0, 0, 3_600_000),
    maxFrameBytes,
    maxBufferedBytes: wholeNumber('maxBufferedBytes', maxBufferedBytes, 2 * pageBytes, MAX_BYTES),
    maxQueuedFrames: wholeNumber(
      'maxQueuedFrames',
      options.maxQueuedFrames ?? 20_000,
      1,
      10_000_000,
    ),
    maxQueuedBytes: wholeNumber('maxQueuedBytes', maxQueuedBytes, maxFrameBytes, MAX_BYTES),
    maxRecoveries: wholeNumber('maxRecoveries', options.maxRecoveries ?? 256, 1, 1_000_000),
    retryAfterMs: wholeNumber('retryAfterMs', options.retryAfterMs ?? 1_000, 0, 3_600_000),
  };
}

/** 1 GiB: beyond it a bound bounds nothing. */
const MAX_BYTES = 1_073_741_824;

function checkFunction(option: string, value: unknown): void {
  if (typeof value !== 'function') refuseOption(option, value, 'a function');
}

function checkLog(log: unknown): void {
  const has = (method: keyof Log): boolean =>
    typeof (log as Partial<Record<keyof Log, unknown>>)[method] === 'function';
  const methods = ['append', 'facts', 'read', 'listen'] as const;
  if (typeof log === 'object' && log !== null && methods.every(has)) return;
  refuseOption('log', log, 'a log, such as memoryLog()');
}
