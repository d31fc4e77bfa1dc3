// The orders of events that the real sockets of socketio-transport.real.test.ts do not show.
import { beforeEach, describe, expect, test } from 'vitest';
import { socketIoTransport } from '../../src/adapters/socketio-transport.js';
import type { SocketIoCall } from '../../src/ports/socket-io.js';
import type { Transport, TransportEvent } from '../../src/ports/transport.js';
import { FakeSocketIo } from './fake-socketio.js';

let socket: FakeSocketIo;
let events: TransportEvent[];
let transport: Transport;
/** What the core does within an event. */
let react: (event: TransportEvent) => void;

beforeEach(() => {
  socket = new FakeSocketIo();
  events = [];
  react = () => undefined;
  transport = socketIoTransport(socket, ['message'])((event) => {
    events.push(event);
    react(event);
  });
});

/** Lets everything happen that needs no waiting. */
const settle = () => Promise.resolve();
/** What was reported since this was asked last. */
const reported = () => events.splice(0);

const JOIN: SocketIoCall = {
  frame: { type: 'subscribe', id: 1, channel: 'room' },
  emit: { event: 'join', payload: 'room' },
  answered: 'sent',
  undo: { event: 'leave', payload: 'room' },
};
const LEAVE: SocketIoCall = {
  frame: { type: 'unsubscribe', channel: 'room' },
  emit: JOIN.undo,
  answered: 'never',
};
const PUBLISH: SocketIoCall = {
  frame: { type: 'publish', id: 2, channel: 'room', key: 'k', data: 1 },
  emit: { event: 'say', payload: 1 },
  answered: 'acknowledged',
};

const AVAILABLE = { type: 'available' };
const opened = (attempt: number) => ({ type: 'opened', attempt });
const dropped = (attempt: number, reason = 'transport close') => ({
  type: 'dropped',
  attempt,
  code: 1006,
  reason,
});
const received = (attempt: number, data: object) => ({ type: 'received', attempt, data });
const message = (payload: unknown) => ({ event: 'message', payload });

/** Opens an attempt on a socket that connects. */
function open(attempt: number): void {
  transport.open(attempt, '');
  socket.connects();
  expect(reported().at(-1)).toEqual(opened(attempt));
}

/** Opens an attempt and joins the room. */
async function join(attempt: number): Promise<void> {
  open(attempt);
  transport.send([JOIN]);
  await settle();
  expect(socket.sent.splice(0)).toEqual([['join', 'room']]);
  expect(reported()).toEqual([received(attempt, { answerTo: JOIN.frame, payload: undefined })]);
}

test('is inert until open', () => {
  transport.send([JOIN]);
  expect([socket.connectCalls, socket.sent, socket.listenedTo]).toEqual([0, [], []]);
});

test('what is said, in this order', () => {
  open(1);
  socket.fires('message', 'hello');
  socket.disconnects();
  expect(reported()).toEqual([received(1, message('hello')), dropped(1)]);
});

describe('opening', () => {
  test('a connected socket opens in a turn of its own', async () => {
    socket.connects();
    transport.open(1, '');
    expect(reported()).toEqual([]);
    await settle();
    expect(reported()).toEqual([opened(1)]);
  });

  test.each<[then: string, act: () => void, events: object[]]>([
    ['another attempt', () => transport.open(2, ''), [opened(2)]],
    ['a close', () => transport.close(1000, ''), []],
    [
      'a loss and another attempt',
      () => (socket.disconnects(), transport.open(2, '')),
      [dropped(1)],
    ],
    ['a loss', () => socket.disconnects(), [dropped(1)]],
    // A listener of the app, which came before ours, has asked for the attempt.
    ['the event that it is connected', () => socket.fires('connect'), [opened(1)]],
    ['a message, which came too early', () => socket.fires('message', 'early'), [opened(1)]],
  ])('a connected socket, and in the same turn %s', async (_then, act, expected) => {
    socket.connects();
    transport.open(1, '');
    act();
    await settle();
    expect(reported()).toEqual(expected);
  });

  test('another attempt gives the first one up, leaves its rooms and is the only one heard', async () => {
    await join(1);
    transport.open(2, '');
    socket.fires('message', 'early');
    await settle();
    socket.fires('message', 'heard');
    expect(socket.sent).toEqual([['leave', 'room']]);
    expect(reported()).toEqual([opened(2), received(2, message('heard'))]);
    expect(socket.listenedTo).toEqual(['connect', 'connect_error', 'disconnect', 'message']);
    socket.disconnects();
    expect(reported()).toEqual([dropped(2)]);
  });

  test('within the drop: the socket is waited for', () => {
    react = ({ type }) => type === 'dropped' && transport.open(2, '');
    open(1);
    socket.disconnects();
    socket.connects();
    expect(reported()).toEqual([dropped(1), opened(2)]);
  });

  test('a socket that is back between attempts is said to be, and opens the next one', async () => {
    open(1);
    socket.disconnects();
    socket.connects();
    expect(reported()).toEqual([dropped(1), AVAILABLE]);
    transport.open(2, '');
    await settle();
    expect(reported()).toEqual([opened(2)]);
  });
});

