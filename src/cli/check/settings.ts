/** What a run was asked to do, complete and checked. */
import type { Dialect } from '../../dialects/dialect.js';

/** One of the addresses that are compared: a server, or one of several that should be as one. */
export interface Instance {
  /** Its address without what may be secret; names it in the evidence. */
  readonly name: string;
  /** The WebSocket address. */
  readonly url: string;
  /** The recovery call: an address, a function, or over the socket. */
  readonly recover: string | RecoverFunction | undefined;
}

/** As the client's option `recover`: the body of an answer, or an error with a `status`. */
export type RecoverFunction = (question: {
  readonly channel: string;
  readonly epoch: string;
  readonly since: number;
  readonly limit: number;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}) => unknown;

/** @param atEnd has a function called when the connection ends: the app's sockets are the app's to close. */
export type MakeDialect = (url: string, atEnd: (end: () => unknown) => void) => Dialect;

/** Sends a message that holds `marker`; what it throws or rejects with is a failed publish. */
export type SendFunction = (message: {
  readonly marker: string;
  readonly channel: string;
  readonly token: string | undefined;
}) => unknown;

/** A sending path as the user names it. In texts, `{marker}` and `{channel}` are filled in. */
export type SenderSpec =
  /** A publish frame of the dialect, over each URL. */
  | { readonly kind: 'publish' }
  /** This text as a WebSocket message, over each URL. */
  | { readonly kind: 'ws'; readonly text: string }
  | {
      readonly kind: 'http';
      readonly method: string;
      readonly url: string;
      readonly body: string | undefined;
      readonly headers: Readonly<Record<string, string>>;
    }
  /** A shell command; it also finds the two in `LASTSEQ_MARKER` and `LASTSEQ_CHANNEL`. */
  | { readonly kind: 'sh'; readonly command: string }
  | { readonly kind: 'function'; readonly name: string; readonly send: SendFunction };

export interface Settings {
  readonly instances: readonly Instance[];
  readonly channel: string;
  readonly senders: readonly SenderSpec[];
  /** The server's language. */
  readonly dialect: Dialect;
  /** The same for one connection: a dialect that brings a socket brings each its own. */
  readonly dialectFor: MakeDialect;
  /** The field that holds the number in the server's own messages; looked for in control frames. */
  readonly seqField: string;
  readonly token: string | undefined;
  /** A good token of somebody who may not read the channel. */
  readonly strangerToken: string | undefined;
  /** The origin of the page that the server's clients come from. */
  readonly origin: string | undefined;
  /** Connections that listen at each URL. */
  readonly connections: number;
  /** How many messages overflow the log. */
  readonly overflow: number | undefined;
  /** Restarts the server and returns when it is done: a shell command, or a function. */
  readonly restart: string | (() => unknown) | undefined;
  /** How long to listen to what others send. */
  readonly watchMs: number | undefined;
  /** How long the server may be silent before the checker stops waiting for it. */
  readonly timeoutMs: number;
}
