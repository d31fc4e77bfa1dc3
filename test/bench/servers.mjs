// Servers for pages to connect to: our hub, and scripted ones that speak as others do.
import { setImmediate as nextTick } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { payload } from './wire.mjs';

const { createHub, memoryLog } = /** @type {typeof import('../../src/server/index.js')} */ (
  await import(new URL('../../dist/server.js', import.meta.url).href)
);

/** Bytes that may wait in a socket before the publisher waits too. */
const FULL_BYTES = 1_048_576;

/**
 * The built hub, with a log in memory.
 * @param {import('node:http').Server} server
 * @param {Partial<import('../../src/server/index.js').HubOptions>} [options]
 */
export function serveHub(server, options = {}) {
  // Longer than any benchmark publishes: a reader that is closed for being slow gets the rest from it.
  const log = memoryLog({ maxLength: 250_000 });
  /** @type {Set<import('../../src/server/index.js').HubSocket>} */
  const sockets = new Set();
  const hub = createHub({
    authorize: () => ({}),
    onConnection: (socket) => void sockets.add(socket),
    log,
    ...options,
  });
  hub.attach(server);
  return {
    log,
    hub,
    sockets,
    /** Ends the connections at once, without a close frame. */
    cut() {
      for (const socket of sockets) socket.terminate();
      sockets.clear();
    },
  };
}

/**
 * A WebSocket server that says what `wire` says.
 * @param {import('node:http').Server} server
 * @param {Pick<import('./wire.mjs').Wire, 'greets' | 'answers'>} wire
 */
export function serveWire(server, { answers, greets }) {
  const webSockets = new WebSocketServer({ server, perMessageDeflate: false });
  webSockets.on('connection', (socket) => {
    for (const text of greets) socket.send(text);
    socket.on('message', (data) => {
      for (const text of answers(String(data))) socket.send(text);
    });
  });
  return {
    sockets: webSockets.clients,
    cut() {
      for (const socket of webSockets.clients) socket.terminate();
    },
  };
}

/**
 * Publishes as fast as the sockets take it.
 * @param {Iterable<{ readonly bufferedAmount: number }>} sockets
 * @param {number} count messages
 * @param {number} perTick messages in one tick
 * @param {(first: number, jsons: readonly string[]) => void} send
 */
export async function publishAll(sockets, count, perTick, send) {
  for (let first = 1; first <= count; first += perTick) {
    const length = Math.min(perTick, count - first + 1);
    send(
      first,
      Array.from({ length }, (_, i) => payload(first + i)),
    );
    do await nextTick();
    while ([...sockets].some(({ bufferedAmount }) => bufferedAmount > FULL_BYTES));
  }
}

/**
 * Answers a POST to a path.
 * @param {import('node:http').Server} server
 * @param {string} path
 * @param {(query: URLSearchParams) => Promise<void> | void} act
 */
export function onPost(server, path, act) {
  server.prependListener('request', (request, response) => {
    const url = new URL(request.url ?? '/', 'http://page');
    if (request.method !== 'POST' || url.pathname !== path) return;
    response.writeHead(204);
    void Promise.resolve(act(url.searchParams)).then(() => response.end());
  });
}
