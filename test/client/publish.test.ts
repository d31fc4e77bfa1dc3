import { expect, test } from 'vitest';
import { nativeDialect as native } from '../../src/dialects/native.js';
import { outcome, setup, uncaught } from './harness.js';

/** A client that is connected. */
async function open() {
  const world = setup();
  const room = world.room({ start: 'earliest' });
  const seen: unknown[] = [];
  room.subscribe(({ data }) => void seen.push(data));
  await world.pass();
  return { ...world, room, seen };
}

test('a publish resolves with the position that the server stamped it with', async () => {
  const { room, seen, publishTo, pass } = await open();
  publishTo(2);
  const published = outcome(room.publish({ text: 'hello' }));
  await pass();
  expect(published.value).toEqual({ epoch: 'e1', seq: 3 });
  expect(seen.at(-1)).toEqual({ text: 'hello' });
});

test('an acknowledged publish whose echo is lost is fetched', async () => {
  const { room, seen, server, pass } = await open();
  server.dropNext(1);
  await Promise.all([room.publish('lost'), pass(1_000)]);
  expect(seen).toEqual(['lost']);
});

test('a publish that the server refuses says why', async () => {
  const { network, room, sent, pass } = await open();
  network.onSend = () => undefined;
  const refused = outcome(room.publish('x'));
  await pass();
  const { id } = sent('publish')[0] ?? {};
  network.socket.receive({ type: 'error', id, code: 'limit', message: 'too fast', retry: true });
  await pass();
  expect(refused.error).toMatchObject({
    code: 'publish_refused',
    details: { detail: 'limit: too fast' },
  });
  expect(room.state).toEqual({ name: 'live' });
});

test('a publish by whoever hears first that the client is closed is refused, as any later one', async () => {
  const { client, room, pass } = await open();
  let late: ReturnType<typeof outcome> | undefined;
  client.on('state', ({ name }) => {
    if (name === 'closed') late = outcome(room.publish('x', { timeoutMs: 5_000 }));
  });
  void client.close();
  await pass(60_000);
  expect(late).toMatchObject({ done: true, error: { code: 'closed' } });
});

test('without a connection a publish fails at once: nothing is queued in silence', async () => {
  const { room, sent, pass } = setup();
  const failed = outcome(room().publish('x'));
  await pass();
  expect(failed.error).toMatchObject({ code: 'not_connected' });
  await pass(10_000);
  expect(sent('publish')).toEqual([]);
});

test('without timeoutMs a publish fails with its connection', async () => {
  const { network, room, server, seen, pass } = await open();
  network.onSend = () => undefined;
  const failed = outcome(room.publish('x'));
  server.cut();
  await pass(10_000);
  expect(failed.error).toMatchObject({ code: 'not_connected' });
  expect(seen).toEqual([]);
});

test('without timeoutMs a publish that is never acknowledged times out', async () => {
  const { network, room, pass } = await open();
  network.onSend = () => undefined;
  const failed = outcome(room.publish('x'));
  await pass(10_000);
  expect(failed.error).toMatchObject({ code: 'timeout' });
});

test('with timeoutMs a publish waits for a connection', async () => {
  const { client, room, server, pass } = setup();
  server.up = false;
  const published = outcome(room().publish('x', { timeoutMs: 5_000 }));
  client.connect();
  await pass(100);
  server.up = true;
  client.connect();
  await pass(3_000);
  expect(published.value).toEqual({ epoch: 'e1', seq: 1 });
});

test('what is published is the data of that moment, inside of a handler and while it waits', async () => {
  const { room, sent, publishTo, pass } = setup();
  const draft: { text: string; size?: bigint } = { text: 'waits' };
  const channel = room({ start: 'earliest' });
  const waits = outcome(channel.publish(draft, { timeoutMs: 5_000 }));
  // JSON could not carry it any more.
  draft.size = 1n;
  let inside: ReturnType<typeof outcome> | undefined;
  channel.subscribe(() => {
    if (inside !== undefined) return;
    const reply = { text: 'inside' };
    inside = outcome(channel.publish(reply));
    reply.text = '';
  });
  publishTo(1);
  await pass(1_000);
  expect(sent('publish')).toMatchObject([
    { data: { text: 'waits' } },
    { data: { text: 'inside' } },
  ]);
  expect([waits.value, inside?.value]).toEqual([
    { epoch: 'e1', seq: 2 },
    { epoch: 'e1', seq: 3 },
  ]);
});

