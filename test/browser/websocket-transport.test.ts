// What only a browser's own WebSocket can show: which calls throw, and in what order events come.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { webSocketTransport } from '../../src/adapters/websocket-transport.js';
import type { Transport, TransportEvent } from '../../src/ports/transport.js';

let events: TransportEvent[];
let transport: Transport;

beforeEach(() => {
  events = [];
  transport = webSocketTransport([])((event) => events.push(event));
});

afterEach(() => {
  transport.close(1000, '');
});

const lastEvent = (event: object) =>
  expect.poll(() => events.at(-1), { timeout: 10_000 }).toMatchObject(event);

/** A port that browsers refuse by themselves: https://fetch.spec.whatwg.org/#port-blocking. */
const REFUSED = 'ws://127.0.0.1:9/';

/** The server of this page. */
const here = () => `${location.origin.replace(/^http/, 'ws')}/`;

test.each(['http://[', 'ws://', 'ftp://server/', 'ws://server:99999/'])(
  'RWS 5c: the address %j is a drop and not an exception, and dialing goes on',
  async (url) => {
    for (const attempt of [1, 2]) {
      transport.open(attempt, url);
      await lastEvent({ type: 'dropped', attempt, code: 1006 });
    }
    expect(events.length).toBe(2);
  },
);

test('RWS 5c: a subprotocol that is no token is a drop', async () => {
  const other = webSocketTransport(['no token!'])((event) => events.push(event));
  other.open(1, here());
  await lastEvent({ type: 'dropped', attempt: 1, code: 1006 });
  other.close(1000, '');
});

test('RWS 8: a connection that cannot be made is 1006, once per attempt', async () => {
  for (const attempt of [1, 2, 3]) {
    transport.open(attempt, REFUSED);
    await lastEvent({ type: 'dropped', attempt, code: 1006 });
  }
  expect(events.length).toBe(3);
});

test('RWS 5f, 7: a handshake that is never answered is given up by the next attempt', async () => {
  const hanging = await handshake((event) => events.push(event));
  hanging.open(2, REFUSED);
  await lastEvent({ type: 'dropped', attempt: 2, code: 1006 });
  expect(events.length).toBe(1);
  hanging.close(1000, '');
});

test('closing while connecting says nothing', async () => {
  const silent: TransportEvent[] = [];
  const hanging = await handshake((event) => silent.push(event));
  hanging.close(1000, '');
  hanging.open(2, here());
  hanging.close(1000, '');
  transport.open(3, REFUSED);
  await lastEvent({ type: 'dropped', attempt: 3, code: 1006 });
  expect(silent).toEqual([]);
});

/** A transport in the middle of a handshake. */
async function handshake(emit: (event: TransportEvent) => void): Promise<Transport> {
  const Native = WebSocket;
  const made = new Promise<void>((resolve) => {
    globalThis.WebSocket = class extends Native {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        resolve();
      }
    };
  });
  // The server of this page leaves sockets alone that do not speak its own subprotocol.
  const hanging = webSocketTransport(['nobody.speaks.this'])(emit);
  hanging.open(1, here());
  await made;
  globalThis.WebSocket = Native;
  return hanging;
}
