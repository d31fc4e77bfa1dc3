import { createHook } from 'node:async_hooks';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { createHub, memoryLog, ServerError, type Hub, type Log } from '../../src/server/index.js';
import {
  atEnd,
  call,
  Client,
  connect,
  recover,
  startHub,
  startServer,
  upgradeStatus,
} from './harness.js';

const room = 'room:1';

const OFFER =
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n';

describe('a shared HTTP server', () => {
  it('keeps its own routes and its own upgrades', async () => {
    const { server, port } = await startServer();
    server.on('request', (request, response) => response.end(`app ${request.url}`));
    const own = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      if (request.url !== '/own') return;
      own.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('message', () => webSocket.send('{"type":"pong"}'));
      });
    });
    const hub = createHub({ log: memoryLog(), authorize: () => ({}) });
    atEnd(() => hub.close());
    hub.attach(server, { path: '/live', recoverPath: '/history' });

    expect((await call(port, '/recover?x')).body).toBe('app /recover?x');
    expect((await call(port, '/history/x')).body).toBe('app /history/x');
    expect((await call(port, '/history?channel=a&epoch=e&since=0')).status).toBe(200);
    await connect(`ws://127.0.0.1:${port}/live?any=query`);
    const other = new Client(`ws://127.0.0.1:${port}/own`, []);
    await once(other.socket, 'open');
    other.send({ type: 'ping' });
    expect(await other.next('pong')).toEqual({ type: 'pong' });

    await hub.close();
    expect((await call(port, '/history?channel=a&epoch=e&since=0')).body).toMatch(/^app/);
    expect([server.listenerCount('request'), server.listenerCount('upgrade')]).toEqual([1, 1]);
  });

  it('answers no request that a listener will answer which was added later', async () => {
    const { server, port } = await startHub();
    expect((await call(port, '/app')).status).toBe(404);
    server.on('request', (request, response) => {
      if (request.url === '/app') response.end('app');
    });
    expect(await call(port, '/app')).toMatchObject({ status: 200, body: 'app' });
  });

  it('refuses upgrades that nobody answers', async () => {
    const { port } = await startHub();
    expect(await upgradeStatus(`ws://127.0.0.1:${port}/nowhere`)).toBe(404);
  });

  it.each([1, 2])(
    'leaves requests that offer another protocol to the app, with %i hubs',
    async (count) => {
      const { server, port } = await startServer();
      server.on('request', (request, response) => {
        response.setHeader('x-app', 'yes');
        request.resume().on('end', () => response.end(`app ${request.url}`));
      });
      for (let i = 0; i < count; i += 1) {
        const hub = createHub({ log: memoryLog(), authorize: () => ({}) });
        atEnd(() => hub.close());
        hub.attach(server, { path: `/live${i}`, recoverPath: `/history${i}` });
      }
      const offer = {
        connection: 'Upgrade, HTTP2-Settings',
        upgrade: 'h2c',
        'http2-settings': 'AAMAAABk',
      };
      expect(await call(port, '/page', offer)).toMatchObject({ status: 200, body: 'app /page' });
      expect(await call(port, '/page', offer, 'HEAD')).toMatchObject({
        status: 200,
        headers: { 'x-app': 'yes' },
        body: '',
      });
      expect((await call(port, '/history0?channel=a&epoch=e&since=0', offer)).status).toBe(200);
      const post = async (length: string) => {
        return (await call(port, '/page', { ...offer, 'content-length': length }, 'POST')).status;
      };
      expect(await post('0')).toBe(200);
      // A body Node has not read.
      expect(await post('2')).toBe(404);
    },
  );

  it('tells the app when the client leaves that had offered another protocol', async () => {
    const { server, port } = await startServer();
    const left = new Promise<void>((resolve) => {
      server.on('request', (_request, response) => {
        response.write('much');
        response.on('close', resolve);
      });
    });
    const hub = createHub({ log: memoryLog(), authorize: () => ({}) });
    atEnd(() => hub.close());
    hub.attach(server);
    const socket = createConnection(port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${OFFER}`);
    await once(socket, 'data');
    socket.end();
    await left;
  });

  it('does not answer the offer of another protocol into the answer before it', async () => {
    const { server, port } = await startServer();
    server.on('request', (request, response) => {
      if (request.url === '/page') response.end('page');
    });
    const hub = createHub({ log: memoryLog(), authorize: () => ({}) });
    atEnd(() => hub.close());
    hub.attach(server);
    const socket = createConnection(port, '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    socket.write(`GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /page HTTP/1.1\r\nHost: a\r\n${OFFER}`);
    await once(socket, 'close');
    expect(text).toBe('');
  });

  it.each([0, 1])('serves two paths, and refuses upgrades to any other (%i)', async (first) => {
    const { server, port } = await startServer();
    const hub = createHub({ log: memoryLog(), authorize: () => ({}) });
    atEnd(() => hub.close());
    const paths = ['/v1', '/v2'];
    for (const path of first === 0 ? paths : paths.reverse()) hub.attach(server, { path });
    for (const path of paths) await connect(`ws://127.0.0.1:${port}${path}`);
    expect(await upgradeStatus(`ws://127.0.0.1:${port}/v3`)).toBe(404);
  });

  it('serves a path that was attached twice, for a second path of the recovery', async () => {
    const { hub, server, port, url } = await startHub();
    const detach = hub.attach(server, { recoverPath: '/history' });
    const query = 'channel=a&epoch=e&since=0';
    for (const path of ['/recover', '/history']) {
      expect((await call(port, `${path}?${query}`)).status).toBe(200);
    }
    await connect(url);
    detach();
    await connect(url);
    expect(hub.stats().accepted).toBe(2);
  });

  it('may be left by a hub that goes on elsewhere', async () => {
    const { hub, server, url } = await startHub();
    const second = await startServer();
    const detach = hub.attach(second.server, { path: '/second' });
    const there = `ws://127.0.0.1:${second.port}/second`;
    const client = await connect(there);
    detach();
    detach();
    expect(second.server.listenerCount('upgrade')).toBe(0);
    expect(server.listenerCount('upgrade')).toBe(1);
    await client.subscribe(room);
    await connect(url);
  });

  it('may be left in any order', async () => {
    const { server, port } = await startServer();
    server.on('request', (request, response) => response.end(`app ${request.url}`));
    const detach = ['/1', '/2'].map((recoverPath) => {
      const hub = createHub({ log: memoryLog(), authorize: () => ({}) });
      atEnd(() => hub.close());
      return hub.attach(server, { path: `/live${recoverPath}`, recoverPath });
    });
    detach[0]!();
    expect((await call(port, '/1')).body).toBe('app /1');
    expect((await call(port, '/2')).status).toBe(400);
    detach[1]!();
    expect((await call(port, '/1')).body).toBe('app /1');
    expect((await call(port, '/2')).body).toBe('app /2');
  });

  it.each(['in order', 'in reverse'])('is as it was when hubs have left it %s', async (order) => {
    const { server } = await startServer();
    const app = (): void => undefined;
    server.on('request', app);
    const hubs = ['/1', '/2'].map((recoverPath) => {
      const hub = createHub({ log: memoryLog(), authorize: () => ({}) });
      // One of a hub's paths may come behind those of others.
      hub.attach(server, { path: `/live${recoverPath}`, recoverPath });
      hub.attach(server, { path: `/more${recoverPath}`, recoverPath: `/more${recoverPath}` });
      return hub;
    });
    for (const hub of order === 'in order' ? hubs : hubs.reverse()) await hub.close();
    expect(server.listeners('request')).toEqual([app]);
    expect(server.listeners('upgrade')).toEqual([]);
  });

  it.each([
    ['path', 'realtime'],
    ['path', '/a?b'],
    ['path', 'live/a'],
    ['path', ['/a']],
    ['recoverPath', ''],
  ])('refuses the %s %j', async (option, value) => {
    const { hub, server } = await startHub();
    const attach = () => hub.attach(server, { [option]: value });
    expect(attach).toThrow(expect.objectContaining({ code: 'bad_option' }));
    expect(attach).toThrow(option);
  });
});

