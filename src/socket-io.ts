/** The composition root of an app that has a Socket.IO socket already. */
import { socketIoTransport } from './adapters/socketio-transport.js';
import type { Dialect } from './dialects/dialect.js';
import { socketIoDialect, type SocketIoOptions } from './dialects/socketio.js';
import { badOption } from './errors.js';
import type { SocketIoSocket } from './ports/socket-io.js';

/** A `Socket` of socket.io-client 4, whatever events the app has typed it with. */
export interface AppSocket extends Pick<SocketIoSocket, 'connected' | 'active' | 'connect'> {
  on(event: never, listener: never): unknown;
  off(event: never, listener: never): unknown;
  emit(event: never, ...args: never[]): unknown;
}

/**
 * A dialect over the app's own socket of socket.io-client 4: give it to `createClient` with `recover`,
 * and no `url`. The socket stays the app's: it reconnects as the app has set it up, is connected by us
 * only when nobody else does, and is never disconnected by us. For one client.
 *
 * @throws LastseqError `bad_option`, naming the option and its value.
 */
export function socketIo(socket: AppSocket, options: SocketIoOptions = {}): Dialect {
  const { dialect, events } = socketIoDialect(options);
  if (!isSocket(socket)) throw badOption('socket', socket, 'a socket of socket.io-client');
  return { ...dialect, transport: socketIoTransport(socket, events) };
}

function isSocket(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const methods = value as Readonly<Record<string, unknown>>;
  return ['connect', 'on', 'off', 'emit'].every((name) => typeof methods[name] === 'function');
}
