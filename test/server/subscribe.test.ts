import { describe, expect, it, vi } from 'vitest';
import { memoryLog } from '../../src/server/index.js';
import { Client, connect, deferred, logWith, startHub } from './harness.js';

const room = 'room:1';

describe('a new connection', () => {
  it('is welcomed first of all, with what the server can do and its limits', async () => {
    const { url } = await startHub({ limits: { page: 7, channels: 3 } });
    const client = new Client(url);
    await client.next('welcome');
    expect(client.frames[0]).toEqual({
      type: 'welcome',
      caps: ['recover', 'publish', 'ping', 'auth', 'arrays', 'goaway'],
      heartbeatMs: 25_000,
      limits: { page: 7, pageBytes: 1_048_576, batch: 500, channels: 3 },
    });
  });

  it('is told how to spread retries where the hub was told', async () => {
    const { url } = await startHub({ retrySpreadMs: 22_000 });
    const client = new Client(url);
    await client.next('welcome');
    expect(client.frames[0]).toMatchObject({ type: 'welcome', retrySpreadMs: 22_000 });
  });

  it('gets the subprotocol that both sides know', async () => {
    const { url } = await startHub();
    const client = await connect(url, ['lastseq.v9', 'lastseq.v1']);
    expect(client.socket.protocol).toBe('lastseq.v1');
  });

  it('is accepted without a subprotocol', async () => {
    const { url } = await startHub();
    expect((await connect(url, [])).socket.protocol).toBe('');
  });

  it('is not compressed, whatever it offers', async () => {
    const { url } = await startHub();
    const client = await connect(url, undefined, { perMessageDeflate: true });
    expect(client.socket.extensions).toBe('');
  });
});

describe('subscribe', () => {
  it('is answered with the facts and its id', async () => {
    const { url, log } = await startHub({ log: memoryLog({ maxLength: 2 }) });
    for (let i = 0; i < 5; i += 1) log.append(room, i);
    const client = await connect(url);
    expect(await client.subscribe(room, 7)).toEqual({
      type: 'subscribed',
      id: 7,
      channel: room,
      epoch: log.facts(room).epoch,
      head: 5,
      oldest: 4,
    });
  });

  it('without an id is answered without one', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    client.send({ type: 'subscribe', channel: room });
    expect(await client.next('subscribed')).not.toHaveProperty('id');
  });

  it('attaches before it reads, so that no message falls in between', async () => {
    const reading = deferred();
    const answer = deferred();
    const inner = memoryLog();
    const log = logWith({
      append: (...args) => inner.append(...args),
      listen: (...args) => inner.listen(...args),
      facts: async (channel) => {
        const facts = inner.facts(channel);
        reading.resolve();
        await answer.promise;
        return facts;
      },
    });
    const { url } = await startHub({ log });
    const client = await connect(url);
    client.send({ type: 'subscribe', id: 1, channel: room });
    await reading.promise;
    inner.append(room, 'in between');
    answer.resolve();
    expect(await client.next('message')).toMatchObject({ seq: 1, data: 'in between' });
    expect(await client.next('subscribed')).toMatchObject({ head: 0 });
  });

  it('a second time is answered with fresh facts, and messages still come once', async () => {
    const { url, log } = await startHub();
    const client = await connect(url);
    await client.subscribe(room, 1);
    log.append(room, 'a');
    expect(await client.subscribe(room, 2)).toMatchObject({ id: 2, head: 1 });
    log.append(room, 'b');
    await client.untilPong();
    expect(client.frames.filter(({ type }) => type === 'message').map(({ seq }) => seq)).toEqual([
      1, 2,
    ]);
  });

  it('to more channels than a connection may have is refused, the others live on', async () => {
    const { url, log, hub } = await startHub({ limits: { channels: 2 } });
    const client = await connect(url);
    await client.subscribe('a');
    await client.subscribe('b');
    client.send({ type: 'subscribe', id: 3, channel: 'c' });
    expect(await client.next('error')).toMatchObject({
      id: 3,
      channel: 'c',
      code: 'limit',
      retry: false,
    });
    await client.subscribe('b', 4);
    client.send({ type: 'unsubscribe', channel: 'a' });
    await client.subscribe('c', 5);
    log.append('c', 1);
    expect(await client.next('message')).toMatchObject({ channel: 'c' });
    expect(hub.stats().subscriptions).toBe(2);
  });

  it('while the log is unreachable is an internal error, and leaves no subscription', async () => {
    const errors: unknown[] = [];
    const broken = new Error('no log');
    const log = logWith({ facts: () => Promise.reject(broken) });
    const { url, hub } = await startHub({
      log,
      onError: (error, source) => errors.push([source, error]),
    });
    const client = await connect(url);
    client.send({ type: 'subscribe', id: 1, channel: room });
    expect(await client.next('error')).toEqual({
      type: 'error',
      id: 1,
      channel: room,
      code: 'internal',
      retry: true,
    });
    expect(hub.stats()).toMatchObject({ subscriptions: 0, channels: 0, errors: 1 });
    expect(errors).toEqual([['log', broken]]);
  });

  it.each([
    ['at once', () => undefined],
    ['later', () => Promise.resolve(null)],
  ])('at a log that answers with nothing, %s, is one that has failed', async (_, facts) => {
    const onError = vi.fn();
    const { url, hub } = await startHub({ log: logWith({ facts: facts as never }), onError });
    const client = await connect(url);
    client.send({ type: 'subscribe', id: 1, channel: room }, { type: 'unsubscribe', channel: 'x' });
    expect(await client.next('error')).toMatchObject({ id: 1, code: 'internal', retry: true });
    expect(onError).toHaveBeenCalledWith(expect.any(TypeError), 'log');
    expect(hub.stats()).toMatchObject({ subscriptions: 0, channels: 0 });
  });
});

