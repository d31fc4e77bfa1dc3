/**
 * The demo's server: the page, the script-tag bundle and a hub with its log, in one process on one
 * port. `npm run demo` builds the package and starts it.
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createHub, memoryLog } from '../dist/server.js';
import { Faults } from './faults.mjs';
import { answerFaults } from './faults-http.mjs';

export const ROOM = 'room:harbour';

/** Short, so that a half-open connection is found in 5 seconds instead of a minute. */
const HEARTBEAT_MS = 2_000;

const TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  map: 'application/json',
};

/** Everything that is served, by name: no path of a request ever reaches the file system. */
const FILES = new Map([
  ['/', new URL('index.html', import.meta.url)],
  ...['lastseq.min.js', 'lastseq.min.js.map'].map((name) => [
    `/${name}`,
    new URL(`../dist/${name}`, import.meta.url),
  ]),
  ...[
    'script-tag.html',
    'style.css',
    'control-panel.css',
    'panes.css',
    'timeline.css',
    'app.js',
    'control-panel.js',
    'pane.js',
    'chat-list.js',
    'outbox.js',
    'conversation.js',
    'status.js',
    'timeline.js',
  ].map((name) => [`/${name}`, new URL(name, import.meta.url)]),
]);

const WELCOME = [
  'Welcome to the harbour radio. This room lives in the memory of the demo’s server.',
  'Write from either side, then break something: every fault is made for real at the server.',
  'In the end both lists are the same, or they name the numbers that are lost.',
];
const WELCOME_BACK = 'The server has started again: a new log, a new epoch, numbers from 1.';

/**
 * Starts the demo.
 *
 * @param {{ port?: number, host?: string, heartbeatMs?: number }} [options] `port` 0 takes a free
 *   one; so does a port in use.
 * @returns {Promise<{ url: string, faults: Faults, close: () => Promise<void> }>}
 */
export async function startDemo({ port = 0, host = '127.0.0.1', heartbeatMs = HEARTBEAT_MS } = {}) {
  const faults = new Faults({
    say: (text) => log.append(ROOM, { text }, { from: 'Server' }),
    expire: () => log.expire(ROOM),
    restart,
  });
  const server = createServer((request, response) => {
    // By text: of a path such as `//` there is no URL, and what throws here ends the process.
    const [pathname] = request.url.split('?');
    const answered = pathname === '/faults' ? answerFaults(faults, request, response) : undefined;
    (answered ?? serveFile(pathname, request, response)).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });

  let log;
  let hub;
  open(WELCOME);

  function open(words) {
    log = memoryLog();
    hub = createHub({
      log,
      heartbeatMs,
      authorize: (question) => faults.authorize(question),
      onConnection: (socket, request) => faults.connected(socket, request),
    });
    // After the page's own listener for requests, which then serves what is not the hub's.
    hub.attach(server);
    for (const text of words) faults.say(text);
  }

  /** What a restart of the process does to clients: the hub is gone, and so is everything in memory. */
  function restart() {
    void hub.close();
    open([WELCOME_BACK]);
  }

  await listen(server, port, host);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${server.address().port}/`,
    faults,
    async close() {
      faults.close();
      await hub.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server, port, host) {
  const attempt = (wanted) =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(wanted, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  try {
    await attempt(port);
  } catch (error) {
    if (error.code !== 'EADDRINUSE') throw error;
    await attempt(0);
  }
}

async function serveFile(pathname, request, response) {
  const file = FILES.get(pathname);
  if (file === undefined || !['GET', 'HEAD'].includes(request.method ?? '')) {
    response.writeHead(file === undefined ? 404 : 405).end();
    return;
  }
  const body = await readFile(file);
  const type = TYPES[file.pathname.split('.').at(-1)];
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Length': body.byteLength,
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Content-Security-Policy': policy(request, type === TYPES.html ? body.toString() : ''),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** The strictest policy that the page can live with. Nothing is ever evaluated or put in as HTML. */
function policy({ headers }, html) {
  // Older Safari does not count a WebSocket of the same host as 'self'.
  const { host = '' } = headers;
  const socket = /^[\w.:[\]-]+$/.test(host) ? ` ws://${host}` : '';
  // The page for readers of the script tag has its dozen lines inline: this one script, by its hash.
  const inline = Array.from(html.matchAll(/<script>(.*?)<\/script>/gs), ([, code]) => {
    return ` 'sha256-${createHash('sha256').update(code).digest('base64')}'`;
  });
  return [
    `default-src 'none'`,
    `script-src 'self'${inline.join('')}`,
    `style-src 'self'`,
    `img-src 'self' data:`,
    `connect-src 'self'${socket}`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
    `require-trusted-types-for 'script'`,
  ].join('; ');
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { PORT = '8080' } = process.env;
  const port = Number(PORT);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) {
    const { url } = await startDemo({ port });
    console.log(`lastseq demo: ${url}`);
  } else {
    console.error(`PORT must be a number from 0 to 65535, not ${PORT}`);
    process.exitCode = 1;
  }
}