test('an attempt is dropped once, and nothing of it is heard afterwards', () => {
  open(1);
  socket.disconnects();
  socket.failsToConnect(new Error('no network'), true);
  socket.fires('disconnect', 'again');
  socket.fires('message', 'late');
  expect(reported()).toEqual([dropped(1)]);
});

test('a loss that an app hides from us, whose listener throws, is a drop when the socket is back', async () => {
  socket.on('disconnect', () => {
    throw new Error('bug in the app');
  });
  await join(1);
  expect(() => socket.disconnects()).toThrow('bug in the app');
  transport.send([JOIN]);
  socket.connects();
  expect(reported()).toEqual([dropped(1, 'lost unheard'), AVAILABLE]);
  transport.close(1000, '');
  expect(socket.sent).toEqual([]);
});

describe('whose it is to connect', () => {
  const REFUSED = new Error('not you');

  test.each<[socket: string, ours: boolean, reach: () => void]>([
    ['that was never connected', true, () => undefined],
    ['that connects already', false, () => void (socket.active = true)],
    [
      'that the server threw out',
      true,
      () => (open(1), socket.disconnects('io server disconnect')),
    ],
    [
      'that the app disconnected',
      false,
      () => (open(1), socket.disconnects('io client disconnect')),
    ],
    ['that was lost', false, () => (open(1), socket.disconnects())],
    [
      'that was lost, and then disconnected by the app, which nobody hears of',
      false,
      () => (open(1), socket.disconnects(), (socket.active = false)),
    ],
    [
      'that was refused',
      true,
      () => (transport.open(1, ''), socket.failsToConnect(REFUSED, false)),
    ],
    [
      'that the network failed, and the app disconnected then',
      false,
      () => {
        transport.open(1, '');
        socket.failsToConnect(REFUSED, true);
        socket.active = false;
      },
    ],
    [
      'that the app disconnected while it was connecting',
      false,
      () => (transport.open(1, ''), (socket.active = false)),
    ],
    [
      'that the app disconnected, which we have seen twice',
      false,
      () => (open(1), socket.disconnects('io client disconnect'), transport.open(2, '')),
    ],
    [
      'that the server threw out, and we were closed then',
      true,
      () => {
        open(1);
        socket.disconnects('io server disconnect');
        transport.close(1000, '');
      },
    ],
    [
      'that the app disconnected, and we were closed then',
      false,
      () => {
        open(1);
        socket.disconnects('io client disconnect');
        transport.close(1000, '');
      },
    ],
    [
      'of which we do not know what became of it while we were closed',
      true,
      () => {
        open(1);
        transport.close(1000, '');
        socket.disconnects('io client disconnect');
      },
    ],
    [
      'that the app connected for an attempt of ours, and of which we do not know what became of it then',
      true,
      () => {
        open(1);
        socket.disconnects('io client disconnect');
        open(2);
        transport.close(1000, '');
        socket.disconnects();
        socket.active = false;
      },
    ],
  ])('a socket %s is ours to connect: %s', (_socket, ours, reach) => {
    reach();
    const before = socket.connectCalls;
    transport.open(9, '');
    expect(socket.connectCalls - before).toBe(ours ? 1 : 0);
  });
});

