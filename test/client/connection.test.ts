import { expect, onTestFinished, test, vi } from 'vitest';
import type { ConnectionState, LastseqError, UrlOption } from '../../src/index.js';
import type { PageSignal } from '../../src/core/vocabulary.js';
import { deferred, setup, uncaught, type SetupOptions } from './harness.js';

/** A client that is connected and has a room. */
async function open(options: SetupOptions = {}) {
  const world = setup(options);
  const states: ConnectionState[] = [];
  world.client.on('state', (state) => void states.push(state));
  const seen: number[] = [];
  const room = world.room({ start: 'earliest' });
  room.subscribe(({ seq }) => void seen.push(seq));
  await world.pass();
  const beating = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 20_000) {
      await world.pass(Math.min(20_000, ms - passed));
      world.server.beat();
    }
  };
  return { ...world, room, seen, states, beating };
}

test('the states of a connection carry their data', async () => {
  const { client, states, server, pass } = await open();
  server.cut(1006);
  await pass(5_000);
  await client.close();
  expect(states).toEqual([
    { name: 'connecting', attempt: 1 },
    { name: 'open' },
    { name: 'waiting', retryInMs: expect.any(Number), reason: 'closed', code: 1006 },
    { name: 'connecting', attempt: 2 },
    { name: 'open' },
    { name: 'closed' },
  ]);
});

test('connect() is idempotent, and ends a wait', async () => {
  const { client, network, server, pass } = await open();
  client.connect();
  client.connect();
  await pass();
  expect(network.sockets).toHaveLength(1);
  server.up = false;
  server.cut();
  for (let i = 0; i < 6; i += 1) await pass(30_000);
  server.up = true;
  const before = network.sockets.length;
  client.connect();
  client.connect();
  await pass();
  expect(network.sockets).toHaveLength(before + 1);
  expect(client.state).toEqual({ name: 'open' });
});

test.each<[string, () => string | URL | Promise<string | URL>, string]>([
  [
    'throws',
    () => {
      throw new Error('no address');
    },
    'Error: no address',
  ],
  ['rejects', () => Promise.reject(new Error('no address')), 'Error: no address'],
  ['gives garbage', () => 'http://[1', 'no valid address'],
  ['gives another scheme', () => 'ftp://example.test', 'not a WebSocket address: ftp:'],
  ['gives nothing', () => undefined as never, 'neither a string nor a URL'],
])('a url function that %s is told and asked again with backoff', async (_, fails, why) => {
  let calls = 0;
  const world = setup({
    options: { url: () => ((calls += 1) < 4 ? fails() : 'wss://example.test/ok') },
  });
  world.room().subscribe(() => undefined);
  await world.pass();
  // Not only when the time for a connection is over.
  expect(world.errors).toEqual(['url_failed']);
  const [report] = world.reports as [LastseqError<'url_failed'>];
  expect(report.details.detail).toContain(why);
  expect(String(report.cause)).toContain(why);
  expect(world.client.state).toMatchObject({ name: 'waiting', reason: 'refused' });
  await world.pass(60_000);
  expect(world.errors).toEqual(Array(3).fill('url_failed'));
  expect(world.network.sockets.map(({ url }) => url)).toEqual(['wss://example.test/ok']);
  expect(world.client.state).toEqual({ name: 'open' });
});

test('a url function that rejects with what has no text is told at once all the same', async () => {
  const { errors, room, pass } = setup({
    options: { url: () => Promise.reject(Object.create(null)) },
  });
  room().subscribe(() => undefined);
  await pass();
  expect(errors).toEqual(['url_failed']);
});

test('an address that is none is not quoted, whatever the engine says of it: it may hold a secret', async () => {
  // As Firefox does.
  class QuotingURL {
    constructor(address: string) {
      throw new TypeError(`URL constructor: ${address} is not a valid URL.`);
    }
  }
  vi.stubGlobal('URL', QuotingURL);
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
  const world = setup({ options: { url: 'http://[1?token=secret' } });
  world.room().subscribe(() => undefined);
  await world.pass();
  const [report] = world.reports as [LastseqError<'url_failed'>];
  expect(report.message).toContain('no valid address');
  expect(report.message).not.toContain('secret');
});

