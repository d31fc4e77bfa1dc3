// Traps that other clients fell into and no other file has a test for; test/package/traps.ts is the index.
import { expect, test } from 'vitest';
import type { ConnectionState, Dialect } from '../../src/index.js';
import { nativeDialect } from '../../src/index.js';
import { setup, type SetupOptions } from './harness.js';

/** A room that hands over what it has, from the oldest on. */
async function open(options: SetupOptions = {}) {
  const world = setup(options);
  const states: ConnectionState[] = [];
  world.client.on('state', (state) => void states.push(state));
  const seen: unknown[] = [];
  const room = world.room({ start: 'earliest' });
  room.subscribe({
    message: ({ seq }) => void seen.push(seq),
    gap: ({ from, reason }) => void seen.push(`${reason} ${from}`),
  });
  await world.pass(1_000);
  return { ...world, room, seen, states };
}

test('trap 1.5: numbers inside the data are data, whatever they are called', async () => {
  const { room, seen, server, pass } = await open();
  for (const data of [{ seq: 99, epoch: 'e9' }, { seq: 1 }, 7, [{ type: 'heads', seq: 5 }]]) {
    server.publish('room', data);
  }
  await pass(5_000);
  expect(seen).toEqual([1, 2, 3, 4]);
  expect(room.position).toEqual({ epoch: 'e1', seq: 4 });
  expect(server.questions).toEqual([]);
});

test('trap 1.5: a dialect says where the number is, and what it says is checked', async () => {
  // A server that calls the number of a message `n`, and writes it as it likes.
  const dialect: Dialect = {
    ...nativeDialect,
    decode: (text) => {
      const { n, ...frame } = JSON.parse(text as string) as Record<string, unknown>;
      return nativeDialect.decode(JSON.stringify({ ...frame, seq: n }));
    },
  };
  const { client, network, seen, pass } = await open({ options: { dialect } });
  const live = { type: 'message', channel: 'room', epoch: 'e1', data: 'x' };
  network.socket.receive({ ...live, n: 1 });
  await pass();
  expect(seen).toEqual([1]);
  for (const n of ['2', 2.5, -2, null, {}]) network.socket.receive({ ...live, n });
  await pass();
  expect(seen).toEqual([1]);
  expect(client.stats().badFrames).toBe(5);
});

test('trap 1.13: an answer and the message behind it, in one task, are told in their order', async () => {
  const { network, seen, server, publishTo, pass } = await open();
  // The server is silent from here on: the test writes all that comes.
  network.onSend = () => undefined;
  server.dropNext(1);
  publishTo(2);
  await pass(200);
  const [question] = network.socket.sent
    .flatMap((text) => JSON.parse(text))
    .filter(({ type }) => type === 'recover');
  const page = { channel: 'room', epoch: 'e1', head: 2, oldest: 1, more: false };
  const messages = [1, 2].map((seq) => ({ seq, data: seq }));
  const items = [{ status: 200, ...page, messages }];
  network.socket.receive({ type: 'recovered', id: question.id, items });
  network.socket.receive({ type: 'message', channel: 'room', epoch: 'e1', seq: 3, data: 3 });
  network.socket.receive({ type: 'message', channel: 'room', epoch: 'e1', seq: 4, data: 4 });
  await pass();
  expect(seen).toEqual([1, 2, 3, 4]);
});

test('trap 1.18: what a new connection says of the log moves neither the position nor its end', async () => {
  const { room, seen, server, store, publishTo, pass } = await open();
  publishTo(2);
  await pass(1_000);
  server.cut();
  publishTo(6);
  // The answer to the new join names 6; nothing of it may count as had.
  server.answers.push(...Array.from({ length: 3 }, () => ({ status: 503 })));
  await pass(1_000);
  expect(room.position).toEqual({ epoch: 'e1', seq: 2 });
  expect(store.kept.get('room')).toMatchObject({ seq: 2 });
  await pass(20_000);
  expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
  expect(new Set(server.questions.map(({ seq }) => seq))).toEqual(new Set([2]));
});

test('trap 1.34, 3.28: subscribing without a connection fails for no reason of the network', async () => {
  const { client, errors, network, server, pass, room } = setup();
  server.up = false;
  const seen: string[] = [];
  const ready: string[] = [];
  const listen = (name: string): void => {
    const channel = room({ start: 'earliest' }, name);
    channel.subscribe(({ seq }) => void seen.push(`${name} ${seq}`));
    void channel.ready().then(() => ready.push(name));
  };
  listen('before');
  await pass(60_000);
  expect(client.state.name).not.toBe('open');
  listen('while waiting');
  await pass(3_600_000);
  expect([errors, ready]).toEqual([[], []]);
  server.up = true;
  for (const name of ['before', 'while waiting']) server.publish(name, 1);
  await pass(60_000);
  expect(seen.sort()).toEqual(['before 1', 'while waiting 1']);
  expect(ready.sort()).toEqual(['before', 'while waiting']);
  expect(network.sockets.length).toBeGreaterThan(10);
});

test('trap 3.4: what comes during a drop before the first message is recovered', async () => {
  const { room, server, publishTo, pass } = setup();
  publishTo(3);
  const seen: unknown[] = [];
  room({ start: 'latest' }).subscribe({
    message: ({ seq, recovered }) => void seen.push([seq, recovered]),
    gap: ({ reason }) => void seen.push(reason),
  });
  await pass(1_000);
  expect(seen).toEqual([]);
  server.cut();
  publishTo(5);
  await pass(10_000);
  expect(seen).toEqual([
    [4, true],
    [5, true],
  ]);
});

