import { expect, test, vi } from 'vitest';
import {
  createClientWith,
  FakeLog,
  FakeNetwork,
  FakeServer,
  ManualClock,
  memoryPositionStore,
  type Client,
  type StoredPosition,
} from '../../src/testing/index.js';

test('time passes only when told, and timers run in order, each at its own time', async () => {
  const clock = new ManualClock();
  const ran: [string, number][] = [];
  clock.after(20, () => void ran.push(['late', clock.now()]));
  clock.after(10, () => {
    ran.push(['early', clock.now()]);
    clock.after(5, () => void ran.push(['nested', clock.now()]));
  });
  clock.after(15, () => void ran.push(['called off', 0]))();
  expect(clock.pending).toBe(2);
  await clock.advance(20);
  expect(ran).toEqual([
    ['early', 10],
    ['nested', 15],
    ['late', 20],
  ]);
  expect([clock.now(), clock.pending]).toEqual([20, 0]);
});

test('after a sleep timers run late', async () => {
  const clock = new ManualClock();
  const ran: number[] = [];
  clock.after(10, () => void ran.push(clock.now()));
  clock.sleep(1_000);
  expect(ran).toEqual([]);
  await clock.advance(0);
  expect(ran).toEqual([1_000]);
});

test('a sleep while time passes is not taken back', async () => {
  const clock = new ManualClock();
  clock.after(10, () => clock.sleep(1_000));
  await clock.advance(20);
  expect(clock.now()).toBe(1_010);
});

test('settling outlasts chains of promises and of tasks, also under fake timers', async () => {
  vi.useFakeTimers();
  try {
    const clock = new ManualClock();
    let steps = 0;
    const chain = async (): Promise<void> => {
      for (let i = 0; i < 500; i += 1) await Promise.resolve();
      steps += 1;
    };
    clock.soon(() => void chain().then(() => clock.soon(() => void chain())));
    await clock.settle();
    expect([steps, clock.pending]).toEqual([2, 0]);
  } finally {
    vi.useRealTimers();
  }
});

/** A client's end in raw frames. */
function connect(network: FakeNetwork) {
  const heard: any[] = [];
  const transport = network.transport((event) => {
    heard.push(event.type === 'received' ? JSON.parse(event.data as string) : event.type);
  });
  transport.open(1, 'wss://example.test');
  return { heard, transport, send: (frame: object) => transport.send(JSON.stringify(frame)) };
}

test('the fake server says welcome before it answers anything', async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const server = new FakeServer(network);
  const { heard, transport } = connect(network);
  network.onSocket = () => undefined;
  await clock.settle();
  transport.send(JSON.stringify({ type: 'subscribe', id: 1, channel: 'a' }));
  expect(heard.map((event) => event.type ?? event)).toEqual(['opened', 'welcome']);
  await clock.settle();
  expect(heard.at(-1)).toEqual({
    type: 'subscribed',
    id: 1,
    channel: 'a',
    epoch: 'e1',
    head: 0,
    oldest: 1,
  });
  expect(server.questions).toEqual([]);
});

test('the fake server publishes a key once', async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const server = new FakeServer(network);
  const { heard, send } = connect(network);
  await clock.settle();
  for (const id of [1, 2]) send({ type: 'publish', id, channel: 'a', key: 'k', data: 'x' });
  send({ type: 'publish', id: 3, channel: 'b', key: 'k', data: 'x' });
  await clock.settle();
  expect(heard.filter(({ type }) => type === 'ack').map(({ id, seq }) => [id, seq])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
  expect(server.log.facts('a').head).toBe(1);
});

test('the fake server gives as much at once as a recover frame asks for, and no more than its page', async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const server = new FakeServer(network, { page: 3 });
  const { heard, send } = connect(network);
  await clock.settle();
  for (const data of [1, 2, 3, 4]) server.publish('a', data);
  const items = [{ channel: 'a', epoch: 'e1', since: 0 }];
  for (const [id, limit] of [2, 9, undefined].entries())
    send({ type: 'recover', id, items, limit });
  await clock.settle();
  const pages = heard.filter(({ type }) => type === 'recovered').map(({ items: [page] }) => page);
  expect(pages.map(({ messages, more }) => [messages.length, more])).toEqual([
    [2, true],
    [3, true],
    [3, true],
  ]);
});