describe('subscribe a second time', () => {
  it('while the log is unreachable leaves the subscription that there was', async () => {
    let isAway = false;
    const inner = memoryLog();
    const log = logWith({
      append: (...args) => inner.append(...args),
      listen: (...args) => inner.listen(...args),
      facts: (channel) => (isAway ? Promise.reject(new Error('away')) : inner.facts(channel)),
    });
    const { url, hub } = await startHub({ log, onError: () => undefined });
    const client = await connect(url);
    await client.subscribe(room, 1);
    isAway = true;
    client.send({ type: 'subscribe', id: 2, channel: room });
    expect(await client.next('error')).toMatchObject({ id: 2, code: 'internal', retry: true });
    inner.append(room, 'still');
    expect(await client.next('message')).toMatchObject({ seq: 1, data: 'still' });
    expect(hub.stats()).toMatchObject({ subscriptions: 1, channels: 1 });
  });
});

describe('a message', () => {
  it('goes to the subscribers of its channel, and to nobody else', async () => {
    const { url, log } = await startHub();
    const [ann, bob] = [await connect(url), await connect(url)];
    await ann.subscribe('a');
    await bob.subscribe('b');
    const { epoch, ts } = log.append('a', { text: 'hi' });
    expect(await ann.next('message')).toEqual({
      type: 'message',
      channel: 'a',
      epoch,
      seq: 1,
      ts,
      data: { text: 'hi' },
    });
    expect(await bob.untilPong()).toEqual([]);
  });

  it('names the new epoch after the log was lost under a living connection', async () => {
    const { url, log } = await startHub();
    const client = await connect(url);
    const { epoch } = await client.subscribe(room);
    log.append(room, 1);
    log.reset();
    log.append(room, 2);
    const [before, after] = await client.messages(2);
    expect(before).toMatchObject({ epoch, seq: 1 });
    expect(after).toMatchObject({ epoch: log.facts(room).epoch, seq: 1 });
    expect(after?.epoch).not.toBe(epoch);
  });

  it('does not come after the channel was left', async () => {
    const { url, log, hub } = await startHub();
    const client = await connect(url);
    await client.subscribe(room);
    client.send({ type: 'unsubscribe', channel: room });
    await client.untilPong();
    log.append(room, 1);
    expect(await client.untilPong()).not.toContainEqual(expect.objectContaining({ seq: 1 }));
    expect(hub.stats()).toMatchObject({ subscriptions: 0, channels: 0 });
  });

  it('of any JSON value arrives as it was', async () => {
    const { url, log } = await startHub();
    const client = await connect(url);
    await client.subscribe(room);
    const values = [null, 0, '', false, [], {}, '\u2028 \ud83d\ude00 "quoted" \\', [[{ a: null }]]];
    for (const value of values) log.append(room, value);
    expect((await client.messages(values.length)).map(({ data }) => data)).toEqual(values);
  });
});

describe('channels with the names of object members', () => {
  it.each(['__proto__', 'constructor', 'hasOwnProperty', 'a"b\\c', 'röhre 🚇'])(
    '%s: subscribe, message, heads, recover',
    async (channel) => {
      const { url, log } = await startHub();
      const client = await connect(url);
      const { epoch } = await client.subscribe(channel);
      log.append(channel, 1);
      expect(await client.next('message')).toMatchObject({ channel, seq: 1 });
      client.send({ type: 'ping' });
      const { heads } = await client.next('heads');
      expect(Object.entries(heads)).toEqual([[channel, [epoch, 1]]]);
      client.send({ type: 'recover', id: 1, items: [{ channel, epoch, since: 0 }] });
      const { items } = await client.next('recovered');
      expect(items).toMatchObject([{ status: 200, channel, head: 1, messages: [{ seq: 1 }] }]);
    },
  );
});
