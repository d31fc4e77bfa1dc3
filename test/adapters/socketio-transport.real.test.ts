// @vitest-environment node
// The app's own socket as a transport, over a real socket.io server and client.
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { socketIoTransport } from '../../src/adapters/socketio-transport.js';
import type { SocketIoCall } from '../../src/ports/socket-io.js';
import type { Transport, TransportEvent } from '../../src/ports/transport.js';
import { startSocketIoServer } from '../support/socketio-server.mjs';

// Real sockets: the limits are for a test that fails, not for a busy machine.
vi.setConfig({ testTimeout: 30_000 });
const eventually = (check: () => unknown): Promise<unknown> => vi.waitFor(check, 15_000);

let server: Awaited<ReturnType<typeof startSocketIoServer>>;
let socket: Socket;
let events: TransportEvent[];
let transport: Transport;

/** Makes the app's socket, and a transport over it. */
function use(options: Parameters<typeof io>[1] = {}): void {
  socket = io(server.origin, {
    reconnectionDelay: 20,
    reconnectionDelayMax: 50,
    forceNew: true,
    ...options,
  });
  events = [];
  transport = socketIoTransport(socket, ['message'])((event) => events.push(event));
}

beforeEach(async () => {
  server = await startSocketIoServer();
  use();
});

afterEach(async () => {
  transport.close(1000, '');
  socket.disconnect();
  await server.close();
});

const lastEvent = (event: object) => eventually(() => expect(events.at(-1)).toMatchObject(event));
const connected = () => eventually(() => expect(socket.connected).toBe(true));
/** How many listeners the socket has, of anybody. */
const listeners = () =>
  ['connect', 'disconnect', 'connect_error', 'message'].map(
    (event) => socket.listeners(event as 'connect').length,
  );

const JOIN: SocketIoCall = {
  frame: { type: 'subscribe', id: 1, channel: 'room' },
  emit: { event: 'join', payload: 'room' },
  answered: 'sent',
  undo: { event: 'leave', payload: 'room' },
};
const LEAVE: SocketIoCall = {
  frame: { type: 'unsubscribe', channel: 'room' },
  emit: { event: 'leave', payload: 'room' },
  answered: 'never',
};

/** Opens an attempt and joins the room. */
async function joined(attempt: number): Promise<void> {
  transport.open(attempt, '');
  await lastEvent({ type: 'opened', attempt });
  transport.send([JOIN]);
  await lastEvent({ type: 'received', attempt, data: { answerTo: JOIN.frame } });
  await eventually(() => expect(server.members('room')).toBe(1));
}

test('opening waits for a socket that connects, and knows one that is connected', async () => {
  transport.open(1, '');
  await lastEvent({ type: 'opened', attempt: 1 });
  transport.close(1000, '');
  transport.open(2, '');
  // Reported, but never from inside the call.
  expect(events).toHaveLength(1);
  await lastEvent({ type: 'opened', attempt: 2 });
});

test('a socket that the app has not connected is connected', async () => {
  use({ autoConnect: false });
  expect(socket.active).toBe(false);
  transport.open(1, '');
  await lastEvent({ type: 'opened', attempt: 1 });
});

test('events come in, and nothing that was not asked for', async () => {
  await joined(1);
  const message = await server.publish('room', { n: 1 });
  await lastEvent({ type: 'received', data: { event: 'message', payload: message } });
  server.io.emit('other', 1);
  server.io.emit('message', 2);
  await lastEvent({ type: 'received', data: { event: 'message', payload: 2 } });
  expect(events.filter(({ type }) => type === 'received')).toHaveLength(3);
});

test('an acknowledgement comes with the frame that it answers', async () => {
  transport.open(1, '');
  await lastEvent({ type: 'opened' });
  server.io
    .of('/')
    .sockets.forEach((peer) => peer.on('ask', (what, reply) => reply({ got: what })));
  const frame = { type: 'publish', id: 7, channel: 'room', key: 'k', data: 1 } as const;
  transport.send([{ frame, emit: { event: 'ask', payload: 5 }, answered: 'acknowledged' }]);
  await lastEvent({ data: { answerTo: frame, payload: { got: 5 } } });
});