test('trap 3.9: a hidden page whose timers run once a minute keeps its connection', async () => {
  const { clock, client, network, page, seen, server, pass } = await open();
  page.tell('hidden');
  let published = 0;
  for (let minute = 0; minute < 30; minute += 1) {
    // Events are not throttled: what the server says is heard at its time.
    for (const ms of [20_000, 25_000, 15_000]) {
      clock.sleep(ms);
      server.beat();
    }
    server.publish('room', (published += 1));
    await pass();
  }
  page.tell('visible');
  await pass(10_000);
  expect(network.sockets).toHaveLength(1);
  expect(client.state).toEqual({ name: 'open' });
  expect(seen).toHaveLength(published);
});

test('trap 3.10: a handshake that is overdue after a sleep has a moment more', async () => {
  const { clock, client, network, room, pass } = setup();
  const accepting = network.onSocket;
  network.onSocket = () => undefined;
  room().subscribe(() => undefined);
  await pass(1_000);
  clock.sleep(3_600_000);
  await pass(1_000);
  expect([client.state.name, network.sockets.length]).toEqual(['connecting', 1]);
  accepting(network.socket);
  await pass(1_000);
  expect([client.state.name, network.sockets.length]).toEqual(['open', 1]);
});

test.each([
  [4_000, 1],
  [6_000, 2],
])('trap 3.16: a handshake of %d ms when the page wakes: %d sockets', async (ms, sockets) => {
  const { network, page, room, pass } = setup();
  network.onSocket = () => undefined;
  room().subscribe(() => undefined);
  await pass(ms);
  page.tell('visible');
  expect(network.sockets).toHaveLength(sockets);
  // The old one is not waited for.
  expect(network.sockets.filter(({ state }) => state === 'connecting')).toHaveLength(1);
});

test('trap 3.13: a state listener that connects in the middle of a drop gets one new connection', async () => {
  const { client, network, seen, server, publishTo, pass } = await open();
  const heard: string[] = [];
  client.on('state', ({ name }) => {
    heard.push(`${name} ${client.state.name}`);
    if (name === 'waiting') client.connect();
  });
  server.cut();
  publishTo(2);
  await pass(1_000);
  expect(network.sockets).toHaveLength(2);
  expect(heard.map((line) => line.split(' ')[0])).toEqual(['waiting', 'connecting', 'open']);
  expect(seen).toEqual([1, 2]);
});

test.each(['connecting', 'open', 'waiting'])(
  'trap 3.13: a state listener that closes the client at "%s" hears of nothing but the end',
  async (at) => {
    const { client, clock, network, room, server, pass } = setup();
    const heard: string[] = [];
    client.on('state', ({ name }) => {
      heard.push(name);
      if (name === at) void client.close();
    });
    room().subscribe(() => undefined);
    await pass(1_000);
    server.cut();
    await pass(60_000);
    expect(client.state).toEqual({ name: 'closed' });
    const after = heard.slice(heard.indexOf(at) + 1);
    expect(after.filter((name) => name !== 'closed')).toEqual([]);
    expect(after.length).toBeLessThan(2);
    expect(network.sockets.filter(({ state }) => state !== 'closed')).toEqual([]);
    expect(clock.pending).toBe(0);
  },
);

test('trap 3.20: a new connection is told what is wanted then, and nothing of before', async () => {
  const { client, network, room, sent, server, pass } = setup();
  const handles = ['stays', 'leaves'].map((name) => room({}, name));
  for (const handle of handles) handle.subscribe(() => undefined);
  await pass(1_000);
  server.up = false;
  server.cut();
  await pass(1_000);
  await handles[1]?.close();
  room({}, 'comes').subscribe(() => undefined);
  await pass(5_000);
  const before = sent().length;
  server.up = true;
  await pass(60_000);
  expect(client.state).toEqual({ name: 'open' });
  const frames = sent().slice(before);
  expect(frames.filter(({ type }) => type === 'unsubscribe')).toEqual([]);
  const joined = frames.filter(({ type }) => type === 'subscribe').map(({ channel }) => channel);
  expect(new Set(joined)).toEqual(new Set(['stays', 'comes']));
  expect(network.sockets.filter(({ sent: texts }) => texts.length > 0)).toHaveLength(2);
});

test('trap 3.27: a page that comes back and an outage are told apart, each as it begins', async () => {
  const { page, server, states, pass } = await open();
  states.length = 0;
  page.tell('pagehide');
  await pass(60_000);
  page.tell('pageshow');
  // An app that shows waits only after a while has nothing to show here.
  expect(states).toEqual([
    { name: 'waiting', reason: 'pagehide' },
    { name: 'connecting', attempt: 2 },
  ]);
  await pass();
  expect(states.at(-1)).toEqual({ name: 'open' });
  states.length = 0;
  server.up = false;
  server.cut();
  expect(states).toEqual([
    { name: 'waiting', reason: 'closed', code: 1006, retryInMs: expect.any(Number) },
  ]);
  await pass(60_000);
  const tries = states.filter(({ name }) => name === 'connecting');
  expect(tries.length).toBeGreaterThan(2);
  expect(states.filter(({ name }) => name === 'waiting').slice(1)).toEqual(
    tries.map(() => expect.objectContaining({ reason: 'refused' })),
  );
});