describe('onConnection', () => {
  it('may wrap send before anything is sent, to lose or hold back frames', async () => {
    const seen: string[] = [];
    const { url, log } = await startHub({
      onConnection: (socket, request) => {
        seen.push(String(request.url));
        const send = socket.send.bind(socket) as (...args: unknown[]) => void;
        Object.assign(socket, {
          send: (...args: unknown[]) => {
            seen.push(String(args[0]).slice(2, 16));
            if (!String(args[0]).includes('lost')) send(...args);
          },
        });
      },
    });
    const client = await connect(url);
    await client.subscribe(room);
    log.append(room, 'lost');
    // Another tick: frames of one tick share their fate.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    log.append(room, 'kept');
    expect(await client.next('message')).toMatchObject({ seq: 2, data: 'kept' });
    expect(seen.slice(0, 2)).toEqual(['/realtime', 'type":"welcome']);
  });

  it.each<[string, () => void]>([
    [
      'throws',
      () => {
        throw new Error('demo');
      },
    ],
    ['rejects', () => Promise.reject(new Error('demo'))],
  ])('that %s is reported, and the connection lives', async (_what, onConnection) => {
    const sources: string[] = [];
    const { url } = await startHub({
      onConnection,
      onError: (_error, source) => sources.push(source),
    });
    await (await connect(url)).subscribe(room);
    expect(sources).toEqual(['onConnection']);
  });
});

