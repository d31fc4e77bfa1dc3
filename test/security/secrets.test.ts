// A token goes to the server in the auth frame and in the Authorization header, and nowhere else: not
// to the console of either side, not to the logger, not into errors, addresses, other frames or the store.
import 'fake-indexeddb/auto';
import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createClient, type LogEntry } from '../../src/index.js';
import { atEnd, startHub, until } from '../server/harness.js';

const SECRET = 'eyJ-5ecret+/=';
/** As it might be quoted: as it is, in JSON, in an address, in a header. */
const forms = [SECRET, encodeURIComponent(SECRET), '5ecret', btoa(SECRET)];
const holdsSecret = (text: string): boolean => forms.some((form) => text.includes(form));

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Catches all that is printed, whichever way. */
function captureOutput(): string[] {
  const printed: string[] = [];
  const sink = (...args: unknown[]): boolean => {
    printed.push(args.map(text).join(' '));
    return true;
  };
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir'] as const) {
    vi.spyOn(console, method).mockImplementation(sink);
  }
  vi.spyOn(process.stderr, 'write').mockImplementation(sink as never);
  vi.spyOn(process.stdout, 'write').mockImplementation(sink as never);
  vi.stubGlobal('reportError', sink);
  return printed;
}

/** Everything of a value that a console or a reporter could show: causes and stacks too. */
function text(value: unknown): string {
  if (!(value instanceof Error)) return typeof value === 'string' ? value : JSON.stringify(value);
  const { cause, details } = value as Error & { details?: unknown };
  return [value.stack, String(value), JSON.stringify(details), cause && text(cause)].join('\n');
}

/** A client that writes down everything it says to the app, and where its calls go. */
function observed(url: string, recoverUrl?: string) {
  const said: string[] = [];
  const addresses: string[] = [];
  class SpySocket extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols);
      addresses.push(String(address), JSON.stringify(protocols ?? ''));
    }
  }
  vi.stubGlobal('WebSocket', SpySocket);
  const { fetch } = globalThis;
  vi.stubGlobal('fetch', (...args: Parameters<typeof fetch>) => {
    addresses.push(args[0] instanceof Request ? args[0].url : String(args[0]));
    return fetch(...args);
  });
  let asked = 0;
  const client = createClient({
    url,
    ...(recoverUrl !== undefined && { recover: recoverUrl }),
    token: () => `${SECRET}${(asked += 1)}`,
    maxBackoffMs: 1_000,
    flushMs: 20,
    logger: (entry: LogEntry) => said.push(JSON.stringify(entry)),
  });
  atEnd(() => client.close());
  client.on('error', (error) => said.push(text(error)));
  client.on('state', (state) => said.push(JSON.stringify(state)));
  return { client, said, addresses, tokens: () => asked };
}

it('a token that is taken, refreshed and refused is seen by the app of the server alone', async () => {
  const printed = captureOutput();
  const tokens = new Set<string>();
  const requests: IncomingMessage[] = [];
  let verdict: 'yes' | 'unauthorized' | 'throw' = 'yes';
  const { url, port, log, hub, server } = await startHub({
    heartbeatMs: 1_000,
    authorize: ({ token }) => {
      if (token !== undefined) tokens.add(token);
      if (verdict === 'throw') throw new Error(`no such token: ${token}`);
      return verdict === 'yes' ? { principal: 'ann' } : 'unauthorized';
    },
  });
  server.on('upgrade', (request) => requests.push(request));
  server.prependListener('request', (request) => requests.push(request));
  for (let i = 0; i < 5; i += 1) log.append('room', i);
  const { client, said, addresses } = observed(url, `http://127.0.0.1:${port}/recover`);
  const seen: number[] = [];
  const room = client.channel('room', { start: 'earliest' });
  room.subscribe({ message: ({ seq }) => void seen.push(seq), gap: () => undefined });
  await until(() => seen.length === 5);
  // A busy machine may lose the connection to its watchdog here: then the next one publishes.
  await room.publish('x', { timeoutMs: 30_000 });
  verdict = 'throw';
  await hub.drain({ spreadMs: 0 }).catch(() => undefined);
  await until(() => client.state.name !== 'open');
  await client.close();
  verdict = 'unauthorized';

  const second = await startHub({ authorize: () => 'unauthorized' });
  const refused = observed(second.url);
  refused.client.channel('room').subscribe(() => undefined);
  await until(() => refused.client.state.name === 'unauthorized');

  expect([...tokens].every((token) => token.startsWith(SECRET))).toBe(true);
  expect(tokens.size).toBeGreaterThan(0);
  expect(addresses.length).toBeGreaterThan(2);
  expect(requests.length).toBeGreaterThan(1);
  const everywhere = [
    ...printed,
    ...said,
    ...addresses,
    ...refused.said,
    ...refused.addresses,
    ...requests.map(({ url: path = '' }) => path),
    ...requests.map(({ headers }) => JSON.stringify({ ...headers, authorization: '' })),
    JSON.stringify(hub.stats()),
  ];
  expect(everywhere.filter(holdsSecret)).toEqual([]);
  const stored = await new Promise<unknown[]>((resolve) => {
    const open = indexedDB.open('lastseq');
    open.onsuccess = () => {
      const store = open.result.transaction('positions').objectStore('positions');
      const keys = store.getAllKeys();
      const values = store.getAll();
      values.onsuccess = () => {
        resolve([...keys.result, ...values.result.map((map) => [...map])]);
        open.result.close();
      };
    };
  });
  expect(stored.length).toBeGreaterThan(0);
  expect(holdsSecret(JSON.stringify(stored))).toBe(false);
});

it('a server that quotes the token in its answers does not get it into what the client says', async () => {
  const printed = captureOutput();
  // Debug pages of web frameworks show all headers of the request.
  const server = createServer((request, response) => {
    const dump = `<pre>${JSON.stringify(request.headers)}</pre>`;
    const kind = (answers += 1) % 4;
    response.statusCode = [500, 200, 503, 429][kind] ?? 500;
    response.end(kind === 1 ? JSON.stringify({ error: dump }) : dump);
  });
  let answers = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets = new WebSocketServer({ server });
  atEnd(() => {
    sockets.close();
    server.close();
    server.closeAllConnections();
  });
  sockets.on('connection', (socket) => {
    let token = '';
    socket.on('message', (data: Buffer) => {
      for (const frame of [JSON.parse(data.toString())].flat()) {
        if (frame.type === 'auth') token = frame.token;
        if (frame.type !== 'subscribe') continue;
        const facts = { channel: frame.channel, epoch: 'e', head: 9, oldest: 1 };
        socket.send(JSON.stringify({ type: 'subscribed', id: frame.id, ...facts }));
      }
    });
    // A close reason is the server's own words too.
    setTimeout(() => socket.close(1011, `bad ${token}`.slice(0, 120)), 400);
  });
  const { client, said } = observed(`ws://127.0.0.1:${port}/`, `http://127.0.0.1:${port}/recover`);
  client.channel('room', { start: 'earliest' }).subscribe({
    message: () => undefined,
    gap: () => undefined,
  });
  await until(() => answers >= 5);
  await client.close();
  expect(said.length).toBeGreaterThan(5);
  expect([...printed, ...said].filter(holdsSecret)).toEqual([]);
});
