// @vitest-environment node
/** Plain JSON of other people's servers: which frame means what, and what is sent to them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { overlap } from '../../src/core/overlap.js';
import { NO_EPOCH } from '../../src/core/position.js';
import { mappedDialect, type MappedOptions } from '../../src/dialects/mapped.js';
import type { Page } from '../../src/core/frames.js';
import { LastseqError } from '../../src/errors.js';
import { CHANNEL, Script } from '../mutants/script.js';

const decode = (options: MappedOptions, ...frames: unknown[]) =>
  frames.flatMap((frame) => mappedDialect(options).decode(JSON.stringify(frame)));

/** A server with one counter for everything, that says nothing of its log. */
const GLOBAL: MappedOptions = {
  channel: 'main',
  joined: 'connected',
  numbering: 'monotonic',
  fields: { seq: 'sequence_number' },
};
const asked = (seq: number) => ({ channel: 'main', epoch: NO_EPOCH, seq });

test('a message of a global counter: its number, the constant channel, the whole object', () => {
  const frame = { type: 'notification', sequence_number: 42, id: 7, timestamp: 5, from: 'bob' };
  expect(decode(GLOBAL, frame)).toEqual([
    {
      type: 'message',
      channel: 'main',
      epoch: NO_EPOCH,
      seq: 42,
      data: frame,
      id: '7',
      ts: 5,
      from: 'bob',
    },
  ]);
});

test('A15 a control frame never carries a position', () => {
  expect(decode(GLOBAL, { type: 'connected', sequence_number: 0 })).toEqual([{ type: 'joined' }]);
  expect(decode(GLOBAL, { type: 'connected', sequence_number: 9 })).toEqual([{ type: 'joined' }]);
  expect(decode(GLOBAL, { type: 'pong', sequence_number: 0 })).toEqual([]);
});

test('facts of a server that says them count', () => {
  const options: MappedOptions = {
    ...GLOBAL,
    heads: 'heartbeat',
    fields: { seq: 'sequence_number', epoch: 'epoch' },
  };
  const facts = { epoch: 'k3f9', head: 9, oldest: 4 };
  expect(decode(options, { type: 'connected', ...facts }, { type: 'heartbeat', ...facts })).toEqual(
    [
      { type: 'joined' },
      { type: 'subscribed', channel: 'main', ...facts },
      { type: 'heads', heads: [{ channel: 'main', epoch: 'k3f9', head: 9 }] },
    ],
  );
  for (const wrong of [{ head: -1 }, { epoch: 5 }, { epoch: undefined }]) {
    const told = { type: 'heartbeat', ...facts, ...wrong };
    expect(decode(options, told)).toEqual([
      { type: 'bad', reason: 'heads lack channel, epoch or head' },
    ]);
  }
  // Of no channel, they are of none.
  expect(decode({ heads: 'heads' }, { type: 'heads', head: 4 })).toMatchObject([{ type: 'bad' }]);
  expect(decode({}, { type: 'subscribed', head: 4 })).toEqual([{ type: 'joined' }]);
});

test('channels of their own: the answer to a subscribe, messages, and those without a number', () => {
  const options: MappedOptions = {
    messages: ['chat', 'typing'],
    numbering: 'sparse',
    fields: { type: 'kind', data: 'body' },
  };
  expect(
    decode(
      options,
      { kind: 'subscribed', channel: 'room' },
      { kind: 'chat', channel: 'room', seq: 3, body: { text: 'hi' }, prev: 1 },
      { kind: 'typing', channel: 'room', body: true },
      { kind: 'typing', channel: 'room', body: false, seq: null },
      { kind: 'news', channel: 'room', seq: 4 },
      { kind: 'chat', channel: 'room', seq: 0 },
      { kind: 'chat', seq: 4 },
    ),
  ).toEqual([
    { type: 'joined', channel: 'room' },
    { type: 'message', channel: 'room', epoch: NO_EPOCH, seq: 3, prev: 1, data: { text: 'hi' } },
    { type: 'message', channel: 'room', epoch: NO_EPOCH, data: true },
    { type: 'message', channel: 'room', epoch: NO_EPOCH, data: false },
    { type: 'bad', channel: 'room', reason: 'seq is not a safe integer >= 1' },
    { type: 'bad', reason: 'message without a channel' },
  ]);
});

