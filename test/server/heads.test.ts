import { describe, expect, it } from 'vitest';
import { sendHeads } from '../../src/server/heads.js';
import { memoryLog, type FilterMessage } from '../../src/server/index.js';
import { View } from '../../src/server/view.js';
import { headEntry } from '../../src/server/wire.js';
import { connect, deferred, logWith, questions, startHub, until, type Frame } from './harness.js';

const room = 'room:1';

describe('heads', () => {
  it('come with every heartbeat, for the subscribed channels', async () => {
    const { url, log } = await startHub({ heartbeatMs: 20 });
    const client = await connect(url);
    expect(await client.next('heads')).toEqual({ type: 'heads', heads: {} });
    const { epoch } = await client.subscribe(room);
    log.append(room, 1);
    log.append('other', 1);
    await client.next('message');
    await client.next('heads'); // May have been read before the append.
    expect(await client.next('heads')).toEqual({ type: 'heads', heads: { [room]: [epoch, 1] } });
  });

  it('come from the log, even when the fan-out is dead', async () => {
    const inner = memoryLog();
    const log = logWith({
      append: (...args) => inner.append(...args),
      facts: (...args) => inner.facts(...args),
      listen: () => () => undefined,
    });
    const { url } = await startHub({ log, heartbeatMs: 20 });
    const client = await connect(url);
    await client.subscribe(room);
    inner.append(room, 'never fanned out');
    await client.next('heads');
    expect((await client.next('heads')).heads[room]).toEqual([inner.facts(room).epoch, 1]);
    expect(client.frames.map(({ type }) => type)).not.toContain('message');
  });

  it('come empty while the log fails, and full again afterwards', async () => {
    let isDown = false;
    const inner = memoryLog();
    const log = logWith({
      facts: (channel) => (isDown ? Promise.reject(new Error('down')) : inner.facts(channel)),
    });
    const { url } = await startHub({ log, heartbeatMs: 20, onError: () => undefined });
    const client = await connect(url);
    const { epoch } = await client.subscribe(room);
    isDown = true;
    await client.next('heads');
    expect(await client.next('heads')).toEqual({ type: 'heads', heads: {} });
    isDown = false;
    await client.next('heads');
    expect((await client.next('heads')).heads).toEqual({ [room]: [epoch, 0] });
  });

  it('come empty and on time while the log does not answer at all', async () => {
    let hangs = false;
    const inner = memoryLog();
    let asked = 0;
    const log = logWith({
      facts: (channel) => {
        if (!hangs) return inner.facts(channel);
        asked += 1;
        return new Promise(() => undefined);
      },
    });
    const { url } = await startHub({ log, heartbeatMs: 20 });
    const client = await connect(url);
    await client.subscribe(room);
    hangs = true;
    await until(() => asked > 0);
    for (let beat = 0; beat < 3; beat += 1) await client.next('heads');
    expect(client.frames.at(-1)).toEqual({ type: 'heads', heads: {} });
    expect(asked).toBe(1);
  });

  it('leave out only the channel whose facts cannot be read', async () => {
    const inner = memoryLog();
    let isBad = false;
    const log = logWith({
      facts: (channel) => {
        if (isBad && channel.startsWith('bad')) throw new Error('shard down');
        return inner.facts(channel);
      },
    });
    const sources: string[] = [];
    const { url } = await startHub({ log, onError: (_error, source) => sources.push(source) });
    const client = await connect(url);
    await client.subscribe('bad');
    await client.subscribe('bad, too');
    const { epoch } = await client.subscribe('good');
    isBad = true;
    client.send({ type: 'ping' });
    expect((await client.next('heads')).heads).toEqual({ good: [epoch, 0] });
    // One for all: thousands of channels may be on the shard.
    expect(sources).toEqual(['log']);
  });
});

