// What an app, and whoever debugs it, can see.
import { expect, test } from 'vitest';
import type { LogEntry } from '../../src/index.js';
import { setup, uncaught } from './harness.js';

test('stats count what came, what was fetched, and what came twice', async () => {
  const { client, network, room, server, publishTo, pass } = setup();
  room({ start: 'earliest' }).subscribe({ message: () => undefined, gap: () => undefined });
  await pass();
  const before = client.stats();
  publishTo(2);
  server.dropNext(1);
  publishTo(4);
  await pass(1_000);
  server.hold();
  publishTo(6);
  server.release([1, 0]);
  await pass(1_000);
  network.socket.receive({ type: 'message', channel: 'room', epoch: 'e1', seq: 3, data: 0 });
  network.socket.receive('rubbish');
  server.cut();
  publishTo(9);
  server.log.trim('room', 9);
  await pass(10_000);
  expect(client.stats()).toEqual({
    delivered: 7,
    // Number 3, and 4 too where it came out of the same page; 9 behind the gap.
    recovered: expect.any(Number),
    duplicates: expect.any(Number),
    gaps: 1,
    reordersHealed: 1,
    fetches: expect.any(Number),
    reconnects: 1,
    badFrames: 1,
    overflows: 0,
  });
  expect(client.stats().recovered).toBeGreaterThanOrEqual(2);
  expect(client.stats().fetches).toBe(server.questions.length);
  expect(client.stats().duplicates).toBeGreaterThanOrEqual(1);
  // A copy: what is handed out does not change, and changing it changes nothing.
  expect(before.delivered).toBe(0);
});

test('messages say whether they were recovered', async () => {
  const { room, server, publishTo, pass } = setup();
  const seen: unknown[] = [];
  room({ start: 'earliest' }).subscribe(({ seq, recovered, epoch, channel, type }) =>
    seen.push([type, channel, epoch, seq, recovered]),
  );
  publishTo(1);
  await pass();
  publishTo(2);
  await pass();
  expect(seen).toEqual([
    ['message', 'room', 'e1', 1, true],
    ['message', 'room', 'e1', 2, false],
  ]);
  expect(server.questions).toHaveLength(1);
});

test('inspect shows how far reading, handling and storing have come', async () => {
  const { client, room, server, publishTo, pass } = setup();
  const channel = room({ start: 'earliest' });
  expect(channel.inspect()).toEqual({
    position: undefined,
    stored: undefined,
    last: 0,
    head: 0,
    held: 0,
  });
  const stop = channel.subscribe(() => undefined);
  await pass(1_000);
  publishTo(2);
  await pass(1_000);
  stop();
  publishTo(3);
  server.dropNext(1);
  publishTo(5);
  expect(channel.inspect()).toEqual({
    position: { epoch: 'e1', seq: 2 },
    stored: { epoch: 'e1', seq: 2 },
    last: 3,
    head: 5,
    held: 1,
  });
  expect(channel.position).toEqual({ epoch: 'e1', seq: 2 });
  await client.close();
});

test('inspect has no stored position any more once all is forgotten', async () => {
  const { client, room, publishTo, pass } = setup();
  const channel = room({ start: 'earliest' });
  channel.subscribe(() => undefined);
  await pass();
  publishTo(2);
  await pass(1_000);
  expect(channel.inspect().stored?.seq).toBe(2);
  await client.forget();
  expect(channel.inspect()).toMatchObject({ position: { seq: 2 }, stored: undefined });
});

test('the logger is told of every step, and of no payload', async () => {
  const log: LogEntry[] = [];
  const { client, room, server, publishTo, pass } = setup({
    options: { logger: (entry) => void log.push(entry) },
  });
  room({ start: 'earliest' }).subscribe(() => undefined);
  await pass();
  server.dropNext(1);
  publishTo(2);
  await pass(1_000);
  server.cut();
  await pass(10_000);
  await client.close();
  const events = new Set(log.map(({ event }) => event));
  for (const event of ['connection', 'channel', 'held', 'asked', 'answered', 'stored'] as const) {
    expect(events).toContain(event);
  }
  expect(JSON.stringify(log)).not.toContain('m2');
});

test('the logger is told of no payload that a validator quotes', async () => {
  const log: LogEntry[] = [];
  const { room, reports, publishTo, pass } = setup({
    options: { logger: (entry) => void log.push(entry) },
  });
  const validate = (input: unknown) => ({ issues: [{ message: `not ${String(input)}`, input }] });
  room({ start: 'earliest', schema: { '~standard': { version: 1, validate } } }).subscribe(
    () => undefined,
  );
  await pass();
  publishTo(1);
  await pass();
  expect(reports[0]?.details).toMatchObject({ issues: [{ message: 'not m1' }] });
  expect(log).toContainEqual({
    event: 'error',
    code: 'schema',
    message: 'schema: channel "room", seq 1',
  });
  expect(JSON.stringify(log)).not.toContain('m1');
});

test('a logger that throws is reported as uncaught, and harms nothing', async () => {
  const { room, publishTo, pass } = setup({
    options: {
      logger: () => {
        throw new Error('bad logger');
      },
    },
  });
  const seen: number[] = [];
  room({ start: 'earliest' }).subscribe(({ seq }) => void seen.push(seq));
  await pass();
  publishTo(2);
  await pass();
  expect(seen).toEqual([1, 2]);
  expect(new Set(uncaught.splice(0).map(String))).toEqual(new Set(['Error: bad logger']));
});

test('messages without a number are for whoever listens now, and move no position', async () => {
  const { network, room, pass } = setup();
  const channel = room({ start: 'earliest' });
  const seen: unknown[] = [];
  channel.subscribe(() => void seen.push('message'));
  const stop = channel.on('ephemeral', (data) => void seen.push(data));
  await pass();
  network.socket.receive({ type: 'message', channel: 'room', data: 'typing' });
  stop();
  network.socket.receive({ type: 'message', channel: 'room', data: 'typing' });
  await pass();
  expect(seen).toEqual(['typing']);
  expect(channel.position?.seq).toBe(0);
});

test('state listeners of a channel are told each state once, and may fail without harm', async () => {
  const { room, server, publishTo, pass } = setup();
  const channel = room({ start: 'earliest' });
  const states: unknown[] = [];
  channel.on('state', () => {
    throw new Error('bad listener');
  });
  channel.on('state', ({ name }) => void states.push(name));
  channel.subscribe(() => undefined);
  await pass();
  server.cut();
  publishTo(3);
  await pass(10_000);
  expect(states).toEqual(['joining', 'live', 'joining', 'recovering', 'live']);
  expect(uncaught.splice(0)).toHaveLength(5);
});
