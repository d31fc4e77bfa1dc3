// What happens when handlers fail or hang, and when there are none.
import { expect, test } from 'vitest';
import type { Channel, ChannelState, LastseqError } from '../../src/index.js';
import { deferred, setup, uncaught, type Setup } from './harness.js';

const retry = { start: 'earliest', onHandlerError: 'retry' } as const;

test('with retry, only the handler that failed is called again, with growing waits', async () => {
  const { clock, room, errors, publishTo, pass } = setup();
  const channel = room(retry);
  const calls: number[] = [];
  const other: number[] = [];
  channel.subscribe(({ seq }) => {
    calls.push(clock.now());
    if (seq === 1 && calls.length < 4) throw new Error('not yet');
  });
  channel.subscribe(({ seq }) => void other.push(seq));
  await pass();
  publishTo(2);
  await pass(20_000);
  expect(other).toEqual([1, 2]);
  expect(errors).toEqual(Array(3).fill('handler_failed'));
  expect(calls).toHaveLength(5);
  const waits = calls.slice(1, 4).map((at, i) => at - (calls[i] ?? 0));
  expect(waits.every((wait, i) => wait >= 0 && wait <= 500 * 2 ** i)).toBe(true);
});

test('with retry, a message that keeps failing stalls the channel until retry() or skip()', async () => {
  const { room, errors, store, publishTo, pass } = setup();
  const channel = room({ ...retry, maxAttempts: 3 });
  const states: ChannelState[] = [];
  const seen: number[] = [];
  let tries = 0;
  let broken = true;
  channel.on('state', (state) => void states.push(state));
  channel.subscribe(({ seq }) => {
    tries += 1;
    if (broken) throw new Error('poison');
    seen.push(seq);
  });
  await pass();
  publishTo(3);
  await pass(60_000);
  expect(tries).toBe(3);
  expect(channel.state).toEqual({ name: 'stalled', reason: 'handler' });
  expect(errors).toEqual(Array(3).fill('handler_failed'));
  expect(store.kept.get('room')?.seq).toBe(0);
  channel.retry();
  await pass();
  expect(tries).toBe(4);
  broken = false;
  channel.retry();
  await pass(1_000);
  expect(seen).toEqual([1, 2, 3]);
  expect(channel.state).toEqual({ name: 'live' });
  expect(states.filter(({ name }) => name === 'stalled')[0]).toMatchObject({ reason: 'handler' });
});

test('skip() passes over the message that failed, and only over that', async () => {
  const { room, store, publishTo, pass } = setup();
  const channel = room({ ...retry, maxAttempts: 1 });
  const seen: number[] = [];
  channel.subscribe(({ seq }) => {
    if (seq === 1) throw new Error('poison');
    seen.push(seq);
  });
  channel.skip();
  await pass();
  channel.skip();
  publishTo(3);
  await pass();
  channel.skip();
  channel.skip();
  await pass(1_000);
  expect(seen).toEqual([2, 3]);
  expect(channel.state).toEqual({ name: 'live' });
  expect(store.kept.get('room')?.seq).toBe(3);
});

test('an error listener may skip the message at once', async () => {
  const { client, room, publishTo, pass } = setup();
  const channel = room(retry);
  const seen: number[] = [];
  client.on('error', () => channel.skip());
  channel.subscribe(({ seq }) => {
    if (seq === 1) throw new Error('poison');
    seen.push(seq);
  });
  await pass();
  publishTo(2);
  await pass();
  expect(seen).toEqual([2]);
  expect(channel.state).toEqual({ name: 'live' });
});

test('an error listener may skip message after message, as many as there are', async () => {
  const { client, room, publishTo, pass } = setup();
  publishTo(2_000);
  const channel = room({ ...retry, start: 'earliest' });
  client.on('error', () => channel.skip());
  channel.subscribe(() => {
    throw new Error('poison');
  });
  await pass(1_000);
  expect(channel.position?.seq).toBe(2_000);
  expect(channel.state).toEqual({ name: 'live' });
});

test('a handler that was removed after it failed is not tried again; whoever comes has its message', async () => {
  const { room, publishTo, pass } = setup();
  const channel = room(retry);
  let calls = 0;
  const stop = channel.subscribe(() => {
    calls += 1;
    throw new Error('no');
  });
  await pass();
  publishTo(1);
  stop();
  await pass(5_000);
  expect([calls, channel.position]).toEqual([1, { epoch: 'e1', seq: 0 }]);
  const seen: number[] = [];
  channel.subscribe(({ seq }) => void seen.push(seq));
  publishTo(2);
  await pass();
  expect(seen).toEqual([1, 2]);
});

