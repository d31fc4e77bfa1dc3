import { expect, test } from 'vitest';
import { deferred, setup, uncaught } from './harness.js';

/** A client with a live room at an empty log. */
async function live(options: Parameters<typeof setup>[0] = {}, channel = {}) {
  const world = setup(options);
  const room = world.room({ start: 'earliest', ...channel });
  const seen: unknown[] = [];
  return { ...world, room, seen };
}

test('messages come in order, an async handler is awaited before the next', async () => {
  const { room, publishTo, pass } = await live();
  const trace: string[] = [];
  const gates = [deferred(), deferred(), deferred()];
  room.subscribe(async ({ seq }) => {
    trace.push(`begin ${seq}`);
    await gates[seq - 1]?.promise;
    trace.push(`end ${seq}`);
  });
  await pass();
  publishTo(3);
  await pass();
  expect(trace).toEqual(['begin 1']);
  gates[1]?.resolve();
  gates[2]?.resolve();
  await pass();
  expect(trace).toEqual(['begin 1']);
  gates[0]?.resolve();
  await pass();
  expect(trace).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3']);
});

test('a slow handler of one channel does not hold another channel up', async () => {
  const { client, publishTo, pass } = await live();
  const seen: string[] = [];
  client.channel('a', { start: 'earliest' }).subscribe(() => new Promise(() => undefined));
  client.channel('b', { start: 'earliest' }).subscribe(({ seq }) => void seen.push(`b${seq}`));
  await pass();
  publishTo(1, 'a');
  publishTo(3, 'b');
  await pass();
  expect(seen).toEqual(['b1', 'b2', 'b3']);
});

test('all handlers have an item before any has the next, and one may be slower', async () => {
  const { room, publishTo, pass } = await live();
  const trace: string[] = [];
  const gate = deferred();
  room.subscribe(async ({ seq }) => {
    trace.push(`slow ${seq}`);
    await gate.promise;
  });
  room.subscribe(({ seq }) => void trace.push(`fast ${seq}`));
  await pass();
  publishTo(2);
  await pass();
  expect(trace).toEqual(['slow 1', 'fast 1']);
  gate.resolve();
  await pass();
  expect(trace).toEqual(['slow 1', 'fast 1', 'slow 2', 'fast 2']);
});

test('a handler added late sees what is delivered from then on', async () => {
  const { room, publishTo, pass } = await live();
  const first: number[] = [];
  const late: number[] = [];
  room.subscribe(({ seq }) => void first.push(seq));
  await pass();
  publishTo(2);
  await pass();
  room.subscribe(({ seq }) => void late.push(seq));
  publishTo(4);
  await pass();
  expect(first).toEqual([1, 2, 3, 4]);
  expect(late).toEqual([3, 4]);
});

test('the same function given twice is two subscriptions, each removed by itself', async () => {
  const { room, seen, publishTo, pass } = await live();
  const handler = ({ seq }: { seq: number }): unknown => seen.push(seq);
  const stop = room.subscribe(handler);
  room.subscribe(handler);
  await pass();
  publishTo(1);
  stop();
  stop();
  publishTo(2);
  await pass();
  expect(seen).toEqual([1, 1, 2]);
});

test('messages and gaps share one queue, and gap handlers are awaited too', async () => {
  const { room, server, publishTo, pass } = await live();
  const trace: string[] = [];
  const gate = deferred();
  room.subscribe({
    message: ({ seq }) => void trace.push(`message ${seq}`),
    gap: async ({ from, to, reason }) => {
      trace.push(`gap ${from} to ${to} ${reason}`);
      await gate.promise;
      trace.push('gap done');
    },
  });
  await pass();
  publishTo(2);
  server.cut();
  publishTo(9);
  server.log.trim('room', 6);
  await pass(5_000);
  expect(trace).toEqual(['message 1', 'message 2', 'gap 3 to 5 truncated']);
  gate.resolve();
  await pass();
  expect(trace.slice(3)).toEqual(['gap done', ...[6, 7, 8, 9].map((seq) => `message ${seq}`)]);
});

test('a gap that nobody listens for is an error, and delivery goes on', async () => {
  const { room, server, seen, reports, publishTo, pass } = await live();
  room.subscribe(({ seq }) => void seen.push(seq));
  await pass();
  server.cut();
  publishTo(5);
  server.log.trim('room', 4);
  await pass(5_000);
  expect(reports.map(({ code, details }) => [code, details])).toEqual([
    ['gap_unhandled', { channel: 'room', from: 1, to: 3, reason: 'truncated' }],
  ]);
  expect(seen).toEqual([4, 5]);
});