test('a socket that the browser does not make is told, with the reason, and tried again', async () => {
  const cause = new Error('insecure');
  const world = setup({
    ports: {
      transport: (emit) => ({
        open: (attempt) => {
          emit({ type: 'dropped', attempt, code: 1006, reason: 'insecure', error: cause });
        },
        send: () => undefined,
        close: () => undefined,
      }),
    },
  });
  world.room().subscribe(() => undefined);
  await world.pass();
  expect(world.errors).toEqual(['url_failed']);
  expect(world.reports).toMatchObject([{ details: { detail: 'insecure' }, cause }]);
  expect(world.client.state).toMatchObject({ name: 'waiting', reason: 'refused', code: 1006 });
  await world.pass(60_000);
  expect(world.errors.length).toBeGreaterThan(2);
});

test('a url function that hangs is given up in time, told, and its late answer is of no use', async () => {
  let calls = 0;
  let late = (_: string): void => undefined;
  const { client, errors, network, room, pass } = setup({
    options: {
      url: () => {
        calls += 1;
        return calls > 1
          ? 'wss://example.test/second'
          : new Promise<string>((resolve) => (late = resolve));
      },
    },
  });
  room().subscribe(() => undefined);
  await pass(9_999);
  expect([calls, errors]).toEqual([1, []]);
  await pass(1);
  expect(errors).toEqual(['url_failed']);
  await pass(2_000);
  late('wss://example.test/first');
  await pass(1_000);
  expect(network.sockets.map(({ url }) => url)).toEqual(['wss://example.test/second']);
  expect(client.state).toEqual({ name: 'open' });
});

test.each<[UrlOption, string]>([
  ['https://example.test/a?b=1', 'wss://example.test/a?b=1'],
  ['http://example.test/a', 'ws://example.test/a'],
  [new URL('https://example.test/a'), 'wss://example.test/a'],
  ['/realtime', 'ws://page.test:8080/realtime'],
  [() => Promise.resolve(new URL('ws://example.test/x')), 'ws://example.test/x'],
  [() => new URL('?a=%20b#/inbox', 'https://example.test/app'), 'wss://example.test/app?a=%20b'],
])('the address %s is dialed as %s', async (url, dialed) => {
  const { happyDOM } = globalThis as unknown as { happyDOM?: { setURL(url: string): void } };
  happyDOM?.setURL('http://page.test:8080/app/');
  const { network, room, pass } = setup({ options: { url } });
  room().subscribe(() => undefined);
  await pass();
  expect(network.socket.url).toBe(dialed);
});

test('a relative address is relative to the base of the page, as that of the recovery call is', async () => {
  const base = document.createElement('base');
  base.href = 'https://page.test/app/';
  document.head.append(base);
  const { client, network, pass } = setup({ options: { url: 'realtime' } });
  client.connect();
  await pass();
  base.remove();
  expect(network.socket.url).toBe('wss://page.test/app/realtime');
});

test.each<PageSignal>(['visible', 'pageshow', 'resume', 'online'])(
  'trap 16: %s ends a wait',
  async (signal) => {
    const { client, network, page, server, pass } = await open();
    server.up = false;
    server.cut();
    for (let i = 0; i < 10; i += 1) await pass(20_000);
    server.up = true;
    const before = network.sockets.length;
    if (client.state.name !== 'waiting') throw new Error(client.state.name);
    page.tell(signal);
    await pass(signal === 'online' ? 300 : 0);
    expect(network.sockets).toHaveLength(before + 1);
    expect(client.state).toEqual({ name: 'open' });
  },
);

test('trap 11: pagehide closes with 1000 and waits for the page, pageshow resumes', async () => {
  const { client, network, page, seen, server, states, publishTo, pass } = await open();
  page.tell('pagehide');
  expect(network.socket.closedWith).toMatchObject({ code: 1000 });
  expect(client.state).toEqual({ name: 'waiting', reason: 'pagehide' });
  publishTo(2);
  await pass(3_600_000);
  expect(network.sockets).toHaveLength(1);
  page.tell('pageshow');
  await pass(1_000);
  expect(seen).toEqual([1, 2]);
  expect(states.at(-1)).toEqual({ name: 'open' });
  expect(server.held).toEqual([]);
});

