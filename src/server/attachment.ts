/** Sharing an HTTP server with an app: its routes and its other upgrades stay its own. */
import { ServerResponse, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What a hub takes over on an HTTP server. */
export interface Routes {
  /** Path of the WebSocket endpoint. */
  readonly path: string;
  /** Path of the recovery call, or `false` when the app calls `handleRecover` itself. */
  readonly recoverPath: string | false;
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly onRecover: (request: IncomingMessage, response: ServerResponse) => void;
}

/**
 * Starts answering on the two paths.
 *
 * The listeners for requests that are there now are called for every other path. One that is added
 * later sees the recovery call too, so attach after the app.
 *
 * @returns a function that puts everything back; it may be called twice.
 */
export function attachRoutes(server: Server | HttpsServer, routes: Routes): () => void {
  const detachUpgrade = attachUpgrade(server, routes);
  const detachRequest = attachRequest(server, routes);
  return () => {
    detachUpgrade();
    detachRequest();
  };
}

/** The path of each listener of ours: a server may have several, of one hub or of more. */
const ownPaths = new WeakMap<object, string>();

function attachUpgrade(server: Server | HttpsServer, { path, onUpgrade }: Routes): () => void {
  const listener = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const asked = pathOf(request);
    const all = server.listeners('upgrade');
    const paths = all.map((other) => ownPaths.get(other));
    if (asked === path) {
      // A path may have been attached twice: what is answered once more, ws throws at.
      if (all[paths.indexOf(path)] === listener) onUpgrade(request, socket, head);
      return;
    }
    // Nobody else will answer, and Node leaves a socket alone that has been handed to a listener. The
    // first of us speaks for all, so that it is refused once.
    const isOurs = all[0] === listener && !paths.includes(undefined);
    if (!isOurs || paths.includes(asked)) return;
    if (isOrdinary(request) && socket instanceof Socket) handBack(server, request, socket);
    else refuseUpgrade(socket, 404);
  };
  ownPaths.set(listener, path);
  server.on('upgrade', listener);
  return () => void server.off('upgrade', listener);
}

/**
 * Is it a request that merely offers another protocol, as Java's client does with each (`h2c`)? Without a
 * listener for upgrades it would have gone to the app. Of a body nothing has been read.
 */
function isOrdinary({ headers }: IncomingMessage): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': encoding, upgrade = '' } = headers;
  return !/\bwebsocket\b/i.test(upgrade) && length === '0' && encoding === undefined;
}

/** Gives the app a request that Node took for an upgrade. The connection ends with the answer. */
function handBack(server: Server | HttpsServer, request: IncomingMessage, socket: Socket): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  try {
    response.assignSocket(socket);
  } catch {
    // The request before it is not answered yet: what is written now would be taken for its answer.
    socket.destroy();
    return;
  }
  response.once('finish', () => socket.destroySoon());
  // Nobody else reads or listens any more, and the app is to be told when the client leaves.
  socket.on('error', () => socket.destroy());
  socket.once('end', () => socket.destroy());
  socket.resume();
  server.emit('request', request, response);
}

function attachRequest(
  server: Server | HttpsServer,
  { recoverPath, onRecover }: Routes,
): () => void {
  if (recoverPath === false) return () => undefined;
  const others = server.listeners('request') as RequestListener[];
  const listener: RequestListener = (request, response) => {
    // A hub that was attached later calls this listener as one of its others, detached or not.
    if (!left.has(listener) && pathOf(request) === recoverPath) {
      onRecover(request, response);
    } else if (server.listenerCount('request') === 1 && others.length === 0) {
      response.statusCode = 404;
      response.end();
    } else {
      for (const other of others) other.call(server, request, response);
    }
  };
  for (const other of others) server.off('request', other);
  server.on('request', listener);
  return () => {
    left.set(listener, others);
    if (!server.listeners('request').includes(listener)) return;
    server.off('request', listener);
    for (const other of withoutLeft(others)) server.on('request', other);
  };
}

/** Listeners of ours that were detached, perhaps behind one that is not, and those they had taken the place of. */
const left = new WeakMap<RequestListener, readonly RequestListener[]>();

function withoutLeft(listeners: readonly RequestListener[]): readonly RequestListener[] {
  return listeners.flatMap((listener) => {
    const others = left.get(listener);
    return others === undefined ? [listener] : withoutLeft(others);
  });
}

const REASONS = new Map([
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [503, 'Service Unavailable'],
]);

/** Answers an upgrade that will not happen, and ends its socket. */
export function refuseUpgrade(socket: Duplex, status: 403 | 404 | 503): void {
  // The client may be gone already; there is nobody to tell.
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${REASONS.get(status) ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
  );
}

function pathOf({ url = '' }: IncomingMessage): string {
  const mark = url.indexOf('?');
  return mark < 0 ? url : url.slice(0, mark);
}
