/**
 * What a log lets in: channel names, publish keys, senders, data. Every log asks here before it makes a number,
 * so that all logs refuse the same things in the same words.
 */
import { refuseArgument, ServerError } from './errors.js';

const MAX_NAME_BYTES = 255;

/** Control characters would tear log lines apart; a lone surrogate has no UTF-8 form at all. */
const UNFIT = /[\p{Cc}\p{Cs}]/u;

/** Is `value` a channel name: 1 to 255 bytes of UTF-8 without control characters? */
export function isChannelName(value: unknown): value is string {
  return isShortText(value) && !UNFIT.test(value);
}

/** Is `value` a publish key: 1 to 255 bytes of UTF-8? */
export function isPublishKey(value: unknown): value is string {
  return isShortText(value);
}

/** @throws ServerError `bad_argument` unless `channel` is a channel name. */
export function checkChannel(channel: unknown): asserts channel is string {
  if (isChannelName(channel)) return;
  refuseArgument('channel', channel, '1 to 255 bytes of UTF-8 without control characters');
}

/** @throws ServerError `bad_argument` unless `key` is a publish key or missing. */
export function checkKey(key: unknown): asserts key is string | undefined {
  if (key === undefined || isPublishKey(key)) return;
  refuseArgument('key', key, '1 to 255 bytes of UTF-8');
}

/** @throws ServerError `bad_argument` unless `from` is a text or missing: readers could not read it. */
export function checkSender(from: unknown): asserts from is string | undefined {
  if (from === undefined || typeof from === 'string') return;
  refuseArgument('from', from, 'a string');
}

/**
 * The data of a message as JSON text: the only place where it is written.
 *
 * @throws ServerError `bad_data` when it has no JSON form (`undefined`, a cycle, a bigint, nested too
 *   deeply), `too_large` when the text is longer than `maxDataBytes`.
 */
export function dataText(channel: string, data: unknown, maxDataBytes: number): string {
  let json: string | undefined;
  try {
    json = stringify(data);
  } catch (error) {
    // A cycle, a bigint, a toJSON that throws, or a nesting that exhausts the stack.
    const reason = error instanceof Error ? error.message.split('\n', 1).join() : 'it threw';
    throw new ServerError('bad_data', { channel, reason });
  }
  if (json === undefined) {
    throw new ServerError('bad_data', { channel, reason: `a value of type ${typeof data}` });
  }
  const bytes = Buffer.byteLength(json);
  if (bytes > maxDataBytes) throw new ServerError('too_large', { channel, bytes, maxDataBytes });
  return json;
}

function isShortText(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0) return false;
  // The first test spares a hostile megabyte the second.
  return value.length <= MAX_NAME_BYTES && Buffer.byteLength(value) <= MAX_NAME_BYTES;
}

/** The declared type of `JSON.stringify` forgets that `undefined` and functions have no text. */
const stringify: (value: unknown) => string | undefined = JSON.stringify;