test.each([true, false])(
  'offline only makes us probe (the server answers: %s)',
  async (answers) => {
    const { client, network, page, server, sent, pass } = await open();
    if (!answers) server.goSilent();
    page.tell('offline');
    expect(client.state).toEqual({ name: 'open' });
    await pass(3_000);
    expect(sent('ping')).toHaveLength(1);
    expect(client.state.name).toBe(answers ? 'open' : 'waiting');
    if (!answers) {
      expect(client.state).toMatchObject({ reason: 'offline', retryInMs: 30_000 });
      page.tell('online');
      await pass(300);
      expect(network.sockets).toHaveLength(2);
    }
  },
);

test('trap 10: a machine that slept probes and kills nothing healthy', async () => {
  const { clock, client, network, sent, seen, publishTo, pass } = await open();
  clock.sleep(3_600_000);
  await pass(10_000);
  expect(sent('ping').length).toBeGreaterThan(0);
  expect(client.state).toEqual({ name: 'open' });
  expect(network.sockets).toHaveLength(1);
  publishTo(1);
  await pass();
  expect(seen).toEqual([1]);
});

test('trap 10: a machine that slept first hears what came meanwhile, and then needs no probe', async () => {
  const { clock, client, server, sent, pass } = await open();
  // What the socket has queued comes before any later task.
  const soon = clock.soon.bind(clock);
  clock.soon = (callback) =>
    soon(() => {
      server.beat();
      callback();
    });
  clock.sleep(3_600_000);
  await pass(10_000);
  expect(sent('ping')).toEqual([]);
  expect(client.state).toEqual({ name: 'open' });
});

test('a machine that slept gives a dead connection up within the probe, and recovers', async () => {
  const { clock, network, server, seen, publishTo, pass } = await open();
  server.goSilent();
  clock.sleep(3_600_000);
  publishTo(2);
  await pass(6_000);
  expect(network.sockets.length).toBe(2);
  await pass(1_000);
  expect(seen).toEqual([1, 2]);
});

test('trap 1: a half-open connection is found within 2.5 heartbeats', async () => {
  const { client, network, server, seen, publishTo, pass } = await open();
  server.goSilent();
  publishTo(3);
  await pass(62_499);
  expect(client.state).toEqual({ name: 'open' });
  await pass(1);
  expect(client.state).toMatchObject({ name: 'waiting', reason: 'dead' });
  expect(network.sockets[0]?.closedWith).toBeDefined();
  await pass(5_000);
  expect(seen).toEqual([1, 2, 3]);
});

test('a connection that beats is left alone', async () => {
  const { network, beating } = await open();
  await beating(1_000_000);
  expect(network.sockets).toHaveLength(1);
});

test.each([4400, 4403])('trap 21: close code %i stops until connect()', async (code) => {
  const { client, errors, network, page, server, pass } = await open();
  server.cut(code);
  expect(client.state).toEqual({ name: 'failed', code });
  expect(errors).toEqual(['connection_refused']);
  page.tell('visible');
  page.tell('online');
  await pass(600_000);
  expect(network.sockets).toHaveLength(1);
  client.connect();
  await pass();
  expect(client.state).toEqual({ name: 'open' });
});

test.each([1000, 1001, 1006, 1011, 1012, 1013, 4408, 4429, 4999])(
  'trap 21: close code %i is dialed again, and nothing is lost',
  async (code) => {
    const { errors, seen, server, publishTo, pass } = await open();
    publishTo(1);
    server.cut(code);
    publishTo(4);
    await pass(40_000);
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(errors).toEqual([]);
  },
);

test('a server that says goaway is left when it closes, and dialed within the spread it asked for', async () => {
  const { client, server, states } = await open();
  server.send({ type: 'goaway', spreadMs: 20_000 });
  expect(client.state).toEqual({ name: 'open' });
  server.cut(1012);
  const { retryInMs } = states.at(-1) as Extract<ConnectionState, { name: 'waiting' }>;
  expect(retryInMs).toBeGreaterThan(0);
  expect(retryInMs).toBeLessThanOrEqual(20_000);
});

test('trap 12: nothing resurrects a closed client', async () => {
  const { client, clock, network, page, room, server, states, pass } = await open({
    options: { token: () => 't' },
  });
  const [signals] = [[...page.listeners]];
  const socket = network.socket;
  await client.close();
  const before = states.length;
  for (const emit of signals) {
    for (const signal of ['visible', 'pageshow', 'online', 'resume', 'offline'] as const)
      emit(signal);
  }
  socket.receive({ type: 'subscribed', channel: 'room', epoch: 'e9', head: 9, oldest: 1 });
  socket.drop();
  server.cut();
  room.retry();
  room.skip();
  await room.close();
  await client.close();
  await pass(600_000);
  expect([network.sockets.length, states.length, clock.pending, page.listeners.size]).toEqual([
    1,
    before,
    0,
    0,
  ]);
});

