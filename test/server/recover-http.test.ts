import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createHub, memoryLog, type Log } from '../../src/server/index.js';
import { atEnd, call, deferred, recover, startHub, startServer, until } from './harness.js';

const room = 'room:1';

/** A server of HTTP/2, and a client of it. The declarations of handlers know of HTTP/1 alone. */
async function startHttp2(handle: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const server = createHttp2Server((request, response) => {
    void handle(request as never, response as never);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const session = connectHttp2(origin);
  atEnd(async () => {
    session.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { origin, server, session };
}

describe('the recovery call', () => {
  it('has the body of the protocol, the bytes included', async () => {
    const { port, log } = await startHub();
    log.append(room, 1);
    const two = log.append(room, { text: 'hi' }, { from: 'ann' });
    const three = log.append(room, null);
    const { epoch } = log.facts(room);
    const answer = await recover(port, { channel: room, epoch, since: 1 });
    expect(answer.status).toBe(200);
    expect(JSON.stringify(answer.body)).toBe(
      `{"channel":"room:1","epoch":"${epoch}","head":3,"oldest":1,"messages":[` +
        `{"seq":2,"ts":${two.ts},"from":"ann","data":{"text":"hi"}},` +
        `{"seq":3,"ts":${three.ts},"data":null}],"more":false}`,
    );
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      vary: 'Authorization, Origin',
      'content-type': 'application/json; charset=utf-8',
    });
  });

  it('answers 200 at every boundary, and the numbers say the rest', async () => {
    const { port, log } = await startHub({ log: memoryLog({ maxLength: 3 }) });
    for (let i = 1; i <= 5; i += 1) log.append(room, i);
    const { epoch } = log.facts(room);
    const seqs = async (since: number, of = epoch) => {
      const { status, body } = await recover(port, { channel: room, epoch: of, since });
      expect(status).toBe(200);
      expect(body).toMatchObject({ channel: room, epoch, head: 5, oldest: 3, more: false });
      return body.messages.map(({ seq }: { seq: number }) => seq);
    };
    expect(await seqs(1)).toEqual([3, 4, 5]);
    expect(await seqs(2)).toEqual([3, 4, 5]);
    expect(await seqs(4)).toEqual([5]);
    expect(await seqs(5)).toEqual([]);
    expect(await seqs(6)).toEqual([]);
    expect(await seqs(Number.MAX_SAFE_INTEGER)).toEqual([]);
    expect(await seqs(2, 'another')).toEqual([]);
    log.expire(room);
    const { body } = await recover(port, { channel: room, epoch, since: 5 });
    expect(body).toMatchObject({ head: 5, oldest: 6, messages: [], more: false });
  });

  it('pages up to the head', async () => {
    const { port, log } = await startHub({ limits: { page: 4 } });
    for (let i = 1; i <= 10; i += 1) log.append(room, i);
    const { epoch } = log.facts(room);
    const pages: number[][] = [];
    for (let since = 0, more = true; more;) {
      const { body } = await recover(port, { channel: room, epoch, since, limit: 50 });
      pages.push(body.messages.map(({ seq }: { seq: number }) => seq));
      since = pages.at(-1)!.at(-1)!;
      more = body.more;
    }
    expect(pages).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10],
    ]);
  });

  it.each([
    ['nothing', ''],
    ['no channel', 'epoch=e&since=0'],
    ['a bad channel', 'channel=a%0Ab&epoch=e&since=0'],
    ['a channel that is too long', `channel=${'x'.repeat(256)}&epoch=e&since=0`],
    ['no epoch', 'channel=a&since=0'],
    ['an empty epoch', 'channel=a&epoch=&since=0'],
    ['no since', 'channel=a&epoch=e'],
    ['an empty since', 'channel=a&epoch=e&since='],
    ['a negative since', 'channel=a&epoch=e&since=-1'],
    ['a broken since', 'channel=a&epoch=e&since=1.5'],
    ['a since in words', 'channel=a&epoch=e&since=all'],
    ['a since in hex', 'channel=a&epoch=e&since=0x1'],
    ['a since above 2^53', 'channel=a&epoch=e&since=9007199254740992'],
    ['two sinces', 'channel=a&epoch=e&since=1&since=2'],
    ['a limit of 0', 'channel=a&epoch=e&since=0&limit=0'],
    ['a limit in words', 'channel=a&epoch=e&since=0&limit=many'],
    ['an empty limit', 'channel=a&epoch=e&since=0&limit='],
  ])('with %s is a 400, never everything', async (_what, query) => {
    const { hub, port, log } = await startHub();
    log.append('a', 1);
    const answer = await call(port, `/recover?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'bad_request' } });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(hub.stats().badFrames).toBe(1);
  });

  it.each(['channel', 'epoch', 'since', 'limit'])(
    'says that it was %s that is bad',
    async (name) => {
      const { port } = await startHub();
      const good = { channel: 'a', epoch: 'e', since: '0', limit: '1' };
      const bad = { channel: '', epoch: '', since: '9007199254740992', limit: '-1' };
      const answer = await recover(port, { ...good, [name]: bad[name as keyof typeof bad] });
      expect(answer.body.message).toContain(name);
    },
  );

  it('asks with the bearer token, whatever the case of the scheme', async () => {
    const tokens: (string | undefined)[] = [];
    const { port } = await startHub({
      authorize: ({ token, action, channel }) => {
        expect([action, channel]).toEqual(['recover', room]);
        tokens.push(token);
        return {};
      },
    });
    const query = { channel: room, epoch: 'e', since: 0 };
    await recover(port, query, { Authorization: 'Bearer abc' });
    await recover(port, query, { Authorization: 'bearer  abc' });
    await recover(port, query, { Authorization: 'Basic abc' });
    await recover(port, query);
    expect(tokens).toEqual(['abc', 'abc', undefined, undefined]);
  });

  it.each([
    ['unauthorized', 401],
    ['forbidden', 403],
    [false, 403],
    ['not_found', 404],
    ['limit', 429],
  ] as const)('refused with %s is a %i', async (verdict, status) => {
    const { port, hub } = await startHub({ authorize: () => verdict, retryAfterMs: 2_500 });
    const answer = await recover(port, { channel: room, epoch: 'e', since: 0 });
    expect(answer.status).toBe(status);
    expect(answer.headers['retry-after']).toBe(status === 429 ? '3' : undefined);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(hub.stats().authRefusals).toBe(1);
  });

  it('is a 503 with Retry-After while the log is unreachable', async () => {
    const log: Log = { ...memoryLog(), read: () => Promise.reject(new Error('down')) } as Log;
    const inner = memoryLog();
    log.listen = (listener) => inner.listen(listener);
    log.append = (...args) => inner.append(...args);
    log.facts = (channel) => inner.facts(channel);
    const { port } = await startHub({ log, onError: () => undefined });
    const answer = await recover(port, { channel: room, epoch: 'e', since: 0 });
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  });

  it('is a 503 when too many are under way, and not any more when they are done', async () => {
    const answer = deferred<object>();
    let asked = 0;
    const { port } = await startHub({
      authorize: () => {
        asked += 1;
        return asked <= 2 ? answer.promise : {};
      },
      maxRecoveries: 2,
    });
    const query = { channel: room, epoch: 'e', since: 0 };
    const held = [recover(port, query), recover(port, query)];
    await until(() => asked === 2);
    expect(await recover(port, query)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
    });
    // A browser shows its page nothing of an answer whose preflight failed, Retry-After included.
    expect((await call(port, '/recover', {}, 'OPTIONS')).status).toBe(204);
    answer.resolve({});
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await recover(port, query)).status).toBe(200);
  });

  it('keeps no place for a client that had left before it was asked', async () => {
    const hub = createHub({ log: memoryLog(), authorize: () => ({}), maxRecoveries: 1 });
    atEnd(() => hub.close());
    const { server, port } = await startServer();
    let handled = 0;
    server.on('request', async (request, response) => {
      // As an app does that looks up a session first.
      if (request.headers['x-leaves'] !== undefined) await once(response, 'close');
      await hub.handleRecover(request, response);
      handled += 1;
    });
    const path = '/recover?channel=a&epoch=e&since=0';
    const leaving = get({ port, path, headers: { 'X-Leaves': '1' }, agent: false });
    leaving.on('error', () => undefined);
    await once(server, 'request');
    leaving.destroy();
    await until(() => handled === 1);
    expect((await call(port, path)).status).toBe(200);
  });

  it('keeps no place for one that had left over HTTP/2 either', async () => {
    const hub = createHub({ log: memoryLog(), authorize: () => ({}), maxRecoveries: 1 });
    atEnd(() => hub.close());
    let handled = 0;
    const { server, session } = await startHttp2(async (request, response) => {
      if (request.headers['x-leaves'] !== undefined) await once(response, 'close');
      await hub.handleRecover(request, response);
      handled += 1;
    });
    const path = { ':path': '/?channel=a&epoch=e&since=0' };
    const leaving = session.request({ ...path, 'x-leaves': '1' });
    leaving.on('error', () => undefined);
    await once(server, 'stream');
    leaving.destroy();
    await until(() => handled === 1);
    const [headers] = await once(session.request(path), 'response');
    expect(headers[':status']).toBe(200);
  });

  it('is a 503 after the end of the hub, whoever hands it over, and also when it drains then', async () => {
    const { hub, log } = await startHub();
    const { epoch } = log.append(room, 1);
    const { server, port } = await startServer();
    server.on('request', (request, response) => void hub.handleRecover(request, response));
    const query = { channel: room, epoch, since: 0 };
    await hub.drain();
    expect((await recover(port, query)).status).toBe(200);
    await hub.close();
    expect(await recover(port, query)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { code: 'internal' },
    });
    await hub.drain();
    expect((await recover(port, query)).status).toBe(503);
  });

  it('takes no other method', async () => {
    const { port } = await startHub();
    const answer = await call(port, '/recover?channel=a&epoch=e&since=0', {}, 'POST');
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, OPTIONS' } });
  });

  it('works as a handler of the app under a path of its own', async () => {
    const log = memoryLog();
    const hub = createHub({ log, authorize: () => ({}) });
    atEnd(() => hub.close());
    const { server, port } = await startServer();
    server.on('request', (request, response) => {
      // As a router does that is mounted at /api: the handler sees the rest of the path.
      if (request.url?.startsWith('/api')) {
        request.url = request.url.slice(4);
        void hub.handleRecover(request, response);
      } else {
        response.end('app');
      }
    });
    hub.attach(server, { recoverPath: false });
    const { epoch } = log.append(room, 1);
    const query = new URLSearchParams({ channel: room, epoch, since: '0' });
    expect((await call(port, `/api/history?${query}`)).body.messages).toHaveLength(1);
    expect((await call(port, `/recover?${query}`)).body).toBe('app');
  });

  it.each([
    ['has answered already', 'prependListener'],
    ['answers while its rights are asked for', 'on'],
  ] as const)('that the app %s is reported, not thrown', async (_what, add) => {
    const sources: string[] = [];
    const { port, server } = await startHub({ onError: (_error, source) => sources.push(source) });
    server[add]('request', (_request, response) => {
      response.end('mine');
    });
    expect((await recover(port, { channel: room, epoch: 'e', since: 0 })).body).toBe('mine');
    await until(() => sources.length > 0);
    expect(sources).toEqual(['recover']);
  });
});

describe('CORS', () => {
  const app = 'https://app.example.com';
  const query = 'channel=a&epoch=e&since=0';

  it('answers the preflight of an origin that is allowed', async () => {
    const { port } = await startHub({ origins: [app], authorize: () => 'unauthorized' });
    const headers = {
      Origin: app,
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'authorization',
    };
    const answer = await call(port, '/recover', headers, 'OPTIONS');
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': app,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, OPTIONS',
      'access-control-allow-headers': 'Authorization',
      vary: 'Authorization, Origin',
    });
  });

  it('lets a page read every answer, errors and their Retry-After included', async () => {
    const verdicts = [{}, 'unauthorized', 'forbidden', 'limit'] as const;
    let next = 0;
    const { port } = await startHub({ origins: [app], authorize: () => verdicts[next++]! });
    for (const status of [200, 401, 403, 429]) {
      const answer = await call(port, `/recover?${query}`, { Origin: app });
      expect(answer.status).toBe(status);
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': app,
        'access-control-expose-headers': 'Retry-After',
      });
    }
    const bad = await call(port, '/recover', { Origin: app });
    expect(bad.status).toBe(400);
    expect(bad.headers['access-control-allow-origin']).toBe(app);
  });

  it('lets a page of the same host read over HTTP/2, where the host has another name', async () => {
    const { hub } = await startHub();
    const { origin, session } = await startHttp2((request, response) => {
      void hub.handleRecover(request, response);
    });
    const status = async (from: string) => {
      const stream = session.request({ ':path': '/?channel=a&epoch=e&since=0', origin: from });
      const [headers] = await once(stream, 'response');
      return [headers[':status'], headers['access-control-allow-origin']];
    };
    expect(await status(origin)).toEqual([200, origin]);
    expect(await status('https://evil.example')).toEqual([403, undefined]);
  });

  it('refuses another origin without asking the app', async () => {
    let asked = 0;
    const { port, hub } = await startHub({
      origins: [app],
      authorize: () => {
        asked += 1;
        return {};
      },
    });
    for (const method of ['GET', 'OPTIONS']) {
      const headers = { Origin: 'https://evil.example' };
      const answer = await call(port, `/recover?${query}`, headers, method);
      expect(answer.status).toBe(403);
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
      expect(answer.headers.vary).toBe('Authorization, Origin');
    }
    expect(asked).toBe(0);
    expect(hub.stats().originRefusals).toBe(2);
  });

  it('says nothing to callers that are no browsers', async () => {
    const { port } = await startHub({ origins: [app] });
    const answer = await call(port, `/recover?${query}`);
    expect(answer.status).toBe(200);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });
});

it('a bare server of Node needs nothing else', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  atEnd(() => void server.close());
  const hub = createHub({ log: memoryLog(), authorize: () => ({}) });
  atEnd(() => hub.close());
  hub.attach(server);
  await until(() => server.listening);
  const { port } = server.address() as { port: number };
  expect((await recover(port, { channel: 'a', epoch: 'e', since: 0 })).status).toBe(200);
  expect((await call(port, '/other')).status).toBe(404);
});
