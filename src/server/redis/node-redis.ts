/**
 * What the log needs of the app's own client, the package `redis` (node-redis), 5.12.1 or later, for a
 * cluster 6.3.0 or later. Said here in our own words: the package is imported by nobody who does not use
 * this entry, and by us never.
 */

/** Runs scripts. Both kinds of client do. */
export interface ScriptClient {
  evalSha(sha1: string, options: ScriptArguments): Promise<unknown>;
  eval(script: string, options: ScriptArguments): Promise<unknown>;
}

export interface ScriptArguments {
  keys: string[];
  arguments: string[];
}

/** The client of one server, as `createClient` of `redis` makes it. */
export interface RedisClient extends ScriptClient {
  /** False while there is no connection. */
  readonly isReady: boolean;
  /** False before `connect`, and when it has given up or was ended. */
  readonly isOpen: boolean;
  duplicate(): RedisClient;
  connect(): Promise<unknown>;
  destroy(): void;
  subscribe(channel: string, listener: AnnouncementListener): Promise<void>;
  unsubscribe(channel: string, listener: AnnouncementListener): Promise<void>;
  withCommandOptions(options: CommandOptions): ScriptClient;
  on(event: 'connect' | 'ready', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'ready', listener: () => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/** The client of a cluster of Redis 7 or later, as `createCluster` of `redis` 6 makes it. */
export interface RedisCluster extends ScriptClient {
  readonly masters: readonly unknown[];
  sSubscribe(channel: string, listener: AnnouncementListener): Promise<void>;
  sUnsubscribe(channel: string, listener: AnnouncementListener): Promise<void>;
  withCommandOptions(options: CommandOptions): ScriptClient;
  on(event: 'node-ready', listener: () => void): unknown;
  on(event: 'error' | 'node-error', listener: (error: Error) => void): unknown;
  off(event: 'node-ready', listener: () => void): unknown;
  off(event: 'error' | 'node-error', listener: (error: Error) => void): unknown;
}

export type AnnouncementListener = (text: string, name: string) => void;

export interface CommandOptions {
  /** Milliseconds after which a command that was not written yet is given up. */
  timeout: number;
  /** Empty: the types of replies as the package gives them, whatever the app has chosen. */
  typeMapping: Readonly<Record<number, never>>;
}

export function isCluster(client: RedisClient | RedisCluster): client is RedisCluster {
  return 'masters' in client;
}
