/** The channels that are followed: each once, however many ask for it, and none that nobody asks for. */
import { checkChannel } from '../admission.js';
import { ServerError } from '../errors.js';
import type { Announcements } from './announcements.js';
import { readAnnouncement } from './codec.js';
import { Follower, type FollowerParts } from './follower.js';
import { unavailable, within } from './script-runner.js';

export interface FollowedChannelsParts {
  readonly announcements: Announcements;
  readonly nameOf: (channel: string) => string;
  readonly partsOf: (channel: string) => FollowerParts;
  readonly failed: (error: unknown) => void;
  readonly timeoutMs: number;
}

interface Followed {
  readonly channel: string;
  readonly name: string;
  readonly follower: Follower;
  count: number;
  /** False until its announcements are coming in. */
  isHeard: boolean;
  ready: Promise<void>;
}

export class FollowedChannels {
  readonly #parts: FollowedChannelsParts;
  /** By the name under which messages are announced. */
  readonly #followed = new Map<string, Followed>();
  #isClosed = false;

  constructor(parts: FollowedChannelsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#followed.size;
  }

  find(channel: string): Follower | undefined {
    return this.#followed.get(this.#parts.nameOf(channel))?.follower;
  }

  /** @throws ServerError `bad_argument`, `unavailable`, `closed`. */
  async follow(channel: string): Promise<() => void> {
    checkChannel(channel);
    if (this.#isClosed) throw new ServerError('closed', { call: 'follow' });
    const followed = this.#followed.get(this.#parts.nameOf(channel)) ?? this.#begin(channel);
    followed.count += 1;
    let isMine = true;
    const end = (): void => {
      if (!isMine) return;
      isMine = false;
      followed.count -= 1;
      if (followed.count === 0) this.#end(followed);
    };
    try {
      await followed.ready;
    } catch (error) {
      end();
      throw error instanceof ServerError ? error : unavailable('follow', error);
    }
    return end;
  }

  hear(name: string, text: string): void {
    const followed = this.#followed.get(name);
    if (followed === undefined) {
      // It was ended at a moment when nobody could be told.
      void this.#parts.announcements.unsubscribe(name);
      return;
    }
    const message = readAnnouncement(followed.channel, text);
    if (message === undefined) void followed.follower.suspect();
    else followed.follower.hear(message);
  }

  /** Anything may have been missed, in any channel that was heard of. The others will ask anyway. */
  suspectAll(): void {
    for (const followed of this.#followed.values()) {
      if (followed.isHeard) void this.#suspect(followed);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { follower } of this.#followed.values()) follower.end();
    this.#followed.clear();
  }

  #begin(channel: string): Followed {
    const name = this.#parts.nameOf(channel);
    const follower = new Follower(this.#parts.partsOf(channel));
    const ready = Promise.resolve();
    const followed: Followed = { channel, name, follower, count: 0, isHeard: false, ready };
    this.#followed.set(name, followed);
    followed.ready = this.#join(followed);
    return followed;
  }

  /** Subscribed first, asked after: what comes in between is heard of, and looked for in the log. */
  async #join(followed: Followed): Promise<void> {
    await within(this.#parts.timeoutMs, this.#subscribe(followed.name));
    followed.isHeard = true;
    await followed.follower.join();
  }

  /** In the same order: a channel that has gone to another node may not be heard of there yet. */
  async #suspect({ name, follower }: Followed): Promise<void> {
    await this.#subscribe(name).catch(this.#parts.failed);
    await follower.suspect();
  }

  async #subscribe(name: string): Promise<void> {
    await this.#parts.announcements.subscribe(name);
    // It came too late: what ended it meanwhile may have come to Redis before it.
    if (!this.#followed.has(name)) void this.#parts.announcements.unsubscribe(name);
  }

  #end(followed: Followed): void {
    followed.follower.end();
    // Another one may have begun since, after this one had failed.
    if (this.#followed.get(followed.name) !== followed) return;
    this.#followed.delete(followed.name);
    // Else there is nothing to take back, or it is when it comes too late: node-redis keeps what it cannot
    // send, and while Redis is away everybody who joins in vain comes by here.
    if (followed.isHeard) void this.#parts.announcements.unsubscribe(followed.name);
  }
}