test('so it does from a socket of an app that limits the time for it', async () => {
  use({ ackTimeout: 15_000 });
  transport.open(1, '');
  await lastEvent({ type: 'opened' });
  server.io.of('/').sockets.forEach((peer) => peer.on('ask', (_what, reply) => reply('got it')));
  const frame = { type: 'publish', id: 7, channel: 'room', key: 'k', data: 1 } as const;
  transport.send([{ frame, emit: { event: 'ask', payload: 5 }, answered: 'acknowledged' }]);
  await lastEvent({ data: { answerTo: frame, payload: 'got it' } });
});

test('a lost connection is a drop; when the socket is back by itself, that is said', async () => {
  await joined(1);
  server.breakAll();
  await lastEvent({ type: 'available' });
  expect(events.filter(({ type }) => type === 'dropped')).toEqual([
    { type: 'dropped', attempt: 1, code: 1006, reason: expect.stringMatching(/transport/) },
  ]);
  transport.send([JOIN]);
  await joined(2);
  expect(listeners()).toEqual([1, 1, 1, 1]);
});

test('a server that refuses is a drop, and the next attempt connects anew', async () => {
  let refuse = true;
  server.io.use((_peer, next) => next(refuse ? new Error('not you') : undefined));
  use();
  transport.open(1, '');
  await lastEvent({ type: 'dropped', attempt: 1, reason: 'Error: not you' });
  // Socket.IO does not try again after that.
  expect(socket.active).toBe(false);
  refuse = false;
  transport.open(2, '');
  await lastEvent({ type: 'opened', attempt: 2 });
});

test('a server that throws us out is a drop, and the next attempt connects anew', async () => {
  transport.open(1, '');
  await lastEvent({ type: 'opened' });
  server.io.disconnectSockets();
  await lastEvent({ type: 'dropped', attempt: 1, reason: 'io server disconnect' });
  transport.open(2, '');
  await lastEvent({ type: 'opened', attempt: 2 });
});

test('a socket that does not reconnect by itself, or no longer, is connected by the next attempt', async () => {
  use({ reconnection: false });
  transport.open(1, '');
  await lastEvent({ type: 'opened', attempt: 1 });
  server.breakAll();
  await lastEvent({ type: 'dropped', attempt: 1 });
  // It says so all the same.
  expect(socket.active).toBe(true);
  transport.open(2, '');
  await lastEvent({ type: 'opened', attempt: 2 });

  await server.close();
  await lastEvent({ type: 'dropped', attempt: 2 });
  transport.open(3, '');
  await lastEvent({ type: 'dropped', attempt: 3 });
  server = await startSocketIoServer({ port: server.port });
  transport.open(4, '');
  await lastEvent({ type: 'opened', attempt: 4 });
});

test('so is one whose manager has given up', async () => {
  use({ reconnectionAttempts: 1 });
  transport.open(1, '');
  await lastEvent({ type: 'opened', attempt: 1 });
  const givenUp = vi.fn();
  socket.io.on('reconnect_failed', givenUp);
  await server.close();
  await eventually(() => expect(givenUp).toHaveBeenCalled());
  server = await startSocketIoServer({ port: server.port });
  transport.open(2, '');
  await lastEvent({ type: 'opened', attempt: 2 });
  server.breakAll();
  // It still reconnects by itself.
  await lastEvent({ type: 'available' });
});

test('an attempt within the loss does not keep the socket from reconnecting by itself', async () => {
  let attempt = 1;
  use();
  transport = socketIoTransport(
    socket,
    [],
  )((event) => {
    events.push(event);
    if (event.type === 'dropped') transport.open((attempt += 1), '');
  });
  transport.open(attempt, '');
  for (const number of [1, 2]) {
    await lastEvent({ type: 'opened', attempt: number });
    server.breakAll();
  }
  await lastEvent({ type: 'opened', attempt: 3 });
});

test('a server that takes its time to admit us is not asked twice', async () => {
  const waiting: (() => void)[] = [];
  socket.disconnect();
  server.io.use((_peer, next) => void waiting.push(next));
  use();
  transport.open(1, '');
  await eventually(() => expect(waiting).toHaveLength(1));
  transport.close(1000, 'timeout');
  transport.open(2, '');
  waiting[0]?.();
  await lastEvent({ type: 'opened', attempt: 2 });
  await joined(1);
  expect(waiting).toHaveLength(1);
});

