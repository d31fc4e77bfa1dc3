// @vitest-environment node
// The same transport over real sockets: `ws` as the WebSocket of this process, and a `ws` server.
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { webSocketTransport } from '../../src/adapters/websocket-transport.js';
import type { Transport, TransportEvent } from '../../src/ports/transport.js';

// Real sockets: the limits are for a test that fails, not for a busy machine.
vi.setConfig({ testTimeout: 30_000 });
const eventually = (check: () => unknown): Promise<unknown> => vi.waitFor(check, 15_000);

let server: WebSocketServer;
let url: string;
let events: TransportEvent[];
let transport: Transport;

const urlOf = (listening: Server | WebSocketServer) =>
  `ws://127.0.0.1:${(listening.address() as AddressInfo).port}`;

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  url = urlOf(server);
  vi.stubGlobal('WebSocket', WebSocket);
  events = [];
  transport = webSocketTransport(['lastseq.v1'])((event) => events.push(event));
});

afterEach(async () => {
  transport.close(1000, '');
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
  vi.unstubAllGlobals();
});

const accepted = () =>
  new Promise<WebSocket>((resolve) => server.once('connection', (socket) => resolve(socket)));

/** Both ends of a connection, open. */
async function connected(attempt: number): Promise<WebSocket> {
  const peer = accepted();
  transport.open(attempt, url);
  await eventually(() => expect(events.at(-1)).toEqual({ type: 'opened', attempt }));
  return peer;
}

const lastEvent = (event: object) => eventually(() => expect(events.at(-1)).toMatchObject(event));

test('text goes both ways, bytes come as an ArrayBuffer, the subprotocol is agreed', async () => {
  const peer = await connected(1);
  expect(peer.protocol).toBe('lastseq.v1');
  const heard = new Promise((resolve) =>
    peer.once('message', (data, binary) => resolve([String(data), binary])),
  );
  transport.send('hello');
  expect(await heard).toEqual(['hello', false]);
  peer.send('text');
  await lastEvent({ type: 'received', data: 'text' });
  peer.send(new Uint8Array([1, 2]));
  await lastEvent({ type: 'received', data: new Uint8Array([1, 2]).buffer });
});

test.each([1000, 1001, 1012, 4401])('a close by the server with %d', async (code) => {
  (await connected(1)).close(code, 'because');
  await lastEvent({ type: 'dropped', attempt: 1, code, reason: 'because' });
  await connected(2);
  expect(events.filter(({ type }) => type === 'dropped').length).toBe(1);
});

test('a connection that breaks is 1006', async () => {
  (await connected(1)).terminate();
  await lastEvent({ type: 'dropped', attempt: 1, code: 1006 });
});

test('a port that nobody listens on, then the server again', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const nowhere = urlOf(closed);
  await new Promise((resolve) => closed.close(resolve));
  for (const attempt of [1, 2]) {
    transport.open(attempt, nowhere);
    await lastEvent({ type: 'dropped', attempt, code: 1006 });
  }
  await connected(3);
});

test('an answer that is no handshake is 1006', async () => {
  const plain = createServer((socket) => socket.resume().end('HTTP/1.1 503 Busy\r\n\r\n'));
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  transport.open(1, urlOf(plain));
  await lastEvent({ type: 'dropped', attempt: 1, code: 1006 });
  await new Promise((resolve) => plain.close(resolve));
});

test('RWS 26: closing while connecting does not end a Node process', async () => {
  const silent = createServer();
  const reached = new Promise<void>((resolve) =>
    silent.on('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.once('close', () => resolve());
    }),
  );
  const met = new Promise((resolve) => silent.once('connection', resolve));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  transport.open(1, urlOf(silent));
  await met;
  // `ws` now emits an `error`. Were it unheard, this run would fail with an uncaught exception.
  transport.close(1000, '');
  await reached;
  await connected(2);
  expect(events).toEqual([{ type: 'opened', attempt: 2 }]);
  await new Promise((resolve) => silent.close(resolve));
});

test('a bad address is a drop', async () => {
  transport.open(1, 'http://[');
  await lastEvent({ type: 'dropped', attempt: 1, code: 1006 });
  expect((events.at(-1) as { reason: string }).reason).not.toBe('');
});

test('the server sees the code and the reason of our close', async () => {
  const peer = await connected(1);
  const closed = new Promise((resolve) =>
    peer.once('close', (code, reason) => resolve([code, String(reason)])),
  );
  transport.close(3000, 'page hidden');
  expect(await closed).toEqual([3000, 'page hidden']);
  expect(events).toEqual([{ type: 'opened', attempt: 1 }]);
});
