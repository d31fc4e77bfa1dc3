// The connections that listen: how they are lost, made again and ended. No heartbeat makes up for anything
// here: what was missed is found because a connection is back.
import { once } from 'node:events';
import { createClient } from 'redis';
import { describe, expect, it, vi } from 'vitest';
import { redisLog, type RedisLogOptions } from '../../../src/server/redis/index.js';
import { atEnd, until } from '../harness.js';
import { closing, cluster, connected, connectedToCluster, logOn } from './harness.js';
import { ownPrefix, ownServer, server, type Cluster } from './harness.js';

const room = 'room:1';
const redis = server();
const quiet = { onError: () => undefined };

/** A log with a client that tries once only, not connected yet, and the connection that listens. */
function logNotConnected(url: string, options: RedisLogOptions = {}) {
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  client.on('error', () => undefined);
  atEnd(() => void (client.isOpen && client.destroy()));
  const duplicate = vi.spyOn(client, 'duplicate');
  const log = closing(redisLog(client, { ...quiet, ...options, prefix: ownPrefix() }));
  return { client, log, listening: duplicate.mock.results[0]!.value };
}

/** A log on a cluster that follows the room, and a connection to the node that has it. */
async function followed(three: Cluster, options: RedisLogOptions = {}) {
  const prefix = ownPrefix();
  const client = await connectedToCluster(three.urls);
  const log = closing(redisLog(client, { ...quiet, ...options, prefix }));
  const heard: unknown[] = [];
  log.listen(({ json }) => heard.push(JSON.parse(json)));
  await log.follow(room);
  const [messages, meta] = [`${prefix}{${room}}:log`, `${prefix}{${room}}:meta`];
  const hasRoom = async ({ url }: { url: string }) => {
    const node = await connected(url);
    return String(await node.sendCommand(['PUBSUB', 'SHARDNUMSUB', messages])) === `${messages},1`;
  };
  return { client, heard, hasRoom, log, messages, meta, prefix };
}

describe('the connection that listens', () => {
  it('tells of its errors, though the one of the app has none', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    atEnd(() => said.mockRestore());
    const errors: unknown[] = [];
    const { client, log } = await logOn(redis, { onError: (error) => errors.push(error) });
    await log.follow(room);
    await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
    await until(() => errors.length > 0);
    expect(errors[0]).toBeInstanceOf(Error);
    expect(client.isReady).toBe(true);
    expect(said).not.toHaveBeenCalled();
  });

  it('is not made for a log that nobody follows', async () => {
    const { client, listening, log } = logNotConnected(redis.url);
    await client.connect();
    await log.append(room, 1);
    expect(listening.isOpen).toBe(false);
  });

  it('may fail once more when the one of the app is back, and is tried again', async () => {
    const own = await ownServer();
    const { client, listening, log } = logNotConnected(own.url);
    await client.connect();
    await log.follow(room);
    await own.kill();
    await until(() => !client.isOpen && !listening.isOpen);
    await own.start();
    // Not a spy: that would take care of the rejection, which is for the log to do.
    listening.connect = () => {
      delete listening.connect;
      return Promise.reject(new Error('not yet'));
    };
    await client.connect();
    expect(listening.isOpen).toBe(false);
    await log.follow('room:2');
    expect(listening.isReady).toBe(true);
  });

  it('keeps nothing of those who ask in vain while it is away', async () => {
    const own = await ownServer();
    const client = createClient({ url: own.url, socket: { reconnectStrategy: 20 } });
    client.on('error', () => undefined);
    await client.connect();
    atEnd(() => client.destroy());
    const duplicate = vi.spyOn(client, 'duplicate');
    // Longer than the test may take.
    const log = closing(redisLog(client, { ...quiet, timeoutMs: 600_000, prefix: ownPrefix() }));
    const listening = duplicate.mock.results[0]!.value;
    await own.kill();
    const unsubscribe = vi.spyOn(listening, 'unsubscribe');
    const first = log.follow(room).catch(() => undefined);
    await once(listening, 'error');
    // Neither somebody who waits, nor what would have to be taken back.
    await expect(log.follow('room:2')).rejects.toMatchObject({ code: 'unavailable' });
    expect(unsubscribe).not.toHaveBeenCalled();
    await own.start();
    await until(() => client.isReady && listening.isReady);
    await first;
    await log.follow('room:2');
  });

  it('is given up by a log that is closed while it is made', async () => {
    const own = await ownServer();
    const { client, listening, log } = logNotConnected(own.url);
    await client.connect();
    own.freeze();
    const following = log.follow(room);
    expect(listening.isOpen).toBe(true);
    await log.close();
    expect(listening.isOpen).toBe(false);
    await expect(following).rejects.toMatchObject({ code: 'unavailable' });
    own.thaw();
    await vi.waitFor(async () => expect(await client.clientList()).toHaveLength(1), 20_000);
  });

  it('leads to a look into the log when what it brings makes no sense', async () => {
    const { client, keys, log } = await logOn(redis);
    const heard: unknown[] = [];
    log.listen(({ json }) => heard.push(json));
    await log.follow(room);
    // What the script does, announced in a way that nobody here knows.
    await client.xAdd(keys(room).log, `1-${Date.now()}`, { d: '"unread"' });
    await client.hSet(keys(room).meta, 'head', '1');
    await client.publish(keys(room).log, 'version 2');
    await until(() => heard.length > 0);
    expect(heard).toEqual(['"unread"']);
  });

  it('that was lost before it could unsubscribe, does so at the next announcement', async () => {
    const own = await ownServer();
    const { client, keys, log } = await logOn(own);
    const end = await log.follow(room);
    own.freeze();
    end();
    await own.kill();
    await until(() => !client.isReady);
    await own.start();
    await until(() => client.isReady);
    const name = keys(room).log;
    const audience = async () => (await client.pubSubNumSub(name))[name];
    await vi.waitFor(async () => expect(await audience()).toBe(1), 20_000);
    await log.append(room, 'for nobody');
    await vi.waitFor(async () => expect(await audience()).toBe(0), 20_000);
  });
});

