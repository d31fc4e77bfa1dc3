// Handles: reference counting, the delayed leave, and what is left of a closed one.
import { expect, test } from 'vitest';
import { deferred, outcome, setup, thrown } from './harness.js';

test('several handles share one subscription, and the last one leaves', async () => {
  const { room, sent, publishTo, pass } = setup();
  const [a, b] = [room({ start: 'latest' }), room()];
  const seen: string[] = [];
  a.subscribe(({ seq }) => void seen.push(`a${seq}`));
  b.subscribe(({ seq }) => void seen.push(`b${seq}`));
  await pass();
  publishTo(1);
  expect(sent('subscribe')).toHaveLength(1);
  await a.close();
  // A second time it lets go of nothing: not of what the other one holds.
  await a.close();
  publishTo(2);
  await pass(5_000);
  expect(seen).toEqual(['a1', 'b1', 'b2']);
  expect(sent('unsubscribe')).toEqual([]);
  await b.close();
  await b.close();
  await pass(999);
  expect(sent('unsubscribe')).toEqual([]);
  await pass(1);
  expect(sent('unsubscribe')).toEqual([{ type: 'unsubscribe', channel: 'room' }]);
});

test('trap 14: unmount and remount cost no frame, no message and no second delivery', async () => {
  const { network, room, publishTo, pass } = setup();
  const seen: string[] = [];
  const mount = (name: string) => {
    const channel = room({ start: 'earliest' });
    channel.subscribe(({ seq }) => void seen.push(`${name}${seq}`));
    return () => channel.close();
  };
  const unmount = mount('a');
  await pass();
  publishTo(1);
  await pass();
  const frames = network.socket.sent.length;
  void unmount();
  publishTo(2);
  await pass(500);
  mount('b');
  publishTo(3);
  await pass(5_000);
  expect(seen).toEqual(['a1', 'b2', 'b3']);
  expect(network.socket.sent).toHaveLength(frames);
});

test('a channel that is joined again after the leave starts by its start', async () => {
  const { room, store, publishTo, pass } = setup();
  const seen: number[] = [];
  const first = room({ start: 'earliest' });
  first.subscribe(({ seq }) => void seen.push(seq));
  await pass();
  publishTo(2);
  await first.close();
  await pass(1_000);
  // Other options are fine now: nothing is left of the first.
  const second = room({ start: 'stored' });
  second.subscribe(({ seq }) => void seen.push(seq));
  expect(store.loads).toBe(1);
  publishTo(4);
  await pass(1_000);
  expect(seen).toEqual([1, 2, 3, 4]);
});

test('a rejoin before the flush goes on from what was handled, not from what is stored', async () => {
  const { room, publishTo, pass } = setup({ options: { flushMs: 60_000 } });
  const seen: number[] = [];
  const first = room({ start: 'stored' });
  first.subscribe(({ seq }) => void seen.push(seq));
  await pass();
  publishTo(3);
  await first.close();
  await pass(1_500);
  room({ start: 'stored' }).subscribe(({ seq }) => void seen.push(seq));
  await pass();
  publishTo(4);
  await pass();
  expect(seen).toEqual([1, 2, 3, 4]);
});

test('a leave waits for the handler at work: its message does not come again', async () => {
  const { room, sent, publishTo, pass } = setup();
  const gate = deferred();
  const seen: string[] = [];
  const first = room({ start: 'stored' });
  first.subscribe(async ({ seq }) => {
    seen.push(`begin ${seq}`);
    await gate.promise;
    seen.push(`end ${seq}`);
  });
  await pass();
  publishTo(2);
  await first.close();
  await pass(5_000);
  expect(sent('unsubscribe')).toEqual([]);
  const second = room();
  second.subscribe(({ seq }) => void seen.push(`second ${seq}`));
  await pass();
  expect(seen).toEqual(['begin 1']);
  gate.resolve();
  await pass();
  expect(seen).toEqual(['begin 1', 'end 1', 'second 2']);
});

test('a handle that was there all along joins the channel after another one has left it', async () => {
  const { room, sent, publishTo, pass } = setup();
  const [early, first] = [room({ start: 'earliest' }), room()];
  first.subscribe(() => undefined);
  await pass();
  publishTo(1);
  await first.close();
  await pass(1_000);
  expect(early.state).toEqual({ name: 'idle' });
  const seen: number[] = [];
  early.subscribe(({ seq }) => void seen.push(seq));
  await pass(1_000);
  publishTo(2);
  await pass();
  expect(seen).toEqual([1, 2]);
  expect(sent('subscribe')).toHaveLength(2);
});

