import { describe, expect, it } from 'vitest';
import { memoryLog } from '../../src/server/index.js';
import { Client, connect, deferred, startHub, type Frame } from './harness.js';

const room = 'room:1';
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('order', () => {
  it('of 1,000 concurrent publishes of four clients is that of the numbers, without holes', async () => {
    const { url, log } = await startHub({
      // Answers that overtake one another, as those of a database do.
      authorize: async ({ token }) => {
        for (let i = Number(token) * 3; i > 0; i -= 1) await Promise.resolve();
        return { principal: token };
      },
    });
    const reader = await connect(url);
    await reader.subscribe(room);
    const writers = await Promise.all(upTo(4).map(() => connect(url)));
    for (const [w, writer] of writers.entries()) {
      writer.send({ type: 'auth', token: String(w) });
      for (let i = 0; i < 250; i += 1) {
        writer.send({ type: 'publish', id: i, channel: room, key: `k${i}`, data: [w, i] });
      }
    }
    const messages = await reader.messages(1_000);
    expect(messages.map(({ seq }) => seq)).toEqual(upTo(1_000));
    for (const w of upTo(4).map((n) => n - 1)) {
      const own = messages.filter(({ data }) => data[0] === w).map(({ data }) => data[1]);
      expect(own).toEqual(upTo(250).map((n) => n - 1));
    }
    expect(log.facts(room).head).toBe(1_000);
  });

  it('of answers is that of the frames, whatever the app takes for each', async () => {
    const first = deferred<object>();
    const asked: (string | undefined)[] = [];
    const { url } = await startHub({
      authorize: ({ action, channel }) => {
        if (action === 'subscribe') asked.push(channel);
        if (channel === 'slow') return first.promise;
        // The slow one is let go only when a later one has been allowed.
        if (channel === 'fast') queueMicrotask(() => first.resolve({}));
        return {};
      },
    });
    const client = await connect(url);
    client.send(
      { type: 'subscribe', id: 1, channel: 'slow' },
      { type: 'subscribe', id: 2, channel: 'fast' },
      { type: 'ping' },
    );
    await client.next('pong');
    expect(client.frames.slice(1, 4).map(({ type, id }) => [type, id])).toEqual([
      ['subscribed', 1],
      ['subscribed', 2],
      ['pong', undefined],
    ]);
    expect(asked).toEqual(['slow', 'fast']);
  });

  it('is kept across an auth frame: what comes before it has the old token', async () => {
    const seen: [string, string | undefined, string | undefined][] = [];
    const { url } = await startHub({
      authorize: async ({ action, channel, token }) => {
        await Promise.resolve();
        if (action === 'subscribe') seen.push([action, channel, token]);
        return { principal: 'ann' };
      },
    });
    const client = await connect(url);
    client.send(
      { type: 'auth', token: 'old' },
      { type: 'subscribe', id: 1, channel: 'a' },
      { type: 'auth', token: 'new' },
      { type: 'subscribe', id: 2, channel: 'b' },
    );
    await client.next('subscribed');
    await client.next('subscribed');
    expect(seen).toEqual([
      ['subscribe', 'a', 'old'],
      ['subscribe', 'b', 'new'],
    ]);
  });
});

