/**
 * The embedded log: numbers and messages in the memory of one process.
 *
 * `append` is synchronous, so that nothing can come between the number and the message, and the
 * counter is the commit index. When the process ends, so does the epoch: every process has its own, and
 * several processes behind one address give every client that moves a new epoch. Use a shared log there.
 */
import cluster from 'node:cluster';
import { performance } from 'node:perf_hooks';
import type { Facts } from '../core/frames.js';
import { isCount, type Position } from '../core/position.js';
import { checkChannel, checkKey, checkSender, dataText } from './admission.js';
import { newEpoch } from './epoch.js';
import { refuseArgument, refuseOption, wholeNumber } from './errors.js';
import { Feed } from './feed.js';
import {
  type AppendOptions,
  type Log,
  type LogMessage,
  type LogPage,
  type ReadOptions,
  type StampedMessage,
} from './log.js';
import { keyId, PublishKeys } from './publish-keys.js';
import { Ring, type RingBounds } from './ring.js';

export interface MemoryLogOptions {
  /** Messages kept per channel. Default 10,000; 1 to 10,000,000. */
  readonly maxLength?: number | undefined;
  /**
   * Bytes kept per channel, by `messageBytes`. Default 67,108,864 (64 MiB); at least `maxDataBytes`
   * and 1,024 more, so that one message cannot empty a channel.
   */
  readonly maxBytes?: number | undefined;
  /**
   * Age in milliseconds after which a message is dropped, by a clock that nobody can set back.
   * Default `false`: messages do not age. 1 to 31,536,000,000 (a year).
   */
  readonly ttlMs?: number | false | undefined;
  /** Longest data of a message in bytes of JSON. Default 65,536; 1 to 4,194,304. */
  readonly maxDataBytes?: number | undefined;
  /** Publish keys remembered for all channels together, oldest forgotten first. Default 100,000. */
  readonly maxKeys?: number | undefined;
  /** A monotonic clock in milliseconds, for tests. Default: `performance.now`. */
  readonly now?: (() => number) | undefined;
}

/** A log whose every method answers at once, with two more for tests and demos. */
export interface MemoryLog extends Log {
  append(channel: string, data: unknown, options?: AppendOptions): StampedMessage;
  facts(channel: string): Facts;
  read(channel: string, after: Position, options: ReadOptions): LogPage;
  /** Drops the messages of one channel, or of all, as if they had aged. Numbers go on. */
  expire(channel?: string): void;
  /** Forgets everything and starts a new epoch, as a restart of the process would. */
  reset(): void;
}

/**
 * Makes an empty log in memory. It keeps one counter per channel that ever had a message, for as long
 * as it lives: a number must not be used again. In a worker of `node:cluster` it warns on the console.
 *
 * @throws ServerError `bad_option`, naming the option and its value.
 */
export function memoryLog(options: MemoryLogOptions = {}): MemoryLog {
  const log = new InMemoryLog(options);
  // Not an error: each is right by itself, and a cluster may have one worker.
  if (cluster.isWorker) console.warn(CLUSTER_ADVICE);
  return log;
}

const CLUSTER_ADVICE =
  'lastseq: with memoryLog every worker of a cluster has a log of its own. What is published in one ' +
  'is not heard in another, and a client that gets to another worker starts over. Use redisLog.';

const YEAR_MS = 31_536_000_000;

class InMemoryLog implements MemoryLog {
  readonly #maxDataBytes: number;
  readonly #bounds: RingBounds;
  readonly #now: () => number;
  readonly #keys: PublishKeys;
  readonly #feed = new Feed();
  readonly #rings = new Map<string, Ring>();
  #sweep: Iterator<Ring> = this.#rings.values();
  #epoch = newEpoch();