describe('a log on a cluster', () => {
  const three = cluster();

  it('reads what was announced while the connection that listens was lost, and tells of it', async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown) => void errors.push(error);
    const { heard, hasRoom, messages, meta } = await followed(three, { onError });
    for (const node of three.nodes) {
      if (!(await hasRoom(node))) continue;
      // What the script does, at a moment when nobody can hear of it.
      await (
        await connected(node.url)
      )
        .multi()
        .addCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
        .xAdd(messages, `1-${Date.now()}`, { d: '"unheard"' })
        .hSet(meta, 'head', '1')
        .exec();
    }
    await until(() => heard.length > 0);
    expect(heard).toEqual(['unheard']);
    expect(errors[0]).toBeInstanceOf(Error);
  });

  it('subscribes again when the connection that listens was ended at that moment', async () => {
    const { client, heard, log } = await followed(three);
    vi.spyOn(client, 'sSubscribe').mockRejectedValueOnce(new Error('The client is closed'));
    await log.follow('room:2');
    await log.append('room:2', 'heard');
    await until(() => heard.length > 0);
    expect(heard).toEqual(['heard']);
    expect(log.stats().errors).toBe(0);
  });
});

describe('a log on a cluster where a replica takes over in good order', () => {
  const three = cluster();

  it('reads what was announced until it listens to that one', async () => {
    const { client, heard, hasRoom, log, messages, meta } = await followed(three, {
      durable: true,
    });
    const isMaster = await Promise.all(three.nodes.map(hasRoom));
    const replica = await three.startReplica(isMaster.indexOf(true));
    // What the script does, for nobody to hear.
    await client.xAdd(messages, `1-${Date.now()}`, { d: '"unheard"' });
    await client.hSet(meta, 'head', '1');
    await (await connected(replica.url)).sendCommand(['CLUSTER', 'FAILOVER']);
    await until(() => heard.length > 0);
    // Subscribed before the log was read, or what comes in between would not be found.
    expect(await hasRoom(replica)).toBe(true);
    await log.append(room, 'heard');
    await until(() => heard.length > 1);
    expect(heard).toEqual(['unheard', 'heard']);
  });
});
