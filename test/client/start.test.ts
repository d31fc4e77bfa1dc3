// Where reading starts, and the app's own state.
import { expect, test } from 'vitest';
import type { Position, SnapshotReason, Start } from '../../src/index.js';
import { deferred, setup, SpyStore } from './harness.js';

const stored = { epoch: 'e1', seq: 4, tok: 'tok' };

test.each<[Start | undefined, boolean, number[]]>([
  [undefined, true, [5, 6, 7]],
  [undefined, false, [7]],
  ['stored', true, [5, 6, 7]],
  ['stored', false, [7]],
  ['latest', true, [7]],
  ['earliest', true, [2, 3, 4, 5, 6, 7]],
  [{ last: 2 }, true, [5, 6, 7]],
  [{ last: 100 }, true, [2, 3, 4, 5, 6, 7]],
  [{ epoch: 'e1', seq: 5 }, true, [6, 7]],
  [{ epoch: 'e1', seq: 6 }, false, [7]],
])('start %j with a stored position: %s', async (start, isStored, expected) => {
  const store = new SpyStore();
  if (isStored) store.kept.set('room', stored);
  const { room, server, publishTo, pass } = setup({ ports: { store } });
  publishTo(6);
  server.log.trim('room', 2);
  const seen: number[] = [];
  room(start === undefined ? {} : { start }).subscribe(({ seq }) => void seen.push(seq));
  await pass(1_000);
  publishTo(7);
  await pass(1_000);
  expect(seen).toEqual(expected);
  expect(store.kept.get('room')).toMatchObject({ epoch: 'e1', seq: 7 });
});

test('a start whose log is gone names what is lost, and goes on with the new log', async () => {
  const { room, publishTo, pass } = setup();
  publishTo(2);
  const seen: unknown[] = [];
  room({ start: { epoch: 'e0', seq: 7 } }).subscribe({
    message: ({ seq }) => void seen.push(seq),
    gap: ({ epoch, from, to, reason }) => void seen.push([epoch, from, to, reason]),
  });
  await pass(1_000);
  expect(seen).toEqual([['e0', 8, undefined, 'epoch'], 1, 2]);
});

test('a start behind the head of its log is a rewind, once answers agree', async () => {
  const { room, publishTo, pass } = setup();
  publishTo(2);
  const seen: unknown[] = [];
  room({ start: { epoch: 'e1', seq: 7 } }).subscribe({
    message: ({ seq }) => void seen.push(seq),
    gap: ({ from, to, reason }) => void seen.push([from, to, reason]),
  });
  await pass(10_000);
  expect(seen).toEqual([[8, undefined, 'rewind'], 1, 2]);
});

/** A room with a snapshot that is scripted by `answer`. */
function withState(
  start?: Start,
  answer: (n: number) => unknown = () => undefined,
  store = new SpyStore(),
) {
  const world = setup({ ports: { store } });
  const trace: unknown[] = [];
  const signals: AbortSignal[] = [];
  let calls = 0;
  const channel = world.room({
    ...(start === undefined ? {} : { start }),
    snapshot: (({
      reason,
      position,
      signal,
    }: {
      reason: SnapshotReason;
      position: Position;
      signal: AbortSignal;
    }) => {
      trace.push(`snapshot ${reason} ${position.epoch}:${position.seq}`);
      signals.push(signal);
      return answer((calls += 1));
    }) as never,
  });
  channel.subscribe({
    message: ({ seq }) => void trace.push(seq),
    gap: ({ from, to, reason, healed }) => void trace.push(`gap ${from}-${to} ${reason} ${healed}`),
  });
  return { ...world, store, channel, trace, signals };
}

test('a snapshot is asked for at the first join, before any message', async () => {
  const { store, trace, publishTo, pass } = withState();
  publishTo(3);
  await pass(1_000);
  publishTo(5);
  await pass(1_000);
  expect(trace).toEqual(['snapshot initial e1:3', 4, 5]);
  expect(store.kept.get('room')?.seq).toBe(5);
});

test('no initial snapshot where a position is stored; one where none is', async () => {
  const store = new SpyStore();
  store.kept.set('room', stored);
  const resumed = withState('stored', () => undefined, store);
  resumed.publishTo(5);
  await resumed.pass(1_000);
  expect(resumed.trace).toEqual([5]);
  const fresh = withState('stored');
  fresh.publishTo(5);
  await fresh.pass(1_000);
  expect(fresh.trace).toEqual(['snapshot initial e1:5']);
});

