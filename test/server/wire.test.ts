import { describe, expect, it } from 'vitest';
import { memoryLog, type Log } from '../../src/server/index.js';
import { Client, connect, deferred, startHub, until } from './harness.js';

const room = 'room:1';

/** The log, with some of its methods replaced. */
function logWith(changes: Partial<Log>): Log {
  const log = memoryLog();
  return {
    append: (...args) => log.append(...args),
    facts: (...args) => log.facts(...args),
    read: (...args) => log.read(...args),
    listen: (...args) => log.listen(...args),
    ...changes,
  };
}

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

  it('gets its subprotocol back', async () => {
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

describe('publish', () => {
  it('is acknowledged with the number, and comes back with its sender', async () => {
    const { url, log, hub } = await startHub({ authorize: () => ({ principal: 'ann' }) });
    const client = await connect(url);
    await client.subscribe(room);
    client.send({ type: 'publish', id: 3, channel: room, key: 'c1-17', data: { text: 'hi' } });
    const { epoch } = log.facts(room);
    const message = { channel: room, epoch, seq: 1, from: 'ann', data: { text: 'hi' } };
    expect(await client.next('message')).toMatchObject(message);
    expect(await client.next('ack')).toEqual({ type: 'ack', id: 3, channel: room, epoch, seq: 1 });
    expect(hub.stats()).toMatchObject({ messagesIn: 1, messagesOut: 1 });
  });

  it('with a key that was used gets the number of then', async () => {
    const { url, log, hub } = await startHub({
      authorize: ({ token }) => ({ principal: token ?? 'nobody' }),
    });
    const publish = { type: 'publish', channel: room, key: 'k', data: 1 };
    const first = await connect(url);
    first.send({ ...publish, id: 1 }, { ...publish, id: 2 });
    expect(await first.next('ack')).toMatchObject({ id: 1, seq: 1 });
    expect(await first.next('ack')).toMatchObject({ id: 2, seq: 1 });
    const other = await connect(url);
    other.send({ type: 'auth', token: 'bob' }, { ...publish, id: 1 });
    expect(await other.next('ack')).toMatchObject({ seq: 2 });
    expect(log.facts(room).head).toBe(2);
    expect(hub.stats().messagesIn).toBe(2);
  });

  it('scopes its key by the principal of the connection when publish names none', async () => {
    const { url } = await startHub({
      authorize: ({ action, token }) => (action === 'connect' ? { principal: token } : {}),
    });
    for (const [token, seq] of [
      ['ann', 1],
      ['bob', 2],
    ] as const) {
      const client = await connect(url);
      client.send(
        { type: 'auth', token },
        { type: 'publish', id: 1, channel: room, key: 'k', data: 1 },
      );
      expect(await client.next('ack')).toMatchObject({ seq });
    }
  });

  it('of what is too large is refused before a number exists', async () => {
    const { url, log } = await startHub();
    const client = await connect(url);
    client.send({ type: 'publish', id: 1, channel: room, key: 'k', data: 'x'.repeat(65_535) });
    expect(await client.next('error')).toMatchObject({
      id: 1,
      channel: room,
      code: 'limit',
      retry: false,
    });
    expect(log.facts(room).head).toBe(0);
    client.send({ type: 'publish', id: 2, channel: room, key: 'k', data: 'x'.repeat(65_534) });
    expect(await client.next('ack')).toMatchObject({ id: 2, seq: 1 });
  });

  it('that the log cannot take is an internal error worth a retry', async () => {
    const errors: unknown[] = [];
    const log = logWith({ append: () => Promise.reject(new Error('down')) });
    const { url } = await startHub({ log, onError: (_error, source) => errors.push(source) });
    const client = await connect(url);
    client.send({ type: 'publish', id: 1, channel: room, key: 'k', data: 1 });
    expect(await client.next('error')).toEqual({
      type: 'error',
      id: 1,
      channel: room,
      code: 'internal',
      retry: true,
    });
    expect(errors).toEqual(['log']);
  });

  it('needs an id, data, a channel and a proper key', async () => {
    const { url, log } = await startHub();
    const client = await connect(url);
    const good = { type: 'publish', id: 5, channel: room, key: 'k', data: 1 };
    for (const bad of [
      { id: '5' },
      { id: -1 },
      { id: 1.5 },
      { id: undefined },
      { data: undefined },
      { channel: 5 },
      { channel: '' },
      { key: 5 },
      { key: '' },
      { key: 'x'.repeat(256) },
    ]) {
      client.send({ ...good, ...bad });
      expect(await client.next('error')).toMatchObject({ code: 'bad_request', retry: false });
    }
    expect(log.facts(room).head).toBe(0);
    client.send({ ...good, key: undefined });
    expect(await client.next('ack')).toMatchObject({ id: 5, seq: 1 });
  });
});

describe('recover', () => {
  it('answers every channel in order, refusals included', async () => {
    const { url, log } = await startHub({
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
    const answer = deferred();
    let reads = 0;
    const log = logWith({
      read: async (...args) => {
        reads += 1;
        await answer.promise;
        return inner.read(...args);
      },
    });
    const { url, hub } = await startHub({ log });
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect(url)));
    for (const client of clients) {
      client.send({ type: 'recover', id: 1, items: [{ channel: 'a', epoch: 'e', since: 0 }] });
    }
    await until(() => hub.stats().framesIn === 5);
    answer.resolve();
    for (const client of clients) await client.next('recovered');
    expect(reads).toBe(1);
    clients[0]!.send({ type: 'recover', id: 2, items: [{ channel: 'a', epoch: 'e', since: 0 }] });
    await clients[0]!.next('recovered');
    expect(reads).toBe(2);
  });
});

describe('a frame that breaks a rule', () => {
  it('of an unknown type is answered unsupported, with its id, and the connection lives', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    client.send({ type: 'teleport', id: 12, channel: room }, { type: 'teleport', id: 'twelve' });
    const unsupported = { type: 'error', code: 'unsupported', retry: false };
    expect(await client.next('error')).toMatchObject({ ...unsupported, id: 12, channel: room });
    expect(await client.next('error')).not.toHaveProperty('id');
    await client.subscribe(room);
  });

  it.each([
    { id: 1 },
    { type: 5, id: 1 },
    { type: 'subscribe', id: 1 },
    { type: 'subscribe', id: 'a', channel: room },
    { type: 'subscribe', id: 1, channel: 'x'.repeat(256) },
    { type: 'subscribe', id: 1, channel: 'a\u0000b' },
    { type: 'unsubscribe', channel: 5 },
    { type: 'recover', id: 1 },
    { type: 'recover', items: [] },
    { type: 'recover', id: 1, items: [], limit: 0 },
    { type: 'recover', id: 1, items: [], limit: 1.5 },
    { type: 'auth' },
    { type: 'auth', token: 5 },
  ])('such as %j is answered bad_request, and the connection lives', async (frame) => {
    const { url, hub } = await startHub();
    const client = await connect(url);
    client.send(frame);
    expect(await client.next('error')).toMatchObject({ code: 'bad_request', retry: false });
    expect(hub.stats().badFrames).toBe(1);
    await client.subscribe(room);
  });

  it.each([
    '',
    '{',
    'hello',
    '5',
    'null',
    '"ping"',
    '[5]',
    '[{"type":"ping"},null]',
    '[[]]',
    'NaN',
  ])('such as the text %j closes with 4400', async (text) => {
    const { url, hub } = await startHub();
    const client = await connect(url);
    client.socket.send(text);
    expect(await client.closed).toMatchObject({ code: 4400 });
    expect(hub.stats().badFrames).toBe(1);
  });

  it('and is binary closes with 4400', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    client.socket.send(Buffer.from('{"type":"ping"}'));
    expect(await client.closed).toMatchObject({ code: 4400 });
  });

  it('and is longer than allowed closes with 1009', async () => {
    const { url } = await startHub({ maxFrameBytes: 1_024 });
    const client = await connect(url);
    client.socket.send(JSON.stringify({ type: 'ping', pad: 'x'.repeat(2_000) }));
    expect(await client.closed).toMatchObject({ code: 1009 });
  });

  it('does not hide the frames around it in an array', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    client.send(
      { type: 'subscribe', id: 1, channel: 'a' },
      { type: '?', id: 2 },
      { type: 'subscribe', id: 3, channel: 'b' },
    );
    await client.next('subscribed');
    await client.next('error');
    expect(await client.next('subscribed')).toMatchObject({ id: 3 });
  });

  it('an empty array holds no frames and does nothing', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    client.socket.send('[]');
    expect(await client.untilPong()).toEqual([]);
  });
});