describe('heads of very many channels', () => {
  it('do not make a client too slow, whatever else comes for it', async () => {
    const { url } = await startHub({ limits: { pageBytes: 65_536 }, maxBufferedBytes: 131_072 });
    const client = await connect(url);
    const channels = Array.from({ length: 5_000 }, (_, i) => `room:${i}`);
    client.send(...channels.map((channel, id) => ({ type: 'subscribe', id, channel })));
    for (const channel of channels) expect((await client.next('subscribed')).channel).toBe(channel);
    const publish = { type: 'publish', channel: 'other', data: 1 };
    client.send({ type: 'ping' }, ...channels.slice(0, 50).map((_, id) => ({ ...publish, id })));
    const told: string[] = [];
    while (told.length < channels.length) {
      const frame = await Promise.race([client.next('heads'), client.closed]);
      expect(frame).not.toHaveProperty('code');
      told.push(...Object.keys((frame as Frame).heads));
    }
    expect(told).toEqual(channels);
  });

  it('come empty while those before are still being taken', async () => {
    let waiting = 0;
    const { log, url } = await startHub({
      limits: { pageBytes: 65_536 },
      maxBufferedBytes: 131_072,
      onConnection: (socket) =>
        void Object.defineProperty(socket, 'bufferedAmount', { get: () => waiting }),
    });
    const client = await connect(url);
    const joins = Array.from({ length: 1_001 }, (_, id) => {
      return { type: 'subscribe', id, channel: `room:${id}` };
    });
    client.send(...joins);
    await until(() => client.frames.at(-1)?.id === 1_000);
    waiting = 40_000;
    client.send({ type: 'ping' });
    expect(Object.keys((await client.next('heads')).heads)).toHaveLength(1_000);
    client.send({ type: 'ping' });
    expect(await client.next('heads')).toEqual({ type: 'heads', heads: {} });
    waiting = 0;
    client.send({ type: 'ping' });
    await client.next('heads');
    const { epoch } = log.facts('room:1000');
    expect((await client.next('heads')).heads).toEqual({ 'room:1000': [epoch, 0] });
  });

  it('are told by what the reader may see when there is room, and not of channels that were left', async () => {
    const facts = { epoch: 'e', head: 1, oldest: 1 };
    const names = Array.from({ length: 1_003 }, (_, i) => `room:${i}`);
    const entries = new Map(names.map((name) => [name, { text: headEntry(name, facts), facts }]));
    const message = { epoch: 'e', seq: 1 } as FilterMessage;
    const hides = (): View => {
      const view = new View(() => false);
      view.take(message);
      return view;
    };
    const channels = new Map<string, View | undefined>(names.map((name) => [name, hides()]));
    const room = deferred();
    const sent: Frame[] = [];
    const send = (text: string): void => void sent.push(JSON.parse(text));
    const done = sendHeads({ channels, send, room: () => room.promise }, entries);
    expect(Object.keys(sent[0]?.heads)).toEqual(names.slice(0, 1_000));
    channels.delete('room:1000');
    channels.set('room:1001', undefined);
    room.resolve();
    await done;
    expect(sent.slice(1)).toEqual([
      { type: 'heads', heads: { 'room:1001': ['e', 1], 'room:1002': ['e', 1, null, 0] } },
    ]);
  });
});

describe('ping', () => {
  it('is answered with pong, then heads', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    const { epoch } = await client.subscribe(room);
    client.send({ type: 'ping' });
    await client.next('heads');
    expect(client.frames.slice(-2)).toEqual([
      { type: 'pong' },
      { type: 'heads', heads: { [room]: [epoch, 0] } },
    ]);
  });

  it('many times at once costs one answer of heads', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    await client.subscribe(room);
    client.send(...Array.from({ length: 50 }, () => ({ type: 'ping' })));
    await client.next('heads');
    await client.untilPong();
    const count = (wanted: string) => client.frames.filter(({ type }) => type === wanted).length;
    expect(count('pong')).toBe(51);
    expect(count('heads')).toBeLessThanOrEqual(2);
  });
});

