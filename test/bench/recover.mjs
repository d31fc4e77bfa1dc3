// The connection drops, 10,000 messages are published, the connection comes back: how long from the
// open socket to the last missed message handled.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { openPage, withBrowser } from './page.mjs';
import { versionOf } from './peers.mjs';
import { comparison } from './report.mjs';
import { takeTurns } from './rounds.mjs';
import { onPost, serveHub, serveWire } from './servers.mjs';
import { data, payload } from './wire.mjs';

/** @typedef {import('node:http').Server} Server */

/** @type {import('./benchmarks.mjs').Benchmark} */
export default function recover({ peers, rounds = 9, smoke }) {
  const count = smoke ? 500 : 10_000;
  return withBrowser(async (browser) => {
    const setups = [
      fetchOnce(count),
      lastseq('lastseq', '{}'),
      lastseq('lastseq by GET', `{ recover: location.origin + '/recover' }`),
      ...(peers ? [centrifuge(), socketIo()] : []),
    ];
    const pages = [];
    for (const { code, name, serve } of setups) {
      const server = createServer();
      serve(server);
      pages.push({ name, tab: await openPage(browser, code, server) });
    }
    const contenders = pages.map(({ name, tab }) => ({
      name,
      round: async () => {
        await tab.page.bringToFront();
        return tab.run(inPage, count);
      },
    }));
    const samples = await takeTurns(contenders, rounds);
    for (const { tab } of pages) await tab.close();
    const versions = peers
      ? `, centrifuge ${versionOf('centrifuge')}, socket.io ${versionOf('socket.io')}`
      : '';
    const table = comparison({
      title: `recover: ${count.toLocaleString('en-US')} missed messages, from the open socket to the last one handled`,
      figure: 'ms',
      unit: 'ms',
      baseline: 'one fetch',
      more: ['firstMs', 'longestMs'],
      samples,
      notes: [
        `${browser.version}; ${rounds} rounds. firstMs: until the first message was handled. longestMs: the longest`,
        `task of the main thread, where it was above 50 ms. lastseq ${versionOf('lastseq')}${versions}.`,
      ],
    });
    return { tables: [table], raw: { browser: browser.version, samples } };
  });
}

/** Runs in the page. @type {(count: number) => Promise<Record<string, number>>} */
const inPage = async (count) => (await /** @type {any} */ (window).Entry.round)(count);

/** @param {string} client @param {string} url @param {string} [options] */
const page = (client, url, options = '{}') => `import { contender } from './pages/recover.js';
  import { open } from './clients/${client}.js';
  export const round = contender(open, ${url}, ${options});`;

const SOCKET_URL = `'ws://' + location.host`;

/** @param {number} count */
function fetchOnce(count) {
  const messages = Array.from(
    { length: count },
    (_, i) => `{"seq":${i + 1},"data":${payload(i + 1)}}`,
  );
  return {
    name: 'one fetch',
    code: `import { baseline } from './pages/recover.js'; export const round = baseline();`,
    serve(/** @type {Server} */ server) {
      const body = `[${messages.join(',')}]`;
      server.on('request', (request, response) => {
        if (request.url === '/messages') response.end(body);
      });
    },
  };
}

/** @param {string} name @param {string} options */
function lastseq(name, options) {
  return {
    name,
    code: page('lastseq', `${SOCKET_URL} + '/realtime'`, options),
    serve(/** @type {Server} */ server) {
      const { cut, log } = serveHub(server);
      onPost(server, '/cut', (query) => {
        cut();
        for (let i = 1; i <= Number(query.get('count')); i += 1) {
          log.append('room:42', data(i));
        }
      });
    },
  };
}

/** Answers the subscription with all that was missed, as its server does. */
function centrifuge() {
  return {
    name: 'centrifuge',
    code: page('centrifuge', SOCKET_URL, '{ minReconnectDelay: 1, maxReconnectDelay: 2 }'),
    serve(/** @type {Server} */ server) {
      let [missed, head] = [0, 0];
      const publications = (/** @type {number} */ since) =>
        Array.from(
          { length: head - since },
          (_, i) => `{"data":${payload(i + 1)},"offset":${since + i + 1}}`,
        );
      const answer = (/** @type {string} */ line) => {
        const { connect, id, subscribe } = JSON.parse(line);
        if (connect) return JSON.stringify({ id, connect: { client: 'c', version: '1' } });
        const list = subscribe.recover ? publications(head - missed).join(',') : '';
        return `{"id":${id},"subscribe":{"recoverable":true,"positioned":true,"recovered":true,"epoch":"e","offset":${head},"publications":[${list}]}}`;
      };
      const { cut } = serveWire(server, {
        greets: [],
        answers: (text) => text.split('\n').map(answer),
      });
      onPost(server, '/cut', (query) => {
        cut();
        missed = Number(query.get('count'));
        head += missed;
      });
    },
  };
}

function socketIo() {
  return {
    name: 'socket.io',
    code: page('socket.io', 'location.origin', '{ reconnectionDelay: 1, reconnectionDelayMax: 2 }'),
    serve(/** @type {Server} */ server) {
      void import('socket.io').then(({ Server: SocketIo }) => {
        const io = new SocketIo(server, { connectionStateRecovery: {}, serveClient: false });
        io.on('connection', (socket) => {
          void socket.join('room:42');
          // It recovers nothing for a client that has received nothing.
          if (!socket.recovered) socket.emit('message', {});
        });
        onPost(server, '/cut', async (query) => {
          for (const socket of io.sockets.sockets.values()) {
            /** @type {any} */ (socket.conn.transport).socket.terminate();
            await once(/** @type {any} */ (socket), 'disconnect');
          }
          for (let i = 1; i <= Number(query.get('count')); i += 1) {
            io.to('room:42').emit('message', data(i));
          }
        });
      });
    },
  };
}