test('the fake server loses, withholds and reorders live messages, and its log keeps them', async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const server = new FakeServer(network);
  const { heard, send } = connect(network);
  await clock.settle();
  send({ type: 'subscribe', id: 1, channel: 'a' });
  await clock.settle();
  heard.length = 0;
  server.dropNext(1);
  server.publish('a', 1);
  server.hold();
  server.publish('a', 2);
  server.publish('a', 3);
  expect(server.held).toHaveLength(2);
  server.release([1, 0]);
  expect(heard.map(({ seq }) => seq)).toEqual([3, 2]);
  server.goSilent();
  server.publish('a', 4);
  expect(heard).toHaveLength(2);
  const page = server.log.page({ channel: 'a', epoch: 'e1', seq: 1 }, 2);
  expect([page.messages.map(({ seq }) => seq), page.more]).toEqual([[2, 3], true]);
  server.log.trim('a', 4);
  expect(server.log.facts('a')).toEqual({ epoch: 'e1', head: 4, oldest: 4 });
  server.log.restart('e2');
  expect(server.log.facts('a')).toEqual({ epoch: 'e2', head: 0, oldest: 1 });
});

test('trimming the fake log leaves its numbers as they are, however far it goes', () => {
  const log = new FakeLog();
  for (const data of [1, 2, 3]) log.append('a', data);
  log.trim('a', 3);
  // Nothing comes back.
  log.trim('a', 2);
  expect(log.facts('a')).toEqual({ epoch: 'e1', head: 3, oldest: 3 });
  log.trim('a', 10);
  expect(log.facts('a')).toEqual({ epoch: 'e1', head: 3, oldest: 4 });
  log.trim('a', Infinity);
  expect(log.append('a', 4).seq).toBe(4);
});

test('a server that is down drops the handshake; a cut ends the connection with its code', async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const server = new FakeServer(network);
  server.up = false;
  const first = connect(network);
  await clock.settle();
  expect(first.heard).toEqual(['dropped']);
  server.up = true;
  const second = connect(network);
  await clock.settle();
  server.cut(1012);
  expect(second.heard.at(-1)).toBe('dropped');
  expect(network.sockets.map(({ state }) => state)).toEqual(['closed', 'closed']);
});

/** A page of one world, as the README makes it. */
function page(
  clock: ManualClock,
  network: FakeNetwork,
  kept: Map<string, StoredPosition> = new Map<string, StoredPosition>(),
): Client {
  const signals = { listen: () => () => undefined };
  const { transport } = network;
  const store = memoryPositionStore(kept);
  return createClientWith({ url: 'ws://test' }, { clock, transport, store, signals });
}

test('what two pages of one clock publish are two messages', async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const server = new FakeServer(network);
  for (const data of ['before the reload', 'after it']) {
    const client = page(clock, network);
    const published = client.channel('a').publish(data, { timeoutMs: 1_000 });
    await clock.advance(100);
    await published;
    await client.close();
  }
  const { messages } = server.log.page({ channel: 'a', epoch: 'e1', seq: 0 }, 10);
  expect(messages.map(({ data }) => data)).toEqual(['before the reload', 'after it']);
});

test('of two pages of one clock, the one that brings a place replaces what the other has stored', async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const server = new FakeServer(network);
  const kept = new Map<string, StoredPosition>();
  for (let i = 1; i <= 3; i += 1) server.publish('a', i);
  const first = page(clock, network, kept);
  first.channel('a', { start: 'earliest' }).subscribe(() => undefined);
  await clock.advance(1_000);
  await first.close();
  expect(kept.get('a')?.seq).toBe(3);
  const second = page(clock, network, kept);
  const stuck = new Promise(() => undefined);
  second.channel('a', { start: { epoch: 'e1', seq: 1 } }).subscribe(() => stuck);
  await clock.advance(1_000);
  await second.close();
  expect(kept.get('a')?.seq).toBe(1);
});

test('the fake server says over the socket as well when to ask again', async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const server = new FakeServer(network);
  server.publish('a', 'one');
  server.answers.push({ status: 503, retryInMs: 20_000 });
  const seen: unknown[] = [];
  const room = page(clock, network).channel('a', { start: 'earliest' });
  room.subscribe(({ data }) => seen.push(data));
  await clock.advance(19_000);
  expect([seen, server.questions.length]).toEqual([[], 1]);
  await clock.advance(12_000);
  expect(seen).toEqual(['one']);
});