describe('a client that is gone', () => {
  it('without a word is ended after a few heartbeats without a pong', async () => {
    const { url, hub } = await startHub({ heartbeatMs: 20 });
    const silent = await connect(url, undefined, { autoPong: false });
    const alive = await connect(url);
    expect(await silent.closed).toMatchObject({ code: 1006 });
    await until(() => hub.stats().connections === 1);
    expect(hub.stats().deadPeers).toBe(1);
    expect(alive.socket.readyState).toBe(alive.socket.OPEN);
  });

  it('was asked at three heartbeats for a pong, and not at the fourth', async () => {
    let pings = 0;
    const { url } = await startHub({
      heartbeatMs: 20,
      onConnection: (socket) => Object.assign(socket, { ping: () => (pings += 1) }),
    });
    await (
      await connect(url)
    ).closed;
    expect(pings).toBe(3);
  });

  it('while its publish was being authorised has published nothing', async () => {
    const asked = deferred();
    const answer = deferred<object>();
    const { url, hub, log } = await startHub({
      authorize: ({ action }) => {
        if (action === 'connect') return {};
        asked.resolve();
        return answer.promise;
      },
    });
    const client = await connect(url);
    client.send({ type: 'publish', id: 1, channel: room, key: 'k', data: 1 });
    await asked.promise;
    client.socket.terminate();
    await until(() => hub.stats().connections === 0);
    answer.resolve({});
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.facts(room).head).toBe(0);
  });

  it('while it recovered many channels costs the log no more reads', async () => {
    const inner = memoryLog();
    const asked = deferred();
    const answer = deferred();
    const reads: string[] = [];
    const log = logWith({
      read: async (channel, ...rest) => {
        reads.push(channel);
        asked.resolve();
        await answer.promise;
        return inner.read(channel, ...rest);
      },
    });
    const { url, hub } = await startHub({ log });
    const client = await connect(url);
    client.send({ type: 'recover', id: 1, items: questions(40) });
    await asked.promise;
    client.socket.terminate();
    await until(() => hub.stats().connections === 0);
    answer.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    // Those that were read side by side.
    expect(reads).toHaveLength(32);
  });

  it('while the rights of its channels were looked at again is not asked about the rest', async () => {
    const asked = deferred();
    const answer = deferred<object>();
    const channels: unknown[] = [];
    const { url, hub } = await startHub({
      authorize: ({ action, channel, token }) => {
        if (action === 'connect' || token === 'one') return { principal: token };
        channels.push(channel);
        asked.resolve();
        return answer.promise;
      },
    });
    const client = await connect(url);
    client.send({ type: 'auth', token: 'one' });
    for (let i = 0; i < 40; i += 1) await client.subscribe(`room:${i}`);
    client.send({ type: 'auth', token: 'two' });
    await asked.promise;
    client.socket.terminate();
    await until(() => hub.stats().connections === 0);
    answer.resolve({});
    await new Promise((resolve) => setImmediate(resolve));
    // As many as are asked about side by side.
    expect(channels).toHaveLength(32);
    expect(hub.stats()).toMatchObject({ subscriptions: 0, channels: 0 });
  });

  it('while its subscribe was being authorised leaves nothing behind', async () => {
    const asked = deferred();
    const answer = deferred<object>();
    const { url, hub } = await startHub({
      authorize: ({ action }) => {
        if (action === 'connect') return {};
        asked.resolve();
        return answer.promise;
      },
    });
    const client = await connect(url);
    client.send({ type: 'subscribe', id: 1, channel: room });
    await asked.promise;
    client.socket.terminate();
    await until(() => hub.stats().connections === 0);
    answer.resolve({});
    await new Promise((resolve) => setImmediate(resolve));
    expect(hub.stats()).toMatchObject({ subscriptions: 0, channels: 0 });
  });
});
