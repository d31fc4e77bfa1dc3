/** Logs on a real Redis. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { createClient, createCluster } from 'redis';
import { redisLog, type RedisLog, type RedisLogOptions } from '../../../src/server/redis/index.js';
import { startCluster, startRedis } from '../../support/redis.mjs';
import { atEnd } from '../harness.js';

export type Server = Awaited<ReturnType<typeof startRedis>>;
export type Cluster = Awaited<ReturnType<typeof startCluster>>;

/** A server for a file or a group of tests, there as soon as the first of them runs. */
export function server(args?: string[]): Server {
  const place = {} as Server;
  beforeAll(async () => void Object.assign(place, await startRedis(args)));
  afterAll(() => place.stop());
  return place;
}

/** A server for one test. */
export async function ownServer(args?: string[]): Promise<Server> {
  const started = await startRedis(args);
  atEnd(() => started.stop());
  return started;
}

/** The same with a cluster. */
export function cluster(): Cluster {
  const place = {} as Cluster;
  beforeAll(async () => void Object.assign(place, await startCluster()));
  afterAll(async () => void (await place.stop()));
  return place;
}

/** A client that is back soon after an outage. */
export async function connected(url: string) {
  const client = createClient({ url, socket: { reconnectStrategy: 20 } });
  client.on('error', () => undefined);
  await client.connect();
  atEnd(() => client.destroy());
  return client;
}

export async function connectedToCluster(urls: string[]) {
  const client = createCluster({ rootNodes: urls.map((url) => ({ url })) });
  client.on('error', () => undefined);
  await client.connect();
  atEnd(() => client.destroy());
  return client;
}

/** A name for the keys of one test, so that tests do not meet. */
export const ownPrefix = (): string => `test:${randomUUID()}:`;

/** A log with a client of its own. */
export async function logOn({ url }: { readonly url: string }, options: RedisLogOptions = {}) {
  const prefix = options.prefix ?? ownPrefix();
  const client = await connected(url);
  const log = closing(redisLog(client, { onError: () => undefined, ...options, prefix }));
  const keys = (channel: string) => ({
    log: `${prefix}{${channel}}:log`,
    meta: `${prefix}{${channel}}:meta`,
  });
  return { client, log, prefix, keys };
}

export function closing(log: RedisLog): RedisLog {
  atEnd(() => log.close());
  return log;
}
