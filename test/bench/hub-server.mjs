// A server in a process of its own, so that its processor time is its alone. Started with `fork`; the
// argument says which. Tells its port; then answers `{ publish, perTick }` and `{ weigh }`.
import { createServer } from 'node:http';
import { setImmediate as nextTick } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { data, payload, WIRES } from './wire.mjs';

const [, , kind = '', redisUrl = ''] = process.argv;
/** @param {string} file */
const built = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);

/** Bytes that may wait in a socket before the publisher waits too. */
const FULL_BYTES = 65_536;
/** Sockets that are looked at: a look at all of them would be most of the work. */
const LOOKED_AT = 8;

/**
 * @typedef {object} Served
 * @property {(n: number) => unknown} publish one message to everybody
 * @property {() => number} sent messages handed to sockets so far, over all of them
 * @property {Set<{ readonly bufferedAmount: number }>} sockets
 */

const server = createServer();

/** @type {Record<string, () => Promise<Served>>} */
const kinds = {
  /** The same text to every socket, as an app without a library would. */
  async ws() {
    const { clients: sockets } = new WebSocketServer({ server, perMessageDeflate: false });
    let sent = 0;
    const publish = (/** @type {number} */ n) => {
      const text = WIRES.lastseq?.one(n, payload(n)) ?? '';
      for (const socket of sockets) socket.send(text);
      sent += sockets.size;
    };
    return { publish, sent: () => sent, sockets };
  },

  async lastseq() {
    const { memoryLog } = await built('server.js');
    return hub(memoryLog());
  },

  async redis() {
    const { createClient } = await import('redis');
    const { redisLog } = await built('server-redis.js');
    const client = createClient({ url: redisUrl });
    await client.connect();
    return hub(redisLog(client));
  },

  async 'socket.io'() {
    const { Server } = await import('socket.io');
    const io = new Server(server, { pingInterval: 1e8, serveClient: false });
    const sockets = new Set();
    let sent = 0;
    io.engine.on('connection', ({ transport }) => sockets.add(transport.socket));
    io.on('connection', (socket) => socket.join('room:42'));
    const publish = (/** @type {number} */ n) => {
      io.to('room:42').emit('message', data(n));
      sent += sockets.size;
    };
    return { publish, sent: () => sent, sockets };
  },
};

/** @param {import('../../src/server/index.js').Log} log @returns {Promise<Served>} */
async function hub(log) {
  /** @type {import('../../src/server/index.js')} */
  const { createHub } = await built('server.js');
  const sockets = new Set();
  const hub = createHub({
    log,
    authorize: () => ({}),
    heartbeatMs: 3_600_000,
    onConnection: (socket) => void sockets.add(socket),
  });
  hub.attach(server);
  const publish = (/** @type {number} */ n) => log.append('room:42', data(n));
  return { publish, sent: () => hub.stats().framesOut, sockets };
}

const { publish, sent, sockets } = await /** @type {() => Promise<Served>} */ (kinds[kind])();
let published = 0;

/** @param {number} count @param {number} perTick */
async function publishAll(count, perTick) {
  const [looked, goal] = [[...sockets].slice(0, LOOKED_AT), sent() + count * sockets.size];
  const [cpu, from] = [process.cpuUsage(), performance.now()];
  for (let i = 0; i < count; i += perTick) {
    const tick = Array.from({ length: perTick }, () => publish((published += 1)));
    await Promise.all(tick);
    do await nextTick();
    while (looked.some(({ bufferedAmount }) => bufferedAmount > FULL_BYTES));
  }
  const isBusy = () =>
    sent() < goal || [...sockets].some(({ bufferedAmount }) => bufferedAmount > 0);
  while (isBusy()) await new Promise((resolve) => setTimeout(resolve, 1));
  const { system, user } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1_000, ms: performance.now() - from };
}

function weigh() {
  const { gc } = /** @type {{ gc?: () => void }} */ (globalThis);
  gc?.();
  gc?.();
  const { arrayBuffers, heapUsed, rss } = process.memoryUsage();
  return { rss, heap: heapUsed + arrayBuffers, connections: sockets.size };
}

process.on('message', async (/** @type {any} */ order) => {
  const answer = 'publish' in order ? await publishAll(order.publish, order.perTick) : weigh();
  process.send?.(answer);
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', 10_000, () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  process.send?.({ port });
});