test('trap 12: a client that was never connected is not connected by the page', async () => {
  const { network, page, pass } = setup();
  page.tell('visible');
  page.tell('online');
  await pass(60_000);
  expect(network.sockets).toEqual([]);
});

test.each(['token', 'url', 'handshake'])(
  'a close while the %s is on its way is a close',
  async (what) => {
    const late: ((value: string) => void)[] = [];
    const slow = () => new Promise<string>((resolve) => void late.push(resolve));
    const { client, clock, network, room, pass } = setup({
      options: what === 'handshake' ? {} : { [what]: slow },
    });
    network.onSocket = () => undefined;
    room().subscribe(() => undefined);
    await pass(10);
    await client.close();
    for (const resolve of late) resolve('wss://example.test/late');
    await pass(60_000);
    expect(network.sockets.filter(({ state }) => state !== 'closed')).toEqual([]);
    expect(clock.pending).toBe(0);
  },
);

test.each(['token', 'url'])(
  'closed by a handler that hears of the attempt, a client asks for no %s',
  async (what) => {
    const asked: string[] = [];
    const { client, room, pass } = setup({
      options: { [what]: () => String(asked.push(what)) },
    });
    client.on('state', ({ name }) => name === 'connecting' && void client.close());
    room().subscribe(() => undefined);
    await pass(1_000);
    expect(asked).toEqual([]);
  },
);

test('closed by a handler, a client says so once, and is so at once', async () => {
  const told: string[] = [];
  const { client, room, publishTo, pass } = setup({
    options: { logger: (entry) => entry.event === 'connection' && told.push(entry.state.name) },
  });
  const states: string[] = [];
  client.on('state', ({ name }) => states.push(name));
  room().subscribe(() => {
    void client.close();
    states.push(`is ${client.state.name}`);
  });
  await pass();
  publishTo(1);
  await pass();
  expect(states).toEqual(['connecting', 'open', 'closed', 'is closed']);
  expect(told).toEqual(['connecting', 'open', 'closed']);
});

test('a handshake that hangs is no fault of the url function', async () => {
  const { client, errors, network, room, pass } = setup({ options: { url: () => 'wss://x.test' } });
  network.onSocket = () => undefined;
  room().subscribe(() => undefined);
  await pass(10_000);
  expect(client.state).toMatchObject({ name: 'waiting', reason: 'timeout' });
  expect(errors).toEqual([]);
});

test('a page that goes away while the address is asked for is no fault of the url function', async () => {
  const late = deferred<string>();
  const { client, errors, network, page, room, pass } = setup({
    options: { url: () => late.promise },
  });
  room().subscribe(() => undefined);
  await pass();
  page.tell('pagehide');
  expect(client.state).toMatchObject({ name: 'waiting', reason: 'pagehide' });
  late.reject(new Error('aborted'));
  await pass(10_000);
  expect([errors, network.sockets]).toEqual([[], []]);
});

test('late frames of an older socket are ignored', async () => {
  const { network, seen, server, publishTo, pass } = await open();
  const old = network.socket;
  server.cut();
  await pass(5_000);
  old.receive({ type: 'message', channel: 'room', epoch: 'e1', seq: 1, data: 'ghost' });
  old.receive({ type: 'message', channel: 'room', epoch: 'e9', seq: 1, data: 'ghost' });
  publishTo(1);
  await pass(1_000);
  expect(seen).toEqual([1]);
});

test('trap 19: a thousand clients leave no timer and no listener behind', async () => {
  const world = setup();
  const { clock, page } = world;
  for (let i = 0; i < 1_000; i += 1) {
    const { client, page: other, room } = setup({ like: world });
    const channel = room({ start: 'earliest' });
    channel.subscribe(() => undefined);
    void channel.ready().catch(() => undefined);
    void channel.items().next();
    if (i % 3 === 0) await clock.settle();
    if (i % 7 === 0) world.server.publish('room', i);
    void client.close();
    expect(other.listeners.size).toBe(0);
  }
  await clock.advance(2_000);
  expect([clock.pending, page.listeners.size]).toEqual([0, 0]);
  expect(uncaught).toEqual([]);
});
