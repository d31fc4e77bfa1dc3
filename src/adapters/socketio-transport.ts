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

/** From `open` until it is closed or lost. */
interface Attempt {
  readonly number: number;
  /** Once it is open: how to leave what was joined on it, by channel. */
  undo?: Map<string, SocketIoEvent>;
}

/** @param events the names of the events that the dialect wants to see */
export function socketIoTransport(
  socket: SocketIoSocket,
  events: readonly string[],
): TransportFactory {
  return (emit) => {
    /** The attempt that still owes a `dropped`. */
    let current: Attempt | undefined;
    /** Found idle from now on, the app has disconnected the socket: connecting it is up to the app. */
    let released = false;

    const opened = (attempt: Attempt): void => {
      // Twice, where a listener of the app that comes before ours for `connect` makes us open.
      if (attempt !== current || attempt.undo) return;
      attempt.undo = new Map();
      emit({ type: 'opened', attempt: attempt.number });
    };
    const dropped = (why: unknown): void => {
      const reason = String(why);
      // One that the server has refused or thrown out is idle, and not by the app's will.
      released = socket.active || reason === 'io client disconnect';
      const lost = current;
      current = undefined;
      if (lost) emit({ type: 'dropped', attempt: lost.number, code: NO_CODE, reason });
    };
    const received = (data: SocketIoArrival): void => {
      if (current?.undo) emit({ type: 'received', attempt: current.number, data });
    };

    const listeners: readonly (readonly [event: string, listener: (payload: unknown) => void])[] = [
      [
        'connect',
        () => {
          // A listener of the app that threw has kept the loss from us: the server knows nothing of us.
          if (current?.undo) dropped('lost unheard');
          if (current) opened(current);
          else emit({ type: 'available' });
        },
      ],
      ['disconnect', dropped],
      ['connect_error', dropped],
      ...events.map(
        (event) => [event, (payload: unknown): void => received({ event, payload })] as const,
      ),
    ];
    const listen = (how: 'on' | 'off'): void => {
      for (const [event, listener] of listeners) socket[how](event, listener);
    };
    const close = (): void => {
      listen('off');
      // What is sent on a broken socket would be kept, and sent on the next.
      if (socket.connected) {
        for (const { event, payload } of current?.undo?.values() ?? []) socket.emit(event, payload);
      }
      current = undefined;
      // What becomes of it while nobody listens is not known.
      released &&= !socket.active;
    };

    const call = ({ answered, emit: out, frame, undo: back }: SocketIoCall): void => {
      const of = current;
      if (!of?.undo || !socket.connected) return;
      if (back) of.undo.set(frame.channel, back);
      else if (frame.type === 'unsubscribe') of.undo.delete(frame.channel);
      // With its `ackTimeout` or `retries`, Socket.IO puts null before the answer, or gives only an error.
      const answer = (first?: unknown, second?: unknown): void => {
        if (of !== current || first instanceof Error) return;
        received({ answerTo: frame, payload: first ?? second });
      };
      const acknowledged = out && answered === 'acknowledged';
      if (out) socket.emit(out.event, out.payload, ...(acknowledged ? [answer] : []));
      // In a turn of its own, as if it had come over the wire.
      if (!acknowledged && answered !== 'never') queueMicrotask(answer);
    };

    return {
      open(number) {
        close();
        const attempt: Attempt = { number };
        current = attempt;
        listen('on');
        if (socket.active || released) {
          queueMicrotask(() => {
            if (socket.connected) opened(attempt);
            // The manager of an active one may not reconnect, or have given up: then it waits for nobody.
            // Within a loss it has yet to begin. One that waits to be admitted must not ask twice.
            else if (socket.io?.engine.readyState === 'closed' && socket.active) socket.connect();
          });
        } else socket.connect();
        // Of a socket that is not connected, Socket.IO does not say that it was disconnected.
        released = true;
      },
      send(data) {
        (data as readonly SocketIoCall[]).forEach(call);
      },
      close,
    };
  };
}
