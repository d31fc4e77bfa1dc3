/**
 * What goes into the core and what comes out of it. Both are plain values: tests compare whole
 * traces, and the simulator drives the code that ships.
 */
import type { ClientFrame, DecodedFrame, RecoverRequest, RecoveryAnswer } from './frames.js';
import type { Position, PositionWrite, StoredPosition } from './position.js';

/** Why numbers are missing. */
export type GapReason =
  /** The server no longer holds them. */
  | 'truncated'
  /** The log was replaced by another one. */
  | 'epoch'
  /** The log went back behind what it had given out. */
  | 'rewind'
  /** The log says, repeatedly, that it has nothing at these numbers. */
  | 'hole'
  /** They could not be had in the time that the app allowed (`giveUpAfterMs`, slow storage). */
  | 'unreachable';

/** Numbers that the client did not get: what the app is told before the first message after them. */
export interface Gap {
  readonly type: 'gap';
  readonly channel: string;
  readonly epoch: string;
  /** The first missing number. */
  readonly from: number;
  /** The last missing number; left out when nobody can know it. */
  readonly to?: number;
  readonly reason: GapReason;
  /** Set when the app's `snapshot` has loaded a state that contains them. */
  readonly healed?: 'snapshot';
}

/** A message as it is handed to the app. */
export interface Message<Data = unknown> {
  readonly type: 'message';
  readonly channel: string;
  readonly seq: number;
  readonly epoch: string;
  readonly data: Data;
  /** True when it came out of the log rather than live. */
  readonly recovered: boolean;
  /** The server's own id of the message, where it gives one. */
  readonly id?: string | undefined;
  /** Milliseconds since 1970 by the server's clock, where it gives them. Informative only. */
  readonly ts?: number | undefined;
  /** Who sent it, where the server says so. */
  readonly from?: string | undefined;
}

/** The log cannot continue from our position. */
export type Discontinuity = Exclude<GapReason, 'unreachable'>;

/** Why a snapshot is asked for. `initial`: the first join of this page life. */
export type SnapshotReason = 'initial' | Discontinuity;

/** One thing that waits in a channel's delivery queue. */
export type Item =
  | Message
  | { readonly type: 'gap'; readonly gap: Gap; readonly after: PositionWrite }
  /** Moves the position once everything before it is finished; the app is called with nothing. */
  | { readonly type: 'position'; readonly after: PositionWrite }
  | { readonly type: 'snapshot'; readonly reason: SnapshotReason; readonly position: Position };

/** Where a channel's reading starts. */
export type Start = 'stored' | 'latest' | 'earliest' | { readonly last: number } | Position;

/** What a channel wants, fixed by its first handle. */
export interface ChannelIntent {
  readonly start: Start;
  /** Does the app load a state of its own at discontinuities? */
  readonly snapshot: boolean;
  /** How often a handler that fails is given one item before the channel stalls. */
  readonly maxAttempts: number;
}

/** Why the client waits before it dials. */
export type WaitReason =
  /** An open connection ended. */
  | 'closed'
  /** A handshake failed, or the token was refused and not for the first time. */
  | 'refused'
  /** A handshake took longer than `connectTimeoutMs`. */
  | 'timeout'
  /** The server was silent for too long. */
  | 'dead'
  /** The provider gave no token. */
  | 'token'
  /** The browser says that it is offline, whatever else there was. */
  | 'offline'
  /** The page is gone for now. */
  | 'pagehide'
  /** The server closed with 1012. */
  | 'restart';

/** The connection, as the app sees it. */
export type ConnectionState =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting'; readonly attempt: number }
  | { readonly name: 'open' }
  | {
      readonly name: 'waiting';
      /** Missing while only a signal can end the wait (the page is in the back/forward cache). */
      readonly retryInMs?: number;
      readonly reason: WaitReason;
      readonly code?: number | undefined;
    }
  | { readonly name: 'unauthorized' }
  | { readonly name: 'failed'; readonly code: number }
  | { readonly name: 'closed' };

/**
 * Why a channel makes no progress although it should. `recovery`: the log could not be asked, or answered
 * with an error; `refused`: the server does not take the subscription for now; `handler`: a handler failed,
 * and is tried again or waits for `retry()` or `skip()`; `timeout`: a handler or snapshot has not settled
 * within `handlerTimeoutMs`; `snapshot`: it failed; `resets`: the log is replaced again and again.
 */
export type StallReason = 'recovery' | 'refused' | 'handler' | 'timeout' | 'snapshot' | 'resets';

/** A channel, as the app sees it. */
export type ChannelState =
  | { readonly name: 'idle' }
  | { readonly name: 'joining' }
  | { readonly name: 'recovering'; readonly since: number; readonly head: number }
  | { readonly name: 'live' }
  | { readonly name: 'stalled'; readonly reason: StallReason; readonly retryInMs?: number }
  | { readonly name: 'failed'; readonly code: string }
  | { readonly name: 'closed' };

/** The outcome of a publish. `code` says why it failed; see `errors.ts`. */
export type PublishResult =
  | { readonly ok: true; readonly position: Position }
  | {
      readonly ok: false;
      readonly code: 'not_connected' | 'timeout' | 'refused' | 'closed';
      readonly detail: string;
    };

/** Signals of the page, as the adapter translates them. */
export type PageSignal =
  'online' | 'offline' | 'visible' | 'hidden' | 'pagehide' | 'pageshow' | 'freeze' | 'resume';

