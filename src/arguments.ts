/** What is given with a call rather than once and for all: checked at the call. */
import { isObject } from './core/position.js';
import { badOption } from './errors.js';
import { isName } from './check-options.js';
import type { ResolvedChannelOptions } from './options.js';

/** Channel names: what every server takes. @throws LastseqError `bad_option` */
export function checkChannelName(name: unknown): asserts name is string {
  const expected = 'a channel name of 1 to 255 bytes of UTF-8 without control characters';
  // A lone surrogate has no UTF-8 form: a server would see another name.
  const fits = typeof name === 'string' && /^[^\p{Cc}\p{Cs}]+$/u.test(name);
  if (!fits || isLong(name)) throw badOption('channel', name, expected);
}

/** An encoder costs more than all else of a channel that is opened; no character has more than 3 bytes. */
const isLong = (text: string): boolean =>
  text.length > 85 && new TextEncoder().encode(text).length > 255;

/** Events that there are. Of another name nothing would ever be heard. @throws LastseqError `bad_option` */
export function checkListener(events: readonly unknown[], event: unknown, handler: unknown): void {
  if (!events.includes(event)) throw badOption('event', event, `one of ${events.join(', ')}`);
  if (typeof handler !== 'function') throw badOption('handler', handler, 'a function');
}

/** How a publish is sent. @throws LastseqError `bad_option` */
export function checkPublish(key: unknown, timeoutMs: unknown): void {
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 1)) {
    throw badOption('timeoutMs', timeoutMs, 'a number >= 1');
  }
  if (key !== undefined && (!isName(key) || isLong(key as string))) {
    throw badOption('key', key, 'a string of 1 to 255 bytes of UTF-8');
  }
}

/**
 * The data of a publish as it is now: it may be sent later, and again, and the app goes on with its object.
 * @throws LastseqError `bad_option`
 */
export function jsonCopy(data: unknown): unknown {
  try {
    // Functions, symbols and undefined give no text, and what is no text is not read.
    return JSON.parse(JSON.stringify(data));
  } catch {
    throw badOption('data', data, 'a value that JSON can carry');
  }
}

/**
 * The option in which a second handle of a channel differs from the first. Functions written inline
 * differ at every call; whether there is one must not.
 */
export function differingOption(
  known: ResolvedChannelOptions,
  given: ResolvedChannelOptions,
): string | undefined {
  const others: Readonly<Record<string, unknown>> = { ...given.intent, ...given };
  const different = Object.entries({ ...known.intent, ...known }).find(
    ([option, value]) => fingerprint(value) !== fingerprint(others[option]),
  );
  return different?.[0];
}

/** Equal for options that mean the same: functions and validators count by being there, keys in any order. */
function fingerprint(value: unknown): string {
  return typeof value === 'function' || (isObject(value) && '~standard' in value)
    ? typeof value
    : JSON.stringify(value, ['epoch', 'last', 'seq']);
}