test('what a message lacks is null, or left out; what it has is of the right kind, or it is bad', () => {
  const read = (more: object) =>
    decode(
      { messages: 'chat', fields: { epoch: 'epoch' } },
      { type: 'chat', channel: 'a', ...more },
    );
  for (const none of [{}, { epoch: null, seq: null }]) {
    expect(read(none)).toStrictEqual([
      { type: 'message', channel: 'a', data: { type: 'chat', channel: 'a', ...none } },
    ]);
  }
  expect([...read({ epoch: 5 }), ...read({ channel: true }), ...decode({}, 5)]).toEqual([
    { type: 'bad', channel: 'a', reason: 'epoch is not a string' },
    { type: 'bad', reason: 'message without a channel' },
    { type: 'bad', reason: 'not an object' },
  ]);
});

test.each([-1, 1.5, '5', 2 ** 53, true, {}])('A10 a number that is none: %j', (seq) => {
  expect(decode({}, { channel: 'room', seq })).toMatchObject([{ type: 'bad', channel: 'room' }]);
});

test('a time may be a text, an array may hold several frames', () => {
  const options: MappedOptions = {};
  const at = '2026-01-02T03:04:05.678Z';
  const frames = decode(options, [
    { channel: 'a', seq: 1, timestamp: at },
    { channel: 'b', seq: 2, timestamp: 'soon' },
  ]);
  expect(frames.map((frame) => 'ts' in frame && frame.ts)).toEqual([Date.parse(at), false]);
});

test('other frames mean what the app says; an app that throws is a bad frame', () => {
  const control: MappedOptions['control'] = (frame) => {
    if (frame.type === 'boom') throw new Error('boom');
    if (frame.type === 'mute') throw Object.create(null);
    if (frame.type === 'null') return null as never;
    return frame.type === 'bye' ? { type: 'goaway', spreadMs: 5 } : undefined;
  };
  expect(
    decode({ control }, ...['bye', 'x', 'null', 'boom', 'mute'].map((type) => ({ type }))),
  ).toEqual([
    { type: 'goaway', spreadMs: 5 },
    { type: 'bad', reason: 'control failed: Error: boom' },
    { type: 'bad', reason: 'control failed: [object Object]' },
  ]);
});

test('what is sent is up to the app, and nothing by default', () => {
  const subscribe = { type: 'subscribe', id: 1, channel: 'room' } as const;
  expect(mappedDialect({}).encode([subscribe])).toBeUndefined();
  const { encode } = mappedDialect({
    send: (frame) => (frame.type === 'subscribe' ? { join: frame.channel } : undefined),
  });
  expect(encode([subscribe])).toBe('{"join":"room"}');
  expect(encode([{ type: 'ping' }])).toBeUndefined();
  expect(encode([subscribe, { type: 'ping' }, subscribe])).toBe(
    '[{"join":"room"},{"join":"room"}]',
  );
});

test('a bare list is an answer: what it does not say is taken from it', () => {
  const { decodePage } = mappedDialect(GLOBAL);
  const message = { sequence_number: 7, type: 'x' };
  expect(decodePage([{ ...message, sequence_number: 9 }, message, null, {}], asked(4))).toEqual({
    channel: 'main',
    epoch: NO_EPOCH,
    head: 9,
    oldest: 1,
    more: false,
    messages: [
      { seq: 7, data: message },
      { seq: 9, data: { ...message, sequence_number: 9 } },
    ],
  });
  expect(decodePage([message], asked(4))).toMatchObject({ head: 7, oldest: 1 });
  expect(decodePage([], asked(4))).toMatchObject({ head: 4, oldest: 1, messages: [] });
});

test('an object that says more is believed, and what does not fit is refused', () => {
  const { decodePage } = mappedDialect({ ...GLOBAL, fields: { epoch: 'e', messages: 'items' } });
  const answer = { e: 'k', head: 50, oldest: 20, items: [] };
  expect(decodePage(answer, asked(30))).toMatchObject({ epoch: 'k', head: 50, oldest: 20 });
  for (const wrong of [{ e: '' }, { head: 'x' }, { oldest: 0 }, { oldest: 52 }, { items: 1 }]) {
    expect(decodePage({ ...answer, ...wrong }, asked(30))).toMatchObject({ type: 'bad' });
  }
  // A head that is not told is not below what was dropped.
  expect(decodePage({ e: 'k', oldest: 52, items: [] }, asked(30))).toMatchObject({ head: 51 });
  expect(decodePage([], asked(30))).toMatchObject({ type: 'bad' });
  expect(decodePage('nothing', asked(30))).toMatchObject({ type: 'bad' });
});

