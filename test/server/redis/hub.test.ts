// Hubs on a real Redis: two of them, and one whose Redis goes away in several ways.
import type { EventEmitter } from 'node:events';
import { setImmediate as immediate } from 'node:timers/promises';
import { createClient, RESP_TYPES } from 'redis';
import { describe, expect, it, vi } from 'vitest';
import { EVERY_WRITE_SYNCED } from '../../support/redis.mjs';
import { atEnd, connect, startHub, until, type Frame } from '../harness.js';
import {
  cluster,
  closing,
  connected,
  connectedToCluster,
  logOn,
  ownPrefix,
  ownServer,
  server,
} from './harness.js';
import { redisLog } from '../../../src/server/redis/index.js';

const room = 'room:1';
const redis = server();
const quiet = { onError: () => undefined };
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const seqs = (frames: readonly Frame[]): number[] => frames.map(({ seq }) => seq);

/** How many listen to what. */
const listeners = (client: EventEmitter) =>
  client.eventNames().map((name) => [name, client.listenerCount(name)]);

/** A hub with a log of its own on `place`. */
async function hubOn(place: { readonly url: string }, options = {}, heartbeatMs = 100) {
  const made = await logOn(place, options);
  return { ...made, ...(await startHub({ log: made.log, heartbeatMs, ...quiet })) };
}

describe('two hubs on one Redis', () => {
  it('number together, and each hears of what the other appends', async () => {
    const one = await hubOn(redis);
    const two = await hubOn(redis, { prefix: one.prefix });
    const readers = await Promise.all([connect(one.url), connect(two.url)]);
    const facts = await Promise.all(readers.map((reader) => reader.subscribe(room)));
    expect(facts[0]!.epoch).toBe(facts[1]!.epoch);
    const writers = await Promise.all([one, two, one, two].map(({ url }) => connect(url)));
    for (const [w, writer] of writers.entries()) {
      for (const i of upTo(250)) {
        writer.send({ type: 'publish', id: i, channel: room, key: `${w}-${i}`, data: [w, i] });
      }
    }
    for (const reader of readers) {
      const messages = await reader.messages(1_000);
      expect(seqs(messages)).toEqual(upTo(1_000));
      for (const w of writers.keys()) {
        const own = messages.filter(({ data }) => data[0] === w).map(({ data }) => data[1]);
        expect(own).toEqual(upTo(250));
      }
      expect(seqs(await reader.untilPong()).filter(Boolean)).toEqual([]);
    }
  });

  it('end without an error, whatever they had not been able to leave yet', async () => {
    const errors: unknown[] = [];
    const { log } = await logOn(redis, { onError: (error) => errors.push(error) });
    const ends = await Promise.all(['room:1', 'room:2'].map((channel) => log.follow(channel)));
    for (const end of ends) end();
    await log.close();
    await immediate();
    expect(errors).toEqual([]);
    expect(log.stats()).toMatchObject({ followed: 0, errors: 0 });
  });

  it('subscribe in Redis to what they serve, once, and to nothing else', async () => {
    const one = await hubOn(redis);
    const name = one.keys(room).log;
    const audience = async () => (await one.client.pubSubNumSub(name))[name];
    const clients = await Promise.all([connect(one.url), connect(one.url)]);
    expect(await audience()).toBe(0);
    for (const client of clients) await client.subscribe(room);
    expect(await audience()).toBe(1);
    expect(one.log.stats().followed).toBe(1);
    clients[0]!.send({ type: 'unsubscribe', channel: room });
    await clients[0]!.untilPong();
    expect(await audience()).toBe(1);
    clients[1]!.socket.terminate();
    await vi.waitFor(async () => expect(await audience()).toBe(0), 20_000);
    expect(one.log.stats().followed).toBe(0);
  });
});

describe('an announcement', () => {
  it('is enough, whatever is in the message: the log is not read', async () => {
    const { log } = await logOn(redis);
    const heard: unknown[] = [];
    log.listen(({ from, json }) => heard.push([from, JSON.parse(json)]));
    await log.follow(room);
    const texts = ['a\u2028b', 'a\u2029b', 'a\r\n\u0085b', '{"\\', '\ud800'];
    for (const text of texts) await log.append(room, text, { from: text });
    await until(() => heard.length === texts.length);
    expect(heard).toEqual(texts.map((text) => [text, text]));
    expect(log.stats().catchUps).toBe(0);
  });
});

