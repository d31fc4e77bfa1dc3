// A server of the kind that numbers everything with one counter, over real HTTP and WebSocket: a
// message for one user or for all takes the next `sequence_number`, is kept in a buffer of limited
// length and age, and is sent to whoever it is for. What one user sees rises, but is not contiguous.
//
// As it is commonly found it says nothing about its log; with `facts` it says all that a client needs.
// Each defect is one that such servers were seen with.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocketServer } from 'ws';

/**
 * - `live-numbers-per-connection`: live frames count per connection, the buffer counts globally.
 * - `unnumbered-http`: what is posted over HTTP is sent without a number and not kept.
 * - `since-inclusive`: the recovery answers from `since` on.
 * - `two-steps`: numbering and appending are two steps, and others come in between.
 * - `same-epoch`: a restart begins at 1 under the old epoch.
 * - `open-recovery`: the recovery answers without a token, everybody's messages.
 * - `silent-overflow`: `oldest` is what was asked for, whatever was dropped.
 * - `numbers-only-when-connected`: with nobody there, nothing is numbered or kept.
 * - `keeps-only-what-was-sent`: appended after sending; a failed send burns a number.
 * - `number-per-recipient`: one message takes a number and a place for each connection.
 * - `leaks`: the recovery answers with everybody's messages.
 * - `numbers-in-blocks`: what is posted over HTTP is counted apart, from 1000 on.
 * - `epoch-of-question`: the recovery names the epoch that it was asked in.
 * - `heartbeat-ahead`: heartbeats tell the head of one message to come.
 *
 * @typedef {'live-numbers-per-connection' | 'unnumbered-http' | 'since-inclusive' | 'two-steps'
 *   | 'same-epoch' | 'open-recovery' | 'silent-overflow' | 'numbers-only-when-connected'
 *   | 'keeps-only-what-was-sent' | 'number-per-recipient' | 'leaks' | 'numbers-in-blocks'
 *   | 'epoch-of-question' | 'heartbeat-ahead'} Defect
 *
 * @typedef {object} Options
 * @property {readonly Defect[]} [defects]
 * @property {boolean} [facts] `connected`, heartbeats and recovery answers tell `epoch`, `head` and
 *   `oldest`; the answer is an object, and `connected` carries no number
 * @property {number} [heartbeatMs] between heartbeats, with `facts`
 * @property {number} [maxLength] of the buffer
 * @property {number} [maxAgeMs] of a message in the buffer
 * @property {number} [pageLength] the most messages in an answer; told by `more`, with `facts`
 * @property {Record<string, string>} [tokens] user by token
 * @property {number} [port] 0 for any
 * @property {number} [first] the first number that is given
 *
 * @typedef {{ type: string, sequence_number: number, timestamp: number, to?: string, content: unknown }} Entry
 */

