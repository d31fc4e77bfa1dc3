/** The log on Redis: one for all processes that are given the same Redis. */
import { setImmediate as immediate } from 'node:timers/promises';
import type { Facts } from '../../core/frames.js';
import { isCount, type Position } from '../../core/position.js';
import { checkChannel, checkKey, checkSender, dataText } from '../admission.js';
import { newEpoch } from '../epoch.js';
import { refuseArgument } from '../errors.js';
import { Feed } from '../feed.js';
import type {
  AppendOptions,
  Log,
  LogMessage,
  LogPage,
  ReadOptions,
  StampedMessage,
} from '../log.js';
import { ClusterAnnouncements, ServerAnnouncements, type Announcements } from './announcements.js';
import { readNumbered, readPage } from './codec.js';
import { FollowedChannels } from './followed-channels.js';
import type { FollowerParts } from './follower.js';
import { channelKeys, publishKey } from './keys.js';
import { isCluster, type RedisClient, type RedisCluster } from './node-redis.js';
import { resolveRedisLogOptions, type RedisLogOptions, type RedisLogSettings } from './options.js';
import { ScriptRunner, within } from './script-runner.js';
import { APPEND, READ } from './scripts.js';

/** Counters for metrics. All of them count from the start of the log, unless they are called gauges. */
export interface RedisLogStats {
  /** Gauge: channels that are followed. */
  readonly followed: number;
  /** Times that a connection was there again after it had been lost; in a cluster, new ones as well. */
  readonly returns: number;
  /** Readings of the log because announcements were missed, or might have been. */
  readonly catchUps: number;
  /** Messages that those gave. */
  readonly caughtUp: number;
  /** Errors of connections, and catch-ups that failed and were repeated. */
  readonly errors: number;
}

export interface RedisLog extends Log {
  append(channel: string, data: unknown, options?: AppendOptions): Promise<StampedMessage>;
  facts(channel: string): Promise<Facts>;
  read(channel: string, after: Position, options: ReadOptions): Promise<LogPage>;
  follow(channel: string): Promise<() => void>;
  /** The counters of this instant. */
  stats(): RedisLogStats;
  /**
   * Ends the feed and its connection. The client that was given stays as it is, and what needs no feed
   * goes on working with it: end it after the promise has resolved, within `timeoutMs`. May be called
   * twice.
   */
  close(): Promise<void>;
}

/**
 * Makes a log in Redis 6.2 or later, or in a cluster of Redis 7 or later.
 *
 * @param client the app's own client of the package `redis`, connected or about to be. The log adds a
 *   listener for its errors, and makes one more connection like it to hear of messages.
 * @throws ServerError `bad_option`, naming the option and its value.
 */
export function redisLog(
  client: RedisClient | RedisCluster,
  options: RedisLogOptions = {},
): RedisLog {
  return new LogInRedis(client, resolveRedisLogOptions(options));
}

/** How much is read at once to catch up. */
const CATCH_UP: ReadOptions = { limit: 500, maxBytes: 1_048_576 };

class LogInRedis implements RedisLog {
  readonly #client: RedisClient | RedisCluster;
  readonly #settings: RedisLogSettings;
  readonly #scripts: ScriptRunner;
  readonly #feed = new Feed();
  readonly #announcements: Announcements;
  readonly #followed: FollowedChannels;
  readonly #counters = { returns: 0, catchUps: 0, caughtUp: 0, errors: 0 };
  /** True once an outage was told of on the console, until it is over. */
  #isTold = false;

  constructor(client: RedisClient | RedisCluster, settings: RedisLogSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#scripts = new ScriptRunner(client, settings.timeoutMs);
    const parts = {
      hear: (name: string, text: string) => this.#followed.hear(name, text),
      returned: () => this.#returned(),
      allBack: () => void (this.#isTold = false),
      failed: this.#failed,
    };
    // An emitter without such a listener would end the process.
    client.on('error', this.#failed);
    this.#announcements = isCluster(client)
      ? new ClusterAnnouncements(client, parts)
      : new ServerAnnouncements(client, parts);
    this.#followed = new FollowedChannels({
      announcements: this.#announcements,
      nameOf: (channel) => channelKeys(settings.prefix, channel).log,
      partsOf: (channel) => this.#followerParts(channel),
      failed: this.#failed,
      timeoutMs: settings.timeoutMs,
    });
  }