test('when the handler that failed is removed, those that had the message do not have it again', async () => {
  const { room, publishTo, pass } = setup();
  const channel = room(retry);
  const seen: number[] = [];
  const stop = channel.subscribe(() => {
    throw new Error('no');
  });
  channel.subscribe(({ seq }) => void seen.push(seq));
  await pass();
  publishTo(2);
  stop();
  await pass(5_000);
  expect(seen).toEqual([1, 2]);
});

test('a handler that does not settle stalls its channel, is told once, and is not overtaken', async () => {
  const { room, errors, publishTo, pass } = setup({ options: { handlerTimeoutMs: 5_000 } });
  const channel = room({ start: 'earliest' });
  const gate = deferred();
  const seen: number[] = [];
  channel.subscribe(({ seq }) => {
    seen.push(seq);
    return seq === 1 ? gate.promise : undefined;
  });
  await pass();
  publishTo(3);
  await pass(4_999);
  expect(errors).toEqual([]);
  await pass(1);
  expect(errors).toEqual(['handler_timeout']);
  expect(channel.state).toEqual({ name: 'stalled', reason: 'timeout' });
  await pass(40_000);
  expect([seen, errors.length]).toEqual([[1], 1]);
  gate.resolve();
  await pass();
  expect(seen).toEqual([1, 2, 3]);
  expect(channel.state).toEqual({ name: 'live' });
});

test('each of many slow handlers has the whole time', async () => {
  const { clock, room, errors, seen, publishTo, pass } = {
    ...setup({ options: { handlerTimeoutMs: 5_000 } }),
    seen: [] as number[],
  };
  room({ start: 'earliest' }).subscribe(async ({ seq }) => {
    await new Promise<void>((resolve) => clock.after(4_000, resolve));
    seen.push(seq);
  });
  await pass();
  publishTo(5);
  await pass(21_000);
  expect([seen, errors]).toEqual([[1, 2, 3, 4, 5], []]);
});

test('handlerTimeoutMs false never times out', async () => {
  const { room, server, errors, publishTo, pass } = setup({ options: { handlerTimeoutMs: false } });
  room({ start: 'earliest' }).subscribe(() => new Promise(() => undefined));
  await pass();
  publishTo(1);
  for (let i = 0; i < 100; i += 1) {
    await pass(25_000);
    server.beat();
  }
  expect(errors).toEqual([]);
});

test('without message handlers delivery is paused, and the position does not move', async () => {
  const { room, store, publishTo, pass } = setup();
  const channel = room({ start: 'earliest' });
  void channel.ready();
  await pass(1_000);
  expect(channel.position).toEqual({ epoch: 'e1', seq: 0 });
  publishTo(3);
  await pass(1_000);
  expect(channel.position).toEqual({ epoch: 'e1', seq: 0 });
  expect(store.kept.get('room')?.seq).toBe(0);
  const seen: number[] = [];
  const stop = channel.subscribe(({ seq }) => void seen.push(seq));
  expect(seen).toEqual([]);
  await pass();
  expect(seen).toEqual([1, 2, 3]);
  stop();
  publishTo(5);
  await pass(1_000);
  expect(channel.position).toEqual({ epoch: 'e1', seq: 3 });
  expect(store.kept.get('room')?.seq).toBe(3);
  channel.subscribe(({ seq }) => void seen.push(seq));
  await pass();
  expect(seen).toEqual([1, 2, 3, 4, 5]);
});

test('a handler that another one removed before its turn has not had the message', async () => {
  const { room, errors, publishTo, pass } = setup();
  const channel = room({ start: 'earliest', onHandlerError: 'retry' });
  const seen: unknown[] = [];
  const leave = (): void => {
    for (const off of offs) off();
    throw new Error('the page went on');
  };
  const offs = [channel.subscribe(leave), channel.subscribe(() => void seen.push('removed'))];
  await pass();
  publishTo(1);
  await pass(5_000);
  expect([seen, errors, channel.position?.seq]).toEqual([[], ['handler_failed'], 0]);
  channel.subscribe(({ seq }) => void seen.push(seq));
  await pass(5_000);
  expect(seen).toEqual([1]);
});

