/** The options of the log on Redis: their meaning, their defaults, and the one place that checks them. */
import { refuseOption, wholeNumber } from '../errors.js';
import type { Complete } from '../options.js';

export interface RedisLogOptions {
  /** What all keys begin with. Default `lastseq:`; up to 100 characters, no braces. */
  readonly prefix?: string | undefined;
  /** Messages kept per channel. Default 10,000; 1 to 10,000,000. */
  readonly maxLength?: number | undefined;
  /**
   * Age in milliseconds after which a message is dropped, by the clock of Redis. Default 86,400,000 (a
   * day); 1 to 31,536,000,000 (a year). The numbers of a channel that nobody uses are kept ten times as
   * long, thirty days at least; after that its epoch is a new one.
   */
  readonly ttlMs?: number | undefined;
  /** Longest data of a message in bytes of JSON. Default 65,536; 1 to 4,194,304. */
  readonly maxDataBytes?: number | undefined;
  /** How long a publish key is remembered, in milliseconds. Default 3,600,000 (an hour); 1 to a year. */
  readonly keyTtlMs?: number | undefined;
  /**
   * True only if Redis never forgets what it has answered: `appendonly yes`, `appendfsync always`, and no
   * replica that may take over. Then the epoch, and every position of a client, outlives a restart.
   *
   * Default `false`: when Redis is started again, or a replica takes over, the last messages may be lost
   * and their numbers given a second time. So every channel gets a new epoch, what its log still holds
   * is dropped, and clients are told.
   */
  readonly durable?: boolean | undefined;
  /** Milliseconds that Redis has for an answer. Default 5,000; 10 to 600,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * Told of every error of the connections and of messages that could not be fetched. It must not throw.
   * Default: one line on the console for each time that Redis is lost.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export type RedisLogSettings = Complete<Omit<RedisLogOptions, 'onError'>> & {
  readonly metaTtlMs: number;
  readonly onError: ((error: unknown) => void) | undefined;
};

const YEAR_MS = 31_536_000_000;
const MONTH_MS = 2_592_000_000;

/** @throws ServerError `bad_option` at the first option that is not what it may be. */
export function resolveRedisLogOptions(options: RedisLogOptions): RedisLogSettings {
  const { durable = false, onError, prefix = 'lastseq:' } = options;
  if (typeof prefix !== 'string' || !/^[^{}]{0,100}$/.test(prefix)) {
    refuseOption('prefix', prefix, 'a text of up to 100 characters without braces');
  }
  if (typeof durable !== 'boolean') refuseOption('durable', durable, 'true or false');
  if (onError !== undefined && typeof onError !== 'function') {
    refuseOption('onError', onError, 'a function');
  }
  const ttlMs = wholeNumber('ttlMs', options.ttlMs ?? 86_400_000, 1, YEAR_MS);
  return {
    prefix,
    durable,
    onError,
    ttlMs,
    metaTtlMs: Math.max(10 * ttlMs, MONTH_MS),
    maxLength: wholeNumber('maxLength', options.maxLength ?? 10_000, 1, 10_000_000),
    maxDataBytes: wholeNumber('maxDataBytes', options.maxDataBytes ?? 65_536, 1, 4_194_304),
    keyTtlMs: wholeNumber('keyTtlMs', options.keyTtlMs ?? 3_600_000, 1, YEAR_MS),
    timeoutMs: wholeNumber('timeoutMs', options.timeoutMs ?? 5_000, 10, 600_000),
  };
}