test('a gap that nobody listens for is an uncaught error when nobody listens for errors either', async () => {
  const { room, server, publishTo, pass } = await live({ deaf: true });
  room.subscribe(() => undefined);
  await pass();
  server.cut();
  publishTo(5);
  server.log.trim('room', 4);
  await pass(5_000);
  expect(uncaught.splice(0)).toEqual([expect.objectContaining({ code: 'gap_unhandled' })]);
});

test('trap 17 / mitt: a handler that throws starves nobody', async () => {
  const { room, seen, reports, publishTo, pass } = await live();
  room.subscribe(() => {
    throw new Error('bad handler');
  });
  room.subscribe(({ seq }) => void seen.push(seq));
  await pass();
  publishTo(2);
  await pass();
  expect(seen).toEqual([1, 2]);
  expect(reports.map(({ code, details }) => [code, details])).toEqual([
    ['handler_failed', { channel: 'room', seq: 1, event: 'message' }],
    ['handler_failed', { channel: 'room', seq: 2, event: 'message' }],
  ]);
  expect(reports[0]?.cause).toEqual(new Error('bad handler'));
});

test('mitt: a handler that rejects is an error of its message, not an unhandled rejection', async () => {
  const { room, seen, reports, publishTo, pass } = await live();
  room.subscribe(({ seq }) => Promise.reject(new Error(`no ${seq}`)));
  room.subscribe(({ seq }) => void seen.push(seq));
  await pass();
  publishTo(2);
  await pass();
  expect(seen).toEqual([1, 2]);
  expect(reports.map(({ code, cause }) => [code, String(cause)])).toEqual([
    ['handler_failed', 'Error: no 1'],
    ['handler_failed', 'Error: no 2'],
  ]);
});

test('a gap handler that throws is reported, and delivery goes on', async () => {
  const { room, server, seen, reports, publishTo, pass } = await live();
  room.subscribe({
    message: ({ seq }) => void seen.push(seq),
    gap: () => {
      throw new Error('no');
    },
  });
  await pass();
  server.cut();
  publishTo(5);
  server.log.trim('room', 4);
  await pass(5_000);
  expect(reports.map(({ details }) => details)).toEqual([{ channel: 'room', event: 'gap' }]);
  expect(seen).toEqual([4, 5]);
});

test('mitt: a handler removed by another one during a message is not called any more', async () => {
  const { room, seen, publishTo, pass } = await live();
  let stop = (): void => undefined;
  room.subscribe(() => {
    stop();
  });
  stop = room.subscribe(({ seq }) => void seen.push(seq));
  await pass();
  publishTo(1);
  await pass();
  expect(seen).toEqual([]);
});

test('handlers may be methods of an object of the app', async () => {
  class View {
    readonly seen: string[] = [];
    message({ seq }: { seq: number }) {
      this.seen.push(`message ${seq}`);
    }
    gap({ from }: { from: number }) {
      this.seen.push(`gap ${from}`);
    }
  }
  const view = new View();
  const { room, errors, server, publishTo, pass } = setup();
  publishTo(3);
  server.log.trim('room', 3);
  room({ start: { epoch: 'e1', seq: 0 } }).subscribe(view);
  await pass(1_000);
  expect([view.seen, errors]).toEqual([['gap 1', 'message 3'], []]);
});

test('a handler may unsubscribe itself', async () => {
  const { room, seen, publishTo, pass } = await live();
  const stop = room.subscribe(({ seq }) => {
    seen.push(seq);
    stop();
  });
  room.subscribe(() => undefined);
  await pass();
  publishTo(3);
  await pass();
  expect(seen).toEqual([1]);
});

test.each(['sync', 'async'])('a handler may close its own channel (%s)', async (kind) => {
  const { room, seen, server, sent, publishTo, pass, store } = await live();
  room.subscribe(({ seq }) => {
    seen.push(seq);
    const closed = room.close();
    return kind === 'async' ? closed : undefined;
  });
  await pass();
  publishTo(3);
  await pass(2_000);
  expect(seen).toEqual([1]);
  expect(room.state).toEqual({ name: 'closed' });
  expect(sent('unsubscribe')).toHaveLength(1);
  server.publish('room', 'later');
  await pass(2_000);
  expect(seen).toEqual([1]);
  expect(store.kept.get('room')).toMatchObject({ seq: 1 });
});