describe('drain', () => {
  it('says goaway, closes with 1012, and takes nobody new', async () => {
    const { url, hub, log, port } = await startHub();
    const clients = [await connect(url), await connect(url)];
    for (const client of clients) await client.subscribe(room);
    log.append(room, 'last words');
    const drained = hub.drain({ spreadMs: 20_000 });
    for (const client of clients) {
      expect(await client.closed).toMatchObject({ code: 1012 });
      expect(client.frames.slice(-2)).toMatchObject([
        { type: 'message', data: 'last words' },
        { type: 'goaway', spreadMs: 20_000 },
      ]);
    }
    await drained;
    expect(hub.stats()).toMatchObject({ connections: 0, subscriptions: 0, channels: 0 });
    expect(await upgradeStatus(url)).toBe(503);
    const { epoch } = log.facts(room);
    expect((await recover(port, { channel: room, epoch, since: 0 })).status).toBe(200);
  });

  it('refuses a spread that is none', async () => {
    const { hub } = await startHub();
    await expect(hub.drain({ spreadMs: -1 })).rejects.toThrow('option spreadMs must be');
  });
});

describe('close', () => {
  it('ends connections, detaches from log and server, and may be called twice', async () => {
    let listeners = 0;
    const inner = memoryLog();
    const log: Log = {
      append: (...args) => inner.append(...args),
      facts: (...args) => inner.facts(...args),
      read: (...args) => inner.read(...args),
      listen: (listener) => {
        listeners += 1;
        const stop = inner.listen(listener);
        return () => {
          listeners -= 1;
          stop();
        };
      },
    };
    const { url, hub, server } = await startHub({ log });
    const client = await connect(url);
    await client.subscribe(room);
    expect(listeners).toBe(1);
    await Promise.all([hub.close(), hub.close()]);
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(listeners).toBe(0);
    expect([server.listenerCount('request'), server.listenerCount('upgrade')]).toEqual([0, 0]);
    expect(() => hub.attach(server)).toThrow(expect.objectContaining({ code: 'closed' }));
  });

  it.each(['close', 'drain'] as const)(
    'or drain: %s in onConnection ends that one too',
    async (end) => {
      const { server, port } = await startServer();
      let ending: Promise<void> | undefined;
      const hub: Hub = createHub({
        log: memoryLog(),
        authorize: () => ({}),
        onConnection: () => {
          ending = hub[end]();
        },
      });
      atEnd(() => hub.close());
      hub.attach(server);
      const client = new Client(`ws://127.0.0.1:${port}/realtime`);
      expect((await client.closed).code).toBe(end === 'close' ? 1001 : 1012);
      await ending;
      expect(hub.stats().connections).toBe(0);
    },
  );

  it('leaves no timer and no immediate of the hub behind', async () => {
    const pending = new Map<number, string>();
    const hook = createHook({
      init: (id, type) => {
        if (type !== 'Timeout' && type !== 'Immediate') return;
        const { stack = '' } = new Error();
        if (stack.includes('src/server/')) pending.set(id, stack);
      },
      destroy: (id) => void pending.delete(id),
    });
    hook.enable();
    const { url, hub, log } = await startHub({ heartbeatMs: 20 });
    const clients = await Promise.all([1, 2, 3].map(() => connect(url)));
    for (const client of clients) await client.subscribe(room);
    for (const client of clients) await client.next('heads');
    log.append(room, 1);
    expect(pending.size).toBeGreaterThan(0);
    await hub.close();
    log.append(room, 2);
    await new Promise((resolve) => setImmediate(resolve));
    hook.disable();
    expect([...pending.values()]).toEqual([]);
  });

  it('does not wait for a client that does not answer it', async () => {
    const { url, hub } = await startHub();
    const client = await connect(url);
    client.socket.pause();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const closed = hub.close();
    vi.advanceTimersByTime(4_999);
    expect(hub.stats().connections).toBe(1);
    vi.advanceTimersByTime(1);
    await closed;
    vi.useRealTimers();
    expect(hub.stats().connections).toBe(0);
  });
});

