// @vitest-environment node
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { fetchHistory, type HistoryCall } from '../../src/adapters/fetch-history.js';
import type { HistoryQuestion } from '../../src/ports/history.js';

const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  for (const end of ends.splice(0)) await end();
});

/** A real server that answers as it is told. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const question = (more: Partial<HistoryQuestion> = {}): HistoryQuestion => ({
  channel: 'room:1',
  epoch: 'k3f9',
  seq: 41,
  limit: 200,
  token: undefined,
  signal: new AbortController().signal,
  ...more,
});

describe('an address', () => {
  test('is asked with sorted parameters after its own, uncached, with the token', async () => {
    const requests: IncomingMessage[] = [];
    const base = await serve((request, response) => {
      requests.push(request);
      response.end('{"messages":[]}');
    });
    const history = fetchHistory(`${base}/recover?tenant=a%20b&sig=x+y`);
    const answer = await history.fetch(question({ channel: 'room:1&x=2', token: 'secret' }));
    expect(answer).toEqual({ status: 200, body: { messages: [] } });
    expect(requests[0]).toMatchObject({
      method: 'GET',
      url: '/recover?tenant=a%20b&sig=x+y&channel=room%3A1%26x%3D2&epoch=k3f9&limit=200&since=41',
    });
    expect(requests[0]?.headers).toMatchObject({
      authorization: 'Bearer secret',
      'cache-control': 'no-cache',
    });
  });

  test('without a token there is no Authorization, without parameters no stray "&"', async () => {
    let seen: IncomingMessage | undefined;
    const base = await serve((request, response) => {
      seen = request;
      response.end('[]');
    });
    await fetchHistory(new URL(`${base}/recover#top`)).fetch(question());
    expect(seen?.url).toBe('/recover?channel=room%3A1&epoch=k3f9&limit=200&since=41');
    expect(seen?.headers.authorization).toBeUndefined();
  });

  test('is one page per call and stays as it was given', async () => {
    const urls: unknown[] = [];
    const base = await serve((request, response) => {
      urls.push(request.url);
      response.end('{}');
    });
    const target = new URL(`${base}/r`);
    const history = fetchHistory(target);
    await history.fetch(question({ seq: 1 }));
    await history.fetch(question({ seq: 2 }));
    expect(urls.map((url) => String(url).replace(/.*since=/, ''))).toEqual(['1', '2']);
    expect(target.search).toBe('');
  });

  test('asks the fetch of the moment, with no-store and cookies for its own origin', async () => {
    const fetch = vi.fn((_url: URL, _init: RequestInit) => Promise.resolve(new Response('1')));
    const history = fetchHistory('https://server/recover');
    vi.stubGlobal('fetch', fetch);
    const { signal } = new AbortController();
    await history.fetch(question({ signal }));
    expect(fetch.mock.calls[0]?.[1]).toMatchObject({
      cache: 'no-store',
      credentials: 'same-origin',
      signal,
    });
  });

  test('may be relative to the page, or to what the page names as its base', async () => {
    const fetch = vi.fn((_url: URL) => Promise.resolve(new Response('1')));
    vi.stubGlobal('fetch', fetch);
    vi.stubGlobal('location', { href: 'https://app.example/rooms/1' });
    const history = fetchHistory('recover');
    await history.fetch(question());
    vi.stubGlobal('document', { baseURI: 'https://api.example/v2/' });
    await history.fetch(question());
    expect(fetch.mock.calls.map(([{ origin, pathname }]) => origin + pathname)).toEqual([
      'https://app.example/rooms/recover',
      'https://api.example/v2/recover',
    ]);
  });

  test('has the parameters of the question, where a dialect gives it some', async () => {
    const fetch = vi.fn((_url: URL) => Promise.resolve(new Response('1')));
    vi.stubGlobal('fetch', fetch);
    const history = fetchHistory('https://server/recover?tenant=a');
    await history.fetch(question({ query: { after: '41', room: 'a b' } }));
    expect(fetch.mock.calls[0]?.[0].search).toBe('?tenant=a&after=41&room=a+b');
  });

  test('relative without a page, or bad, is no answer', async () => {
    for (const target of ['/recover', 'http://[']) {
      const answer = await fetchHistory(target).fetch(question());
      expect(answer).toMatchObject({ status: 0, detail: expect.stringContaining('URL') });
    }
  });

  test.each([400, 401, 403, 404, 429, 500, 503, 204])('status %d is reported', async (status) => {
    const base = await serve((_request, response) => response.writeHead(status).end());
    expect(await fetchHistory(base).fetch(question())).toEqual({ status, detail: '' });
  });

  test('what an error says is its detail, and no more than 200 characters of it', async () => {
    const base = await serve((_request, response) =>
      response.writeHead(400).end('since is given twice'.padEnd(10_000, '!')),
    );
    const { detail } = (await fetchHistory(base).fetch(question())) as { detail: string };
    expect(detail).toMatch(/^since is given twice!+$/);
    expect(detail.length).toBe(200);
  });

  test('a page of HTML with status 200 is no answer', async () => {
    const base = await serve((_request, response) =>
      response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Log in</title>'),
    );
    const detail = 'the answer is not JSON (text/html)';
    expect(await fetchHistory(base).fetch(question())).toEqual({ status: 0, detail });
  });

  test('an empty answer with status 200 is no answer', async () => {
    const base = await serve((_request, response) => response.end());
    expect(await fetchHistory(base).fetch(question())).toMatchObject({ status: 0 });
  });

  test('an answer that breaks off is no answer', async () => {
    const base = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': 100 }).write('{"messages":');
      response.on('drain', () => undefined);
      setImmediate(() => response.destroy());
    });
    expect(await fetchHistory(base).fetch(question())).toMatchObject({ status: 0 });
  });

  test('a server that nobody can reach is no answer', async () => {
    const base = await serve(() => undefined);
    for (const end of ends.splice(0)) await end();
    expect(await fetchHistory(base).fetch(question())).toMatchObject({ status: 0 });
  });

  test('an abort is no answer, before the call and in the middle of it', async () => {
    const abort = new AbortController();
    const base = await serve(() => abort.abort());
    const history = fetchHistory(base);
    expect(await history.fetch(question({ signal: abort.signal }))).toMatchObject({ status: 0 });
    expect(await history.fetch(question({ signal: abort.signal }))).toMatchObject({ status: 0 });
  });

  test('an abort while an error is being read leaves the status', async () => {
    const abort = new AbortController();
    const base = await serve((_request, response) => {
      response.writeHead(503, { 'Retry-After': '2' }).write('busy');
    });
    const fetch = globalThis.fetch;
    vi.stubGlobal('fetch', async (...args: Parameters<typeof fetch>) => {
      const response = await fetch(...args);
      queueMicrotask(() => abort.abort());
      return response;
    });
    const answer = await fetchHistory(base).fetch(question({ signal: abort.signal }));
    expect(answer).toEqual({ status: 503, retryInMs: 2_000, detail: '' });
  });

  test('no fetch at all is no answer', async () => {
    vi.stubGlobal('fetch', undefined);
    expect(await fetchHistory('https://server/').fetch(question())).toMatchObject({ status: 0 });
  });

  test('a token that no header can hold is not in the detail', async () => {
    const answer = await fetchHistory('https://server/').fetch(question({ token: 'sec\nret' }));
    expect(answer).toMatchObject({ status: 0 });
    expect(JSON.stringify(answer)).not.toContain('ret');
  });
});

describe('Retry-After', () => {
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT';

  test.each<[string, Record<string, string>, number | undefined]>([
    ['seconds', { 'Retry-After': '120' }, 120_000],
    ['a fraction of them', { 'Retry-After': '2.5' }, 2_500],
    ['none to wait', { 'Retry-After': '0' }, 0],
    [
      'a date, by the clock of the server',
      { 'Retry-After': 'Wed, 21 Oct 2026 07:29:30 GMT', Date: date },
      90_000,
    ],
    ['a date in another form', { 'Retry-After': '2026-10-21T07:29:30+00:00', Date: date }, 90_000],
    ['a date that has passed', { 'Retry-After': 'Wed, 21 Oct 2026 07:00:00 GMT', Date: date }, 0],
    ['nonsense', { 'Retry-After': 'soon' }, undefined],
    ['a negative number', { 'Retry-After': '-5x' }, undefined],
    ['nothing', {}, undefined],
  ])('%s', async (_what, headers, retryInMs) => {
    const base = await serve((_request, response) => response.writeHead(503, headers).end());
    const answer = await fetchHistory(base).fetch(question());
    expect(answer).toEqual({
      status: 503,
      detail: '',
      ...(retryInMs !== undefined && { retryInMs }),
    });
  });

  test('a date from a server whose Date cannot be seen counts by our clock', async () => {
    vi.spyOn(Date, 'now').mockReturnValue(Date.parse(date));
    const headers = { 'Retry-After': 'Wed, 21 Oct 2026 07:28:05 GMT' };
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('', { status: 429, headers })));
    const answer = await fetchHistory('https://server/').fetch(question());
    expect(answer).toMatchObject({ status: 429, retryInMs: 5_000 });
  });
});

describe('a function of the app', () => {
  test('gets the question in the words of the API and gives the body', async () => {
    const calls: HistoryCall[] = [];
    const history = fetchHistory((call) => {
      calls.push(call);
      return Promise.resolve({ messages: [] });
    });
    const { signal } = new AbortController();
    const answer = await history.fetch(question({ token: 'secret', signal }));
    expect(answer).toEqual({ status: 200, body: { messages: [] } });
    const call = {
      channel: 'room:1',
      epoch: 'k3f9',
      since: 41,
      limit: 200,
      token: 'secret',
      signal,
    };
    expect(calls).toEqual([call]);
  });

  test('may be synchronous', async () => {
    expect(await fetchHistory(() => 'body').fetch(question())).toEqual({
      status: 200,
      body: 'body',
    });
  });

  test.each<[string, unknown, object]>([
    ['an error', new Error('down'), { status: 0, detail: 'down' }],
    ['a status', Object.assign(new Error('no'), { status: 403 }), { status: 403, detail: 'no' }],
    [
      'a status and a time to wait',
      Object.assign(new Error('busy'), { status: 429, retryInMs: 500 }),
      { status: 429, retryInMs: 500, detail: 'busy' },
    ],
    [
      'a status and a time that chance was added to',
      Object.assign(new Error('busy'), { status: 503, retryInMs: 500.25 }),
      { status: 503, retryInMs: 500.25, detail: 'busy' },
    ],
    [
      'a time without end',
      Object.assign(new Error('x'), { status: 503, retryInMs: Infinity }),
      { status: 503, detail: 'x' },
    ],
    ['status 99', Object.assign(new Error('odd'), { status: 99 }), { status: 0, detail: 'odd' }],
    ['status 600', Object.assign(new Error('odd'), { status: 600 }), { status: 0, detail: 'odd' }],
    ['status 200', Object.assign(new Error('odd'), { status: 200 }), { status: 0, detail: 'odd' }],
    [
      'status "503"',
      Object.assign(new Error('odd'), { status: '503' }),
      { status: 0, detail: 'odd' },
    ],
    ['status NaN', Object.assign(new Error('odd'), { status: NaN }), { status: 0, detail: 'odd' }],
    ['status -1', Object.assign(new Error('odd'), { status: -1 }), { status: 0, detail: 'odd' }],
    [
      'a bad time',
      Object.assign(new Error('x'), { status: 429, retryInMs: -1 }),
      { status: 429, detail: 'x' },
    ],
    [
      'a list for a message',
      Object.assign(new Error('no'), { status: 403, message: ['not yours'] }),
      { status: 403, detail: '[object Array]' },
    ],
    [
      'no message',
      Object.assign(new Error('no'), { status: 401, message: undefined }),
      { status: 401, detail: 'undefined' },
    ],
    [
      'what has no text',
      Object.assign(Object.create(null) as object, { status: 503, retryInMs: 500 }),
      { status: 503, retryInMs: 500, detail: '[object Object]' },
    ],
    ['a string', 'down', { status: 0, detail: 'down' }],
    ['undefined', undefined, { status: 0, detail: 'undefined' }],
    ['null', null, { status: 0, detail: 'null' }],
  ])('that throws or rejects with %s', async (_what, error, answer) => {
    const throwing = fetchHistory(() => {
      throw error;
    });
    expect(await throwing.fetch(question({ token: 'secret' }))).toEqual(answer);
    const rejecting = fetchHistory(() => Promise.reject(error));
    expect(await rejecting.fetch(question())).toEqual(answer);
  });

  test('that quotes the token in its error does not give it away', async () => {
    const history = fetchHistory(({ token }) => {
      throw new Error(`bad token ${token}: ${token} has expired`);
    });
    const answer = await history.fetch(question({ token: 'secret' }));
    expect(answer).toEqual({ status: 0, detail: 'bad token [token]: [token] has expired' });
  });
});