describe('sending', () => {
  test('what cannot be sent is gone: nothing is queued, at no time', async () => {
    transport.open(1, '');
    transport.send([JOIN]);
    socket.connects();
    socket.connected = false;
    transport.send([JOIN]);
    socket.disconnects();
    transport.send([JOIN]);
    socket.connects();
    transport.send([JOIN]);
    transport.open(2, '');
    transport.send([JOIN]);
    transport.close(1000, '');
    transport.send([JOIN]);
    await settle();
    expect(socket.sent).toEqual([]);
    expect(reported()).toEqual([opened(1), dropped(1), AVAILABLE]);
  });

  test('within the event that it is open', () => {
    react = ({ type }) => type === 'opened' && transport.send([JOIN]);
    open(1);
    expect(socket.sent).toEqual([['join', 'room']]);
  });

  test('a loss in the midst of it ends it', async () => {
    open(1);
    socket.heard = () => socket.disconnects();
    transport.send([JOIN, PUBLISH]);
    await settle();
    expect(socket.sent).toEqual([['join', 'room']]);
    expect(reported()).toEqual([dropped(1)]);
  });

  test.each<[call: string, call: SocketIoCall, sent: unknown[], answers: unknown[]]>([
    ['that counts as answered when it is sent', JOIN, [['join', 'room']], [undefined]],
    ['of which the server needs no event', { ...JOIN, emit: undefined }, [], [undefined]],
    [
      'of which the server needs no event, though it acknowledges others',
      { ...JOIN, emit: undefined, answered: 'acknowledged' },
      [],
      [undefined],
    ],
    ['that is never answered', LEAVE, [['leave', 'room']], []],
    ['that is acknowledged, but not yet', PUBLISH, [['say', 1]], []],
  ])('a call %s', async (_call, call, sent, answers) => {
    open(1);
    transport.send([call]);
    expect(socket.sent).toEqual(sent);
    expect(socket.acknowledge !== undefined).toBe(call === PUBLISH);
    // In a turn of its own, as if it had come over the wire.
    expect(reported()).toEqual([]);
    await settle();
    const answer = (payload: unknown) => received(1, { answerTo: call.frame, payload });
    expect(reported()).toEqual(answers.map(answer));
  });

  test('an acknowledgement is heard, even one that comes at once', () => {
    open(1);
    transport.send([PUBLISH]);
    socket.acknowledge?.('later');
    socket.heard = () => socket.acknowledge?.('at once');
    transport.send([PUBLISH]);
    const answer = (payload: unknown) => received(1, { answerTo: PUBLISH.frame, payload });
    expect(reported()).toEqual([answer('later'), answer('at once')]);
  });

  // With its `ackTimeout` or `retries`, Socket.IO puts an error, or null, before the answer.
  test.each<[given: unknown[], answers: unknown[]]>([
    [[null, 'an answer'], ['an answer']],
    [[null], [undefined]],
    [[], [undefined]],
    [['an answer', 'more'], ['an answer']],
    [[new Error('operation has timed out')], []],
  ])('an acknowledgement with %j is answered with %j', (given, answers) => {
    open(1);
    transport.send([PUBLISH]);
    socket.acknowledge?.(...given);
    const answer = (payload: unknown) => received(1, { answerTo: PUBLISH.frame, payload });
    expect(reported()).toEqual(answers.map(answer));
  });

  test.each<[then: string, act: () => unknown]>([
    ['a loss', () => socket.disconnects()],
    ['a loss, and the socket back', () => (socket.disconnects(), socket.connects())],
    ['a loss, and another attempt', () => (socket.disconnects(), transport.open(2, ''))],
    ['a close', () => transport.close(1000, '')],
    ['another attempt', () => transport.open(2, '')],
    ['another attempt that is open', () => (transport.open(2, ''), socket.fires('connect'))],
  ])('an answer that comes after %s is not heard', async (_then, act) => {
    open(1);
    transport.send([JOIN, PUBLISH]);
    act();
    socket.acknowledge?.('late');
    await settle();
    socket.acknowledge?.('later');
    expect(events.filter(({ type }) => type === 'received')).toEqual([]);
  });
});

describe('closing', () => {
  const OTHER: SocketIoCall = {
    ...JOIN,
    frame: { type: 'subscribe', id: 3, channel: 'other' },
    undo: { event: 'leave', payload: 'other' },
  };

  test('leaves what was joined and not left, once, and what was joined twice too', async () => {
    await join(1);
    const third = { ...OTHER, frame: { type: 'subscribe', id: 4, channel: 'third' } } as const;
    const leaveThird = { ...LEAVE, frame: { type: 'unsubscribe', channel: 'third' } } as const;
    transport.send([JOIN, OTHER, PUBLISH, { ...OTHER, undo: undefined }, third, leaveThird]);
    socket.sent.length = 0;
    transport.close(1000, '');
    transport.close(1000, '');
    expect(socket.sent).toEqual([
      ['leave', 'room'],
      ['leave', 'other'],
    ]);
  });

  test.each<[what: string, act: () => unknown]>([
    ['was left', () => transport.send([LEAVE])],
    ['was lost', () => (socket.disconnects(), open(2))],
    ['was lost and is between attempts', () => (socket.disconnects(), socket.connects())],
    ['was given up by a close', () => (transport.close(1000, ''), open(2))],
    ['was given up for another attempt', () => (transport.open(2, ''), socket.fires('connect'))],
  ])('does not leave what %s', async (_what, act) => {
    await join(1);
    act();
    socket.sent.length = 0;
    transport.close(1000, '');
    expect(socket.sent).toEqual([]);
  });

  test('within the app hearing of a loss first: nothing is left on the broken socket', async () => {
    socket.on('disconnect', () => transport.close(1000, ''));
    await join(1);
    socket.disconnects();
    expect([socket.sent, reported()]).toEqual([[], []]);
  });

  test('no event comes after it, and no listener stays', async () => {
    await join(1);
    transport.close(1000, '');
    expect(socket.listenedTo).toEqual([]);
    socket.fires('message', 'late');
    socket.disconnects();
    socket.connects();
    await settle();
    expect(reported()).toEqual([]);
  });

  test('within the app hearing of a message first: we do not hear of it', async () => {
    socket.on('message', () => transport.close(1000, ''));
    await join(1);
    socket.fires('message', 'late');
    expect(reported()).toEqual([]);
  });

  test('opens anew afterwards, with each listener once', async () => {
    await join(1);
    transport.close(1000, '');
    transport.open(2, '');
    await settle();
    socket.disconnects();
    transport.open(3, '');
    socket.connects();
    expect(reported()).toEqual([opened(2), dropped(2), opened(3)]);
    expect(socket.listenedTo).toEqual(['connect', 'connect_error', 'disconnect', 'message']);
  });
});