test('nor has one that another one removes when both are tried again', async () => {
  const { room, publishTo, pass } = setup();
  const channel = room({ start: 'earliest', onHandlerError: 'retry' });
  const seen: unknown[] = [];
  const failing = (name: string) => (): void => {
    seen.push(name);
    if (seen.length > 2) for (const off of offs) off();
    throw new Error('not yet');
  };
  const offs = ['one', 'two'].map((name) => channel.subscribe(failing(name)));
  await pass();
  publishTo(1);
  await pass(60_000);
  expect([seen, channel.position?.seq]).toEqual([['one', 'two', 'one'], 0]);
  channel.subscribe(({ seq }) => void seen.push(seq));
  await pass(5_000);
  expect(seen.at(-1)).toBe(1);
});

test('a paused channel keeps no more than maxQueued; the rest is fetched again, all of it, once', async () => {
  const { client, room, server, publishTo, pass } = setup({
    options: { maxQueued: 10 },
    server: { page: 7 },
  });
  const channel = room({ start: 'earliest' });
  void channel.ready();
  await pass(1_000);
  publishTo(500);
  await pass(1_000);
  expect(channel.inspect().last).toBeLessThanOrEqual(10);
  expect(client.stats().delivered).toBeLessThanOrEqual(10);
  const asked = server.questions.length;
  await pass(20_000);
  expect(server.questions.length).toBe(asked);
  const seen: number[] = [];
  channel.subscribe(({ seq }) => void seen.push(seq));
  await pass(5_000);
  expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
  expect(channel.state).toEqual({ name: 'live' });
});

test('a slow handler bounds the memory, and has every message in the end', async () => {
  const { clock, room, publishTo, pass } = setup({ options: { maxQueued: 8 } });
  const channel = room({ start: 'earliest' });
  const seen: number[] = [];
  channel.subscribe(async ({ seq }) => {
    await new Promise<void>((resolve) => clock.after(10, resolve));
    seen.push(seq);
  });
  await pass();
  let ahead = 0;
  for (let head = 1; head <= 200; head += 1) {
    publishTo(head);
    await pass(1);
    ahead = Math.max(ahead, channel.inspect().last - seen.length);
  }
  await pass(10_000);
  expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  expect(ahead).toBeLessThanOrEqual(9);
});

/** How many messages a handler that takes a millisecond for each is given in one task, at most. */
async function mostInOneTask({ clock, pass }: Setup, channel: Channel): Promise<number> {
  let inTask = 0;
  let most = 0;
  const soon = clock.soon.bind(clock);
  clock.soon = (callback) => soon(() => ((inTask = 0), callback()));
  channel.subscribe(() => {
    clock.sleep(1);
    most = Math.max(most, (inTask += 1));
  });
  await pass();
  return most;
}

test('a paused backlog of single messages is handed over in slices, too', async () => {
  const world = setup();
  const { room, publishTo, pass } = world;
  const channel = room({ start: 'earliest' });
  void channel.ready();
  await pass();
  for (let head = 1; head <= 100; head += 1) publishTo(head);
  const most = await mostInOneTask(world, channel);
  expect(channel.position?.seq).toBe(100);
  expect(most).toBeLessThanOrEqual(9);
});

test('a channel that found the turn over is served in the next, though nothing else happens', async () => {
  const { clock, room, publishTo, pass } = setup();
  const names = ['a', 'b', 'c'];
  const channels = names.map((name) => room({ start: 'earliest' }, name));
  for (const channel of channels) void channel.ready();
  await pass();
  for (const name of names) publishTo(2, name);
  const seen: string[] = [];
  // Every item takes a whole slice; the one that uses it up leaves nothing behind that would go on.
  for (const channel of channels)
    channel.subscribe(({ channel: name, seq }) => {
      clock.sleep(10);
      seen.push(`${name}${seq}`);
    });
  await pass();
  expect(seen.sort()).toEqual(['a1', 'a2', 'b1', 'b2', 'c1', 'c2']);
});

test('a batch is handed over in slices as well', async () => {
  const world = setup();
  world.publishTo(100);
  const channel = world.room({ start: 'earliest' });
  const most = await mostInOneTask(world, channel);
  expect(channel.position?.seq).toBe(100);
  expect(most).toBeLessThanOrEqual(9);
});