test('A4 an answer that stops before its own head may have been cut', () => {
  const { decodePage } = mappedDialect({});
  const of = (numbers: number[], head: number) => ({
    head,
    messages: numbers.map((seq) => ({ seq })),
  });
  const request = { channel: 'room', epoch: NO_EPOCH, seq: 10 };
  expect(decodePage(of([11, 12], 20), request)).toMatchObject({ more: true });
  expect(decodePage(of([11, 12], 12), request)).toMatchObject({ more: false });
  // Only the overlap that was asked for: the client goes on behind it.
  expect(decodePage(of([11], 20), request)).toMatchObject({ more: true });
  expect(decodePage({ ...of([11, 12], 20), more: false }, request)).toMatchObject({ more: false });
  // It knows best, also where its head says nothing.
  expect(decodePage({ ...of([11, 12], 12), more: true }, request)).toMatchObject({ more: true });
});

test('messages of other channels in an answer are not ours', () => {
  const messages = [{ channel: 'other', seq: 1 }, { channel: 'room', seq: 2 }, { seq: 3 }];
  const page = mappedDialect({}).decodePage(messages, { channel: 'room', epoch: '', seq: 0 });
  expect(page).toMatchObject({ messages: [{ seq: 2 }, { seq: 3 }] });
});

test("a channel may be a number, as a room's id in a database: it is known by its text", () => {
  const message = { channel: 42, seq: 7 };
  const { decodePage } = mappedDialect({ heads: 'heads' });
  expect(
    decodePage([message, { channel: 43, seq: 8 }], { channel: '42', epoch: '', seq: 6 }),
  ).toMatchObject({
    head: 7,
    messages: [{ seq: 7 }],
  });
  const frames = decode({ heads: 'heads' }, message, { type: 'heads', channel: 42, head: 7 });
  expect(frames).toMatchObject([
    { type: 'message', channel: '42', seq: 7 },
    { type: 'heads', heads: [{ channel: '42', head: 7 }] },
  ]);
  expect(decode({}, { type: 'subscribed', channel: 42 })).toEqual([
    { type: 'joined', channel: '42' },
  ]);
});

test('A10 a number that cannot be read, where nothing else shows that a message is there, spoils the answer', () => {
  const request = { channel: 'room', epoch: '-', seq: 10 };
  const ask = (options: MappedOptions, body: unknown) =>
    mappedDialect(options).decodePage(body, request);
  // As drivers of databases give a bigint.
  const messages = [{ seq: '11' }, { seq: '12' }];
  const bad = { type: 'bad', channel: 'room' };
  expect(ask({}, messages)).toMatchObject(bad);
  expect(ask({}, [{ seq: 11 }, { seq: '12' }])).toMatchObject(bad);
  expect(ask({ numbering: 'monotonic' }, { messages, head: 12 })).toMatchObject(bad);
  // Where numbers only rise, what comes after it does not show it either.
  const between = [{ seq: 11 }, { seq: '12' }, { seq: 13 }];
  expect(ask({ numbering: 'monotonic' }, between)).toMatchObject(bad);
  expect(ask({}, between)).toMatchObject({ messages: [{ seq: 11 }, { seq: 13 }] });
  // Numbers that follow each other, and a head: there it is a hole, which is named.
  expect(ask({}, { messages, head: 12 })).toMatchObject({ messages: [], head: 12 });
  expect(ask({}, [{ seq: '11' }, { seq: 12 }])).toMatchObject({ messages: [{ seq: 12 }] });
  // Without a number it is ephemeral, and of another channel no business of ours.
  expect(ask({}, [{ seq: 0 }, { seq: null }, {}])).toMatchObject({ messages: [] });
  expect(ask({}, [{ seq: '11', channel: 'other' }])).toMatchObject({ messages: [] });
});

