// Servers for pages to connect to: our hub, and scripted ones that speak as others do.
import { setImmediate as nextTick, setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { data } from './wire.mjs';

const { createHub, memoryLog } = /** @type {typeof import('../../src/server/index.js')} */ (
  await import(new URL('../../dist/server.js', import.meta.url).href)
);

/** Bytes that may wait for the reader before the publisher waits too. */
const FULL_BYTES = 1_048_576;

/** Bytes of one message, about: what the hub counts is messages. */
const MESSAGE_BYTES = 250;

/**
 * The built hub, with a log in memory.
 * @param {import('node:http').Server} server
 * @param {Partial<import('../../src/server/index.js').HubOptions>} [options]
 */
export function serveHub(server, options = {}) {
  // Twice what any benchmark lets a reader miss.
  const log = memoryLog({ maxLength: 20_000 });
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
    /** What the hub itself holds back counts: it hands a socket no more than that takes at once. */
    waitingBytes() {
      const { framesOut, messagesOut } = hub.stats();
      return (messagesOut - framesOut) * MESSAGE_BYTES;
    },
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
    waitingBytes: () =>
      Math.max(...Array.from(webSockets.clients, ({ bufferedAmount }) => bufferedAmount)),
    cut() {
      for (const socket of webSockets.clients) socket.terminate();
    },
  };
}

/**
 * Publishes as fast as the readers take it.
 * @param {() => number} waitingBytes
 * @param {number} count messages
 * @param {number} perTick messages in one tick
 * @param {(messages: readonly object[]) => void} send
 */
export async function publishAll(waitingBytes, count, perTick, send) {
  for (let first = 1; first <= count; first += perTick) {
    const length = Math.min(perTick, count - first + 1);
    send(Array.from({ length }, (_, i) => data(first + i)));
    await nextTick();
    // Not turn by turn: a publisher that is busy waiting takes the processor from the reader.
    while (waitingBytes() > FULL_BYTES) await sleep(1);
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
