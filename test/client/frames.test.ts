// What a broken server sends: nothing of it is delivered, moves a position, or breaks the client.
import { expect, test } from 'vitest';
import {
  FakeNetwork,
  FakeServer,
  ManualClock,
  type HistoryAnswer,
  type TransportEvent,
  type TransportFactory,
} from '../../src/testing/index.js';
import { nativeDialect, type ClientOptions, type Dialect } from '../../src/index.js';
import { setup, SpyStore } from './harness.js';

/** A live room that has handled number 1 of `e1`. */
async function live() {
  const world = setup();
  const room = world.room({ start: 'earliest' });
  const seen: number[] = [];
  const gaps: unknown[] = [];
  room.subscribe({
    message: ({ seq }) => void seen.push(seq),
    gap: ({ from, to, reason }) => void gaps.push([from, to, reason]),
  });
  await world.pass();
  world.publishTo(1);
  await world.pass(1_000);
  return { ...world, room, seen, gaps };
}

const message = (fields: object) => ({
  type: 'message',
  channel: 'room',
  epoch: 'e1',
  seq: 2,
  data: 'bad',
  ...fields,
});

const bad: [string, unknown][] = [
  ['not JSON', '{"type":"message",'],
  ['nothing', ''],
  ['null', 'null'],
  ['a number', '5'],
  ['an array of rubbish', [null, 5, 'x', []]],
  ['an unknown type', { type: 'surprise', channel: 'room', seq: 2 }],
  ['no type', { channel: 'room', seq: 2 }],
  ['an unknown channel', message({ channel: 'other' })],
  ['the channel __proto__', message({ channel: '__proto__' })],
  ['the channel constructor', message({ channel: 'constructor' })],
  ['a channel that is no string', message({ channel: 5 })],
  ['a negative seq', message({ seq: -2 })],
  ['seq 0', message({ seq: 0 })],
  ['a fractional seq', message({ seq: 2.5 })],
  ['seq 2^53', `{"type":"message","channel":"room","epoch":"e1","seq":${2 ** 53},"data":1}`],
  ['seq as a string', message({ seq: '2' })],
  ['seq null', message({ seq: null })],
  ['an epoch that is no string', message({ epoch: 1 })],
  ['10 MB', JSON.stringify(message({ data: 'x'.repeat(10 * 1024 * 1024) }))],
  ['heads that are none', { type: 'heads', heads: [['room', 5]] }],
  ['heads of rubbish', { type: 'heads', heads: { room: ['e1', '9'], __proto__: ['e1', 9] } }],
  ['subscribed without facts', { type: 'subscribed', channel: 'room' }],
  [
    'subscribed with impossible facts',
    { type: 'subscribed', channel: 'room', epoch: 'e1', head: 1, oldest: 9 },
  ],
  ['recovered without items', { type: 'recovered', id: 1 }],
  [
    'recovered of nobody',
    { type: 'recovered', id: 999, items: [{ status: 200, channel: 'room' }] },
  ],
  ['ack of nobody', { type: 'ack', id: 999, channel: 'room', epoch: 'e1', seq: 1 }],
  [
    'a welcome of rubbish',
    { type: 'welcome', caps: 'all', heartbeatMs: -5, limits: { page: 'x' } },
  ],
  ['an error of rubbish', { type: 'error', code: 5, retry: 'no' }],
];

test.each(bad)('a frame with %s changes nothing, and the channel goes on', async (_, frame) => {
  const { client, errors, gaps, network, room, seen, publishTo, pass } = await live();
  network.socket.receive(frame);
  await pass(1_000);
  expect([seen, room.position]).toEqual([[1], { epoch: 'e1', seq: 1 }]);
  publishTo(3);
  await pass(10_000);
  expect([seen, gaps, errors]).toEqual([[1, 2, 3], [], []]);
  expect([client.state, room.state]).toEqual([{ name: 'open' }, { name: 'live' }]);
  expect(network.sockets).toHaveLength(1);
});

test('a binary message changes nothing, and is counted', async () => {
  const seen: number[] = [];
  const network = new FakeNetwork();
  const server = new FakeServer(network);
  let emit: (event: TransportEvent) => void = () => undefined;
  const transport: TransportFactory = (tell) => {
    emit = tell;
    return network.transport(tell);
  };
  const { client, room, publishTo, pass } = setup({
    like: { network, server, clock: new ManualClock(), store: new SpyStore() },
    ports: { transport },
  });
  room({ start: 'earliest' }).subscribe(({ seq }) => void seen.push(seq));
  await pass();
  for (const data of [new ArrayBuffer(8), new Blob(['x']), undefined]) {
    emit({ type: 'received', attempt: 1, data });
  }
  publishTo(1);
  await pass();
  expect(seen).toEqual([1]);
  expect(client.stats().badFrames).toBe(3);
});