test('A4 an answer full of messages of other channels, from one counter for all, reaches to the last of them', () => {
  const request = { channel: 'room', epoch: 'e', seq: 10 };
  const { decodePage } = mappedDialect({ numbering: 'monotonic', fields: { epoch: 'epoch' } });
  const messages = [
    { channel: 'room', seq: 11 },
    { channel: 'other', seq: 12 },
    { channel: 'other', seq: 13 },
  ];
  const answer = { epoch: 'e', messages, head: 20 };
  const cut = { messages: [{ seq: 11 }], more: true, upto: 13 };
  // What lies between 13 and 20 may be ours.
  expect(decodePage(answer, request)).toMatchObject({ ...cut, head: 20 });
  expect(decodePage({ ...answer, more: true }, request)).toMatchObject({ ...cut, head: 20 });
  const bare = { epoch: 'e', messages, more: true };
  expect(decodePage(bare, request)).toMatchObject({ ...cut, head: 13 });
  // One that is not cut is about ours alone.
  expect(decodePage({ epoch: 'e', messages }, request)).toMatchObject({ head: 11, more: false });
  // Where each channel counts for itself, their numbers say nothing of ours.
  const own = mappedDialect({ fields: { epoch: 'epoch' } }).decodePage(bare, request);
  expect(own).toMatchObject({ head: 11, more: true, upto: 11 });
});

test('the recovery call has the names of the server', () => {
  const request = { channel: 'room', epoch: 'k', seq: 41 };
  const query = (options: MappedOptions) => mappedDialect(options).query?.(request, 100);
  expect(query({})).toEqual({ since: '41', channel: 'room', limit: '100' });
  expect(query({ ...GLOBAL, query: { limit: false } })).toEqual({ since: '41' });
  const fields = { epoch: 'epoch' };
  expect(query({ fields, query: { since: 'after', channel: 'c' } })).toEqual({
    after: '41',
    c: 'room',
    epoch: 'k',
    limit: '100',
  });
  expect(query({ fields, query: { epoch: 'life', channel: false } })).toEqual({
    since: '41',
    life: 'k',
    limit: '100',
  });
  expect(query({ fields, query: { epoch: false } })).not.toHaveProperty('epoch');
});

test('a server without heads is polled, one with heads is not; epochs are where they are named', () => {
  const numbering = 'contiguous';
  expect(mappedDialect({})).toMatchObject({ pollMs: 25_000, overlap, protocols: [], numbering });
  expect(mappedDialect({ numbering, pollMs: false })).toMatchObject({ pollMs: false, numbering });
  const named = mappedDialect({ heads: 'heads', fields: { epoch: 'e' } });
  expect(named.pollMs).toBe(false);
  expect(named.overlap).toBeUndefined();
  expect(mappedDialect({ pollMs: 5_000, heads: 'heads' }).pollMs).toBe(5_000);
  expect(mappedDialect(GLOBAL).tracker).toBeTypeOf('function');
  expect(mappedDialect({}).tracker).toBeUndefined();
});

const NAMES = 'fields, numbering, pollMs, channel, messages, joined, heads, control, send, query';

test.each<[string, unknown, string]>([
  ['fields', { sequence: 'x' }, 'an object of names'],
  ['fields', { seq: 'n', sequence: 'x' }, 'an object of names'],
  ['fields', { seq: '' }, 'an object of names'],
  ['channel', '', 'a name'],
  ['messages', [1], 'a type, or a list of types'],
  ['messages', ['chat', 1], 'a type, or a list of types'],
  ['joined', false, 'a type'],
  ['heads', 1, 'a type'],
  ['control', {}, 'a function'],
  ['send', 'x', 'a function'],
  ['numbering', 'random', "'contiguous', 'sparse' or 'monotonic'"],
  ['pollMs', 999, 'a number from 1000 to 3600000, or false'],
  ['query', { since: false }, 'an object of names or false, since not false'],
  ['query', { limit: 100 }, 'an object of names or false, since not false'],
  ['chanel', 'x', `one of ${NAMES}`],
])('a bad option is named, with what it has to be: %s', (option, value, expected) => {
  const make = () => mappedDialect({ [option]: value } as MappedOptions);
  expect(make).toThrow(LastseqError);
  expect(make).toThrow(
    `bad option: option "${option}", value ${JSON.stringify(value)}, expected "${expected}"`,
  );
});

test('options that are none are named', () => {
  expect(() => mappedDialect(5 as MappedOptions)).toThrow(
    'option "mappedDialect options", value 5, expected "an object"',
  );
});