test.each(['sync', 'async'])(
  'a handler may close the client: nobody is called any more (%s)',
  async (kind) => {
    const { client, clock, room, seen, network, page, publishTo, pass } = await live();
    const states: string[] = [];
    room.subscribe(({ seq }) => {
      seen.push(seq);
      if (seq < 2) return undefined;
      const closed = client.close();
      return kind === 'async' ? closed : undefined;
    });
    room.subscribe(({ seq }) => void seen.push(`other ${seq}`));
    client.channel('b', { start: 'earliest' }).subscribe(({ seq }) => void seen.push(`b${seq}`));
    client.on('state', ({ name }) => void states.push(name));
    await pass();
    network.socket.receive([
      { type: 'message', channel: 'room', epoch: 'e1', seq: 1, data: 1 },
      { type: 'message', channel: 'room', epoch: 'e1', seq: 2, data: 2 },
      { type: 'message', channel: 'room', epoch: 'e1', seq: 3, data: 3 },
      { type: 'message', channel: 'b', epoch: 'e1', seq: 1, data: 1 },
    ]);
    await pass(5_000);
    expect(seen.filter((entry) => entry !== 'b1')).toEqual([1, 'other 1', 2]);
    publishTo(5);
    await pass(60_000);
    expect(client.state).toEqual({ name: 'closed' });
    expect(page.listeners.size).toBe(0);
    expect(clock.pending).toBe(0);
  },
);

test('a client closed in a handler stores what handlers have finished, and says when', async () => {
  const { client, room, store, network, pass } = await live();
  const closed: boolean[] = [];
  room.subscribe(({ seq }) => {
    if (seq === 3) void client.close().then(() => closed.push(store.kept.get('room')?.seq === 2));
  });
  await pass();
  network.socket.receive(
    [1, 2, 3].map((seq) => ({ type: 'message', channel: 'room', epoch: 'e1', seq, data: seq })),
  );
  await pass();
  expect(store.kept.get('room')).toMatchObject({ seq: 2 });
  expect(closed).toEqual([true]);
});

test('a message that arrives within a handler waits for its turn, and none comes twice', async () => {
  const { room, server, seen, publishTo, pass } = await live();
  const gate = deferred();
  room.subscribe(({ seq }) => {
    seen.push(`begin ${seq}`);
    if (seq === 1) return gate.promise;
    // From here on the handler runs in a task of its own, where nothing else is being handled.
    if (seq === 2) server.publish('room', 'echo');
    seen.push(`end ${seq}`);
    return undefined;
  });
  await pass();
  publishTo(2);
  await pass();
  gate.resolve();
  await pass();
  expect(seen).toEqual(['begin 1', 'begin 2', 'end 2', 'begin 3', 'end 3']);
});

test('an error listener that throws does not call itself', async () => {
  const { client, room, publishTo, pass } = await live({ deaf: true });
  let calls = 0;
  client.on('error', () => {
    calls += 1;
    throw new Error('bad listener');
  });
  const heard: string[] = [];
  client.on('error', ({ code }) => void heard.push(code));
  room.subscribe(() => {
    throw new Error('bad handler');
  });
  await pass();
  publishTo(1);
  await pass();
  expect(calls).toBe(1);
  expect(heard).toEqual(['handler_failed']);
  expect(uncaught.splice(0)).toEqual([new Error('bad listener')]);
});

test('an error listener may close the client', async () => {
  const { client, room, seen, publishTo, pass } = await live({}, { onHandlerError: 'retry' });
  client.on('error', () => client.close());
  room.subscribe(({ seq }) => {
    seen.push(seq);
    throw new Error('bad handler');
  });
  await pass();
  publishTo(2);
  await pass(10_000);
  expect(seen).toEqual([1]);
});

test('a long backlog is handed over in slices: no task has more than its share', async () => {
  const { clock, room, seen, publishTo, pass } = await live();
  room.subscribe(({ seq }) => {
    seen.push(seq);
    clock.sleep(1);
  });
  publishTo(100);
  const tasks: number[] = [];
  const soon = clock.soon.bind(clock);
  clock.soon = (callback) =>
    soon(() => {
      const before = seen.length;
      callback();
      tasks.push(seen.length - before);
    });
  await pass(10);
  expect(seen).toHaveLength(100);
  expect(Math.max(...tasks)).toBeLessThanOrEqual(9);
  // One task for each slice, and none for nothing.
  expect(tasks.length).toBeLessThanOrEqual(14);
});