test('every task of the page has a slice of its own: what comes in one is handed over in it', async () => {
  const { room, server, pass } = setup();
  const seen: number[] = [];
  room().subscribe(({ seq }) => void seen.push(seq));
  await pass();
  const { epoch } = server.log;
  const messages = (...seqs: number[]) =>
    seqs.map((seq) => ({ type: 'message', channel: 'room', epoch, seq, data: null }));
  server.send(messages(1, 2, 3));
  expect(seen).toEqual([1, 2, 3]);
  await pass(1_000);
  server.send(messages(4, 5, 6));
  expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
});

test('a clock on the wall that is set back ends the slice, and does not make it long', async () => {
  const world = setup();
  world.publishTo(100);
  const channel = world.room({ start: 'earliest' });
  const { clock } = world;
  clock.wall = () => (clock.now() < 5 ? 3_600_000 : 0) + clock.now();
  const most = await mostInOneTask(world, channel);
  expect(channel.position?.seq).toBe(100);
  expect(most).toBeLessThanOrEqual(9);
});

test.each<[string, (() => unknown)[]]>([
  ['both at once', [() => fail('one'), () => fail('two')]],
  ['one at once and one later', [() => fail('one'), () => later('two')]],
  ['one later and one at once', [() => later('one'), () => fail('two')]],
  ['both later', [() => later('one'), () => later('two')]],
])('of two handlers that fail %s, each is reported', async (_, handlers) => {
  const { room, reports, publishTo, pass } = setup();
  for (const handler of handlers) room({ start: 'earliest' }).subscribe(handler);
  publishTo(1);
  await pass();
  expect(reports.map(({ cause }) => String(cause))).toEqual(['Error: one', 'Error: two']);
});

function fail(what: string): never {
  throw new Error(what);
}

async function later(what: string): Promise<never> {
  await Promise.resolve();
  return fail(what);
}

test.each(['throws', 'rejects'] as const)(
  'an error listener may try again for as long as it likes: a handler that %s does not hold the page up',
  async (how) => {
    const { clock, client, room, publishTo, pass } = setup();
    const channel = room(retry);
    client.on('error', () => channel.retry());
    let tries = 0;
    let inThisTask = 0;
    let most = 0;
    channel.subscribe(() => {
      tries += 1;
      inThisTask += 1;
      most = Math.max(most, inThisTask);
      clock.soon(() => void (inThisTask = 0));
      if (tries > 20) return undefined;
      const error = new Error('poison');
      if (how === 'throws') throw error;
      return Promise.reject(error);
    });
    await pass();
    publishTo(1);
    await pass(1_000);
    expect([tries, most]).toEqual([21, 1]);
  },
);

test('skip() and retry() leave a handler alone that is at work', async () => {
  const { room, errors, store, publishTo, pass } = setup();
  const channel = room(retry);
  const gate = deferred();
  const seen: number[] = [];
  channel.subscribe(({ seq }) => {
    seen.push(seq);
    return gate.promise;
  });
  await pass();
  publishTo(2);
  await pass();
  channel.skip();
  channel.retry();
  await pass(1_000);
  expect([seen, store.kept.get('room')?.seq]).toEqual([[1], 0]);
  gate.resolve();
  await pass(1_000);
  expect([seen, store.kept.get('room')?.seq, errors]).toEqual([[1, 2], 2, []]);
});

test.each([
  ['at once, having closed the handle', 'handle', 'sync'],
  ['later, when the channel has been left', 'handle', 'async'],
  ['at once, having closed the client', 'client', 'sync'],
  ['later, when the client is closed', 'client', 'async'],
])('a handler that fails %s is reported all the same', async (_, closed, kind) => {
  const { client, room, reports, publishTo, pass } = setup({ deaf: closed === 'client' });
  const channel = room({ start: 'earliest' });
  const gate = deferred();
  const close = () => void (closed === 'client' ? client : channel).close();
  channel.subscribe(() => {
    if (kind === 'async') return gate.promise;
    close();
    return fail('too late');
  });
  await pass();
  publishTo(3);
  await pass();
  if (kind === 'async') close();
  await pass(70_000);
  if (kind === 'async') gate.reject(new Error('too late'));
  await pass();
  const told = closed === 'client' ? uncaught.splice(0) : reports;
  expect(told.filter((error) => (error as LastseqError).code !== 'handler_timeout')).toEqual([
    expect.objectContaining({
      code: 'handler_failed',
      details: { channel: 'room', event: 'message', seq: 1 },
      cause: new Error('too late'),
    }),
  ]);
});
