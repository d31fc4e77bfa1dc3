import { describe, expect, it, vi } from 'vitest';
import { MAX_FRAME_CHARS } from '../../src/core/codec.js';
import { createHub, memoryLog } from '../../src/server/index.js';
import {
  atEnd,
  connect,
  deferred,
  heldReads,
  logWith,
  startHub,
  questions,
  until,
  type Frame,
} from './harness.js';

describe('recover', () => {
  it('answers every channel in order, refusals included', async () => {
    const { url, log, hub } = await startHub({
      authorize: ({ channel }) => {
        if (channel === 'secret') return false;
        if (channel === 'stale') return 'unauthorized';
        if (channel === 'gone') return 'not_found';
        if (channel === 'busy') return 'limit';
        if (channel === 'broken') throw new Error('database');
        return {};
      },
      onError: () => undefined,
    });
    for (let i = 1; i <= 3; i += 1) log.append('a', { i });
    const { epoch } = log.facts('a');
    const client = await connect(url);
    const names = ['a', 'secret', 'stale', 'gone', 'busy', 'broken', 'b'];
    const items: unknown[] = names.map((channel) => ({ channel, epoch, since: 1 }));
    items.push({ channel: 'a', epoch: 'other', since: 1 }, { channel: 'a', epoch, since: -1 }, 5);
    client.send({ type: 'recover', id: 9, items });
    const ts = expect.any(Number);
    expect(await client.next('recovered')).toEqual({
      type: 'recovered',
      id: 9,
      items: [
        {
          status: 200,
          channel: 'a',
          epoch,
          head: 3,
          oldest: 1,
          messages: [
            { seq: 2, ts, data: { i: 2 } },
            { seq: 3, ts, data: { i: 3 } },
          ],
          more: false,
        },
        { status: 403, channel: 'secret', code: 'forbidden' },
        { status: 401, channel: 'stale', code: 'unauthorized' },
        { status: 404, channel: 'gone', code: 'not_found' },
        { status: 429, channel: 'busy', code: 'limit', retryInMs: 1_000 },
        { status: 503, channel: 'broken', code: 'internal', retryInMs: 1_000 },
        { status: 200, channel: 'b', epoch, head: 0, oldest: 1, messages: [], more: false },
        { status: 200, channel: 'a', epoch, head: 3, oldest: 1, messages: [], more: false },
        { status: 400, channel: 'a', code: 'bad_request' },
        { status: 400, code: 'bad_request' },
      ],
    });
    expect(hub.stats()).toMatchObject({ badFrames: 2, authRefusals: 4, errors: 1 });
  });

  it('counts the outcomes for metrics', async () => {
    const { url, log, hub } = await startHub({ log: memoryLog({ maxLength: 2 }) });
    for (let i = 1; i <= 5; i += 1) log.append('a', i);
    const { epoch } = log.facts('a');
    const client = await connect(url);
    const since = (n: number, e = epoch) => ({ channel: 'a', epoch: e, since: n });
    const items = [since(5), since(3), since(2), since(6), since(0, 'other')];
    client.send({ type: 'recover', id: 1, items });
    await client.next('recovered');
    expect(hub.stats().recoveries).toEqual({ ok: 2, truncated: 1, rewind: 1, epoch: 1 });
    expect(hub.stats().pages).toBe(2);
  });

  it('shares one budget of bytes among its channels, and what is cut says so', async () => {
    const { url, log } = await startHub({ limits: { pageBytes: 4_096 } });
    for (const channel of ['a', 'b', 'c']) {
      for (let i = 0; i < 5; i += 1) log.append(channel, 'x'.repeat(900));
    }
    const { epoch } = log.facts('a');
    const client = await connect(url);
    const items = ['a', 'b', 'c'].map((channel) => ({ channel, epoch, since: 0 }));
    client.send({ type: 'recover', id: 1, items });
    const [a, b, c] = (await client.next('recovered')).items;
    expect(a).toMatchObject({ status: 200, head: 5, more: true, upto: 4 });
    expect(a.messages).toHaveLength(4);
    expect(b).toMatchObject({ status: 200, head: 5, more: true });
    expect(c).toMatchObject({ status: 200, head: 5, more: true, upto: 0, messages: [] });
    expect(client.texts.at(-1)!.length).toBeLessThan(6_000);
  });

  it('of many channels asks a distant log for so many at the same time, and answers in order', async () => {
    // On a busy machine an answer may take so long that others are begun besides it.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    atEnd(() => void vi.useRealTimers());
    const inner = memoryLog();
    const waiting: (() => void)[] = [];
    let [asked, most] = [0, 0];
    const log = logWith({
      read: async (...args) => {
        asked += 1;
        await new Promise<void>((resolve) => {
          // The last that was asked is answered first.
          waiting.unshift(resolve);
          most = Math.max(most, waiting.length);
        });
        return inner.read(...args);
      },
    });
    const channels = Array.from({ length: 100 }, (_, i) => `c${i}`);
    for (const channel of channels) inner.append(channel, channel);
    const { epoch } = inner.facts('c0');
    const authorize = async ({ channel }: { readonly channel?: string }) => {
      await Promise.resolve();
      return channel === 'c50' ? false : {};
    };
    const { url } = await startHub({ log, authorize });
    const client = await connect(url);
    const items = channels.map((channel) => ({ channel, epoch, since: 0 }));
    client.send({ type: 'recover', id: 1, items });
    await until(() => asked === 32);
    const isAnswered = () => client.frames.some(({ type }) => type === 'recovered');
    for (let rounds = 0; !isAnswered(); rounds += 1) {
      expect(rounds).toBeLessThan(1_000);
      for (const answer of waiting.splice(0)) answer();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([asked, most]).toEqual([99, 32]);
    const { items: pages } = await client.next('recovered');
    const shown = pages.map(({ channel, messages }: Frame) => [channel, messages?.[0].data]);
    expect(shown).toEqual(
      channels.map((channel) => [channel, channel === 'c50' ? undefined : channel]),
    );
  });

  it('of a log that hangs in some channels is answered in time, with all the others', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    atEnd(() => void vi.useRealTimers());
    const inner = memoryLog();
    const late = deferred();
    const asked = new Set<string>();
    const log = logWith({
      read: async (channel, ...rest) => {
        asked.add(channel);
        if (channel.startsWith('frozen')) await late.promise;
        return inner.read(channel, ...rest);
      },
    });
    const names = Array.from({ length: 200 }, (_, i) => `${i % 3 === 0 ? 'frozen' : 'well'} ${i}`);
    for (const name of names) inner.append(name, name);
    const { epoch } = inner.facts('any');
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    const { url, hub } = await startHub({ log, retryAfterMs: 250, onError });
    const client = await connect(url);
    const items = names.map((channel) => ({ channel, epoch, since: 0 }));
    client.send({ type: 'recover', id: 1, items }, { type: 'recover', id: 2, items: [items[1]] });
    // Frozen ones take all places: after 32 of them nothing more is asked.
    await until(() => asked.size === 94);
    for (let ms = 0; ms < 5_000; ms += 500) {
      expect(client.frames.some(({ type }) => type === 'recovered')).toBe(false);
      vi.advanceTimersByTime(500);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { items: answers } = await client.next('recovered');
    expect(answers).toMatchObject(
      names.map((channel) =>
        channel.startsWith('frozen')
          ? { status: 503, channel, code: 'internal', retryInMs: 250 }
          : { status: 200, channel, messages: [{ data: channel }] },
      ),
    );
    expect(errors.map(String)).toEqual(['Error: 67 of 200 channels had no answer within 5000 ms']);
    // The next frame had its turn, and what comes in late is of no use.
    expect(await client.next('recovered')).toMatchObject({ id: 2, items: [{ status: 200 }] });
    late.resolve();
    expect((await client.untilPong()).map(({ type }) => type)).toEqual([]);
    expect(hub.stats().recoveries.ok).toBe(134);
  });

  it('of a log that hangs is answered in time also behind others that came together with it', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    atEnd(() => void vi.useRealTimers());
    const { log } = heldReads(memoryLog());
    const errors: string[] = [];
    const { url } = await startHub({ log, onError: (error) => errors.push(String(error)) });
    const client = await connect(url);
    const timers = vi.getTimerCount();
    const items = questions(1);
    client.send(...[1, 2, 3, 4].map((id) => ({ type: 'recover', id, items })));
    await until(() => vi.getTimerCount() > timers);
    const at: number[] = [];
    for (let ms = 500; ms <= 20_000; ms += 500) {
      vi.advanceTimersByTime(500);
      await new Promise((resolve) => setImmediate(resolve));
      if (errors.length > at.length) at.push(ms);
    }
    // A client waits for 10 seconds, and asks four such questions at once at most.
    expect(at).toEqual([5_000, 6_000, 7_000, 8_000]);
    expect(errors.at(-1)).toBe('Error: 1 of 1 channels had no answer within 1000 ms');
    for (const id of [1, 2, 3, 4]) expect((await client.next('recovered')).id).toBe(id);
  });

  it('of a log that hangs is no longer waited for when the client has left', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    atEnd(() => void vi.useRealTimers());
    const held = heldReads(memoryLog());
    const { url, hub } = await startHub({ log: held.log });
    const timers = vi.getTimerCount();
    const client = await connect(url);
    client.send({ type: 'recover', id: 1, items: questions(40) });
    await until(() => held.reads === 32);
    expect(vi.getTimerCount()).toBe(timers + 1);
    client.socket.terminate();
    await until(() => hub.stats().connections === 0);
    expect(vi.getTimerCount()).toBe(timers);
    held.release();
    await new Promise((resolve) => setImmediate(resolve));
    expect(held.reads).toBe(32);
  });

  it('of a distant log has as many bytes, and each page says how far it reaches', async () => {
    const inner = memoryLog();
    const log = logWith({ read: async (...args) => Promise.resolve(inner.read(...args)) });
    const channels = Array.from({ length: 50 }, (_, i) => `c${i}`);
    for (const channel of channels)
      for (let i = 0; i < 9; i += 1) inner.append(channel, 'x'.repeat(900));
    const { epoch } = inner.append('short', 1);
    const { url } = await startHub({ log, limits: { pageBytes: 16_384 } });
    const client = await connect(url);
    const had = new Map(channels.map((channel) => [channel, 0]));
    for (let id = 0; had.size > 0; id += 1) {
      const asked = ['short', ...had.keys()];
      const items = asked.map((channel) => ({ channel, epoch, since: had.get(channel) ?? 0 }));
      client.send({ type: 'recover', id, items });
      const { items: pages } = await client.next('recovered');
      expect(pages.map(({ channel }: Frame) => channel)).toEqual(asked);
      const texts = pages.map(({ messages }: Frame) => JSON.stringify(messages)).join('');
      expect(texts.length).toBeLessThan(16_384 + 1_000);
      for (const { channel, messages, more, upto } of pages.slice(1)) {
        const last = had.get(channel)! + messages.length;
        expect([channel, more, upto]).toEqual([channel, last < 9, last < 9 ? last : undefined]);
        had.set(channel, last);
        if (!more) had.delete(channel);
      }
    }
  });

  it('is never more than a client reads, whatever was allowed', async () => {
    const most = 4_194_304;
    const log = memoryLog({ maxDataBytes: most });
    const { url } = await startHub({
      log,
      limits: { pageBytes: most },
      maxBufferedBytes: 3 * most,
    });
    const client = await connect(url);
    client.send({ type: 'subscribe', id: 1, channel: 'a' });
    const { epoch } = await client.next('subscribed');
    log.append('a', 'x'.repeat(most - 2));
    await client.next('message');
    for (const data of ['small', 'x'.repeat(most / 2), 'x'.repeat(most / 2)]) log.append('b', data);
    const items = ['a', 'b'].map((channel) => ({ channel, epoch, since: 0 }));
    for (const [id, item] of items.entries()) {
      client.send({ type: 'recover', id, items: [item] });
      await client.next('recovered');
    }
    expect(Math.max(...client.texts.map(({ length }) => length))).toBeLessThan(MAX_FRAME_CHARS);
    expect(() => memoryLog({ maxDataBytes: most + 1 })).toThrow(/maxDataBytes/);
    const limits = { pageBytes: most + 1 };
    expect(() => createHub({ log, limits, authorize: () => ({}) })).toThrow(/pageBytes/);
  });

  it('leaves out a channel with which it would be more than a client reads', async () => {
    const most = 4_194_304;
    const log = memoryLog({ maxDataBytes: most });
    const limits = { pageBytes: most };
    const { url } = await startHub({ log, limits, maxBufferedBytes: 3 * most });
    const client = await connect(url);
    const { epoch } = log.facts('a');
    // The first leaves room for the beginning of another, and that is as long as one may be.
    log.append('a', 'x'.repeat(most - 250));
    log.append('b', 'x'.repeat(most - 2));
    log.append('c', 1);
    const ask = async (...channels: string[]) => {
      const items = channels.map((channel) => ({ channel, epoch, since: 0 }));
      client.send({ type: 'recover', id: 1, items });
      const { items: pages } = await client.next('recovered');
      return pages.map(({ channel, messages }: Frame) => [channel, messages.length]);
    };
    expect(await ask('a', 'b', 'c')).toEqual([
      ['a', 1],
      ['c', 1],
    ]);
    expect(await ask('b', 'c')).toEqual([
      ['b', 1],
      ['c', 0],
    ]);
  });

  it('takes a limit, and never gives more than its own', async () => {
    const { url, log } = await startHub({ limits: { page: 3 } });
    for (let i = 0; i < 9; i += 1) log.append('a', i);
    const { epoch } = log.facts('a');
    const client = await connect(url);
    for (const [limit, count] of [
      [2, 2],
      [50, 3],
      [undefined, 3],
    ]) {
      client.send({ type: 'recover', id: 1, items: [{ channel: 'a', epoch, since: 0 }], limit });
      const [page] = (await client.next('recovered')).items;
      expect(page.messages).toHaveLength(count!);
      expect(page.more).toBe(true);
    }
  });

  it('of too many channels is refused as a whole', async () => {
    const { url } = await startHub({ limits: { batch: 2 } });
    const client = await connect(url);
    const items = Array.from({ length: 3 }, () => ({ channel: 'a', epoch: 'e', since: 0 }));
    client.send({ type: 'recover', id: 4, items });
    expect(await client.next('error')).toMatchObject({ id: 4, code: 'limit', retry: false });
    client.send({ type: 'recover', id: 5, items: items.slice(1) });
    expect((await client.next('recovered')).items).toHaveLength(2);
  });

  it('takes an epoch of 255 characters, and none that is longer', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    const items = [255, 256].map((length) => ({
      channel: 'a',
      epoch: 'e'.repeat(length),
      since: 0,
    }));
    client.send({ type: 'recover', id: 1, items });
    expect((await client.next('recovered')).items).toMatchObject([
      { status: 200 },
      { status: 400 },
    ]);
  });

  it('while the log is unreachable gives 503 for the channel', async () => {
    const log = logWith({ read: () => Promise.reject(new Error('down')) });
    const { url } = await startHub({ log, onError: () => undefined, retryAfterMs: 250 });
    const client = await connect(url);
    client.send({ type: 'recover', id: 4, items: [{ channel: 'a', epoch: 'e', since: 0 }] });
    expect((await client.next('recovered')).items).toEqual([
      { status: 503, channel: 'a', code: 'internal', retryInMs: 250 },
    ]);
  });

  it('of the same position by many at once is one read of the log', async () => {
    const inner = memoryLog();
    const held = heldReads(inner);
    const { url, hub } = await startHub({ log: held.log });
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect(url)));
    for (const client of clients) {
      client.send({ type: 'recover', id: 1, items: [{ channel: 'a', epoch: 'e', since: 0 }] });
    }
    await until(() => hub.stats().framesIn === 5);
    held.release();
    for (const client of clients) await client.next('recovered');
    expect(held.reads).toBe(1);
    clients[0]!.send({ type: 'recover', id: 2, items: [{ channel: 'a', epoch: 'e', since: 0 }] });
    await clients[0]!.next('recovered');
    expect(held.reads).toBe(2);
  });

  it('of other positions or bounds at the same time is a read of its own', async () => {
    const inner = memoryLog();
    for (const channel of ['a', 'b']) for (const i of [1, 2]) inner.append(channel, [channel, i]);
    const held = heldReads(inner);
    const { url } = await startHub({ log: held.log });
    const { epoch } = inner.facts('a');
    const asked = [
      { channel: 'a', epoch, since: 0 },
      { channel: 'b', epoch, since: 0 },
      { channel: 'a', epoch, since: 1 },
      { channel: 'a', epoch: 'other', since: 0 },
      { channel: 'a', epoch, since: 0, limit: 1 },
    ];
    const clients = await Promise.all(asked.map(() => connect(url)));
    for (const [i, { limit, ...item }] of asked.entries()) {
      clients[i]!.send({ type: 'recover', id: i, items: [item], limit });
    }
    await until(() => held.reads === asked.length);
    held.release();
    const pages = clients.map(async (client) => {
      const [{ messages }] = (await client.next('recovered')).items;
      return messages.map(({ data }: { data: unknown }) => data);
    });
    expect(await Promise.all(pages)).toEqual([
      [
        ['a', 1],
        ['a', 2],
      ],
      [
        ['b', 1],
        ['b', 2],
      ],
      [['a', 2]],
      [],
      [['a', 1]],
    ]);
  });
});
