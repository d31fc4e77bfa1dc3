/**
 * The frames of `lastseq.v1`, as the client's core and the server kit both see them.
 *
 * These are meanings, not bytes: a dialect turns a server's own messages into them. `PROTOCOL.md`
 * has the wire form, the deadlines and the answer to every violation.
 */
import type { Position } from './position.js';

/** The WebSocket subprotocol that both sides name. */
export const SUBPROTOCOL = 'lastseq.v1';

/** Error codes that a server may put on the wire. */
export type WireCode =
  'unauthorized' | 'forbidden' | 'not_found' | 'limit' | 'bad_request' | 'unsupported' | 'internal';

/** Close codes with a meaning; every other code means: dial again with backoff. */
export const CLOSE = {
  /** Pause: the page is hidden for good or the app closed the client. */
  normal: 1000,
  /** The server restarts: dial with jitter. */
  restart: 1012,
  /** A bad frame: a bug on one side; stop. */
  badFrame: 4400,
  /** The token was refused: refresh it, then dial. */
  unauthorized: 4401,
  /** This client may not connect; stop. */
  forbidden: 4403,
  /** The client read too slowly; dial and resume. */
  slowConsumer: 4408,
  /** Too many connections or frames; dial later. */
  rate: 4429,
} as const;

/** The facts of a log: what a position answer always carries, and all that a client decides by. */
export interface Facts {
  readonly epoch: string;
  /** The greatest n such that every number <= n is appended or declared void; 0 when there is none. */
  readonly head: number;
  /** The least number still retained; `head + 1` when nothing is. */
  readonly oldest: number;
}

/** A message as it lies in the log. The same object travels from the codec to the handler's message. */
export interface MessageFrame {
  readonly type: 'message';
  readonly channel: string;
  /** Missing means: that of the last `subscribed` on this connection. */
  readonly epoch?: string;
  /** Missing on an ephemeral message, which never touches the position. */
  readonly seq?: number;
  /**
   * The number of the message before it that this reader may see: those between are not for this
   * reader, and no loss. Missing means `seq - 1`.
   */
  readonly prev?: number;
  readonly data: unknown;
  /** The server's own id of the message, informative only. */
  readonly id?: string;
  /** Milliseconds since 1970 by the server's clock, informative only. */
  readonly ts?: number;
  /** Who sent it, informative only. */
  readonly from?: string;
}

/** A message with a place in the log. */
export type NumberedFrame = MessageFrame & { readonly seq: number };

export const isNumbered = (frame: MessageFrame): frame is NumberedFrame => frame.seq !== undefined;

/** A message inside a recovery page: the channel and epoch are those of the page. */
export interface PageMessage {
  readonly seq: number;
  readonly prev?: number;
  readonly data: unknown;
  readonly id?: string;
  readonly ts?: number;
  readonly from?: string;
}

/** One answer of a recovery. It covers the numbers in `(since, upto]`. */
export interface Page extends Facts {
  readonly channel: string;
  readonly messages: readonly PageMessage[];
  /** Numbers that will never come and are no loss: compacted, rolled back, not for this reader. */
  readonly void?: readonly (readonly [from: number, to: number])[];
  /** True when the server cut the page short of the head. */
  readonly more: boolean;
  /** The last number that the page covers. Missing: the last message's if `more`, else `head`. */
  readonly upto?: number | undefined;
}

/** What a recovery call came back with for one channel. */
export type RecoveryAnswer =
  | { readonly status: 200; readonly page: Page }
  | {
      readonly status: number;
      readonly channel: string;
      readonly retryInMs?: number | undefined;
    }
  /** No answer, or one that fits no rule. */
  | {
      readonly status: 0;
      readonly channel: string;
      readonly reason: string;
      /** Set when trying again will not help: somebody has to mend the server or the options. */
      readonly defect?: true;
    };

/** Limits that a server announces; each is a count or a size in bytes. */
export interface Limits {
  /** Messages in a page. */
  readonly page?: number;
  /** Bytes in a page. */
  readonly pageBytes?: number;
  /** Items in a `recover` frame. */
  readonly batch?: number;
  /** Channels per connection. */
  readonly channels?: number;
}

/** What a server sends. */
export type ServerFrame =
  | {
      readonly type: 'welcome';
      readonly caps: readonly string[];
      readonly heartbeatMs?: number | undefined;
      readonly retrySpreadMs?: number | undefined;
      readonly limits: Limits;
    }
  | ({
      readonly type: 'subscribed';
      readonly id?: number | undefined;
      readonly channel: string;
    } & Facts)
  /**
   * The server serves the channel and says nothing of its log. Without a channel: it serves each one
   * that is wanted on this connection, now or later, and takes no `subscribe`.
   */
  | {
      readonly type: 'joined';
      readonly id?: number | undefined;
      readonly channel?: string | undefined;
    }
  | MessageFrame
  | { readonly type: 'heads'; readonly heads: readonly Head[] }
  | {
      readonly type: 'unsubscribed';
      readonly channel: string;
      readonly code: string;
      readonly retry: boolean;
    }
  | {
      readonly type: 'error';
      readonly id?: number | undefined;
      readonly channel?: string | undefined;
      readonly code: string;
      readonly retry: boolean;
      readonly message?: string | undefined;
    }
  | { readonly type: 'recovered'; readonly id: number; readonly items: readonly RecoveryAnswer[] }
  | {
      readonly type: 'ack';
      readonly id: number;
      readonly channel: string;
      readonly position: Position;
    }
  | { readonly type: 'pong' }
  | { readonly type: 'goaway'; readonly spreadMs: number };

/** The newest number of a channel's log, as a heartbeat carries it. */
export interface Head {
  readonly channel: string;
  readonly epoch: string;
  readonly head: number;
  /** The last number up to `head` that this reader may see. Missing means `head`. */
  readonly visible?: number | undefined;
}

/** A WebSocket message, or an element of one, that fits no rule: counted and dropped, never thrown. */
export interface BadFrame {
  readonly type: 'bad';
  /** One sentence for the log: which field was wrong. Never the payload. */
  readonly reason: string;
  /** The channel, when the frame was a message whose channel could still be read: ask its log. */
  readonly channel?: string | undefined;
}

/** What the codec makes of a WebSocket message. */
export type DecodedFrame = ServerFrame | BadFrame;

/** One channel's part of a recovery call. `epoch` and `seq` are the position; `since` is exclusive. */
export interface RecoverRequest extends Position {
  readonly channel: string;
}

/** What a client sends. The token of an `auth` frame is added at the edge: the core never sees it. */
export type ClientFrame =
  | { readonly type: 'subscribe'; readonly id: number; readonly channel: string }
  | { readonly type: 'unsubscribe'; readonly channel: string }
  | {
      readonly type: 'recover';
      readonly id: number;
      readonly items: readonly RecoverRequest[];
      readonly limit?: number;
    }
  | {
      readonly type: 'publish';
      readonly id: number;
      readonly channel: string;
      readonly key: string;
      readonly data: unknown;
    }
  | { readonly type: 'auth'; readonly token: string }
  | { readonly type: 'ping' };
