// @vitest-environment node
/** Events of a Socket.IO server as frames, and frames as events. */
import fc from 'fast-check';
import { io, type Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { NO_EPOCH } from '../../src/core/position.js';
import { socketIoDialect, type SocketIoOptions } from '../../src/dialects/socketio.js';
import { LastseqError } from '../../src/errors.js';
import { socketIo } from '../../src/index.js';
import type { SocketIoSocket } from '../../src/ports/socket-io.js';

const SUBSCRIBE = { type: 'subscribe', id: 1, channel: 'room' } as const;
const UNSUBSCRIBE = { type: 'unsubscribe', channel: 'room' } as const;
const PUBLISH = { type: 'publish', id: 2, channel: 'room', key: 'k', data: 'hi' } as const;

const MENDED: SocketIoOptions = {
  acknowledges: true,
  events: { heads: 'heads' },
  fields: { epoch: 'epoch' },
};

const decode = (options: SocketIoOptions, arrival: object) =>
  socketIoDialect(options).dialect.decode(arrival);

test('the message that such servers send', () => {
  const payload = {
    id: 'x',
    seq: 5,
    channel: 'room',
    content: 'hi',
    userId: 'bob',
    timestamp: 1_700_000_000_000,
  };
  expect(decode({}, { event: 'message', payload })).toEqual([
    {
      type: 'message',
      channel: 'room',
      epoch: NO_EPOCH,
      seq: 5,
      data: payload,
      id: 'x',
      ts: 1_700_000_000_000,
      from: 'bob',
    },
  ]);
  expect(decode({ fields: { data: 'content' } }, { event: 'message', payload })).toMatchObject([
    { data: 'hi' },
  ]);
  expect(decode({}, { event: 'message', payload: 'text' })).toEqual([
    { type: 'bad', reason: 'not an object' },
  ]);
});

test('a field that is given as undefined has the name that it has by default', () => {
  const payload = { channel: 'room:1', seq: 1, userId: 'bob', from: 'here' };
  expect(decode({ fields: { from: undefined } }, { event: 'message', payload })).toMatchObject([
    { from: 'bob' },
  ]);
});

test('heads are told by an event of their own', () => {
  const payload = { channel: 'room', epoch: 'k', head: 4 };
  expect(decode(MENDED, { event: 'heads', payload })).toEqual([
    { type: 'heads', heads: [payload] },
  ]);
  expect(socketIoDialect(MENDED).events).toEqual(['message', 'heads']);
  expect(socketIoDialect({ events: { message: 'chat' } }).events).toEqual(['chat']);
});

test('frames become events: join and leave with the name, publish with the content', () => {
  const { encode } = socketIoDialect({}).dialect;
  const leave = { event: 'leave', payload: 'room' };
  expect(encode([SUBSCRIBE, UNSUBSCRIBE, PUBLISH, { type: 'ping' }])).toEqual([
    { frame: SUBSCRIBE, emit: { event: 'join', payload: 'room' }, answered: 'sent', undo: leave },
    { frame: UNSUBSCRIBE, emit: leave, answered: 'never' },
    {
      frame: PUBLISH,
      emit: { event: 'send_message', payload: { channel: 'room', content: 'hi', key: 'k' } },
      answered: 'never',
    },
  ]);
});

test('events of the app’s own names and payloads, or none', () => {
  const { encode } = socketIoDialect({
    acknowledges: true,
    events: { join: 'enter', leave: 'exit', publish: 'say' },
    payload: ({ channel, type }) => ({ room: channel, why: type }),
  }).dialect;
  const emit = (event: string, why: string) => ({ event, payload: { room: 'room', why } });
  const exit = emit('exit', 'unsubscribe');
  const answered = 'acknowledged';
  expect(encode([SUBSCRIBE, UNSUBSCRIBE, PUBLISH])).toEqual([
    { frame: SUBSCRIBE, emit: emit('enter', 'subscribe'), answered, undo: exit },
    { frame: UNSUBSCRIBE, emit: exit, answered: 'never' },
    { frame: PUBLISH, emit: emit('say', 'publish'), answered },
  ]);
  const silent = socketIoDialect({ events: { join: false, leave: false } }).dialect;
  expect(silent.encode([SUBSCRIBE, UNSUBSCRIBE])).toEqual([
    { frame: SUBSCRIBE, emit: undefined, answered: 'sent', undo: undefined },
    { frame: UNSUBSCRIBE, emit: undefined, answered: 'never' },
  ]);
});

test('acknowledgements: facts or nothing, a number, an error', () => {
  const facts = { epoch: 'k', head: 4, oldest: 2 };
  const answer = (answerTo: object, payload?: unknown) => decode(MENDED, { answerTo, payload });
  expect(answer(SUBSCRIBE, facts)).toEqual([
    { type: 'subscribed', id: 1, channel: 'room', ...facts },
  ]);
  for (const nothing of [undefined, null, 'ok', { status: 'ok' }, { head: 4 }]) {
    expect(answer(SUBSCRIBE, nothing)).toEqual([{ type: 'joined', id: 1, channel: 'room' }]);
  }
  expect(answer(PUBLISH, { epoch: 'k', seq: 5 })).toEqual([
    { type: 'ack', id: 2, channel: 'room', position: { epoch: 'k', seq: 5 } },
  ]);
  const reason = 'the acknowledgement lacks the number';
  for (const nowhere of [{ status: 'ok' }, { seq: 5 }, { epoch: 'k', seq: 0 }, 'ok']) {
    expect(answer(PUBLISH, nowhere)).toEqual([{ type: 'bad', channel: 'room', reason }]);
  }
  for (const frame of [SUBSCRIBE, PUBLISH]) {
    expect(answer(frame, { error: 'forbidden' })).toEqual([
      { type: 'error', id: frame.id, channel: 'room', code: 'forbidden', retry: false },
    ]);
    for (const error of [{ code: 'forbidden', message: 'no' }, true, 403]) {
      expect(answer(frame, { error })).toEqual([
        { type: 'error', id: frame.id, channel: 'room', code: 'internal', retry: false },
      ]);
    }
    expect(answer(frame, { error: null, ...facts, seq: 5 })).not.toMatchObject([{ type: 'error' }]);
  }
});

test.each<[string, unknown, string]>([
  ['events', { message: false }, 'an object of names, join and leave may be false'],
  ['events', { join: 5 }, 'an object of names, join and leave may be false'],
  ['events', { msg: 'x' }, 'an object of names, join and leave may be false'],
  ['fields', { type: 'x' }, 'an object of names'],
  ['payload', {}, 'a function'],
  ['acknowledges', 1, 'true or false'],
  ['numbering', 'x', "'contiguous', 'sparse' or 'monotonic'"],
  ['pollMs', 0, 'a number from 1000 to 3600000, or false'],
  ['url', 'x', 'one of fields, numbering, pollMs, events, payload, acknowledges'],
])('a bad option is named, with what it has to be: %s', (option, value, expected) => {
  const make = () => socketIoDialect({ [option]: value } as SocketIoOptions);
  expect(make).toThrow(LastseqError);
  expect(make).toThrow(
    `bad option: option "${option}", value ${JSON.stringify(value)}, expected "${expected}"`,
  );
});

test('a socket with types of its own is taken', () => {
  type Typed = Socket<
    { message: (message: { seq: number }) => void },
    { join: (channel: string, answer: (facts: object) => void) => void }
  >;
  const socket: Typed = io('http://127.0.0.1', { autoConnect: false });
  expect(socketIo(socket).transport).toBeTypeOf('function');
});

test('something that is no socket is refused', () => {
  for (const socket of [undefined, null, 'x', { on: () => undefined }]) {
    expect(() => socketIo(socket as unknown as SocketIoSocket)).toThrow(
      /option "socket", .*, expected "a socket of socket.io-client"/,
    );
  }
  expect(() => socketIoDialect('x' as SocketIoOptions)).toThrow('option "socketIo options"');
});

test('whatever comes in, nothing is thrown', () => {
  fc.assert(
    fc.property(fc.anything(), fc.jsonValue(), (payload, body) => {
      for (const options of [{}, MENDED]) {
        const { dialect } = socketIoDialect(options);
        dialect.decode({ event: 'message', payload });
        dialect.decode({ event: 'heads', payload });
        dialect.decode({ answerTo: SUBSCRIBE, payload });
        dialect.decode({ answerTo: PUBLISH, payload });
        dialect.decodePage(body, { channel: 'room', epoch: 'k', seq: 3 });
      }
    }),
  );
});