test('a dialect that fails to write one frame keeps nothing else from being sent', async () => {
  const encode: typeof native.encode = (frames) => {
    if (frames.some((frame) => frame.type === 'publish' && frame.data === 'x'))
      throw new Error('x');
    return native.encode(frames);
  };
  const { room, sent, pass } = setup({ options: { dialect: { ...native, encode } } });
  const [bad, good] = ['x', 'y'].map((each) => outcome(room().publish(each, { timeoutMs: 5_000 })));
  room().subscribe(() => undefined);
  await pass(1_000);
  expect(sent('publish')).toMatchObject([{ data: 'y' }]);
  expect([good?.value, bad?.done]).toEqual([{ epoch: 'e1', seq: 1 }, false]);
  expect(uncaught.splice(0)).toEqual([new Error('x')]);
  await pass(5_000);
  expect(bad?.error).toMatchObject({ code: 'timeout' });
});

test('with timeoutMs a publish times out where no connection comes', async () => {
  const { client, room, server, pass } = setup();
  server.up = false;
  client.connect();
  const failed = outcome(room().publish('x', { timeoutMs: 5_000 }));
  await pass(4_999);
  expect(failed.done).toBe(false);
  await pass(1);
  expect(failed.error).toMatchObject({ code: 'timeout' });
});

test('with timeoutMs what was sent before a drop is sent again under the same key, and published once', async () => {
  const { network, room, sent, seen, server, pass } = await open();
  const deliver = network.onSend;
  // The publish arrives; its acknowledgement is lost with the connection.
  network.onSend = (text, socket) => {
    deliver(text, socket);
    if (text.includes('publish')) server.hold();
  };
  const published = outcome(room.publish('x', { timeoutMs: 20_000 }));
  server.cut();
  network.onSend = deliver;
  server.release([]);
  await pass(10_000);
  expect(sent('publish').map(({ key }) => key)).toEqual([expect.any(String), expect.any(String)]);
  expect(new Set(sent('publish').map(({ key }) => key)).size).toBe(1);
  expect(published.value).toEqual({ epoch: 'e1', seq: 1 });
  expect(seen).toEqual(['x']);
});

test('a repeated key has the position of the first', async () => {
  const { room, seen, pass } = await open();
  const twice = [1, 2].map((data) => outcome(room.publish(data, { key: 'form-7' })));
  await pass();
  expect(twice.map(({ value }) => value)).toEqual(Array(2).fill({ epoch: 'e1', seq: 1 }));
  expect(seen).toEqual([1]);
});

test('keys of two publishes, and of two clients, differ', async () => {
  const { room, sent, pass } = await open();
  await Promise.all([room.publish(1), room.publish(2), pass()]);
  const keys = sent('publish').map(({ key }) => key);
  expect(new Set(keys).size).toBe(2);
});

test('a publish under way is rejected when the client is closed', async () => {
  const { client, network, room, pass } = await open();
  network.onSend = () => undefined;
  const failed = [room.publish(1), room.publish(2, { timeoutMs: 60_000 })].map(outcome);
  await client.close();
  await pass();
  expect(failed.map(({ error }) => error?.code)).toEqual(['closed', 'closed']);
});

test('data that closes the client while it is written down is not published', async () => {
  const { client, room, pass } = await open();
  const published = outcome(room.publish({ toJSON: () => client.close() }));
  await pass();
  expect(published.error).toMatchObject({ code: 'closed' });
});

test('closing the handle takes no publish back', async () => {
  const { room, pass } = await open();
  const published = outcome(room.publish('x'));
  await room.close();
  await pass();
  expect(published.value).toEqual({ epoch: 'e1', seq: 1 });
});

const cycle: unknown[] = [];
cycle.push(cycle);

test.each([
  ['a cycle', cycle],
  ['a bigint', 5n],
  ['undefined', undefined],
  ['a function', () => undefined],
  ['a symbol', Symbol('x')],
  ['toJSON that throws', undefined],
])('data that JSON cannot carry is refused before anything is sent: %s', async (name, data) => {
  const { room, sent } = await open();
  const value = name.startsWith('toJSON')
    ? {
        toJSON: () => {
          throw new Error('no');
        },
      }
    : data;
  await expect(room.publish(value)).rejects.toMatchObject({
    code: 'bad_option',
    details: { option: 'data' },
  });
  expect(sent('publish')).toEqual([]);
});

test('a bad timeoutMs or key is refused', async () => {
  const { room } = await open();
  for (const timeoutMs of [0, -1, NaN, '5', null]) {
    await expect(room.publish(1, { timeoutMs: timeoutMs as never })).rejects.toMatchObject({
      code: 'bad_option',
      details: { option: 'timeoutMs', value: timeoutMs },
    });
  }
  await room.publish(1, { timeoutMs: 1 });
  for (const key of ['', 5, {}, 'k'.repeat(256), 'ä'.repeat(128)]) {
    await expect(room.publish(1, { key: key as never })).rejects.toMatchObject({
      code: 'bad_option',
      details: { option: 'key', value: key },
    });
  }
  await room.publish(1, { key: 'ä'.repeat(127) });
});