describe('a flood of frames', () => {
  it('that waits for its turn is bounded by count and closes with 4429', async () => {
    const { promise } = deferred<object>();
    const { url, hub } = await startHub({ authorize: () => promise, maxQueuedFrames: 10 });
    const client = await connect(url);
    for (let id = 0; id < 12; id += 1) client.send({ type: 'subscribe', id, channel: `c${id}` });
    expect(await client.closed).toMatchObject({ code: 4429 });
    expect(hub.stats().floods).toBe(1);
  });

  it('is bounded by bytes as well', async () => {
    const { promise } = deferred<object>();
    const { url } = await startHub({
      authorize: () => promise,
      maxFrameBytes: 1_024,
      maxQueuedBytes: 2_048,
    });
    const client = await connect(url);
    const pad = 'x'.repeat(700);
    for (let id = 0; id < 4; id += 1) client.send({ type: 'subscribe', id, channel: 'a', pad });
    expect(await client.closed).toMatchObject({ code: 4429 });
  });

  it('that is handled as it comes may go on for ever', async () => {
    const { url } = await startHub({ maxQueuedFrames: 10 });
    const client = await connect(url);
    for (let round = 0; round < 100; round += 1) {
      client.send(...Array.from({ length: 10 }, () => ({ type: 'unsubscribe', channel: 'a' })));
      await client.untilPong();
    }
    expect(client.socket.readyState).toBe(client.socket.OPEN);
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