export type Input =
  // the app
  | { readonly type: 'connect' }
  | { readonly type: 'close' }
  | { readonly type: 'join'; readonly channel: string; readonly intent: ChannelIntent }
  | { readonly type: 'release'; readonly channel: string }
  | {
      readonly type: 'publish';
      readonly id: number;
      readonly channel: string;
      readonly key: string;
      readonly data: unknown;
      readonly timeoutMs: number | undefined;
    }
  | { readonly type: 'retry'; readonly channel: string }
  | { readonly type: 'forget' }
  // delivery
  | {
      readonly type: 'handled';
      readonly channel: string;
      readonly count: number;
      readonly mark?: PositionWrite | undefined;
    }
  /** The app committed items that its handlers were done with before. */
  | { readonly type: 'committed'; readonly channel: string; readonly mark: PositionWrite }
  | { readonly type: 'handling'; readonly channel: string }
  | {
      readonly type: 'handlerFailed';
      readonly channel: string;
      readonly kind: 'handler' | 'snapshot';
    }
  | {
      readonly type: 'snapshotTaken';
      readonly channel: string;
      readonly position?: Position | undefined;
    }
  // transport
  | { readonly type: 'available' }
  | { readonly type: 'opened'; readonly attempt: number }
  | { readonly type: 'frames'; readonly attempt: number; readonly frames: readonly DecodedFrame[] }
  | {
      readonly type: 'dropped';
      readonly attempt: number;
      readonly code: number;
      readonly reason: string;
    }
  // token, recovery, storage, page, time
  | {
      readonly type: 'token';
      readonly version: number;
      readonly outcome: 'ready' | 'failed' | 'refused';
      readonly detail?: string;
    }
  | {
      readonly type: 'recovered';
      readonly id: number;
      readonly answer: RecoveryAnswer;
      readonly tokenVersion: number;
    }
  | {
      readonly type: 'loaded';
      readonly channel: string;
      readonly position?: StoredPosition | undefined;
      readonly failed?: true;
    }
  | {
      readonly type: 'saved';
      readonly id: number;
      readonly refused: readonly string[];
      readonly failed?: true;
    }
  | { readonly type: 'page'; readonly signal: PageSignal }
  | { readonly type: 'tick' };

/** What the core noticed, for `logger`, counters and the demo's timeline. Never a payload, never a token. */
export type Notice =
  | {
      readonly event: 'held' | 'duplicate' | 'dropped';
      readonly channel: string;
      readonly seq: number;
    }
  | { readonly event: 'asked'; readonly channel: string; readonly since: number }
  | {
      readonly event: 'answered';
      readonly channel: string;
      readonly status: number;
      readonly head?: number;
      /** Why there is no page, where it is not the status that says it. */
      readonly detail?: string | undefined;
    }
  | { readonly event: 'hint'; readonly channel: string; readonly head: number }
  | { readonly event: 'badFrame'; readonly reason: string }
  | { readonly event: 'slept'; readonly lateMs: number }
  | { readonly event: 'positionReplaced'; readonly channel: string }
  | { readonly event: 'probe' };

/** What went wrong, for the `error` event; worded in `errors.ts`. */
export type Problem =
  | { readonly code: 'token_failed'; readonly detail: string }
  | { readonly code: 'unauthorized' }
  | { readonly code: 'connection_refused'; readonly closeCode: number }
  | { readonly code: 'channel_refused'; readonly channel: string; readonly reason: string }
  | {
      readonly code: 'recovery_failed';
      readonly channel: string;
      readonly status: number;
      readonly detail: string;
    }
  | { readonly code: 'handler_timeout'; readonly channel: string }
  | { readonly code: 'reset_storm'; readonly channel: string };

export type Effect =
  | { readonly type: 'askToken'; readonly version: number; readonly refresh: boolean }
  | { readonly type: 'dial'; readonly attempt: number }
  | {
      readonly type: 'hangUp';
      readonly attempt: number;
      readonly code: number;
      readonly reason: string;
    }
  | { readonly type: 'authenticate' }
  | { readonly type: 'send'; readonly frames: readonly ClientFrame[]; readonly asArray: boolean }
  | {
      readonly type: 'fetch';
      readonly id: number;
      readonly request: RecoverRequest;
      readonly limit: number;
      readonly tokenVersion: number;
    }
  | { readonly type: 'abort'; readonly id: number }
  | { readonly type: 'load'; readonly channel: string }
  | { readonly type: 'save'; readonly id: number; readonly writes: readonly PositionWrite[] }
  | { readonly type: 'forget' }
  /** A storage call hangs: the next one should not wait behind it. */
  | { readonly type: 'releaseStore' }
  | {
      readonly type: 'deliver';
      readonly channel: string;
      readonly items: readonly Item[];
      /** Owner token of the positions that messages mark; undefined when their numbers are none. */
      readonly tok: string | undefined;
    }
  | { readonly type: 'ephemeral'; readonly channel: string; readonly data: unknown }
  | { readonly type: 'redeliver'; readonly channel: string }
  | { readonly type: 'left'; readonly channel: string }
  | { readonly type: 'published'; readonly id: number; readonly result: PublishResult }
  | { readonly type: 'connectionState'; readonly state: ConnectionState }
  | { readonly type: 'channelState'; readonly channel: string; readonly state: ChannelState }
  | { readonly type: 'storageState'; readonly state: 'persistent' | 'memory' }
  | { readonly type: 'problem'; readonly problem: Problem }
  | { readonly type: 'notice'; readonly notice: Notice };
