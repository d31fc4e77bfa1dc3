/** What flags and config file give, before defaults and checks; and what becomes of it. */
import { randomBytes } from 'node:crypto';
import type { Dialect } from '../../dialects/dialect.js';
import { nativeDialect } from '../../dialects/native.js';
import { checkAddress, checkCall } from './address.js';
import { dialectOf, type MappedGiven } from './mapped-given.js';
import { reasonOf } from './recovery-http.js';
import { readSender } from './sender.js';
import type { Instance, MakeDialect, RecoverFunction, SendFunction, Settings } from './settings.js';
import { UsageError } from './usage-error.js';

/** As a config file may have it; flags are the texts and numbers of it. */
export interface Given {
  /** WebSocket addresses, one per instance. */
  readonly urls?: readonly string[] | undefined;
  /** Recovery calls: one for all instances, or one for each. */
  readonly recover?: readonly (string | RecoverFunction)[] | undefined;
  readonly channel?: string | undefined;
  readonly send?: readonly (string | NamedSend)[] | undefined;
  readonly token?: string | undefined;
  readonly strangerToken?: string | undefined;
  readonly origin?: string | undefined;
  readonly connections?: number | undefined;
  readonly overflow?: number | undefined;
  readonly restart?: string | (() => unknown) | undefined;
  readonly watchMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly seqField?: string | undefined;
  /** A dialect, or a function that makes one for each connection. */
  readonly dialect?: Dialect | MakeDialect | undefined;
  /** In place of it: the options of `mappedDialect`. */
  readonly mapped?: MappedGiven | undefined;
}

export interface NamedSend {
  readonly name: string;
  readonly send: SendFunction;
}

/** @throws UsageError at the first that does not fit. */
export function settingsOf(given: Given): Settings {
  const { urls = [], recover = [], mapped } = given;
  if (urls.length === 0)
    throw new UsageError('give the WebSocket address of the server with --url');
  if (recover.length > 1 && recover.length !== urls.length) {
    throw new UsageError('--recover is given once for all, or once for each --url');
  }
  for (const call of recover) if (typeof call === 'string') checkCall('recover', call);
  // Nobody else is on a channel of this name, so that what is in it is ours.
  const channel = given.channel ?? `lastseq-check-${randomBytes(4).toString('hex')}`;
  for (const [name, text] of [
    ['channel', channel],
    ['token', given.token],
    ['stranger-token', given.strangerToken],
  ] as const) {
    // As from a variable that is not set. The server would be blamed for what it makes of it.
    if (text === '') throw new UsageError(`--${name} is empty`);
  }
  const named = mapped === undefined ? nativeDialect : dialectOf(mapped, channel);
  const { dialect = named } = given;
  const dialectFor = typeof dialect === 'function' ? dialect : () => dialect;
  const seqField = given.seqField ?? mapped?.fields?.seq;
  return {
    instances: urls.map((url, i) => instanceOf(url, recover[i] ?? recover[0])),
    channel,
    senders: (given.send ?? []).map((sender) =>
      typeof sender === 'string' ? readSender(sender) : { kind: 'function', ...sender },
    ),
    dialect: readable(dialectFor, urls[0] ?? ''),
    dialectFor,
    seqField: typeof seqField === 'string' ? seqField : 'seq',
    token: given.token,
    strangerToken: given.strangerToken,
    origin: originOf(given.origin),
    connections: bounded('connections', given.connections ?? 2, 2, 100),
    overflow: optional('overflow', given.overflow, 1, 1_000_000),
    restart: given.restart,
    watchMs: given.watchMs === undefined ? undefined : time('watch', given.watchMs, 1, 3_600_000),
    timeoutMs: time('timeout', given.timeoutMs ?? 5_000, 100, 600_000),
  };
}

/** One that is used for reading only: what it brings along is ended at once. @throws UsageError. */
function readable(dialectFor: MakeDialect, url: string): Dialect {
  const ends: (() => unknown)[] = [];
  let dialect: Dialect;
  try {
    dialect = dialectFor(url, (end) => ends.push(end));
  } catch (error) {
    throw new UsageError(`dialect: ${reasonOf(error)}`, { cause: error });
  } finally {
    for (const end of ends) end();
  }
  const { decode, decodePage, encode, protocols } = Object(dialect) as Partial<Dialect>;
  const hasAll = [decode, decodePage, encode].every((part) => typeof part === 'function');
  if (hasAll && Array.isArray(protocols)) return dialect;
  throw new UsageError('dialect must have protocols, decode, encode and decodePage');
}

function instanceOf(url: string, recover: string | RecoverFunction | undefined): Instance {
  const { host, pathname, protocol } = checkAddress('url', url, /^(wss?|https?):$/);
  // What else is in an address may be a token.
  return { name: `${protocol}//${host}${pathname}`, url, recover };
}

function originOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const { origin } = checkAddress('origin', text, /^https?:$/);
  return origin;
}

/** Said in seconds, as the flag is given in them. */
function time(option: string, valueMs: number, leastMs: number, mostMs: number): number {
  if (valueMs >= leastMs && valueMs <= mostMs) return bounded(option, valueMs, leastMs, mostMs);
  const bounds = `${leastMs / 1_000} to ${mostMs / 1_000} seconds`;
  throw new UsageError(`--${option} must be ${bounds}, not ${valueMs / 1_000}`);
}

function bounded(option: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`--${option} must be ${least} to ${most}, in whole numbers, not ${value}`);
}

const optional = (option: string, value: number | undefined, least: number, most: number) =>
  value === undefined ? undefined : bounded(option, value, least, most);