describe('announcements that are lost', () => {
  it('are made up for from the log, in order, while others append', async () => {
    const one = await hubOn(redis);
    const { client, log: writer } = await logOn(redis, { prefix: one.prefix });
    const reader = await connect(one.url);
    await reader.subscribe(room);
    for (const i of upTo(30)) {
      await Promise.all(upTo(20).map(() => writer.append(room, i)));
      await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
    }
    await writer.append(room, 'end');
    expect(seqs(await reader.messages(601))).toEqual(upTo(601));
    expect(one.log.stats().caughtUp).toBeGreaterThan(0);
    expect(one.log.stats().returns).toBeGreaterThan(0);
  });

  it('are made up for as soon as the connection is back, with nothing else to tell of them', async () => {
    const { client, keys, log } = await logOn(redis);
    const { url } = await startHub({ log, heartbeatMs: 3_600_000, ...quiet });
    const reader = await connect(url);
    await reader.subscribe(room);
    // What the script does, at a moment when nobody can hear of it.
    await client
      .multi()
      .addCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
      .xAdd(keys(room).log, `1-${Date.now()}`, { d: '"unheard"' })
      .hSet(keys(room).meta, 'head', '1')
      .exec();
    expect(await reader.next('message')).toMatchObject({ seq: 1, data: 'unheard' });
  });

  it('are made up for by the heartbeat when nothing follows them', async () => {
    const one = await hubOn(redis);
    const reader = await connect(one.url);
    const { epoch } = await reader.subscribe(room);
    const { log, meta } = one.keys(room);
    // What the script does, without the announcement.
    const batch = one.client.multi();
    for (const seq of [1, 2]) batch.xAdd(log, `${seq}-${Date.now()}`, { d: `"unheard"` });
    await batch.hSet(meta, 'head', '2').exec();
    expect(seqs(await reader.messages(2))).toEqual([1, 2]);
    // Handed on before any client was told of the head.
    const before = reader.frames.slice(
      0,
      reader.frames.findIndex(({ seq }) => seq === 2),
    );
    expect(before.filter(({ heads }) => heads?.[room]?.[1] === 2)).toEqual([]);
    await until(() => reader.frames.at(-1)?.heads?.[room]?.[1] === 2);
    expect(reader.frames.at(-1)!.heads).toEqual({ [room]: [epoch, 2] });
  });

  it('or make no sense, only lead to a look into the log', async () => {
    const one = await hubOn(redis);
    const reader = await connect(one.url);
    await reader.subscribe(room);
    const { log: name } = one.keys(room);
    const foreign = ['', '{}', 'e 1 1\n\n', 'other 5 5\n\n5', 'e x 1\n\n1', 'e 1 1\n{\n1'];
    for (const text of foreign) await one.client.publish(name, text);
    await one.log.append(room, 'mine');
    expect(await reader.next('message')).toMatchObject({ seq: 1, data: 'mine' });
    expect(reader.frames.filter(({ type }) => type === 'message')).toHaveLength(1);
  });
});

