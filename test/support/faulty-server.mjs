// A server of the protocol over real HTTP and WebSocket that does everything right, until it is told to
// do something wrong. Each defect is a mistake that servers were seen with, or could well make.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocketServer } from 'ws';

/**
 * @typedef {import('./defects.mjs').Defect} Defect
 * @typedef {{ seq: number, data: unknown, prev?: number }} Entry
 * @typedef {{ socket: import('ws').WebSocket, joined: boolean, shown: boolean, known: boolean, deaf: boolean, nth: number, sent: number }} Peer
 */

const TOKEN = 'token-alice';

/** @param {{ defects?: readonly Defect[], maxLength?: number }} [options] */
export async function startFaultyServer({ defects = [], maxLength = 1_000 } = {}) {
  /** @param {Defect} defect */
  const has = (defect) => defects.includes(defect);
  let epoch = randomUUID();
  let counter = 0;
  /** The greatest number that was ever dropped. */
  let dropped = 0;
  /** @type {Entry[]} */
  let log = [];
  /** @type {Set<Peer>} */
  const peers = new Set();
  /** What was given out meanwhile must not be given out again. */
  let turn = Promise.resolve();
  let accepted = 0;
  let firstHead = -1;
  /** How many more connections, and how many more recoveries, find nobody there. */
  let away = 0;
  let awayLog = 0;

  const facts = () => {
    const last = Math.max(dropped, ...log.map(({ seq }) => seq));
    const head = has('head-of-counter') || has('two-steps') ? Math.max(counter, last) : last;
    return { epoch, head, oldest: has('silent-overflow') ? 1 : dropped + 1 };
  };

  /** @param {Peer} peer @param {object} frame */
  const say = ({ socket }, frame) => socket.send(JSON.stringify(frame));

  /** @param {Entry} entry @param {string} channel @param {Iterable<Peer>} [to] */
  function append({ seq, ...rest }, channel, to = peers) {
    const { data } = rest;
    log = [...log, { seq, ...rest }].sort((a, b) => a.seq - b.seq);
    while (log.length > maxLength) dropped = log.shift()?.seq ?? 0;
    for (const peer of to) {
      if (!peer.joined || peer.deaf) continue;
      peer.sent += 1;
      const number = has('live-numbers-per-connection') ? peer.sent : seq;
      const shown = has('numbers-as-text') ? String(number) : number;
      const named = has('epoch-of-messages') ? 'another' : epoch;
      if (has('lossy') && seq % 5 === 0) continue;
      say(peer, { type: 'message', channel, epoch: named, seq: shown, ...rest });
      if (has('renumbered-repeats'))
        say(peer, { type: 'message', channel, epoch, seq: seq + 1, data });
      if (!has('other-habits')) continue;
      say(peer, { type: 'message', channel, epoch, seq, data });
      say(peer, { type: 'toast', about: data });
    }
  }

  /** @param {string} channel @param {unknown} data @returns {Promise<number>} */
  async function publish(channel, data) {
    const joined = [...peers].filter((peer) => peer.joined);
    if (has('numbers-only-when-connected') && joined.length === 0) return counter;
    if (has('number-per-recipient')) {
      for (const peer of joined) append({ seq: (counter += 1), data }, channel, [peer]);
      if (joined.length === 0) append({ seq: (counter += 1), data }, channel, []);
      return counter;
    }
    if (has('duplicate-numbers')) {
      const seen = counter;
      await pause(2);
      append({ seq: (counter = seen + 1), data }, channel);
      return counter;
    }
    if (has('head-of-counter')) {
      const mine = turn.then(async () => {
        const seq = (counter += 1);
        await pause(5);
        append({ seq, data }, channel);
        return seq;
      });
      turn = mine.then(() => undefined);
      return mine;
    }
    const step = has('steps-of-three') ? 3 : 1;
    const seq = (counter += step);
    if (has('burnt-numbers') && seq % 5 === 0) return publish(channel, data);
    if (has('two-steps')) await pause(seq % 2 === 1 ? 20 : 2);
    append({ seq, data, ...(step > 1 && { prev: seq - step }) }, channel);
    return seq;
  }

  /** @param {Peer} peer @param {any} frame */
  async function handle(peer, { channel, data, id, token, type }) {
    if (type === 'auth') {
      peer.shown = true;
      peer.known = token === TOKEN || has('stranger-join');
    }
    if (type === 'ping') {
      const head = has('stale-heads') ? firstHead : facts().head;
      say(peer, { type: 'pong' });
      say(peer, {
        type: 'heads',
        heads: { [peerChannel]: [has('epoch-of-heads') ? 'another' : epoch, head] },
      });
    }
    if (type === 'subscribe' || type === 'publish') {
      if (!peer.known && !has('open-join')) {
        if (has('join-closed-1008')) return peer.socket.close(1008);
        if (has('join-closed-1013')) return peer.socket.close(1013);
        if (has('join-unanswered') && peer.shown) return;
        return say(peer, { type: 'error', id, channel, code: 'unauthorized', retry: true });
      }
    }
    if (has('full') && type === 'publish' && counter >= maxLength + 20) {
      return say(peer, { type: 'error', id, channel, code: 'limit', retry: true });
    }
    if (has('refused-join') && peer.nth === 2) {
      return say(peer, { type: 'error', id, channel, code: 'internal', retry: true });
    }
    if (type === 'subscribe') {
      peerChannel = channel;
      peer.joined = true;
      const told = facts();
      if (firstHead < 0) firstHead = told.head;
      const head = Math.max(0, told.head - +has('stale-join') + +has('join-ahead'));
      const own = has('epoch-per-connection') ? randomUUID() : epoch;
      say(peer, { type: 'subscribed', id, channel, ...told, head, epoch: own });
    }
    if (type === 'publish') {
      const seq = await publish(channel, data);
      say(peer, { type: 'ack', id, channel, epoch, seq: seq + (has('wrong-ack') ? 1 : 0) });
    }
  }
  let peerChannel = '';

  /** @param {URLSearchParams} query @returns {[status: number, body: object]} */
  function recover(query) {
    if (has('other-habits') && !query.has('app')) return [404, { code: 'not_found' }];
    const text = query.get('since') ?? (has('since-optional') ? '0' : '');
    if (!(has('since-negative') ? /^-?\d+$/ : /^\d+$/).test(text)) {
      return [has('since-is-500') && text !== '' ? 500 : 400, { code: 'bad_request' }];
    }
    const { head, ...rest } = facts();
    let since = Number(text) - +has('since-inclusive') + +has('since-skips');
    if (has('ahead-is-all') && since > head) since = 0;
    const own = has('epoch-of-log') ? `${epoch}-log` : epoch;
    const known = query.get('epoch') === own || has('epoch-ignored');
    const after = known ? log.filter(({ seq }) => seq > since) : [];
    if (has('empty-is-404') && known && after.length === 0) return [404, { code: 'not_found' }];
    const limit = Number(query.get('limit') ?? 1_000);
    const brim = has('other-habits') && after.length === limit;
    const more = has('endless') || brim || (after.length > limit && !has('last-page-only'));
    const messages = after.slice(0, limit);
    const told = {
      head: Math.max(0, head - +has('head-behind') + +has('head-ahead')),
      ...(has('oldest-of-question') && { oldest: Math.min(since, head) + 1 }),
    };
    return [200, { channel: query.get('channel'), ...rest, epoch: own, ...told, messages, more }];
  }

  /** @param {string | undefined} token */
  const refusalOf = (token) => {
    if (has('other-habits')) return 401;
    if (has('odd-refusals')) return token === undefined ? 403 : 500;
    return token === undefined ? 401 : 403;
  };

  const http = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://server');
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const status = token === TOKEN ? 200 : refusalOf(token);
    const isPreflight = request.method === 'OPTIONS';
    const { origin } = request.headers;
    const isBare =
      has('no-cors') ||
      (isPreflight && has('preflight-without-origin')) ||
      (!isPreflight && status !== 200 && has('cors-after-access'));
    if (!isBare) {
      const allowed = has('cors-of-another') ? 'http://another.example' : '*';
      const named = has('other-habits') ? (origin ?? 'null') : allowed;
      response.setHeader('Access-Control-Allow-Origin', named);
    }
    if (!has('no-cors-headers'))
      response.setHeader('Access-Control-Allow-Headers', 'Authorization');
    if (!has('no-recovery'))
      response.setHeader('Cache-Control', has('cacheable') ? 'no-cache' : 'no-store');
    /** @param {number} code @param {object} [body] */
    const answer = (code, body = {}) => response.writeHead(code).end(JSON.stringify(body));
    if (isPreflight && has('preflight-moved') && !url.searchParams.has('moved')) {
      return response.writeHead(307, { Location: `${request.url}&moved=1` }).end();
    }
    if (isPreflight) return answer(has('preflight-needs-token') ? status : 200);
    if (url.pathname === '/recover') {
      if (awayLog > 0) {
        awayLog -= 1;
        return answer(503);
      }
      if (status !== 200 && has('login-page')) return response.end('<title>Log in</title>');
      if (status !== 200 && !has('open-recovery')) return answer(status);
      if (has('no-recovery')) return answer(404);
      if (has('unreadable')) return response.end('OK');
      return answer(...recover(url.searchParams));
    }
    if (url.pathname === '/restart') {
      restart();
      return answer(200);
    }
    if (status !== 200) return answer(status);
    const isAlone = [...peers].every(({ joined }) => !joined);
    if (has('refused-when-alone') && isAlone) return answer(409);
    let text = '';
    for await (const chunk of request) text += chunk;
    const { channel, data } = JSON.parse(text);
    if (!has('unnumbered-http')) await publish(channel, data);
    else for (const peer of peers) if (peer.joined) say(peer, { type: 'message', channel, data });
    return answer(200);
  });

  const sockets = new WebSocketServer({ server: http, path: '/realtime' });
  sockets.on('connection', (socket) => {
    if (away > 0) {
      away -= 1;
      return socket.terminate();
    }
    accepted += 1;
    const deaf = has('every-other-deaf') && accepted % 2 === 0;
    const peer = {
      socket,
      joined: false,
      shown: false,
      known: false,
      deaf,
      nth: accepted,
      sent: 0,
    };
    peers.add(peer);
    const number = has('numbered-welcome') ? { seq: 0 } : {};
    say(peer, {
      type: 'welcome',
      caps: ['publish', 'ping', 'auth'],
      heartbeatMs: 1_000,
      ...number,
    });
    socket.on('message', (text) => void handle(peer, JSON.parse(String(text))));
    socket.on('close', () => peers.delete(peer));
    socket.on('error', () => socket.terminate());
  });

  /** The process starts anew: what is in its memory is gone, and so are the connections. */
  function restart() {
    counter = dropped = 0;
    firstHead = -1;
    if (has('other-habits')) [away, awayLog] = [2, 3];
    if (has('sockets-last')) away = 3;
    log = [];
    if (!has('same-epoch')) epoch = randomUUID();
    for (const { socket } of peers) socket.terminate();
  }

  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
  return {
    url: `ws://127.0.0.1:${port}/realtime`,
    recoverUrl: `http://127.0.0.1:${port}/recover`,
    publishUrl: `http://127.0.0.1:${port}/publish`,
    restartUrl: `http://127.0.0.1:${port}/restart`,
    token: TOKEN,
    restart,
    async close() {
      for (const { socket } of peers) socket.terminate();
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
    },
  };
}