test.each<[string, (world: ReturnType<typeof withState>) => void, unknown[]]>([
  [
    'truncated',
    ({ publishTo, server }) => {
      publishTo(9);
      server.log.trim('room', 8);
    },
    ['snapshot truncated e1:9', 'gap 4-9 truncated snapshot'],
  ],
  [
    'epoch',
    ({ publishTo, server }) => {
      server.log.restart('e2');
      publishTo(2);
    },
    ['snapshot epoch e2:2', 'gap 4-undefined epoch snapshot'],
  ],
  [
    'rewind',
    ({ publishTo, server }) => {
      server.log.restart('e1');
      publishTo(1);
    },
    ['snapshot rewind e1:1', 'gap 4-undefined rewind snapshot'],
  ],
])('a snapshot is asked for at a discontinuity: %s', async (_, happens, expected) => {
  const world = withState();
  await world.pass();
  world.publishTo(3);
  await world.pass(1_000);
  world.server.cut();
  happens(world);
  await world.pass(10_000);
  const { head } = world.server.log.facts('room');
  world.publishTo(head + 1);
  await world.pass(1_000);
  expect(world.trace).toEqual(['snapshot initial e1:0', 1, 2, 3, ...expected, head + 1]);
  expect(world.store.kept.get('room')).toMatchObject({
    epoch: world.server.log.epoch,
    seq: head + 1,
  });
});

test('a snapshot that says which position its state has is believed', async () => {
  const { trace, publishTo, pass } = withState('latest', () => ({ epoch: 'e1', seq: 1 }));
  publishTo(3);
  await pass(1_000);
  expect(trace).toEqual(['snapshot initial e1:3', 2, 3]);
});

test('messages that come while a snapshot loads are delivered after it, in order', async () => {
  const gate = deferred();
  const { channel, trace, publishTo, pass } = withState('latest', () => gate.promise);
  publishTo(3);
  await pass(1_000);
  publishTo(6);
  await pass(1_000);
  expect(trace).toEqual(['snapshot initial e1:3']);
  expect(channel.state.name).toBe('recovering');
  gate.resolve();
  await pass(1_000);
  expect(trace).toEqual(['snapshot initial e1:3', 4, 5, 6]);
  expect(channel.state).toEqual({ name: 'live' });
});

test.each([
  ['throws', () => Promise.reject(new Error('no'))],
  ['gives garbage', () => ({ epoch: 5, seq: 'x' })],
  ['gives null', () => null],
])('a snapshot that %s is tried again, with the channel stalled meanwhile', async (_, fails) => {
  const { channel, errors, store, trace, publishTo, pass } = withState('latest', (n) =>
    n < 4 ? fails() : undefined,
  );
  await pass();
  expect(channel.state).toMatchObject({ name: 'stalled', reason: 'snapshot' });
  publishTo(2);
  await pass(30_000);
  expect(errors).toEqual(Array(3).fill('snapshot_failed'));
  expect(trace).toEqual([...Array(4).fill('snapshot initial e1:0'), 1, 2]);
  expect(store.kept.get('room')?.seq).toBe(2);
});

test('a snapshot that fails is not passed over: its gap would be called healed', async () => {
  const { room, server, publishTo, pass } = setup();
  let works = true;
  const snapshot = () => (works ? undefined : Promise.reject(new Error('away')));
  const channel = room({ snapshot });
  const gaps: unknown[] = [];
  channel.subscribe({ message: () => undefined, gap: (gap) => void gaps.push(gap) });
  await pass();
  works = false;
  server.log.restart('e2');
  publishTo(2);
  server.cut();
  await pass(5_000);
  channel.skip();
  await pass();
  expect([channel.state.name, gaps]).toEqual(['stalled', []]);
  works = true;
  channel.retry();
  await pass();
  expect(gaps).toMatchObject([{ reason: 'epoch', healed: 'snapshot' }]);
  expect(channel.state.name).toBe('live');
});

test('a snapshot that does not settle is told, and not overtaken', async () => {
  const { channel, errors, trace, server, publishTo, pass } = withState(
    'latest',
    () => new Promise(() => undefined),
  );
  await pass();
  publishTo(2);
  await pass(30_000);
  server.beat();
  await pass(30_000);
  expect(errors).toEqual(['handler_timeout']);
  expect(channel.state).toEqual({ name: 'stalled', reason: 'timeout' });
  expect(trace).toEqual(['snapshot initial e1:0']);
});

test('a snapshot is told to stop when the client is closed, and what it says to that is no error', async () => {
  const gate = deferred<never>();
  const { client, signals, trace, pass } = withState('latest', () => gate.promise);
  await pass();
  expect(signals[0]?.aborted).toBe(false);
  void client.close();
  expect(signals[0]?.aborted).toBe(true);
  gate.reject(signals[0]?.reason);
  await pass(60_000);
  expect(trace).toEqual(['snapshot initial e1:0']);
});

test('a reload during a snapshot asks for it again', async () => {
  const first = withState('stored', () => new Promise(() => undefined));
  first.publishTo(3);
  await first.pass(1_000);
  void first.client.close();
  await first.pass(3_000);
  expect(first.store.kept.get('room')).toBeUndefined();
});