describe('a hub whose Redis is gone', () => {
  it('says so to publishers, goes on beating, and finds a new epoch in an empty one', async () => {
    const own = await ownServer();
    const { client, hub, log, url } = await hubOn(own);
    const reader = await connect(url);
    const { epoch } = await reader.subscribe(room);
    await log.append(room, 1);
    await reader.next('message');
    await own.kill();
    await until(() => !client.isReady);

    reader.send({ type: 'publish', id: 7, channel: room, data: 1 });
    expect(await reader.next('error')).toMatchObject({ id: 7, code: 'internal', retry: true });
    reader.send({ type: 'subscribe', id: 8, channel: 'room:2' });
    expect(await reader.next('error')).toMatchObject({ id: 8, code: 'internal', retry: true });
    await expect(log.append(room, 1)).rejects.toMatchObject({
      name: 'ServerError',
      code: 'unavailable',
      details: { call: 'append', reason: 'no connection' },
    });
    await reader.next('heads');
    expect(await reader.next('heads')).toEqual({ type: 'heads', heads: {} });
    expect(hub.stats().errors).toBeGreaterThan(0);
    expect(log.stats().errors).toBeGreaterThan(0);

    await own.startEmpty();
    await until(() => client.isReady);
    await log.append(room, 'new life');
    const message = await reader.next('message');
    expect(message).toMatchObject({ seq: 1, data: 'new life' });
    expect(message.epoch).not.toBe(epoch);
    await until(() => reader.frames.at(-1)?.heads?.[room] !== undefined);
    expect(reader.frames.at(-1)!.heads[room]).toEqual([message.epoch, 1]);
  });

  it('hands on in order what others appended before it was back itself', async () => {
    const own = await ownServer(EVERY_WRITE_SYNCED);
    const one = await hubOn(own, { durable: true });
    const { client, log: writer } = await logOn(own, { durable: true, prefix: one.prefix });
    const reader = await connect(one.url);
    const { epoch } = await reader.subscribe(room);
    for (const i of upTo(3)) {
      await writer.append(room, i);
      await own.kill();
      await own.start();
      await until(() => client.isReady);
      await Promise.all(upTo(50).map(() => writer.append(room, i)));
    }
    const messages = await reader.messages(153);
    expect(seqs(messages)).toEqual(upTo(153));
    expect(new Set(messages.map((message) => message.epoch))).toEqual(new Set([epoch]));
  });

  it('does not wait for one that does not answer', async () => {
    const own = await ownServer();
    const { client, keys, log: patient, prefix, url } = await hubOn(own);
    const { log } = await logOn(own, { prefix, timeoutMs: 50 });
    const reader = await connect(url);
    await reader.subscribe(room);
    own.freeze();
    const failed = log.append(room, 'once', { key: 'k' });
    await expect(failed).rejects.toThrow('no answer within 50 ms');
    await expect(log.facts(room)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(
      log.read(room, { epoch: 'e', seq: 0 }, { limit: 1, maxBytes: 1 }),
    ).rejects.toThrow();
    await expect(log.follow('room:2')).rejects.toMatchObject({ details: { call: 'follow' } });
    own.thaw();
    // It was appended after all: the same key makes no second one.
    expect(await patient.append(room, 'once', { key: 'k' })).toMatchObject({ seq: 1 });
    await patient.append(room, 'end');
    expect(seqs(await reader.messages(2))).toEqual([1, 2]);
    expect(log.stats().followed).toBe(0);
    // The follow that came too late is taken back, with nothing announced there.
    const late = keys('room:2').log;
    const subscribed = async () =>
      (await client.info('commandstats')).includes('cmdstat_subscribe:calls=2');
    await vi.waitFor(async () => expect(await subscribed()).toBe(true), 20_000);
    const audience = async () => (await client.pubSubNumSub(late))[late];
    await vi.waitFor(async () => expect(await audience()).toBe(0), 20_000);
  });

  it.each<[string, false | ((retries: number) => number | Error)]>([
    ['after some tries', (retries) => (retries < 3 ? 20 : new Error('given up'))],
    ['at once', false],
  ])('listens again when the app connects again after giving up %s', async (_when, strategy) => {
    const own = await ownServer();
    const client = createClient({ url: own.url, socket: { reconnectStrategy: strategy } });
    client.on('error', () => undefined);
    await client.connect();
    atEnd(() => client.destroy());
    const duplicate = vi.spyOn(client, 'duplicate');
    const log = closing(redisLog(client, { prefix: ownPrefix(), ...quiet }));
    const listening = duplicate.mock.results[0]!.value;
    const heard: unknown[] = [];
    log.listen(({ json }) => heard.push(json));
    await log.follow(room);
    await own.kill();
    await until(() => !client.isOpen && !listening.isOpen);

    await own.start();
    await client.connect();
    await vi.waitFor(() => expect(log.stats().returns).toBe(1), 5_000);
    await log.append(room, 'back');
    await until(() => heard.length > 0);
    expect(heard).toEqual(['"back"']);
    await log.follow('room:2');
  });
});

describe('a log that is closed', () => {
  it('leaves the client of the app as it was, and no connection of its own', async () => {
    const client = await connected(redis.url);
    const before = listeners(client);
    const duplicate = vi.spyOn(client, 'duplicate');
    const log = redisLog(client, { ...quiet, prefix: ownPrefix() });
    await log.follow(room);
    const listening = duplicate.mock.results[0]!.value;
    expect(listening.isOpen).toBe(true);
    await log.close();
    expect(listening.isOpen).toBe(false);
    expect(listeners(client)).toEqual(before);
    // What needs no feed goes on.
    expect(await log.append(room, 1)).toMatchObject({ seq: 1 });
    await expect(log.follow(room)).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('hubs on a cluster', () => {
  const three = cluster();
  const hubs = async () => {
    const prefix = ownPrefix();
    return Promise.all(
      upTo(2).map(async () => {
        const client = await connectedToCluster(three.urls);
        const log = closing(redisLog(client, { ...quiet, prefix }));
        return { client, prefix, ...(await startHub({ log, heartbeatMs: 100, ...quiet })) };
      }),
    );
  };

  it('hear of one another through the node of each channel', async () => {
    const [one, two] = await hubs();
    const channels = upTo(12).map((i) => `room:${i}`);
    const reader = await connect(one!.url);
    for (const channel of channels) await reader.subscribe(channel);
    for (const i of upTo(5)) {
      await Promise.all(channels.map((channel) => two!.log.append(channel, i)));
    }
    const messages = await reader.messages(60);
    for (const channel of channels) {
      const own = messages.filter(({ channel: of }) => of === channel);
      expect(seqs(own)).toEqual(upTo(5));
    }
    const perNode = await Promise.all(
      two!.client.masters.map(async ({ client: node }) => {
        const names = await node!.sendCommand<string[]>(['PUBSUB', 'SHARDCHANNELS']);
        return names.filter((name) => name.startsWith(one!.prefix)).length;
      }),
    );
    expect(perNode.reduce((sum, count) => sum + count)).toBe(12);
    expect(perNode.filter((count) => count > 0).length).toBeGreaterThan(1);
  });

  it('leave it as it was when their logs are closed', async () => {
    const client = await connectedToCluster(three.urls);
    const before = listeners(client);
    const prefix = ownPrefix();
    const log = redisLog(client, { ...quiet, prefix });
    for (const i of upTo(12)) await log.follow(`room:${i}`);
    const heard = async () => {
      const perNode = client.masters.map(({ client: node }) =>
        node!.sendCommand<string[]>(['PUBSUB', 'SHARDCHANNELS']),
      );
      return (await Promise.all(perNode)).flat().filter((name) => name.startsWith(prefix)).length;
    };
    expect(await heard()).toBe(12);
    await log.close();
    expect(await heard()).toBe(0);
    expect(listeners(client)).toEqual(before);
  });

  it('keep each channel on one node, whatever its name', async () => {
    const [one, two] = await hubs();
    const names = ['{', '}', '{}', '{a}', 'a{b}c', '}{', '%7B', '%'];
    const reader = await connect(one!.url);
    for (const name of names) await reader.subscribe(name);
    for (const name of names) await two!.log.append(name, name, { key: 'k' });
    const messages = await reader.messages(names.length);
    expect(messages.map(({ channel }) => channel).sort()).toEqual([...names].sort());
    for (const { channel, data, seq } of messages) expect([seq, data]).toEqual([1, channel]);
  });

  it('go on when a node was started again', async () => {
    const [one, two] = await hubs();
    const channels = upTo(12).map((i) => `room:${i}`);
    const reader = await connect(one!.url);
    for (const channel of channels) await reader.subscribe(channel);
    const node = three.nodes[0]!;
    await node.kill();
    await node.start();
    // Others are asked until they see it again.
    await vi.waitFor(
      () => Promise.all(channels.map((channel) => two!.log.append(channel, 'back'))),
      20_000,
    );
    await until(() => {
      const heard = reader.frames.filter(({ data }) => data === 'back');
      return new Set(heard.map(({ channel }) => channel)).size === channels.length;
    });
  });

  it('close in time when a node does not answer', async () => {
    const client = await connectedToCluster(three.urls);
    const log = redisLog(client, { ...quiet, prefix: ownPrefix(), timeoutMs: 1_000 });
    for (const i of upTo(12)) await log.follow(`room:${i}`);
    const node = three.nodes[0]!;
    node.freeze();
    atEnd(() => void node.thaw());
    await log.close();
  });
});

describe('a log whose app does not ask for errors', () => {
  it.each([
    ['follows a channel', true],
    ['only appends', false],
  ])('says once on the console each time that Redis is lost, where it %s', async (_, follows) => {
    const own = await ownServer();
    const client = await connected(own.url);
    const log = closing(redisLog(client, { prefix: ownPrefix() }));
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    atEnd(() => said.mockRestore());
    if (follows) await log.follow(room);
    for (const outage of [1, 2]) {
      const before = log.stats().errors;
      await own.kill();
      await until(() => log.stats().errors > before + 3);
      expect(said).toHaveBeenCalledTimes(outage);
      await own.start();
      await until(() => log.stats().returns === (follows ? outage : 0) && client.isReady);
    }
    expect(said).toHaveBeenCalledWith('lastseq: the log in Redis failed:', expect.any(Error));
  });
});

describe('a client whose replies have other types', () => {
  it('serves as well', async () => {
    const typeMapping = { [RESP_TYPES.BLOB_STRING]: Buffer };
    const client = createClient({ url: redis.url, commandOptions: { typeMapping } });
    client.on('error', () => undefined);
    await client.connect();
    atEnd(() => client.destroy());
    const log = closing(redisLog(client, { ...quiet, prefix: ownPrefix() }));
    expect(await log.append(room, 'a', { from: 'ann' })).toMatchObject({ seq: 1, from: 'ann' });
  });
});
