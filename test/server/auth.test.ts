import { describe, expect, it, vi } from 'vitest';
import type { AuthorizeRequest, Verdict } from '../../src/server/index.js';
import { connect, deferred, logWith, recover, startHub, until } from './harness.js';

const room = 'room:1';

describe('the token', () => {
  it('of the first frame is asked about once, then goes with every request', async () => {
    const asked: Omit<AuthorizeRequest, 'request'>[] = [];
    const { url, log } = await startHub({
      authorize: ({ request: _request, ...question }) => {
        asked.push(question);
        return { principal: 'ann' };
      },
    });
    const client = await connect(url);
    const { epoch } = log.facts(room);
    client.send(
      { type: 'auth', token: 'secret' },
      { type: 'subscribe', id: 1, channel: 'a' },
      { type: 'publish', id: 2, channel: 'b', key: 'k', data: 1 },
      { type: 'recover', id: 3, items: [{ channel: 'c', epoch, since: 0 }] },
    );
    await client.next('recovered');
    expect(asked).toEqual([
      { action: 'connect', token: 'secret' },
      { action: 'subscribe', channel: 'a', token: 'secret' },
      { action: 'publish', channel: 'b', token: 'secret' },
      { action: 'recover', channel: 'c', token: 'secret' },
    ]);
  });

  it('that is missing is undefined; the request with its cookies is there all the same', async () => {
    const asked: unknown[] = [];
    const { url } = await startHub({
      authorize: ({ token, action, request }) => {
        asked.push([action, token, request.headers.cookie]);
        return {};
      },
    });
    const client = await connect(url, undefined, { headers: { Cookie: 'session=1' } });
    expect(asked).toEqual([]);
    await client.subscribe(room);
    await client.subscribe('room:2');
    expect(asked).toEqual([
      ['connect', undefined, 'session=1'],
      ['subscribe', undefined, 'session=1'],
      ['subscribe', undefined, 'session=1'],
    ]);
  });

  it('that is refused ends the connection with 4401, and nothing after it is answered', async () => {
    const { url, hub } = await startHub({
      authorize: ({ token }) => (token === 'good' ? {} : 'unauthorized'),
    });
    const client = await connect(url);
    client.send({ type: 'auth', token: 'bad' }, { type: 'subscribe', id: 1, channel: room });
    expect(await client.closed).toMatchObject({ code: 4401 });
    expect(client.frames.slice(1)).toEqual([{ type: 'error', code: 'unauthorized', retry: true }]);
    expect(hub.stats()).toMatchObject({ authRefusals: 1, subscriptions: 0 });
  });

  it.each<[Verdict, string, boolean, number]>([
    [false, 'forbidden', false, 4403],
    ['forbidden', 'forbidden', false, 4403],
    ['not_found', 'not_found', false, 4403],
    ['limit', 'limit', true, 4429],
    ['unauthorized', 'unauthorized', true, 4401],
  ])(
    'refused at connect with %s: error %s, retry %s, close %i',
    async (verdict, code, retry, close) => {
      const { url } = await startHub({ authorize: () => verdict });
      const client = await connect(url);
      client.send({ type: 'subscribe', id: 1, channel: room });
      expect(await client.closed).toMatchObject({ code: close });
      expect(client.frames.at(-1)).toEqual({ type: 'error', code, retry });
    },
  );

  it('that is renewed replaces the old one and keeps the subscriptions', async () => {
    const tokens: (string | undefined)[] = [];
    const { url, log } = await startHub({
      authorize: ({ token }) => {
        tokens.push(token);
        return { principal: 'ann' };
      },
    });
    const client = await connect(url);
    client.send({ type: 'auth', token: 'one' });
    await client.subscribe('a');
    client.send({ type: 'auth', token: 'two' });
    await client.subscribe('b');
    log.append('a', 1);
    expect(await client.next('message')).toMatchObject({ channel: 'a' });
    expect(tokens).toEqual(['one', 'one', 'two', 'two']);
  });

  it('that comes again asks for no channel again, although the app names nobody', async () => {
    const asked: string[] = [];
    const { url } = await startHub({
      authorize: ({ action }) => {
        asked.push(action);
        return {};
      },
    });
    const client = await connect(url);
    client.send({ type: 'auth', token: 'one' });
    await client.subscribe('a');
    client.send({ type: 'auth', token: 'one' });
    await client.subscribe('b');
    expect(asked).toEqual(['connect', 'subscribe', 'connect', 'subscribe']);
  });

  it('that is renewed and refused ends the connection', async () => {
    const { url } = await startHub({
      authorize: ({ token }) => (token === 'one' ? {} : 'unauthorized'),
    });
    const client = await connect(url);
    client.send({ type: 'auth', token: 'one' });
    await client.subscribe('a');
    client.send({ type: 'auth', token: 'two' });
    expect(await client.closed).toMatchObject({ code: 4401 });
  });

  it('of somebody else ends the subscriptions that this one may not have', async () => {
    const { url, log } = await startHub({
      authorize: ({ token, channel }) =>
        channel === undefined || channel === 'all' || channel === token
          ? { principal: token }
          : false,
    });
    const client = await connect(url);
    client.send({ type: 'auth', token: 'ann' });
    await client.subscribe('ann');
    await client.subscribe('all');
    client.send({ type: 'auth', token: 'bob' });
    expect(await client.next('unsubscribed')).toEqual({
      type: 'unsubscribed',
      channel: 'ann',
      code: 'forbidden',
      retry: false,
    });
    log.append('ann', 'private');
    log.append('all', 'public');
    expect(await client.next('message')).toMatchObject({ channel: 'all' });
  });

  it('of somebody else is shown no heads of a channel before the app has answered for it', async () => {
    const answered = deferred();
    let isAsked = false;
    const { url, log } = await startHub({
      heartbeatMs: 10,
      authorize: async ({ action, token }) => {
        if (action === 'subscribe' && token === 'bob') {
          isAsked = true;
          await answered.promise;
        }
        return { principal: token };
      },
    });
    const client = await connect(url);
    client.send({ type: 'auth', token: 'ann' });
    await client.subscribe(room);
    // By whom the channel has heads at all.
    await (await connect(url)).subscribe(room);
    client.send({ type: 'auth', token: 'bob' });
    await until(() => isAsked);
    log.append(room, 'private');
    const from = client.frames.length;
    const beats = () => client.frames.slice(from).filter(({ type }) => type === 'heads');
    await until(() => beats().length === 3);
    expect(beats().map(({ heads }) => heads)).toEqual([{}, {}, {}]);
    answered.resolve();
    expect(await client.next('subscribed')).toMatchObject({ channel: room, head: 1 });
  });

  it('of somebody whom the app does not name may be of somebody else: it is asked again', async () => {
    const { url, log } = await startHub({
      authorize: ({ token, channel }) =>
        channel === undefined || channel === 'all' || channel === token ? {} : false,
    });
    const client = await connect(url);
    client.send({ type: 'auth', token: 'ann' });
    await client.subscribe('ann');
    await client.subscribe('all');
    client.send({ type: 'auth', token: 'bob' });
    await client.untilPong();
    log.append('ann', 'private');
    log.append('all', 'public');
    expect(await client.next('message')).toMatchObject({ channel: 'all' });
    // Of what is allowed again nothing is said: for the client it is no new join.
    const told = client.frames.map(({ channel, type }) => [type, channel]).slice(-4);
    expect(told.filter(([type]) => type !== 'heads' && type !== 'pong')).toEqual([
      ['unsubscribed', 'ann'],
      ['message', 'all'],
    ]);
  });

  it('of somebody else, while the log is away, leaves no channel that nobody can follow', async () => {
    let isAway = false;
    const log = logWith({
      follow: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(() => undefined)),
    });
    const { url } = await startHub({
      log,
      authorize: ({ token }) => ({ principal: token }),
      onError: () => undefined,
    });
    const client = await connect(url);
    client.send({ type: 'auth', token: 'ann' });
    await client.subscribe(room);
    isAway = true;
    client.send({ type: 'auth', token: 'bob' });
    expect(await client.next('error')).toMatchObject({ channel: room, code: 'internal' });
    isAway = false;
    expect(await (await connect(url)).subscribe(room)).toMatchObject({ channel: room });
    expect(await client.subscribe(room)).toMatchObject({ channel: room });
  });
});

