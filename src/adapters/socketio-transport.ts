/**
 * The app's own socket of socket.io-client, as a transport. It reconnects by itself and stays the
 * app's: we listen, and connect it only when nobody else does. Closing leaves what was joined and takes
 * our listeners away; it does not disconnect the socket.
 */
import type {
  SocketIoArrival,
  SocketIoCall,
  SocketIoEvent,
  SocketIoSocket,
} from '../ports/socket-io.js';
import type { TransportFactory } from '../ports/transport.js';

/** Socket.IO gives reasons instead of close codes. */
const NO_CODE = 1006;

/** @param events the names of the events that the dialect wants to see */
export function socketIoTransport(
  socket: SocketIoSocket,
  events: readonly string[],
): TransportFactory {
  return (emit) => {
    /** The attempt that still owes a `dropped`. */
    let attempt: number | undefined;
    let isOpen = false;
    /** Found idle from now on, the app has disconnected the socket: connecting it is up to the app. */
    let released = false;
    let listening = false;
    /** How to leave what was joined on this connection, by channel. */
    const undo = new Map<string, SocketIoEvent>();

    const opened = (): void => {
      if (attempt === undefined || isOpen) return;
      isOpen = true;
      emit({ type: 'opened', attempt });
    };
    const dropped = (why: unknown): void => {
      const reason = String(why);
      // One that the server has refused or thrown out is idle, and not by the app's will.
      released = socket.active || reason === 'io client disconnect';
      const lost = attempt;
      attempt = undefined;
      isOpen = false;
      undo.clear();
      if (lost !== undefined) emit({ type: 'dropped', attempt: lost, code: NO_CODE, reason });
    };
    const received = (data: SocketIoArrival): void => {
      if (attempt !== undefined && isOpen) emit({ type: 'received', attempt, data });
    };

    const listeners: readonly (readonly [event: string, listener: (payload: unknown) => void])[] = [
      [
        'connect',
        () => {
          if (attempt === undefined) emit({ type: 'available' });
          else opened();
        },
      ],
      ['disconnect', dropped],
      ['connect_error', dropped],
      ...events.map(
        (event) => [event, (payload: unknown): void => received({ event, payload })] as const,
      ),
    ];
    const listen = (how: 'on' | 'off'): void => {
      if (listening === (how === 'on')) return;
      listening = how === 'on';
      for (const [event, listener] of listeners) socket[how](event, listener);
    };
    const close = (): void => {
      listen('off');
      // What is sent on a broken socket would be kept, and sent on the next.
      if (socket.connected) {
        for (const { event, payload } of undo.values()) socket.emit(event, payload);
      }
      attempt = undefined;
      isOpen = false;
      undo.clear();
      // What becomes of it while nobody listens is not known.
      released &&= !socket.active;
    };

    const call = ({ answered, emit: out, frame, undo: back }: SocketIoCall, of: number): void => {
      if ('channel' in frame) {
        if (back !== undefined) undo.set(frame.channel, back);
        else if (frame.type === 'unsubscribe') undo.delete(frame.channel);
      }
      const answer = (payload?: unknown): void => {
        if (of === attempt) received({ answerTo: frame, payload });
      };
      const acknowledged = out !== undefined && answered === 'acknowledged';
      if (out !== undefined) {
        socket.emit(out.event, out.payload, ...(acknowledged ? [answer] : []));
      }
      // In a turn of its own, as if it had come over the wire.
      if (!acknowledged && answered !== 'never') queueMicrotask(answer);
    };

    return {
      open(number) {
        if (attempt !== undefined) close();
        attempt = number;
        listen('on');
        if (socket.connected) {
          queueMicrotask(() => {
            if (attempt === number && socket.connected) opened();
          });
        } else if (!socket.active && !released) socket.connect();
        // Of a socket that is not connected, Socket.IO does not say that it was disconnected.
        released ||= socket.active;
      },
      send(data) {
        for (const one of data as readonly SocketIoCall[]) {
          if (attempt !== undefined && isOpen && socket.connected) call(one, attempt);
        }
      },
      close,
    };
  };
}