test('whatever comes in, nothing is thrown, and no position is made up', () => {
  const seqOf = (frame: object) => ('seq' in frame ? frame.seq : 1);
  fc.assert(
    fc.property(
      fc.oneof(fc.json(), fc.string(), fc.constantFrom(undefined, null, 3, new ArrayBuffer(2))),
      fc.jsonValue(),
      (data, body) => {
        for (const options of [{}, GLOBAL, { fields: { epoch: 'epoch' } }, { messages: 'x' }]) {
          const { decode: read, decodePage } = mappedDialect(options);
          for (const frame of read(data)) expect(seqOf(frame)).toBeGreaterThanOrEqual(1);
          decodePage(body, asked(3));
        }
      },
    ),
  );
});

test('a type that is an object is of no list, and cannot be made a text', () => {
  for (const type of [{ toString: 1 }, [{ toString: 1 }], null]) {
    expect(decode({ messages: ['chat'] }, { type, channel: 'room', seq: 1 })).toEqual([]);
  }
  expect(decode({ messages: ['7'] }, { type: 7, channel: 'room', seq: 1 })).toMatchObject([
    { type: 'message' },
  ]);
});

test("a field `prev` is the app's, unless numbers are sparse or it is named: no loss is talked away", () => {
  const price = { channel: 'room', seq: 9, prev: 3 };
  const request = { channel: 'room', epoch: '', seq: 5 };
  const prevs = (options: MappedOptions) => {
    const page = mappedDialect(options).decodePage([price], request);
    return [...decode(options, price), ...('messages' in page ? page.messages : [])].map(
      (message) => ('prev' in message ? message.prev : undefined),
    );
  };
  expect(prevs({})).toEqual([undefined, undefined]);
  expect(prevs({ numbering: 'sparse' })).toEqual([3, 3]);
  expect(prevs({ fields: { prev: 'prev' } })).toEqual([3, 3]);
  expect(prevs({ numbering: 'sparse', fields: { prev: undefined } })).toEqual([3, 3]);
});

test('types may be numbers in every place where one is named', () => {
  const options: MappedOptions = { joined: '0', heads: '1', messages: '2', fields: { type: 'op' } };
  const frames = [{ op: 0 }, { op: 1, head: 4 }, { op: 2, seq: 5 }];
  const seen = decode(options, ...frames.map((frame) => ({ ...frame, channel: 'room' })));
  expect(seen.map(({ type }) => type)).toEqual(['joined', 'heads', 'message']);
});

test('a `prev` that is not below the number is none: the gap ends before the message', () => {
  const { decodePage } = mappedDialect({ numbering: 'sparse', fields: { epoch: 'epoch' } });
  const raw = { channel: CHANNEL, epoch: 'e', seq: 9, prev: 100 };
  const own = { ...raw, prev: 9 };
  const request = { channel: CHANNEL, epoch: 'e', seq: 5 };
  expect(decodePage({ epoch: 'e', messages: [own] }, request)).toMatchObject({
    messages: [{ seq: 9, data: own }],
  });
  expect(decodePage({ epoch: 'e', messages: [own] }, request)).not.toHaveProperty(
    'messages.0.prev',
  );
  const script = new Script().live(5).heads(9);
  for (let i = 0; i < 3; i += 1) {
    const call = script.call();
    if (call === undefined) break;
    const page = decodePage({ epoch: 'e', head: 9, messages: [raw] }, call.request) as Page;
    script.answer(call.id, page);
  }
  expect(script.items).toMatchObject([
    { gap: { from: 6, to: 8, reason: 'hole' } },
    { type: 'message', seq: 9 },
  ]);
});

test('near misses of messages are values as well', () => {
  const near = fc.record(
    {
      type: fc.constantFrom('subscribed', 'heads', 'x', 3, null),
      channel: fc.oneof(fc.constantFrom('room', null), fc.jsonValue()),
      seq: fc.oneof(fc.constantFrom(0, 1, -1, '1'), fc.jsonValue()),
      epoch: fc.jsonValue(),
      head: fc.jsonValue(),
      oldest: fc.jsonValue(),
      messages: fc.array(fc.record({ seq: fc.jsonValue(), channel: fc.jsonValue() })),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(near, (raw) => {
      const { decode: read, decodePage } = mappedDialect({
        heads: 'heads',
        fields: { epoch: 'epoch' },
      });
      read(JSON.stringify(raw));
      const page = decodePage(raw, { channel: 'room', epoch: 'k', seq: 3 });
      if ('type' in page) return;
      expect(page.oldest).toBeLessThanOrEqual(page.head + 1);
    }),
  );
});