test('options that differ are refused, by name; the same ones and none are fine', async () => {
  const { room, pass } = setup();
  const snapshot = () => undefined;
  const schema = {
    '~standard': { version: 1, validate: (value: unknown) => ({ value }) },
  } as const;
  const first = room({ start: { last: 5 }, maxAttempts: 3, snapshot, schema });
  room();
  room({ start: { last: 5 }, maxAttempts: 3, snapshot: () => undefined, schema: { ...schema } });
  const differing = [
    { start: { last: 6 }, maxAttempts: 3, snapshot, schema },
    { start: { last: 5 }, maxAttempts: 4, snapshot, schema },
    { start: { last: 5 }, maxAttempts: 3, schema },
    { start: { last: 5 }, maxAttempts: 3, snapshot },
    { start: { last: 5 }, maxAttempts: 3, snapshot, schema, commit: 'manual' },
    { start: { last: 5 }, maxAttempts: 3, snapshot, schema, onHandlerError: 'retry' },
  ] as const;
  expect(differing.map((options) => thrown(() => room(options)).details)).toEqual(
    ['start', 'maxAttempts', 'snapshot', 'schema', 'commit', 'onHandlerError'].map((option) => ({
      channel: 'room',
      option,
    })),
  );
  expect(thrown(() => room({ start: 'latest' })).code).toBe('options_differ');
  await first.close();
  await pass();
});

test('a position is the same whatever it is written like, and whatever else comes with it', () => {
  const { room } = setup();
  room({ start: { epoch: 'e1', seq: 5 } });
  const saved = { savedAt: 1_700_000_000_000, seq: 5, epoch: 'e1' };
  room({ start: saved });
  for (const other of [{ seq: 6 }, { epoch: 'e2' }]) {
    const { details } = thrown(() => room({ start: { ...saved, ...other } }));
    expect(details).toMatchObject({ option: 'start' });
  }
});

test('subscribing takes a signal, and stopping twice is fine', async () => {
  const { room, publishTo, pass } = setup();
  const channel = room({ start: 'earliest' });
  const controller = new AbortController();
  const seen: string[] = [];
  const stop = channel.subscribe(({ seq }) => void seen.push(`a${seq}`), controller);
  channel.subscribe(({ seq }) => void seen.push(`b${seq}`));
  await pass();
  publishTo(1);
  controller.abort();
  stop();
  publishTo(2);
  await pass();
  expect(seen).toEqual(['a1', 'b1', 'b2']);
});

test('an aborted signal subscribes nothing, and joins nothing', async () => {
  const { client, network, room, pass } = setup();
  const signal = AbortSignal.abort(new Error('gone'));
  const channel = room();
  const stop = channel.subscribe(() => undefined, { signal });
  channel.on('state', () => undefined, { signal });
  const heard: unknown[] = [];
  client.on('state', (state) => void heard.push(state), { signal });
  stop();
  await expect(channel.ready({ signal })).rejects.toThrow('gone');
  await expect(channel.items({ signal }).next()).resolves.toEqual({ done: true, value: undefined });
  await pass(1_000);
  expect(network.sockets).toEqual([]);
  client.connect();
  await pass();
  expect([client.state.name, heard]).toEqual(['open', []]);
});

test('trap 19: a signal that outlives its handlers is not held by them', async () => {
  const { client, room, pass } = setup();
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = ((...args: Parameters<typeof add>) => {
    listeners.add(args[1]);
    add(...args);
  }) as typeof add;
  signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
    if (args[0] === 'abort') listeners.delete(args[1]);
    remove(...args);
  }) as typeof remove;
  const channel = room();
  for (let i = 0; i < 10; i += 1) channel.subscribe(() => undefined, { signal })();
  for (let i = 0; i < 10; i += 1) channel.on('state', () => undefined, { signal })();
  for (let i = 0; i < 10; i += 1) await channel.items({ signal }).return?.();
  const ready = channel.ready({ signal });
  await pass(1_000);
  await ready;
  expect(listeners.size).toBe(0);
  channel.subscribe(() => undefined, { signal });
  client.on('state', () => undefined, { signal });
  expect(listeners.size).toBe(2);
  await client.close();
  expect(listeners.size).toBe(0);
});

test('a closed handle throws `closed`, and the others go on', async () => {
  const { room, pass } = setup();
  const [closed, other] = [room(), room()];
  other.subscribe(() => undefined);
  await closed.close();
  expect(closed.state).toEqual({ name: 'closed' });
  expect(thrown(() => closed.subscribe(() => undefined)).code).toBe('closed');
  expect(thrown(() => closed.on('state', () => undefined)).code).toBe('closed');
  expect(thrown(() => closed.items()).code).toBe('closed');
  await expect(closed.ready()).rejects.toMatchObject({ code: 'closed' });
  await expect(closed.publish(1)).rejects.toMatchObject({ code: 'closed' });
  await pass();
  expect(other.state).toEqual({ name: 'live' });
});