describe('options', () => {
  const good = { log: memoryLog(), authorize: () => ({}) };

  it.each<[string, unknown, object]>([
    ['log', undefined, { log: undefined }],
    ['log', 'an object', { log: { append: () => 1 } }],
    ['authorize', undefined, { authorize: undefined }],
    ['heartbeatMs', 0, { heartbeatMs: 0 }],
    ['heartbeatMs', '25', { heartbeatMs: '25' }],
    ['retrySpreadMs', -1, { retrySpreadMs: -1 }],
    ['retrySpreadMs', 3_600_001, { retrySpreadMs: 3_600_001 }],
    ['limits.page', 0, { limits: { page: 0 } }],
    ['limits.pageBytes', 5, { limits: { pageBytes: 5 } }],
    ['limits.batch', 1.5, { limits: { batch: 1.5 } }],
    ['limits.channels', -1, { limits: { channels: -1 } }],
    ['origins', 'https://a.example', { origins: 'https://a.example' }],
    ['origins', 'https://a.example/', { origins: ['https://a.example/'] }],
    ['origins', 'a.example', { origins: ['a.example'] }],
    ['maxFrameBytes', 10, { maxFrameBytes: 10 }],
    ['maxBufferedBytes', 1_048_576, { maxBufferedBytes: 1_048_576 }],
    ['maxQueuedFrames', 0, { maxQueuedFrames: 0 }],
    ['maxQueuedBytes', 1_024, { maxQueuedBytes: 1_024 }],
    ['maxRecoveries', 0, { maxRecoveries: 0 }],
    ['retryAfterMs', -1, { retryAfterMs: -1 }],
    ['onConnection', 5, { onConnection: 5 }],
    ['onError', 'log', { onError: 'log' }],
  ])('%s: %j is refused by name and value', (option, value, bad) => {
    const make = () => createHub({ ...good, ...bad });
    expect(make).toThrow(ServerError);
    expect(make).toThrow(`option ${option} must be `);
    expect(make).toThrow(String(value));
  });

  it('that are refused leave nothing running', () => {
    let listeners = 0;
    const log = memoryLog();
    const counting: Log = {
      append: (...args) => log.append(...args),
      facts: (...args) => log.facts(...args),
      read: (...args) => log.read(...args),
      listen: (listener) => {
        listeners += 1;
        return log.listen(listener);
      },
    };
    const make = () => createHub({ ...good, log: counting, origins: ['?'] });
    expect(make).toThrow('origins');
    expect(listeners).toBe(0);
  });
});

describe('stats', () => {
  it('are a snapshot that does not change afterwards', async () => {
    const { hub, port } = await startHub();
    const before = hub.stats();
    await recover(port, { channel: room, epoch: 'e', since: 0 });
    expect(before.recoveries.epoch).toBe(0);
    expect(hub.stats().recoveries.epoch).toBe(1);
  });
});
