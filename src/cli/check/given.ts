/** What flags and config file give, before defaults and checks; and what becomes of it. */
import { randomBytes } from 'node:crypto';
import type { Dialect } from '../../dialects/dialect.js';
import { nativeDialect } from '../../dialects/native.js';
import { readSender } from './sender.js';
import type { Instance, RecoverFunction, SendFunction, Settings } from './settings.js';
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
  /** A dialect, or a function that makes one for an address: each connection has its own then. */
  readonly dialect?: Dialect | ((url: string) => Dialect) | undefined;
}

export interface NamedSend {
  readonly name: string;
  readonly send: SendFunction;
}

/** @throws UsageError at the first that does not fit. */
export function settingsOf(given: Given): Settings {
  const { urls = [], recover = [], dialect = nativeDialect } = given;
  if (urls.length === 0)
    throw new UsageError('give the WebSocket address of the server with --url');
  if (recover.length > 1 && recover.length !== urls.length) {
    throw new UsageError('--recover is given once for all, or once for each --url');
  }
  for (const call of recover)
    if (typeof call === 'string') checkAddress('recover', call, /^https?:$/);
  return {
    instances: urls.map((url, i) => instanceOf(url, recover[i] ?? recover[0])),
    // Nobody else is on a channel of this name, so that what is in it is ours.
    channel: given.channel ?? `lastseq-check-${randomBytes(4).toString('hex')}`,
    senders: (given.send ?? []).map((sender) =>
      typeof sender === 'string' ? readSender(sender) : { kind: 'function', ...sender },
    ),
    dialectFor: typeof dialect === 'function' ? dialect : () => dialect,
    seqField: given.seqField ?? 'seq',
    token: given.token,
    strangerToken: given.strangerToken,
    origin: originOf(given.origin),
    connections: bounded('connections', given.connections ?? 2, 2, 100),
    overflow: optional('overflow', given.overflow, 1, 1_000_000),
    restart: given.restart,
    watchMs: optional('watch', given.watchMs, 1, 3_600_000),
    timeoutMs: bounded('timeout', given.timeoutMs ?? 5_000, 100, 600_000),
  };
}

function instanceOf(url: string, recover: string | RecoverFunction | undefined): Instance {
  const { host, pathname, protocol } = checkAddress('url', url, /^(wss?|https?):$/);
  // What else is in an address may be a token.
  return { name: `${protocol}//${host}${pathname}`, url, recover };
}

function checkAddress(option: string, text: string, protocols: RegExp): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && protocols.test(url.protocol)) return url;
  // Without its query, where tokens are.
  throw new UsageError(`--${option} is no address: ${text.replace(/\?.*/s, '?…')}`);
}

function originOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const { origin } = checkAddress('origin', text, /^https?:$/);
  return origin;
}

function bounded(option: string, value: number, least: number, most: number): number {
  if (Number.isFinite(value) && value >= least && value <= most) return value;
  throw new UsageError(`--${option} must be ${least} to ${most}, not ${value}`);
}

const optional = (option: string, value: number | undefined, least: number, most: number) =>
  value === undefined ? undefined : bounded(option, value, least, most);
