import { describe, expect, it } from 'vitest';
import { memoryLog } from '../../src/server/index.js';
import { connect, deferred, logWith, startHub, until } from './harness.js';

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
        if (isBad && channel === 'bad') throw new Error('shard down');
        return inner.facts(channel);
      },
    });
    const { url } = await startHub({ log, onError: () => undefined });
    const client = await connect(url);
    await client.subscribe('bad');
    const { epoch } = await client.subscribe('good');
    isBad = true;
    client.send({ type: 'ping' });
    expect((await client.next('heads')).heads).toEqual({ good: [epoch, 0] });
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