test('a bad frame of a channel makes us ask its log: what it was is delivered', async () => {
  const { network, seen, server, pass } = await live();
  server.log.append('room', 'good');
  network.socket.receive(message({ seq: '2' }));
  await pass(1_000);
  expect(seen).toEqual([1, 2]);
});

/** A client that recovers by HTTP, from the same log. */
function overHttp(options: Partial<ClientOptions> = {}) {
  const network = new FakeNetwork();
  const server = new FakeServer(network);
  return setup({
    like: { network, server, clock: new ManualClock(), store: new SpyStore() },
    options: { recover: 'https://example.test/recover', ...options },
    ports: { history: server.history },
  });
}

test.each(['decodePage', 'query'] as const)(
  'a dialect whose %s throws costs an answer, and nothing else',
  async (name) => {
    let calls = 0;
    const failing = (): never => {
      calls += 1;
      throw new Error('not mine');
    };
    const dialect: Dialect = { ...nativeDialect, [name]: failing };
    const { reports, room, publishTo, pass } = overHttp({ dialect });
    publishTo(3);
    const channel = room({ start: 'earliest' });
    channel.subscribe(() => undefined);
    await pass(5_000);
    expect(calls).toBeGreaterThan(1);
    expect(channel.state).toMatchObject({ name: 'stalled', reason: 'recovery' });
    expect(reports).toMatchObject([
      { code: 'recovery_failed', details: { channel: 'room', detail: 'Error: not mine' } },
    ]);
  },
);

const facts = { channel: 'room', epoch: 'e1', head: 5, oldest: 1, more: false };
const of = (...seqs: number[]) => seqs.map((seq) => ({ seq, data: `m${seq}` }));

const pages: [string, HistoryAnswer[]][] = [
  ['in the wrong order', [{ status: 200, body: { ...facts, messages: of(4, 2, 3, 5) } }]],
  ['overlapping what we have', [{ status: 200, body: { ...facts, messages: of(1, 2, 3, 4, 5) } }]],
  [
    'repeating themselves',
    [{ status: 200, body: { ...facts, messages: of(2, 2, 3, 3, 4, 5, 5) } }],
  ],
  ['skipping', [{ status: 200, body: { ...facts, messages: of(2, 4, 5) } }]],
  [
    'with numbers that are none',
    [{ status: 200, body: { ...facts, messages: [...of(2, 3), { seq: '4' }, { seq: 4.5 }] } }],
  ],
  [
    'of another channel',
    [{ status: 200, body: { ...facts, channel: 'other', messages: of(2, 3) } }],
  ],
  ['without facts', [{ status: 200, body: { messages: of(2, 3, 4, 5) } }]],
  ['without messages', [{ status: 200, body: facts }]],
  ['of HTML', [{ status: 200, body: '<!doctype html><title>Sign in</title>' }]],
  ['of null', [{ status: 200, body: null }]],
  [
    'with more for ever and nothing in them',
    Array(5).fill({ status: 200, body: { ...facts, more: true, messages: [] } }),
  ],
  [
    'of the same page again',
    Array(3).fill({ status: 200, body: { ...facts, more: true, messages: of(2) } }),
  ],
  ['that are errors', [500, 502, 429, 0].map((status) => ({ status }))],
];

test.each(pages)(
  'pages %s: everything arrives once and in order all the same',
  async (_, answers) => {
    const { client, room, server, errors, publishTo, pass } = overHttp();
    const channel = room({ start: 'earliest' });
    const seen: number[] = [];
    const gaps: unknown[] = [];
    channel.subscribe({
      message: ({ seq, data }) => void seen.push(data === `m${seq}` ? seq : NaN),
      gap: (gap) => void gaps.push(gap),
    });
    await pass();
    publishTo(1);
    await pass(1_000);
    server.dropNext(4);
    publishTo(5);
    server.answers.push(...answers);
    server.beat();
    await pass(60_000);
    server.beat();
    await pass(60_000);
    expect([seen, gaps]).toEqual([[1, 2, 3, 4, 5], []]);
    expect(channel.state).toEqual({ name: 'live' });
    expect(errors.every((code) => code === 'recovery_failed')).toBe(true);
    await client.close();
  },
);

test('a page of another epoch that nothing else confirms delivers nothing of the dead log', async () => {
  const { room, seen, gaps, server, publishTo, pass } = await live();
  server.log.restart('e2');
  publishTo(2);
  await pass(10_000);
  expect(gaps).toEqual([[2, undefined, 'epoch']]);
  expect(seen).toEqual([1, 1, 2]);
  expect(room.position).toEqual({ epoch: 'e2', seq: 2 });
});