test('a closed client throws `closed`, whatever is left of it', async () => {
  const { client, network, page, room, pass } = setup();
  const channel = room();
  await client.close();
  for (const use of [
    () => room(),
    () => client.connect(),
    () => channel.subscribe(() => undefined),
    () => channel.on('state', () => undefined),
    () => channel.items(),
  ]) {
    expect(thrown(use).code).toBe('closed');
  }
  await expect(channel.ready()).rejects.toMatchObject({ code: 'closed' });
  await expect(channel.publish(1)).rejects.toMatchObject({ code: 'closed' });
  await channel.close();
  await pass(1_000);
  expect([network.sockets.length, page.listeners.size, channel.state.name]).toEqual([
    0,
    0,
    'closed',
  ]);
  expect(client.stats()).toMatchObject({ delivered: 0 });
});

test('handlers that are no functions are refused', () => {
  const { room } = setup();
  const channel = room();
  const message = (): void => undefined;
  for (const handlers of [
    undefined,
    null,
    5,
    {},
    { message: 'x' },
    { gap: message },
    { message, gap: 'x' },
  ]) {
    const error = thrown(() => channel.subscribe(handlers as never));
    expect(error).toMatchObject({ code: 'bad_option', details: { option: 'handlers' } });
  }
  expect(() => channel.subscribe({ message })).not.toThrow();
});

test('ready resolves when the channel is live and everything missed is handled', async () => {
  const { room, publishTo, pass } = setup();
  publishTo(3);
  const channel = room({ start: 'earliest' });
  const gates = [deferred(), deferred(), deferred()];
  channel.subscribe(({ seq }) => gates[seq - 1]?.promise);
  const ready = outcome(channel.ready());
  await pass();
  gates[0]?.resolve();
  gates[1]?.resolve();
  await pass();
  expect([channel.state.name, ready.done]).toEqual(['live', false]);
  gates[2]?.resolve();
  await pass();
  expect(ready).toEqual({ done: true, value: undefined });
  await channel.ready();
});

test('ready waits for a number that is known to be missing, although the channel is live still', async () => {
  const { room, server, publishTo, pass } = setup();
  const channel = room();
  const seen: number[] = [];
  channel.subscribe(({ seq }) => seen.push(seq));
  await channel.ready();
  // The second one is there and the first is not: inside the reorder window that is no outage.
  server.dropNext(1);
  publishTo(2);
  const ready = outcome(channel.ready());
  await pass();
  expect([channel.state.name, seen, ready.done]).toEqual(['live', [], false]);
  await pass(1_000);
  expect([seen, ready.done]).toEqual([[1, 2], true]);
  // One that only came late closes the gap by itself.
  server.hold();
  publishTo(4);
  const [third] = server.held;
  server.release([1]);
  const late = outcome(channel.ready());
  await pass();
  expect([channel.state.name, late.done]).toEqual(['live', false]);
  server.send(third);
  await pass();
  expect([seen, late.done]).toEqual([[1, 2, 3, 4], true]);
});

test('ready rejects with the reason of its signal, with a refusal, and when something is closed', async () => {
  const { client, network, room, errors, pass } = setup();
  const controller = new AbortController();
  const aborted = outcome(room().ready(controller));
  controller.abort(new Error('enough'));
  await pass();
  expect(String(aborted.error)).toBe('Error: enough');
  const handle = room({}, 'b');
  const closed = outcome(handle.ready());
  // Closed once it waits; the one of 'd' is closed before that.
  await Promise.resolve();
  await handle.close();
  await pass();
  const refused = outcome(room({}, 'c').ready());
  await Promise.resolve();
  network.socket.receive({ type: 'error', channel: 'c', code: 'forbidden', retry: false });
  const open = outcome(room({}, 'd').ready());
  void client.close();
  await pass();
  expect([closed.error, open.error]).toMatchObject([{ code: 'closed' }, { code: 'closed' }]);
  expect(refused.error).toMatchObject({
    code: 'channel_refused',
    details: { channel: 'c', reason: 'forbidden' },
  });
  expect(errors).toEqual(['channel_refused']);
});

