/** One error class, one list of codes, one place that words them. */
import type { GapReason } from './core/vocabulary.js';

/** Each code, whose fault it is, whether the client goes on by itself, and what `details` holds. */
export interface ErrorDetails {
  /** Yours: an option or argument does not fit. Thrown at the call; nothing was changed. */
  bad_option: { readonly option: string; readonly value: unknown; readonly expected: string };
  /** Yours: a second handle of a channel asked for other options than the first. Thrown at the call. */
  options_differ: { readonly channel: string; readonly option: string };
  /** Yours: the client or the channel handle was closed before. Nothing is retried. */
  closed: { readonly what: string };
  /** Nobody's: there is no connection, or it was lost before the answer. Publish again if you want to. */
  not_connected: { readonly detail: string };
  /** The network's or the server's: no answer in time. What was published may have been taken. */
  timeout: { readonly detail: string };
  /** The server's decision: it did not take what was published. Or 1,000 others wait. Not retried. */
  publish_refused: { readonly detail: string };
  /** Your token provider's: it threw, rejected or hung. Asked again with backoff. */
  token_failed: { readonly detail: string };
  /**
   * Yours: your url function threw, rejected, hung, or gave no WebSocket address; or the browser makes no
   * socket for it (a page on https and an address on ws, a policy). Tried again with backoff. The message
   * leaves an address's parameters out; the browser's own error, its `cause`, may quote them.
   */
  url_failed: { readonly detail: string };
  /** The server refused a token and the refreshed one. Nothing is retried until `connect()`. */
  unauthorized: Readonly<Record<string, never>>;
  /** The server closed with a code that means stop. Nothing is retried until `connect()`. */
  connection_refused: { readonly closeCode: number };
  /** The server refused this channel alone. Make a new handle to try again. */
  channel_refused: { readonly channel: string; readonly reason: string };
  /** The server's or the options': recovery cannot work like this. Retried with backoff. */
  recovery_failed: { readonly channel: string; readonly status: number; readonly detail: string };
  /** Yours: a handler threw or rejected. What follows is up to `onHandlerError`. */
  handler_failed: {
    readonly channel: string;
    readonly seq?: number | undefined;
    readonly event: string;
  };
  /** Yours: a handler or snapshot did not settle within `handlerTimeoutMs`. It is waited for, never overtaken. */
  handler_timeout: { readonly channel: string };
  /** Yours: `snapshot` threw, rejected, or returned something that is no position. Retried with backoff. */
  snapshot_failed: { readonly channel: string };
  /** Yours: with manual commits, 10,000 items wait for `commit()`. Delivery goes on when some come. */
  uncommitted: { readonly channel: string };
  /** The server's or the schema's: a message does not fit `schema`. It is passed over. */
  schema: { readonly channel: string; readonly seq: number; readonly issues: readonly unknown[] };
  /** The server's: its log is replaced again and again. The channel is slowed down. */
  reset_storm: { readonly channel: string };
  /** Yours: messages are lost and no gap handler listens. */
  gap_unhandled: {
    readonly channel: string;
    readonly from: number;
    readonly to: number | undefined;
    readonly reason: GapReason;
  };
}

/** What `code` of an error may be: the names in `ErrorDetails`, which say what each means. */
export type ErrorCode = keyof ErrorDetails;

/** Every error that the package throws, rejects with or reports. */
export class LastseqError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name: string = 'LastseqError';

  constructor(
    /** What happened, for programs. */
    readonly code: Code,
    /** The particulars, by code. */
    readonly details: ErrorDetails[Code],
    options?: { readonly cause?: unknown },
  ) {
    super(describe(code, details), options);
  }
}

/** What the `error` event brings: an error of any code, and the code says what its `details` are. */
export type AnyLastseqError = { [Code in ErrorCode]: LastseqError<Code> }[ErrorCode];

/** An option or argument does not fit. */
export function badOption(option: string, value: unknown, expected: string): LastseqError {
  return new LastseqError('bad_option', { option, value, expected });
}

function describe(code: ErrorCode, details: object): string {
  const parts = Object.entries(details)
    // Messages are logged, and what a validator says may quote the data.
    .filter(([name, value]) => (value !== undefined || name === 'value') && name !== 'issues')
    .map(([name, value]) => `${name} ${quote(value)}`);
  const what = code.replaceAll('_', ' ');
  return parts.length === 0 ? what : `${what}: ${parts.join(', ')}`;
}

/** A value as a reader can recognise it, of whatever type and size. */
function quote(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 200));
  if (typeof value === 'function') return 'a function';
  // JSON has no text for NaN, Infinity and what is long.
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  try {
    // The declarations leave out that symbols and undefined give no text.
    return ((JSON.stringify(value) as string | undefined) ?? String(value)).slice(0, 200);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** What somebody threw, in words. It may be anything: an object without a prototype has no text. */
export function wordsOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}

/** Hands an error to the page as uncaught: what nobody listens for must not vanish. */
export function reportUncaught(error: unknown): void {
  const scope = globalThis as { reportError?: (error: unknown) => void };
  if (typeof scope.reportError === 'function') scope.reportError(error);
  else console.error(error);
}