/** @param {Options} [options] */
export async function startGlobalCounterServer({
  defects = [],
  facts = false,
  first = 1,
  heartbeatMs = 200,
  maxAgeMs = 15 * 60_000,
  maxLength = 500,
  pageLength = Infinity,
  port = 0,
  tokens = { 'token-alice': 'alice', 'token-bob': 'bob' },
} = {}) {
  /** @param {Defect} defect */
  const has = (defect) => defects.includes(defect);
  let counter = first - 1;
  let posted = 999;
  let epoch = newEpoch();
  /** Everything that was appended in this life, in the order of appending. @type {Entry[]} */
  let log = [];
  /** @type {Map<import('ws').WebSocket, { user: string, sent: number }>} */
  const connections = new Map();
  /** @type {Set<string>} */
  const expired = new Set();
  /** Queries of the recovery calls that were answered, and the statuses. @type {string[]} */
  const recoveries = [];

  /** @param {Entry} entry @param {string} user */
  const isFor = (entry, user) => entry.to === undefined || entry.to === user || has('leaks');
  const kept = () => {
    const since = Date.now() - maxAgeMs;
    return log.slice(-maxLength).filter(({ timestamp }) => timestamp >= since);
  };
  /** What is true of the log as one user sees it. @param {string} user */
  const factsFor = (user) => {
    const seen = log.filter((entry) => isFor(entry, user)).map((entry) => entry.sequence_number);
    const held = new Set(kept().map((entry) => entry.sequence_number));
    const dropped = seen.filter((number) => !held.has(number));
    const oldest = Math.max(first - 1, ...dropped) + 1;
    return { epoch, head: Math.max(first - 1, ...seen), oldest };
  };

  /** @param {Entry} entry @param {string} [user] only to connections of this one @returns whether anybody got it */
  const send = (entry, user = entry.to) => {
    let sent = false;
    for (const [socket, connection] of connections) {
      if (user !== undefined && connection.user !== user) continue;
      if (socket.readyState !== socket.OPEN) continue;
      connection.sent += 1;
      const number = has('live-numbers-per-connection') ? connection.sent : entry.sequence_number;
      socket.send(JSON.stringify({ ...entry, sequence_number: number }));
      sent = true;
    }
    return sent;
  };

  /**
   * Takes a number for a message, keeps it and sends it.
   * @param {unknown} content
   * @param {{ to?: string, type?: string, path?: 'code' | 'socket' | 'http' }} [how] `to`: the user that it
   *   is for, without one it is for all
   */
  async function publish(content, { to, type = 'notification', path = 'code' } = {}) {
    const message = { type, timestamp: Date.now(), content, ...(to !== undefined && { to }) };
    if (path === 'http' && has('unnumbered-http')) {
      for (const [socket, { user }] of connections) {
        if (to === undefined || to === user) socket.send(JSON.stringify(message));
      }
      return;
    }
    if (has('numbers-only-when-connected') && connections.size === 0) return;
    if (has('number-per-recipient')) {
      for (const { user } of [...connections.values()]) {
        if (to !== undefined && to !== user) continue;
        const entry = { ...message, to: user, sequence_number: (counter += 1) };
        log.push(entry);
        send(entry);
      }
      return;
    }
    const isApart = path === 'http' && has('numbers-in-blocks');
    const entry = { ...message, sequence_number: isApart ? (posted += 1) : (counter += 1) };
    // Every other one is slower, so that its successor overtakes it.
    if (has('two-steps')) await pause(entry.sequence_number % 2 === 1 ? 30 : 5);
    if (has('keeps-only-what-was-sent')) {
      if (send(entry)) log.push(entry);
      return;
    }
    log.push(entry);
    send(entry);
  }

  /** @param {string | undefined} token */
  const judge = (token) => {
    if (token === undefined || expired.has(token)) return 401;
    return Object.hasOwn(tokens, token) ? 200 : 403;
  };

  /** @param {URL} url @param {string | undefined} token @returns {[status: number, body: unknown]} */
  function recover({ searchParams }, token) {
    const status = has('open-recovery') ? 200 : judge(token);
    if (status !== 200) return [status, { detail: 'Not authenticated' }];
    const text = searchParams.get('since') ?? '';
    if (!/^\d+$/.test(text)) return [422, { detail: 'since is no number' }];
    const since = Number(text) - (has('since-inclusive') ? 1 : 0);
    const user = tokens[token ?? ''];
    const wanted = kept().filter(
      (entry) => entry.sequence_number > since && (user === undefined ? true : isFor(entry, user)),
    );
    const messages = wanted.slice(0, pageLength);
    if (!facts) return [200, messages];
    const told = factsFor(user ?? '');
    const epochAsked = searchParams.get('epoch') ?? '';
    const lies = {
      ...(has('silent-overflow') && { oldest: Math.min(since, told.head) + 1 }),
      ...(has('epoch-of-question') && epochAsked !== '' && { epoch: epochAsked }),
    };
    return [200, { messages, ...told, ...lies, more: messages.length < wanted.length }];
  }

  const http = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://server');
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const route = `${request.method} ${url.pathname}`;
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Access-Control-Allow-Headers', 'authorization, content-type');
    /** @param {number} status @param {unknown} [body] */
    const answer = (status, body) => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(body === undefined ? '' : JSON.stringify(body));
    };
    if (request.method === 'OPTIONS') {
      answer(204);
    } else if (route === 'GET /websocket/messages') {
      const [status, body] = recover(url, token);
      recoveries.push(`${status} ${url.search}`);
      answer(status, body);
    } else if (route === 'POST /messages') {
      const status = judge(token);
      if (status === 200) {
        let text = '';
        for await (const chunk of request) text += chunk;
        const { content, to, type } = JSON.parse(text);
        await publish(content, { to, type, path: 'http' });
      }
      answer(status, {});
    } else if (route === 'POST /restart') {
      restart();
      answer(200, {});
    } else {
      answer(404, { detail: 'Not Found' });
    }
  });

  const sockets = new WebSocketServer({ noServer: true });
  http.on('upgrade', (request, stream, head) => {
    const url = new URL(request.url ?? '/', 'http://server');
    if (url.pathname !== '/ws') return void stream.end('HTTP/1.1 404 Not Found\r\n\r\n');
    const token = url.searchParams.get('token') ?? undefined;
    if (judge(token) !== 200) return void stream.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    sockets.handleUpgrade(request, stream, head, (socket) => {
      accept(socket, tokens[token ?? ''] ?? '');
    });
  });

  /** @param {import('ws').WebSocket} socket @param {string} user */
  function accept(socket, user) {
    connections.set(socket, { user, sent: 0 });
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => {
      const { content, to, type } = JSON.parse(String(data));
      if (type === 'send') void publish(content, { to, path: 'socket' });
    });
    const about = facts ? factsFor(user) : { sequence_number: 0, message: 'Connected' };
    socket.send(JSON.stringify({ type: 'connected', ...about }));
  }

  const heartbeat = setInterval(() => {
    if (!facts) return;
    for (const [socket, { user }] of connections) {
      const { head, ...rest } = factsFor(user);
      const told = { ...rest, head: head + Number(has('heartbeat-ahead')) };
      socket.send(JSON.stringify({ type: 'heartbeat', ...told }));
    }
  }, heartbeatMs);

  /** Breaks every connection, without a close frame. */
  function breakAll() {
    for (const socket of connections.keys()) socket.terminate();
    connections.clear();
  }

  /** The process starts anew: the counter and the buffer are gone, and so are the connections. */
  function restart() {
    counter = first - 1;
    log = [];
    if (!has('same-epoch')) epoch = newEpoch();
    breakAll();
  }

  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  const address = /** @type {import('node:net').AddressInfo} */ (http.address());
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    port: address.port,
    origin,
    /** The address of the socket, for a token. */
    socketUrl: (token = 'token-alice') => `ws://127.0.0.1:${address.port}/ws?token=${token}`,
    recoverUrl: `${origin}/websocket/messages`,
    recoveries,
    publish,
    restart,
    breakAll,
    /** From now on this token is answered with 401. @param {string} token */
    expire: (token) => void expired.add(token),
    /** How many are connected. */
    get connections() {
      return connections.size;
    },
    async close() {
      clearInterval(heartbeat);
      breakAll();
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
    },
  };
}

const newEpoch = () => Math.random().toString(36).slice(2, 10);
