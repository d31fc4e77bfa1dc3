/**
 * The built bundle in a real Chromium, against the built hub over real sockets. Every site has a port,
 * and so an origin and a database, of its own; everything ends with its test.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CDPSession, Page } from 'puppeteer-core';
import { afterAll, afterEach, expect } from 'vitest';
import type * as Client from '../../src/index.js';
import type * as Server from '../../src/server/index.js';
import { launch } from '../support/browsers.mjs';
import { installApp } from './app.js';

const dist = new URL('../../dist/', import.meta.url);
const bundle = readFileSync(new URL('lastseq.min.js', dist));
const load = <Module>(file: string): Promise<Module> =>
  import(/* @vite-ignore */ new URL(file, dist).href) as Promise<Module>;

/** The built server kit. */
export const { createHub, memoryLog } = await load<typeof Server>('server.js');
/** The built client, for Node. */
export const loadClient = (): Promise<typeof Client> => load('index.js');

const endings: (() => unknown)[] = [];

/** Has `end` called after the test, the last one first. */
export function atEnd(end: () => unknown): void {
  endings.push(end);
}

afterEach(async () => {
  for (let end = endings.pop(); end; end = endings.pop()) await end();
});

/** Waits until `look` gives what is expected. The limit is for a test that fails. */
export const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 15_000 });

export const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

// --- the server ---

export interface SiteOptions extends Partial<Server.HubOptions> {
  readonly log?: Server.MemoryLog;
  /** What `connect-src` of the page allows. Read at every request, so that it may name ports. */
  readonly connectSrc?: () => string;
}

export type Site = Awaited<ReturnType<typeof startSite>>;

/** A page, the bundle and a hub, all on one free port. Its heartbeat is the hub's own. */
export async function startSite({ connectSrc, ...options }: SiteOptions = {}) {
  let log = options.log ?? memoryLog();
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const allowed = connectSrc?.() ?? "'self'";
    // The icon is here so that browsers ask for none; nobody else gets more than an app would give.
    const csp = `default-src 'none'; script-src 'self'; worker-src 'self'; img-src data:; connect-src ${allowed}`;
    response.setHeader('Content-Security-Policy', csp);
    servePage(request, response);
  };
  const makeHub = () => createHub({ authorize: () => ({}), ...options, log });

  const server = createServer(serve);
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const stop = async (): Promise<void> => {
    await hub.close();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  let hub = makeHub();
  hub.attach(server);
  atEnd(stop);

  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    server,
    get hub() {
      return hub;
    },
    get log() {
      return log;
    },
    /** Ends hub and server, and starts both anew on the same port; with another log, if there is one. */
    async restart(next = log): Promise<void> {
      await stop();
      log = next;
      await listen(port);
      hub = makeHub();
      hub.attach(server);
    },
    /** Appends messages that know their own number. */
    publish(count: number, channel = 'room'): void {
      for (let i = 0; i < count; i += 1) {
        log.append(channel, { n: log.facts(channel).head + 1 });
      }
    },
  };
}

const PAGE =
  '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>app</title>' +
  '<script src="/lastseq.min.js"></script><script src="/app.js"></script>';
const FILES = new Map<string, [type: string, body: string | Buffer]>([
  ['/lastseq.min.js', ['text/javascript', bundle]],
  ['/app.js', ['text/javascript', `(${installApp.toString()})()`]],
  ['/worker.js', ['text/javascript', `(${workInWorker.toString()})()`]],
  ['/elsewhere', ['text/html', '<!doctype html><title>elsewhere</title>']],
]);

/** Answers with the page and what belongs to it. */
export function servePage(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '/', 'http://site');
  const [type, body] = FILES.get(pathname) ?? ['text/html', PAGE];
  response.setHeader('Content-Type', `${type}; charset=utf-8`);
  response.end(body);
}

/** What a worker does: tells the page when it is live, and the numbers of its messages. */
function workInWorker(): void {
  const scope = globalThis as unknown as { importScripts(url: string): void } & Pick<
    Window,
    'Lastseq' | 'postMessage'
  >;
  scope.importScripts('/lastseq.min.js');
  const room = scope.Lastseq.createClient({ url: '/realtime' }).channel('room');
  room.subscribe(({ seq }) => scope.postMessage(seq));
  void room.ready().then(() => scope.postMessage('live'));
}

// --- the browser ---

let browser: ReturnType<typeof launch> | undefined;

afterAll(async () => {
  await (await browser)?.close();
});

export type Tab = Awaited<ReturnType<typeof openTab>>;

/**
 * Opens a page of a site in a new tab, which comes to the front and hides the one before.
 * @param prepare runs in the tab before any script of the page
 */
export async function openTab(origin: string, prepare?: () => void) {
  browser ??= launch('chromium');
  const tab = await (await browser).open('about:blank');
  const { page } = tab;
  atEnd(() => tab.close().catch(() => undefined));
  if (prepare !== undefined) await page.evaluateOnNewDocument(prepare);
  await page.goto(origin);
  return {
    page: page as Page,
    run: tab.run,
    front: tab.front,
    close: tab.close,
    goto: tab.goto,
    reload: () => page.reload(),
    cdp: (): Promise<CDPSession> => page.createCDPSession(),
    /** Makes a client in the page, and subscribes to its channels; see `app.ts`. */
    start: (...spec: Parameters<Window['app']['start']>) =>
      tab.run(
        (...given: Parameters<Window['app']['start']>) => window.app.start(...given),
        ...spec,
      ),
    /** What handlers of the channel were called with. */
    items: (channel = 'room') => tab.run((name) => window.app.seen.items[name] ?? [], channel),
    seen: () => tab.run(() => window.app.seen),
    /** The number that is stored for the channel, as this page knows. */
    stored: (channel = 'room') => tab.run((name) => window.app.seen.stored[name], channel),
    /** Resolves when the channel is live and complete. */
    ready: (channel = 'room') => tab.run((name) => window.app.ready(name), channel),
  };
}
