// What the handles of one channel share, and how long.
import { expect, test } from 'vitest';
import { setup } from './harness.js';

test('a handle that never subscribed takes nothing with it, and keeps nothing', async () => {
  const { room, sent, pass } = setup();
  const [reader, onlooker] = [room({ start: 'latest' }), room()];
  reader.subscribe(() => undefined);
  await pass();
  await onlooker.close();
  await pass(5_000);
  expect(sent('unsubscribe')).toEqual([]);
  expect(reader.state).toEqual({ name: 'live' });
  await reader.close();
  await pass(5_000);
  expect(sent('unsubscribe')).toHaveLength(1);
});

test('a channel of which all handles are closed unused has no options any more', async () => {
  const { room, pass } = setup();
  await room({ start: 'latest' }).close();
  const seen: number[] = [];
  const other = room({ start: 'earliest' });
  other.subscribe(({ seq }) => void seen.push(seq));
  await pass();
  expect(other.state).toEqual({ name: 'live' });
});

test('a channel asked for anew after a refusal is shared as any other', async () => {
  const { network, room, sent, publishTo, pass } = setup();
  const handles = [room({ start: 'earliest' })];
  const seen: number[] = [];
  handles[0]!.subscribe(() => undefined);
  await pass();
  const refusal = { code: 'forbidden', retry: false };
  network.socket.receive({ type: 'unsubscribed', channel: 'room', ...refusal });
  const again = room({ start: 'earliest' });
  again.subscribe(() => undefined);
  await pass(1_000);
  const asked = sent('subscribe').length;
  await handles[0]!.close();
  await again.close();
  // Within the delay of the leave whoever comes finds the channel as it was.
  const next = room({ start: 'earliest' });
  next.subscribe(({ seq }) => void seen.push(seq));
  expect(next.state).toEqual({ name: 'live' });
  publishTo(1);
  await pass(5_000);
  expect([seen, sent('subscribe').length]).toEqual([[1], asked]);
});

test.each(['refused', 'left'])(
  'a channel that is %s, asked for and let go of inside of a handler, keeps what comes for the next one',
  async (how) => {
    const { client, network, room, publishTo, pass } = setup();
    const visit = (): void => {
      const visitor = room({ start: 'latest' });
      visitor.subscribe(() => undefined);
      void visitor.close();
    };
    const [first, other] = [room({ start: 'latest' }), room({}, 'other')];
    for (const handle of [other, first]) handle.subscribe(() => undefined);
    await pass();
    if (how === 'refused') client.on('error', visit);
    // In the moment in which both are left, this listener is told before the channel is.
    else room({}, 'other').on('state', visit);
    await first.close();
    await other.close();
    const refusal = { type: 'unsubscribed', channel: 'room', code: 'forbidden', retry: false };
    if (how === 'refused') network.socket.receive(refusal);
    else await pass(1_000);
    await pass(100);
    publishTo(2);
    await pass(100);
    const seen: number[] = [];
    const next = room({ start: 'latest' });
    next.subscribe(({ seq }) => void seen.push(seq));
    expect(next.state).toEqual({ name: 'live' });
    publishTo(3);
    await pass(100);
    expect(seen).toEqual([1, 2, 3]);
  },
);

test('every listener hears once that the channel is closed', async () => {
  const { client, room, pass } = setup();
  const channel = room({ start: 'latest' });
  const states: string[] = [];
  channel.on('state', ({ name }) => void states.push(name));
  channel.subscribe(() => undefined);
  await pass();
  await client.close();
  await client.close();
  expect(states.filter((name) => name === 'closed')).toEqual(['closed']);
});

test('a listener that another one removed before its turn hears nothing more', async () => {
  const { client, pass } = setup();
  const heard: string[] = [];
  let stop = (): void => undefined;
  client.on('state', () => {
    heard.push('first');
    stop();
  });
  stop = client.on('state', () => void heard.push('second'));
  client.connect();
  await pass();
  expect([...new Set(heard)]).toEqual(['first']);
});

test('joins of many channels go in arrays of 200 at most, and each of them once', async () => {
  const { network, room, pass } = setup();
  const names = Array.from({ length: 700 }, (_, i) => `room:${i}`);
  for (const name of names) room({ start: 'latest' }, name).subscribe(() => undefined);
  await pass(1_000);
  const messages = network.socket.sent.map((text) => [JSON.parse(text)].flat());
  const joins = messages.flat().filter(({ type }) => type === 'subscribe');
  expect(joins.map(({ channel }) => channel).sort()).toEqual([...names].sort());
  const lengths = messages.map(({ length }) => length);
  expect(Math.max(...lengths)).toBe(200);
});