test('a socket that the app has disconnected stays so until the app connects it', async () => {
  transport.open(1, '');
  await lastEvent({ type: 'opened' });
  socket.disconnect();
  await lastEvent({ type: 'dropped', attempt: 1, reason: 'io client disconnect' });
  transport.open(2, '');
  expect(socket.active).toBe(false);
  socket.connect();
  await lastEvent({ type: 'opened', attempt: 2 });
});

test('so does one that the app disconnects while it is not connected, which Socket.IO tells nobody', async () => {
  transport.open(1, '');
  await lastEvent({ type: 'opened' });
  await server.close();
  await lastEvent({ type: 'dropped', attempt: 1 });
  transport.open(2, '');
  await lastEvent({ type: 'dropped', attempt: 2 });
  expect(socket.active).toBe(true);
  socket.disconnect();
  transport.open(3, '');
  expect(socket.active).toBe(false);
});

test('one that was given up while it was connecting is connected, should it be idle then', async () => {
  let refuse = true;
  server.io.use((_peer, next) => next(refuse ? new Error('not you') : undefined));
  use();
  transport.open(1, '');
  transport.close(1000, 'timeout');
  await eventually(() => expect(socket.active).toBe(false));
  refuse = false;
  transport.open(2, '');
  await lastEvent({ type: 'opened', attempt: 2 });
});

test('closing leaves the rooms and takes exactly our listeners away; the socket stays', async () => {
  const heard: unknown[] = [];
  socket.on('message', (payload) => heard.push(payload));
  expect(listeners()).toEqual([0, 0, 0, 1]);
  await joined(1);
  expect(listeners()).toEqual([1, 1, 1, 2]);
  transport.close(1000, '');
  expect(listeners()).toEqual([0, 0, 0, 1]);
  await eventually(() => expect(server.members('room')).toBe(0));
  expect(socket.connected).toBe(true);
  const before = events.length;
  server.io.emit('message', 'for the app');
  await eventually(() => expect(heard).toEqual(['for the app']));
  expect(events).toHaveLength(before);
});

test('many attempts do not add listeners', async () => {
  await connected();
  for (let attempt = 1; attempt <= 20; attempt += 1) transport.open(attempt, '');
  expect(listeners()).toEqual([1, 1, 1, 1]);
  await lastEvent({ type: 'opened', attempt: 20 });
  expect(events).toHaveLength(1);
});

test('what was left is not left again', async () => {
  await joined(1);
  transport.send([LEAVE]);
  await eventually(() => expect(server.members('room')).toBe(0));
  const left = vi.fn();
  server.io.of('/').sockets.forEach((peer) => peer.on('leave', left));
  transport.close(1000, '');
  socket.emit('send_message', { channel: 'room', content: 1 });
  await eventually(async () =>
    expect(await (await fetch(`${server.recoverUrl}?channel=room&since=0`)).text()).toContain(
      'seq',
    ),
  );
  expect(left).not.toHaveBeenCalled();
});

test('nothing is kept for the next connection: an event without one is not sent', async () => {
  // The app hears of the loss before we do; Socket.IO would keep what it cannot send.
  socket.on('disconnect', () => transport.send([JOIN]));
  await joined(1);
  const seen = vi.fn();
  server.io.on('connection', (peer) => peer.onAny(seen));
  server.breakAll();
  await lastEvent({ type: 'available' });
  socket.emit('marker');
  await eventually(() => expect(seen).toHaveBeenCalledWith('marker'));
  expect(seen).toHaveBeenCalledTimes(1);
});

test('an answer of an older connection is not heard', async () => {
  transport.open(1, '');
  await lastEvent({ type: 'opened', attempt: 1 });
  let reply: ((value: unknown) => void) | undefined;
  server.io.of('/').sockets.forEach((peer) => peer.on('ask', (_what, answer) => (reply = answer)));
  const frame = { type: 'subscribe', id: 1, channel: 'room' } as const;
  transport.send([{ frame, emit: { event: 'ask', payload: 1 }, answered: 'acknowledged' }]);
  await eventually(() => expect(reply).toBeDefined());
  transport.open(2, '');
  await lastEvent({ type: 'opened', attempt: 2 });
  reply?.('late');
  server.io.emit('message', 'after');
  await lastEvent({ data: { event: 'message', payload: 'after' } });
  expect(events.filter(({ type }) => type === 'received')).toHaveLength(1);
});
