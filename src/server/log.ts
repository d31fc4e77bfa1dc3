/**
 * The log: where numbers are made and messages are kept.
 *
 * Everything that a client decides rests on what is written here, so the contract is exact. Knows
 * nothing of sockets, frames or authorisation. Any method may be asynchronous: a log may live in
 * another process.
 */
import type { Facts } from '../core/frames.js';
import type { Position } from '../core/position.js';

/** A message as the log keeps it. Its data is JSON text, written once and joined ever after. */
export interface LogMessage {
  readonly channel: string;
  readonly epoch: string;
  /** 1, 2, 3 ... per channel and epoch, without holes. */
  readonly seq: number;
  /** The data as JSON text. */
  readonly json: string;
  /** When it was appended: milliseconds since 1970 by this server's clock. Informative only. */
  readonly ts: number;
  /** Who sent it, when that is known. Informative only. */
  readonly from?: string | undefined;
}

/** What `append` answers. */
export interface StampedMessage extends LogMessage {
  /** The data as it was given to this call; `json` is its text. */
  readonly data: unknown;
  /**
   * True when the publish key was known: nothing was appended, and number, time and sender are those of
   * the first call, whose data may have been another.
   */
  readonly repeated: boolean;
}

export interface AppendOptions {
  /**
   * Publish key. A second append with the same key, channel and principal in the same epoch appends
   * nothing and answers the number of the first, whatever its data. 1 to 255 bytes of UTF-8. How long
   * keys are remembered is the log's to say. Default: none, every call appends.
   */
  readonly key?: string | undefined;
  /** Whose key it is: keys of different principals never meet. Default: nobody's. */
  readonly principal?: string | undefined;
  /** Carried by the message as its sender. Default: none. */
  readonly from?: string | undefined;
}

export interface ReadOptions {
  /** The greatest number of messages in the page, a whole number >= 1. */
  readonly limit: number;
  /**
   * Bytes that the messages may take in the page, by `messageBytes`. One message is returned even if
   * it alone is longer, or no reader could ever pass it. 0 is for a reader who wants the facts only:
   * no message is returned.
   */
  readonly maxBytes: number;
}

/** Facts and messages of one instant. It covers the numbers in `(since, upto]`. */
export interface LogPage extends Facts {
  /** In rising order, without holes, the first one the oldest retained above `since`. */
  readonly messages: readonly LogMessage[];
  /** True when retained messages above the last returned one were left out. */
  readonly more: boolean;
  /** The last number covered; present when `maxBytes` cut the page, because it may then be empty. */
  readonly upto?: number;
}

/**
 * A log of numbered messages, for many channels.
 *
 * `head` is the commit index: a number is at or below `head` only if its message can be read. A log
 * that takes the number first and appends later must not let anybody see that number in between.
 * The epoch changes whenever a number might be used a second time.
 *
 * Every promise settles in time, if need be by rejecting: the hub waits for the facts of all channels
 * before it tells any heads, and for the answer to a request before it takes the client's next one. Only
 * a `recover` frame is answered with what is there, 5 seconds after it came or 1 second after its turn.
 */
export interface Log {
  /**
   * Numbers a message and appends it, in one step that cannot be half done: the one place where a
   * number is made. It appends whether or not anybody listens, and takes no number when it fails.
   *
   * @throws ServerError `bad_argument` (channel name, key, sender), `bad_data`, `too_large`; any other
   *   error means that the log could not be reached, and says nothing about whether the message was
   *   kept: repeat it with the same key.
   */
  append(
    channel: string,
    data: unknown,
    options?: AppendOptions,
  ): StampedMessage | Promise<StampedMessage>;

  /**
   * Epoch, head and oldest of one instant. Reading the facts of a channel that has no message fixes
   * its epoch, so that the first message does not look like a new life of the log.
   */
  facts(channel: string): Facts | Promise<Facts>;

  /**
   * What follows a position, `after.seq` excluded, and the facts of the same instant. Answers in every
   * case and never judges: another epoch or a number above `head` gives the facts and no messages, a
   * number below `oldest - 1` gives what is retained.
   *
   * @throws ServerError `bad_argument` when `after.seq` is not a safe integer >= 0.
   */
  read(channel: string, after: Position, options: ReadOptions): LogPage | Promise<LogPage>;

  /**
   * Hands every message appended from now on to `listener`, in the order of the numbers, also those
   * that other processes append; of a log with `follow`, those of the channels that are followed. A
   * number may be left out or come late only where the epoch changed or the log had dropped it. What a
   * listener throws is reported as an uncaught exception and neither reaches `append` nor keeps other
   * listeners from the message.
   *
   * @returns a function that ends it; it may be called twice.
   */
  listen(listener: (message: LogMessage) => void): () => void;

  /**
   * Asks for the messages of one channel in the feed. Only logs that other processes append to have it:
   * those that do not, hear of every message anyway. The hub follows the channels that somebody is
   * subscribed to.
   *
   * @returns a promise that settles when every message appended from then on will be handed to the
   *   listeners. It gives a function that ends it, which may be called twice. A channel that is followed
   *   twice is handed on once, until both have ended.
   * @throws ServerError `bad_argument` (channel name); any other error means that the log could not be
   *   reached, and that nothing is followed.
   */
  follow?(channel: string): Promise<() => void>;
}

/** `{"seq":9007199254740991,"ts":1700000000000,"from":"","data":},` and some to spare. */
export const ENVELOPE_BYTES = 72;

/** How many bytes a message takes in a page besides its data. */
export function envelopeBytes(from: string | undefined): number {
  return ENVELOPE_BYTES + (from === undefined ? 0 : Buffer.byteLength(from));
}

/** How many bytes a message takes in a page: what `maxBytes` counts. */
export function messageBytes(json: string, from: string | undefined): number {
  return Buffer.byteLength(json) + envelopeBytes(from);
}
