/** A hub on a real port, and clients that speak raw frames to it. Everything ends with its test. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import { decodeFrames } from '../../src/core/codec.js';
import { createHub, memoryLog, type HubOptions, type Log } from '../../src/server/index.js';

export type Frame = Record<string, any>;

/** Why the client's codec refused what a hub sent. */
const unreadable: string[] = [];

const endings: (() => Promise<void> | void)[] = [];

/** Has `end` called after the test, the last one first. */
export function atEnd(end: () => Promise<void> | void): void {
  endings.push(end);
}

afterEach(async () => {
  for (let end = endings.pop(); end; end = endings.pop()) await end();
  expect(unreadable.splice(0)).toEqual([]);
});

export type StartOptions = Partial<HubOptions>;

/** A hub on a port of its own. Without options everybody may do everything. */
export async function startHub<L extends Log = ReturnType<typeof memoryLog>>(
  options: StartOptions & { readonly log?: L } = {},
) {
  const log = options.log ?? (memoryLog() as unknown as L);
  const hub = createHub({ authorize: () => ({}), ...options, log });
  const { server, port } = await startServer();
  hub.attach(server);
  atEnd(() => hub.close());
  return { hub, log, server, port, url: `ws://127.0.0.1:${port}/realtime` };
}

/** An HTTP server on a free port, with no listener of its own. */
export async function startServer() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { server, port: (server.address() as AddressInfo).port };
}

/** A client that keeps every frame it got, in order, and lets a test wait for one. */
export class Client {
  readonly socket: WebSocket;
  /** All frames so far. */
  readonly frames: Frame[] = [];
  /** All WebSocket messages so far, as text. */
  readonly texts: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #unread = 0;
  #wake: () => void = () => undefined;

  constructor(url: string, protocols: string[] = ['lastseq.v1'], options: ClientOptions = {}) {
    this.socket = new WebSocket(url, protocols, options);
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data: Buffer) => {
      const text = data.toString();
      this.texts.push(text);
      this.frames.push(...[JSON.parse(text)].flat(1));
      // What the hub sends, the client must be able to read.
      for (const frame of decodeFrames(text))
        if (frame.type === 'bad') unreadable.push(frame.reason);
      this.#wake();
    });
    atEnd(() => this.socket.terminate());
  }

  /** Sends frames, several of them as one array. */
  send(...frames: Frame[]): void {
    this.socket.send(JSON.stringify(frames.length === 1 ? frames[0] : frames));
  }

  /** The next frame of this type; frames of other types before it are skipped. */
  async next(type: string): Promise<Frame> {
    for (;;) {
      while (this.#unread < this.frames.length) {
        const frame = this.frames[this.#unread++]!;
        if (frame.type === type) return frame;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Everything that comes up to the answer of a ping: proof of what was not sent. */
  async untilPong(): Promise<Frame[]> {
    const from = this.#unread;
    this.send({ type: 'ping' });
    await this.next('pong');
    return this.frames.slice(from, this.#unread - 1);
  }

  async subscribe(channel: string, id = 1): Promise<Frame> {
    this.send({ type: 'subscribe', id, channel });
    return this.next('subscribed');
  }

  /** `count` message frames, from the next one on. */
  async messages(count: number): Promise<Frame[]> {
    const messages: Frame[] = [];
    while (messages.length < count) messages.push(await this.next('message'));
    return messages;
  }
}

/** A client that has had its welcome. */
export async function connect(
  url: string,
  protocols?: string[],
  options?: ClientOptions,
): Promise<Client> {
  const client = new Client(url, protocols, options);
  await client.next('welcome');
  return client;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: any;
}

/** One HTTP call with exactly these headers; JSON is parsed. */
export async function call(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<HttpAnswer> {
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false });
  request.end();
  const [response] = await once(request, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  const isJson = String(response.headers['content-type']).startsWith('application/json');
  return {
    status: response.statusCode,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : text,
  };
}

/** A recovery call. */
export function recover(
  port: number,
  parameters: Record<string, string | number>,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  const query = new URLSearchParams(Object.entries(parameters).map(([k, v]) => [k, String(v)]));
  return call(port, `/recover?${query}`, headers);
}

/** A promise and the function that settles it. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Resolves as soon as `holds` does, looking again after every turn of the event loop. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** The log, with some of its methods replaced. */
export function logWith(changes: Partial<Log>): Log {
  const log = memoryLog();
  return {
    append: (...args) => log.append(...args),
    facts: (...args) => log.facts(...args),
    read: (...args) => log.read(...args),
    listen: (...args) => log.listen(...args),
    ...changes,
  };
}

/** The status that an upgrade is refused with, or 101. */
export async function upgradeStatus(
  url: string,
  headers: Record<string, string> = {},
): Promise<number> {
  const client = new Client(url, ['lastseq.v1'], { headers });
  return new Promise((resolve) => {
    client.socket.on('unexpected-response', (_request, { statusCode = 0 }) => resolve(statusCode));
    client.socket.on('open', () => resolve(101));
  });
}

/** `inner`, the reads of which are counted and answered only after `release`. */
export function heldReads(inner: Log) {
  const gate = deferred();
  const held = {
    reads: 0,
    release: gate.resolve,
    log: logWith({
      read: async (...args) => {
        held.reads += 1;
        await gate.promise;
        return inner.read(...args);
      },
    }),
  };
  return held;
}

/** The items of a `recover` frame that asks for as many channels from their beginning. */
export const questions = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ channel: `c${i}`, epoch: 'e', since: 0 }));
