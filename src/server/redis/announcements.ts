/**
 * Hearing what is announced in Redis: the subscriptions, and the connections that carry them.
 *
 * Announcements are not reliable, and nothing here tries to make them so: whoever listens is told when a
 * connection is there again, and looks into the log.
 */
import type { AnnouncementListener, RedisClient, RedisCluster } from './node-redis.js';

export interface AnnouncementParts {
  readonly hear: (name: string, text: string) => void;
  /** Called when a connection is there, again or instead of another: announcements were missed. */
  readonly returned: () => void;
  /** Called when an outage is over, for the connection that asks and the one that listens. */
  readonly allBack: () => void;
  readonly failed: (error: unknown) => void;
}

export interface Announcements {
  /** Resolves when announcements of that name are coming in. */
  subscribe(name: string): Promise<void>;
  /** Never rejects. */
  unsubscribe(name: string): Promise<void>;
  close(): Promise<void>;
}

/** A connection of its own: one that listens may not do anything else in every version of Redis. */
export class ServerAnnouncements implements Announcements {
  readonly #app: RedisClient;
  readonly #client: RedisClient;
  readonly #failed: (error: unknown) => void;
  readonly #allBack: () => void;
  readonly #listener: AnnouncementListener;
  #connecting: Promise<unknown> | undefined;
  /** True from a failure until there is a connection. */
  #isLost = false;
  #isClosed = false;

  constructor(client: RedisClient, { allBack, failed, hear, returned }: AnnouncementParts) {
    this.#app = client;
    this.#client = client.duplicate();
    this.#failed = failed;
    this.#allBack = allBack;
    this.#listener = (text, name) => hear(name, text);
    // Not at 'reconnecting', which one that gives up at the first failure never says.
    this.#client.on('error', (error: unknown) => {
      this.#isLost = true;
      failed(error);
    });
    // node-redis has subscribed to everything again by then.
    this.#client.on('ready', () => {
      if (this.#isLost) returned();
      this.#isLost = false;
      if (this.#app.isReady) allBack();
    });
    this.#app.on('ready', this.#onAppReady);
  }

  async subscribe(name: string): Promise<void> {
    // It may be tried for hours, and as long nobody would be forgotten who waits for it.
    if (this.#isLost && this.#client.isOpen) throw new Error('no connection');
    await this.#connect();
    if (!this.#client.isReady) throw new Error('no connection');
    await this.#client.subscribe(name, this.#listener);
  }

  async unsubscribe(name: string): Promise<void> {
    try {
      await this.#client.unsubscribe(name, this.#listener);
    } catch (error) {
      // What was still to be sent when the connection was ended, has ended with it.
      if (!this.#isClosed) this.#failed(error);
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#app.off('ready', this.#onAppReady);
    if (this.#connecting !== undefined) {
      // node-redis goes on with a connection that it is opening at this moment, and would leave it open.
      this.#client.on('connect', () => this.#client.destroy());
      // It may have given up, and version 5 throws then.
      if (this.#client.isOpen) this.#client.destroy();
    }
    return Promise.resolve();
  }

  /** It may have given up: how long it tries is the app's to say, by the options of its own client. */
  #connect(): Promise<unknown> {
    if (this.#connecting === undefined || !this.#client.isOpen) {
      this.#connecting = this.#client.connect();
    }
    return this.#connecting;
  }

  /** When the app tries again after both have given up, so does this one. */
  readonly #onAppReady = (): void => {
    // One that was never needed is not away.
    if (this.#connecting === undefined || this.#client.isReady) this.#allBack();
    // What goes wrong is told of as an error of the connection.
    if (this.#connecting !== undefined) this.#connect().catch(() => undefined);
  };
}

/** Sharded announcements: each is heard of on the node that has the channel, and on no other. */
export class ClusterAnnouncements implements Announcements {
  readonly #cluster: RedisCluster;
  readonly #parts: AnnouncementParts;
  readonly #listener: AnnouncementListener;
  readonly #names = new Set<string>();

  constructor(cluster: RedisCluster, parts: AnnouncementParts) {
    this.#cluster = cluster;
    this.#parts = parts;
    this.#listener = (text, name) => parts.hear(name, text);
    cluster.on('node-error', parts.failed);
    // New ones too: when a channel goes over to another node, it is heard of there after that, and no
    // connection was lost. node-redis says neither that it went nor which connection this is.
    cluster.on('node-ready', this.#onNodeReady);
  }

  async subscribe(name: string): Promise<void> {
    try {
      await this.#cluster.sSubscribe(name, this.#listener);
    } catch {
      // node-redis ends the connection to a node with the last subscription there, and with it a new
      // one that came at that moment. If it was something else, it will be so again.
      await this.#cluster.sSubscribe(name, this.#listener);
    }
    this.#names.add(name);
  }

  async unsubscribe(name: string): Promise<void> {
    this.#names.delete(name);
    try {
      await this.#cluster.sUnsubscribe(name, this.#listener);
    } catch (error) {
      this.#parts.failed(error);
    }
  }

  async close(): Promise<void> {
    this.#cluster.off('node-error', this.#parts.failed);
    this.#cluster.off('node-ready', this.#onNodeReady);
    await Promise.all(Array.from(this.#names, (name) => this.unsubscribe(name)));
  }

  readonly #onNodeReady = (): void => {
    this.#parts.allBack();
    this.#parts.returned();
  };
}
