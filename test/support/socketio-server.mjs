// A Socket.IO server, over real HTTP, with the handler that many have: `send_message` takes a number
// from a Map (or from INCR in Redis), and the message goes to the room. `join` and `leave` enter and
// leave rooms, and a small buffer answers the recovery call.
//
// With a `log` of the server kit it is the mended one: `log.append` makes the number, `join` is
// acknowledged with the facts of the log, heads are told, and the recovery call answers out of the log.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Server } from 'socket.io';

/**
 * @typedef {{ id: string, seq: number, channel: string, content: unknown, userId: string,
 *   timestamp: number, epoch?: string }} Message
 *
 * @typedef {object} Options
 * @property {import('../../src/server/index.js').Log} [log] mended: numbers are made here
 * @property {{ incr(key: string): Promise<number> }} [redis] numbers are made by INCR, the rest is unchanged
 * @property {number} [maxLength] messages that the buffer of a channel holds
 * @property {boolean} [bare] the recovery call answers with a list, and says nothing of head and oldest
 * @property {Record<string, string>} [tokens] user by token, for the recovery call; none needed without it
 * @property {number} [headsMs] between heads, with a `log`
 * @property {number} [port] 0 for any
 * @property {Partial<import('socket.io').ServerOptions>} [io] more options of Socket.IO, such as an adapter
 * @property {import('node:http').RequestListener} [serve] answers every other HTTP request
 */

/** @param {Options} [options] */
export async function startSocketIoServer({
  bare = false,
  headsMs = 200,
  io: ioOptions = {},
  log,
  maxLength = 100,
  port = 0,
  redis,
  serve = (_request, response) => void response.writeHead(404).end(),
  tokens,
} = {}) {
  /** @type {Map<string, number>} */
  const counters = new Map();
  /** @type {Map<string, Message[]>} */
  const buffers = new Map();
  /** Queries of the recovery calls, and the statuses of the answers. @type {string[]} */
  const recoveries = [];

  /** The handler's own way: a number, then the message. @param {string} channel @param {unknown} content @param {string} userId */
  async function numbered(channel, content, userId) {
    let seq = (counters.get(channel) ?? 0) + 1;
    if (redis !== undefined) seq = await redis.incr(`channel:${channel}:seq`);
    counters.set(channel, seq);
    const message = { id: randomUUID(), seq, channel, content, userId, timestamp: Date.now() };
    const buffer = buffers.get(channel) ?? [];
    buffers.set(channel, [...buffer, message].slice(-maxLength));
    return message;
  }

  /** The mended way: the log makes the number. @param {string} channel @param {unknown} content @param {string} userId @param {string} [key] */
  async function logged(channel, content, userId, key) {
    if (log === undefined) return numbered(channel, content, userId);
    const data = { id: randomUUID(), content, userId, timestamp: Date.now() };
    const { epoch, seq } = await log.append(channel, data, { key });
    return { ...data, seq, epoch, channel };
  }

  /**
   * @param {string} channel
   * @param {unknown} content
   * @param {string} [userId]
   * @param {string} [key]
   * @returns {Promise<Message>}
   */
  async function publish(channel, content, userId = 'server', key = undefined) {
    const message = await logged(channel, content, userId, key);
    io.to(channel).emit('message', message);
    return message;
  }

  /** @param {URLSearchParams} query */
  async function page(query) {
    const channel = query.get('channel') ?? '';
    const since = Number(query.get('since'));
    if (log === undefined) {
      const buffer = buffers.get(channel) ?? [];
      const messages = buffer.filter(({ seq }) => seq > since);
      const head = counters.get(channel) ?? 0;
      return bare ? messages : { messages, head, oldest: buffer[0]?.seq ?? head + 1 };
    }
    const position = { epoch: query.get('epoch') ?? '', seq: since };
    const read = await log.read(channel, position, { limit: 1_000, maxBytes: 1_048_576 });
    const messages = read.messages.map(({ epoch, json, seq }) => ({
      ...JSON.parse(json),
      seq,
      epoch,
      channel,
    }));
    return { ...read, messages };
  }

  /** @type {import('node:http').RequestListener} */
  const answer = async (request, response) => {
    const { pathname, searchParams, search } = new URL(request.url ?? '/', 'http://server');
    if (pathname.startsWith('/socket.io/')) return;
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Access-Control-Allow-Headers', 'authorization');
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    if (pathname !== '/messages') return void serve(request, response);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const known = token !== undefined && tokens !== undefined && Object.hasOwn(tokens, token);
    const fits = /^\d+$/.test(searchParams.get('since') ?? '');
    const allowed = tokens === undefined || known;
    const status = allowed ? (fits ? 200 : 400) : token === undefined ? 401 : 403;
    recoveries.push(`${status} ${search}`);
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? await page(searchParams) : {}));
  };

  /** @param {number} at */
  const start = async (at) => {
    const http = createServer(answer);
    const made = new Server(http, { cors: { origin: '*' }, ...ioOptions });
    made.on('connection', (socket) => {
      socket.on('join', async (channel, acknowledge) => {
        await socket.join(channel);
        // Entered first, read after: a message in between comes twice, but never not at all.
        if (log !== undefined) acknowledge?.(await log.facts(channel));
      });
      socket.on('leave', (channel) => socket.leave(channel));
      socket.on('send_message', async ({ channel, content, key }, acknowledge) => {
        const { userId = socket.id } = socket.handshake.auth;
        const message = await publish(channel, content, userId, key);
        if (log !== undefined) acknowledge?.({ epoch: message.epoch, seq: message.seq });
      });
    });
    http.listen(at, '127.0.0.1');
    await once(http, 'listening');
    return made;
  };
  let io = await start(port);
  const { port: bound } = /** @type {import('node:net').AddressInfo} */ (io.httpServer.address());

  const tellHeads = async () => {
    const { rooms, sids } = io.of('/').adapter;
    for (const channel of [...rooms.keys()].filter((room) => !sids.has(room))) {
      const facts = await log?.facts(channel);
      io.local.to(channel).emit('heads', { channel, ...facts });
    }
  };
  let telling = Promise.resolve();
  const heartbeat = setInterval(() => {
    if (log !== undefined) telling = tellHeads();
  }, headsMs);

  const stop = async () => {
    // Ends the HTTP server as well, when the last answer has left.
    const closed = io.close();
    if ('closeAllConnections' in io.httpServer) io.httpServer.closeAllConnections();
    await closed;
  };

  return {
    port: bound,
    origin: `http://127.0.0.1:${bound}`,
    recoverUrl: `http://127.0.0.1:${bound}/messages`,
    recoveries,
    publish,
    get io() {
      return io;
    },
    /** How many are in the room of a channel, on this instance. @param {string} channel */
    members: (channel) => io.of('/').adapter.rooms.get(channel)?.size ?? 0,
    /** Breaks every connection, as a network would: nobody says goodbye, and clients come back. */
    breakAll() {
      for (const { conn } of io.of('/').sockets.values()) conn.close();
    },
    /** The process ends and starts anew on the same port: what is in its memory is gone. */
    async restart({ downMs = 0 } = {}) {
      await stop();
      counters.clear();
      buffers.clear();
      if (downMs > 0) await new Promise((resolve) => setTimeout(resolve, downMs));
      io = await start(bound);
    },
    async close() {
      clearInterval(heartbeat);
      // The log may be closed after us: nothing of it may be under way.
      await telling;
      await stop();
    },
  };
}