test('a refused channel fails alone, and a new handle tries again', async () => {
  const { network, room, sent, pass } = setup();
  const [bad, good] = [room({ start: 'earliest' }, 'bad'), room({}, 'good')];
  const seen: number[] = [];
  bad.subscribe(() => undefined);
  good.subscribe(() => undefined);
  await pass();
  network.socket.receive({ type: 'unsubscribed', channel: 'bad', code: 'forbidden', retry: false });
  await pass(60_000 - 1);
  expect([bad.state, good.state]).toEqual([
    { name: 'failed', code: 'forbidden' },
    { name: 'live' },
  ]);
  expect(sent('subscribe').filter(({ channel }) => channel === 'bad')).toHaveLength(1);
  room({ start: 'earliest' }, 'bad').subscribe(({ seq }) => void seen.push(seq));
  await pass(1_000);
  expect(bad.state).toEqual({ name: 'live' });
});

test.each(['a function', 'a loop'])(
  'a refused channel asked for anew by whoever hears of it is delivered, to %s',
  async (how) => {
    const { network, room, publishTo, pass } = setup();
    const seen: number[] = [];
    const first = room();
    first.subscribe(() => undefined);
    await pass();
    const off = first.on('state', ({ name }) => {
      if (name !== 'failed') return;
      off();
      void first.close();
      // The core leaves the channel only after this task: what is registered here must outlive that.
      const again = room();
      if (how === 'a function') again.subscribe(({ seq }) => void seen.push(seq));
      else
        void (async () => {
          for await (const item of again) if (item.type === 'message') seen.push(item.seq);
        })();
    });
    network.socket.receive({
      type: 'unsubscribed',
      channel: 'room',
      code: 'forbidden',
      retry: false,
    });
    await pass(1_000);
    publishTo(3);
    await pass(1_000);
    expect(seen).toEqual([1, 2, 3]);
  },
);

test.each(['error', 'state'] as const)(
  'a refused channel asked for anew inside of a handler of `%s` is waited for',
  async (event) => {
    const { client, network, pass, room } = setup();
    const first = room();
    let again: ReturnType<typeof outcome> | undefined;
    const ask = (): void => {
      if (event === 'state' && first.state.name !== 'failed') return;
      again ??= outcome(client.channel('room').ready());
    };
    if (event === 'error') client.on('error', ask);
    else first.on('state', ask);
    first.subscribe(() => undefined);
    await pass();
    network.socket.receive(
      JSON.stringify({ type: 'unsubscribed', channel: 'room', code: 'forbidden', retry: false }),
    );
    await pass();
    expect(again).toEqual({ done: true, value: undefined });
  },
);

test('a refused channel asked for anew inside of a handler goes on where its handlers were', async () => {
  const { network, room, publishTo, pass } = setup();
  const first = room();
  const seen: string[] = [];
  void first.ready().catch(() => undefined);
  await pass();
  publishTo(4);
  network.socket.receive({
    type: 'unsubscribed',
    channel: 'room',
    code: 'forbidden',
    retry: false,
  });
  await pass();
  first.subscribe(({ seq }) => {
    seen.push(`first ${seq}`);
    if (seq !== 3) return;
    void first.close();
    room().subscribe((message) => void seen.push(`again ${message.seq}`));
  });
  await pass(1_000);
  expect(seen).toEqual(['first 1', 'first 2', 'first 3', 'again 4']);
});

test.each(['stored', 'latest'] as const)(
  'a refused channel asked for anew goes on behind what its handlers have, with start %s',
  async (start) => {
    const { network, room, publishTo, pass } = setup();
    const slow = deferred();
    const seen: string[] = [];
    room({ start }).subscribe(async ({ seq }) => {
      seen.push(`begun ${seq}`);
      await slow.promise;
      seen.push(`done ${seq}`);
    });
    await pass();
    publishTo(2);
    await pass();
    const code = 'forbidden';
    network.socket.receive({ type: 'unsubscribed', channel: 'room', code, retry: false });
    await pass(10_000);
    publishTo(3);
    room().subscribe(() => undefined);
    await pass(1_000);
    slow.resolve();
    await pass(1_000);
    expect(seen).toEqual([1, 2, 3].flatMap((seq) => [`begun ${seq}`, `done ${seq}`]));
  },
);

test('a refused channel asked for anew asks the store again that has not answered', async () => {
  const { network, room, store, publishTo, pass } = setup();
  store.load = () => new Promise(() => undefined);
  room().subscribe(() => undefined);
  await pass(3_000);
  const code = 'forbidden';
  network.socket.receive({ type: 'unsubscribed', channel: 'room', code, retry: false });
  await pass(10_000);
  store.load = () => Promise.resolve(undefined);
  room().subscribe(() => undefined);
  publishTo(1);
  await pass(1_000);
  expect(store.kept.get('room')).toMatchObject({ seq: 1 });
});