  constructor(options: MemoryLogOptions) {
    const { maxLength = 10_000, maxBytes = 67_108_864, ttlMs = false } = options;
    const { maxDataBytes = 65_536, maxKeys = 100_000, now = () => performance.now() } = options;
    this.#maxDataBytes = wholeNumber('maxDataBytes', maxDataBytes, 1, 4_194_304);
    this.#bounds = {
      maxLength: wholeNumber('maxLength', maxLength, 1, 10_000_000),
      maxBytes: wholeNumber('maxBytes', maxBytes, maxDataBytes + 1_024, Number.MAX_SAFE_INTEGER),
      ttlMs: ttlMs === false ? false : wholeNumber('ttlMs', ttlMs, 1, YEAR_MS),
    };
    this.#keys = new PublishKeys(wholeNumber('maxKeys', maxKeys, 1, 10_000_000));
    if (typeof now !== 'function') refuseOption('now', now, 'a function');
    this.#now = now;
  }

  append(channel: string, data: unknown, options: AppendOptions = {}): StampedMessage {
    const { key, principal, from } = options;
    checkChannel(channel);
    checkKey(key);
    checkSender(from);
    const json = dataText(channel, data, this.#maxDataBytes);

    const id = key === undefined ? undefined : keyId(channel, principal, key);
    const known = id === undefined ? undefined : this.#keys.find(id);
    if (known) return { channel, epoch: this.#epoch, ...known, json, data, repeated: true };

    const now = this.#now();
    const ring = this.#ring(channel);
    const epoch = this.#epoch;
    const [seq, ts] = [ring.head + 1, Date.now()];
    // Field by field here and below: a spread would take as long as all the rest.
    const message: LogMessage = { channel, epoch, seq, ts, from, json };
    ring.push(message, now);
    if (id !== undefined) this.#keys.remember(id, { seq, ts, from });
    this.#trimSome(now);
    this.#feed.emit(message);
    return { channel, epoch, seq, ts, from, json, data, repeated: false };
  }

  facts(channel: string): Facts {
    const ring = this.#rings.get(channel);
    // One that has messages was looked at before.
    if (ring === undefined) checkChannel(channel);
    ring?.trim(this.#now());
    // All channels share the epoch of the process, so that there is nothing to create for an empty one.
    return { epoch: this.#epoch, head: ring?.head ?? 0, oldest: ring?.oldest ?? 1 };
  }

  read(channel: string, after: Position, { limit, maxBytes }: ReadOptions): LogPage {
    if (!isCount(after.seq)) refuseArgument('after.seq', after.seq, 'a safe integer >= 0');
    const facts = this.facts(channel);
    const ring = this.#rings.get(channel);
    if (after.epoch !== facts.epoch || ring === undefined) {
      return { ...facts, messages: [], more: false };
    }
    const { messages, cut } = ring.after(after.seq, limit, maxBytes);
    const page = { ...facts, messages, more: cut !== undefined };
    return cut === 'bytes' ? { ...page, upto: messages.at(-1)?.seq ?? after.seq } : page;
  }

  listen(listener: (message: LogMessage) => void): () => void {
    return this.#feed.listen(listener);
  }

  expire(channel?: string): void {
    if (channel !== undefined) this.#rings.get(channel)?.expire();
    else for (const ring of this.#rings.values()) ring.expire();
  }

  reset(): void {
    this.#epoch = newEpoch();
    this.#rings.clear();
    this.#keys.clear();
  }

  #ring(channel: string): Ring {
    let ring = this.#rings.get(channel);
    if (ring === undefined) {
      ring = new Ring(channel, this.#epoch, this.#bounds);
      this.#rings.set(channel, ring);
    }
    return ring;
  }

  /**
   * Lets two other channels age with every append. A channel that nobody touches would keep its old
   * messages for ever, and a timer would keep a process alive for a log that has no `close`.
   */
  #trimSome(now: number): void {
    if (this.#bounds.ttlMs === false) return;
    for (let i = 0; i < 2; i += 1) {
      const next = this.#sweep.next();
      if (next.done === true) this.#sweep = this.#rings.values();
      else next.value.trim(now);
    }
  }
}