  async append(
    channel: string,
    data: unknown,
    { key, principal, from }: AppendOptions = {},
  ): Promise<StampedMessage> {
    checkChannel(channel);
    checkKey(key);
    checkSender(from);
    const { keyTtlMs, maxDataBytes, maxLength, prefix } = this.#settings;
    const json = dataText(channel, data, maxDataBytes);

    const { log, meta } = channelKeys(prefix, channel);
    const keys = key === undefined ? [] : [publishKey(prefix, channel, principal, key)];
    const sender = from === undefined ? '' : JSON.stringify(from);
    const announce = isCluster(this.#client) ? 'SPUBLISH' : 'PUBLISH';
    const args = [String(maxLength), String(keyTtlMs), json, sender, announce, log];
    const number = await this.#run('append', APPEND, [log, meta, ...keys], args, readNumbered);
    return { channel, json, data, ...number };
  }

  async facts(channel: string): Promise<Facts> {
    checkChannel(channel);
    const facts = await this.#readFacts(channel);
    const follower = this.#followed.find(channel);
    if (follower !== undefined) {
      // Announcements have a connection of their own: what arrived with the answer may come first.
      await immediate();
      // Those who are told of a head that was not handed on would all come and ask for it.
      await follower.suspect({ epoch: facts.epoch, seq: facts.head });
    }
    return facts;
  }

  async read(channel: string, after: Position, options: ReadOptions): Promise<LogPage> {
    checkChannel(channel);
    if (!isCount(after.seq)) refuseArgument('after.seq', after.seq, 'a safe integer >= 0');
    return this.#readPage('read', channel, after, options);
  }

  listen(listener: (message: LogMessage) => void): () => void {
    return this.#feed.listen(listener);
  }

  follow(channel: string): Promise<() => void> {
    return this.#followed.follow(channel);
  }

  stats(): RedisLogStats {
    return { followed: this.#followed.size, ...this.#counters };
  }

  async close(): Promise<void> {
    this.#scripts.close();
    this.#followed.close();
    // A node that is away never answers; what is left there ends with the app's client.
    await within(this.#settings.timeoutMs, this.#announcements.close()).catch(this.#failed);
    this.#client.off('error', this.#failed);
  }

  async #readFacts(channel: string): Promise<Facts> {
    const nothing = { limit: 0, maxBytes: 0 };
    const page = await this.#readPage('facts', channel, { epoch: '', seq: 0 }, nothing);
    return { epoch: page.epoch, head: page.head, oldest: page.oldest };
  }

  #readPage(
    call: string,
    channel: string,
    { epoch, seq }: Position,
    { limit, maxBytes }: ReadOptions,
  ): Promise<LogPage> {
    const { log, meta } = channelKeys(this.#settings.prefix, channel);
    const args = [epoch, String(seq), String(limit), String(maxBytes)];
    return this.#run(call, READ, [log, meta], args, (reply) => readPage(channel, seq, reply));
  }

  #run<T>(
    call: string,
    script: typeof READ,
    keys: string[],
    args: string[],
    readReply: (reply: unknown) => T,
  ): Promise<T> {
    const { durable, metaTtlMs, ttlMs } = this.#settings;
    const opening = [newEpoch(), durable ? '1' : '0', String(ttlMs), String(metaTtlMs)];
    return this.#scripts.run(call, script, keys, [...opening, ...args], readReply);
  }

  #followerParts(channel: string): FollowerParts {
    return {
      facts: () => this.#readFacts(channel),
      read: (after) => this.#readPage('follow', channel, after, CATCH_UP),
      handOn: (message) => this.#feed.emit(message),
      caughtUp: (count) => {
        this.#counters.catchUps += 1;
        this.#counters.caughtUp += count;
      },
      failed: this.#failed,
    };
  }

  #returned(): void {
    this.#counters.returns += 1;
    this.#followed.suspectAll();
  }

  readonly #failed = (error: unknown): void => {
    this.#counters.errors += 1;
    if (this.#settings.onError !== undefined) {
      this.#settings.onError(error);
      return;
    }
    if (this.#isTold) return;
    this.#isTold = true;
    console.error('lastseq: the log in Redis failed:', error);
  };
}