describe('a channel', () => {
  it.each<[Verdict, string, boolean]>([
    [false, 'forbidden', false],
    ['not_found', 'not_found', false],
    ['limit', 'limit', true],
  ])('refused with %s is %s, retry %s; the connection lives on', async (verdict, code, retry) => {
    const { url, log, hub } = await startHub({
      authorize: ({ channel }) => (channel === 'secret' ? verdict : {}),
    });
    const client = await connect(url);
    client.send(
      { type: 'subscribe', id: 1, channel: 'secret' },
      { type: 'publish', id: 2, channel: 'secret', key: 'k', data: 1 },
    );
    const error = { type: 'error', channel: 'secret', code, retry };
    expect(await client.next('error')).toEqual({ ...error, id: 1 });
    expect(await client.next('error')).toEqual({ ...error, id: 2 });
    await client.subscribe(room);
    log.append('secret', 1);
    expect(await client.untilPong()).toEqual([]);
    expect(log.facts('secret').head).toBe(1);
    expect(hub.stats()).toMatchObject({ authRefusals: 2, subscriptions: 1 });
  });

  it('refused as unauthorized means a stale token, and ends the connection with 4401', async () => {
    const { url } = await startHub({
      authorize: ({ action }) => (action === 'subscribe' ? 'unauthorized' : {}),
    });
    const client = await connect(url);
    client.send({ type: 'subscribe', id: 1, channel: room });
    expect(await client.closed).toMatchObject({ code: 4401 });
    expect(client.frames.at(-1)).toEqual({
      type: 'error',
      id: 1,
      channel: room,
      code: 'unauthorized',
      retry: true,
    });
  });

  it('refused the second time is not listened to any more', async () => {
    let isAllowed = true;
    const { url, log, hub } = await startHub({
      authorize: ({ action }) => (action === 'connect' || isAllowed ? {} : false),
    });
    const client = await connect(url);
    await client.subscribe(room);
    isAllowed = false;
    client.send({ type: 'subscribe', id: 2, channel: room });
    await client.next('error');
    log.append(room, 1);
    expect(await client.untilPong()).toEqual([]);
    expect(hub.stats().subscriptions).toBe(0);
  });

  it('that may not be subscribed cannot be recovered either, over either carrier', async () => {
    const { url, port, log } = await startHub({
      authorize: ({ channel }) => (channel === 'secret' ? false : {}),
    });
    const { epoch } = log.append('secret', 'private');
    const client = await connect(url);
    const items = [{ channel: 'secret', epoch, since: 0 }];
    client.send({ type: 'recover', id: 1, items });
    const inBand = await client.next('recovered');
    const http = await recover(port, { channel: 'secret', epoch, since: 0 });
    expect(inBand.items[0].status).toBe(403);
    expect(http.status).toBe(403);
    expect(JSON.stringify([inBand, http.body])).not.toContain('private');
  });
});