describe('batching', () => {
  it('sends what is published in one tick as one array, and one frame alone bare', async () => {
    const { url, log } = await startHub();
    const client = await connect(url);
    await client.subscribe(room);
    const from = client.texts.length;
    for (let i = 0; i < 50; i += 1) log.append(room, i);
    await client.messages(50);
    expect(client.texts.slice(from)).toHaveLength(1);
    log.append(room, 'alone');
    await client.next('message');
    expect(client.texts.slice(from + 1)).toEqual([expect.stringMatching(/^\{"type":"message"/)]);
  });

  it('fills one array even when the app awaits each of its appends', async () => {
    const { url, log } = await startHub();
    const client = await connect(url);
    await client.subscribe(room);
    const from = client.texts.length;
    for (let i = 0; i < 10; i += 1) await Promise.resolve(log.append(room, i));
    await client.messages(10);
    expect(client.texts.slice(from)).toHaveLength(1);
  });

  it('is counted in the metrics', async () => {
    const { url, log, hub } = await startHub();
    const client = await connect(url);
    await client.subscribe(room);
    const before = hub.stats();
    for (let i = 0; i < 10; i += 1) log.append(room, i);
    await client.messages(10);
    const { framesOut, batchesOut, messagesOut } = hub.stats();
    expect(framesOut - before.framesOut).toBe(10);
    expect(batchesOut - before.batchesOut).toBe(1);
    expect(messagesOut).toBe(10);
  });

  it('writes a message once, for all its readers and its recoveries', async () => {
    const { url, log } = await startHub();
    const clients = await Promise.all(upTo(20).map(() => connect(url)));
    for (const client of clients) await client.subscribe(room);
    let written = 0;
    const { epoch } = log.append(room, {
      toJSON: () => {
        written += 1;
        return 'as written';
      },
    });
    for (const client of clients) expect((await client.next('message')).data).toBe('as written');
    const [client] = clients as [Client];
    client.send({ type: 'recover', id: 1, items: [{ channel: room, epoch, since: 0 }] });
    expect((await client.next('recovered')).items[0].messages[0].data).toBe('as written');
    expect(written).toBe(1);
  });

  it('splits what is more than one WebSocket message should hold, and loses nothing', async () => {
    const { url, log } = await startHub();
    const client = await connect(url);
    await client.subscribe(room);
    const from = client.texts.length;
    for (let i = 0; i < 40; i += 1) log.append(room, 'x'.repeat(50_000));
    const messages: Frame[] = await client.messages(40);
    expect(messages.map(({ seq }) => seq)).toEqual(upTo(40));
    expect(client.texts.length - from).toBeGreaterThan(1);
  });
});

describe('a slow client', () => {
  const big = 'x'.repeat(60_000);

  it('that reads nothing is closed with 4408 and freed, while the others and the publisher go on', async () => {
    const { url, log, hub } = await startHub({
      limits: { pageBytes: 65_536 },
      maxBufferedBytes: 500_000,
    });
    const [slow, fast] = [await connect(url), await connect(url)];
    await slow.subscribe(room);
    await fast.subscribe(room);
    slow.socket.pause();
    let published = 0;
    while (hub.stats().slowConsumers === 0) {
      log.append(room, big);
      published += 1;
      await fast.next('message');
    }
    expect(hub.stats()).toMatchObject({ subscriptions: 1, slowConsumers: 1 });
    log.append(room, 'after');
    expect(await fast.next('message')).toMatchObject({ seq: published + 1, data: 'after' });

    slow.socket.resume();
    expect(await slow.closed).toMatchObject({ code: 4408 });
    // What it did get is in order and without a hole: nothing was dropped in the middle.
    const seqs = slow.frames.filter(({ type }) => type === 'message').map(({ seq }) => seq);
    expect(seqs).toEqual(upTo(seqs.length));
    expect(seqs.length).toBeLessThan(published);
  });

  it('is not one that merely asked for much at once', async () => {
    const { url, hub } = await startHub({
      limits: { pageBytes: 1_024 },
      maxBufferedBytes: 2_048,
    });
    const client = await connect(url);
    client.send(...upTo(500).map((id) => ({ type: 'subscribe', id, channel: `room:${id}` })));
    for (const id of upTo(500)) expect(await client.next('subscribed')).toMatchObject({ id });
    expect(hub.stats()).toMatchObject({ slowConsumers: 0, subscriptions: 500 });
  });

  it('is not made by a recovery: pages wait until it has read the one before', async () => {
    const { url, log, hub } = await startHub({
      log: memoryLog(),
      limits: { pageBytes: 1_000_000 },
      maxBufferedBytes: 2_000_000,
    });
    for (let i = 0; i < 100; i += 1) log.append(room, big);
    const { epoch } = log.facts(room);
    const client = await connect(url);
    client.socket.pause();
    // 30 requests for a megabyte each, all at once, from a client that does not read.
    for (let id = 1; id <= 30; id += 1) {
      client.send({ type: 'recover', id, items: [{ channel: room, epoch, since: id }] });
    }
    const other = await connect(url);
    for (let i = 0; i < 20; i += 1) await other.untilPong();
    expect(hub.stats().slowConsumers).toBe(0);
    expect(hub.stats().pages).toBeLessThan(30);
    client.socket.resume();
    for (let id = 1; id <= 30; id += 1) {
      expect(await client.next('recovered')).toMatchObject({ id });
    }
    expect(hub.stats()).toMatchObject({ slowConsumers: 0, pages: 30 });
  });
});