describe('a rule of the app that fails', () => {
  it.each<[string, () => Verdict | Promise<Verdict>]>([
    [
      'throws',
      () => {
        throw new Error('database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('database'))],
    ['answers true', () => true as unknown as Verdict],
    ['answers nothing', () => undefined as unknown as Verdict],
    ['answers null', () => null as unknown as Verdict],
    ['names a principal that is no string', () => ({ principal: 5 }) as unknown as Verdict],
  ])('%s: is a refusal worth a retry, and is reported', async (_how, fail) => {
    const sources: string[] = [];
    const { url, port, hub } = await startHub({
      authorize: ({ action }) => (action === 'connect' ? {} : fail()),
      onError: (_error, source) => sources.push(source),
    });
    const client = await connect(url);
    client.send({ type: 'subscribe', id: 1, channel: room });
    const error = { type: 'error', id: 1, channel: room, code: 'internal', retry: true };
    expect(await client.next('error')).toEqual(error);
    const http = await recover(port, { channel: room, epoch: 'e', since: 0 });
    expect(http).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(sources).toEqual(['authorize', 'authorize']);
    expect(hub.stats()).toMatchObject({ subscriptions: 0, errors: 2, authRefusals: 0 });
  });

  it('is told of on the console also when what it threw has no text', async () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const { url } = await startHub({
      authorize: () => {
        throw Object.create(null);
      },
    });
    const client = await connect(url);
    client.send({ type: 'subscribe', id: 1, channel: room });
    expect(await client.closed).toMatchObject({ code: 1011 });
    expect(print.mock.calls).toEqual([[expect.stringMatching(/^lastseq: authorize failed: /)]]);
    print.mockRestore();
  });

  it('may answer with a promise that is none but for its then', async () => {
    const { url } = await startHub({
      authorize: () => ({ then: (answer: (verdict: Verdict) => void) => answer({}) }) as never,
    });
    await (await connect(url)).subscribe(room);
  });

  it('at connect closes, so that the client comes back with backoff', async () => {
    const { url } = await startHub({
      authorize: () => Promise.reject(new Error('database')),
      onError: () => undefined,
    });
    const client = await connect(url);
    client.send({ type: 'subscribe', id: 1, channel: room });
    expect(await client.closed).toMatchObject({ code: 1011 });
    expect(client.frames.at(-1)).toEqual({ type: 'error', code: 'internal', retry: true });
  });

  it('never gets a token printed, even when its own error quotes it', async () => {
    const printed: unknown[] = [];
    const sink = (...args: unknown[]) => {
      printed.push(...args);
      return true;
    };
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      vi.spyOn(console, method).mockImplementation(sink);
    }
    const write = vi.spyOn(process.stderr, 'write').mockImplementation(sink as never);
    const { url, port, hub } = await startHub({
      authorize: ({ token }) => {
        throw new Error(`cannot parse ${token}: ${token}`);
      },
    });
    const client = await connect(url);
    client.send({ type: 'auth', token: 'tok-5ecret' });
    await client.closed;
    const parameters = { channel: room, epoch: 'e', since: 0 };
    await recover(port, parameters, { Authorization: 'Bearer tok-5ecret' });
    const odd = await connect(url);
    odd.send({ type: 'auth', token: 'tok-5ecret', id: 1, channel: '' }, { type: 'tok-5ecret' });
    await odd.closed;
    await until(() => hub.stats().errors === 3);
    write.mockRestore();
    vi.restoreAllMocks();
    expect(printed).toHaveLength(3);
    expect(String(printed[0])).toContain('lastseq: authorize failed: Error: cannot parse [token]');
    expect(JSON.stringify(printed)).not.toContain('5ecret');
    expect(JSON.stringify([client.frames, odd.frames])).not.toContain('5ecret');
  });
});
