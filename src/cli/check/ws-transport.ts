/** A WebSocket of the package `ws` as a transport: as it is, with nothing masked or retried. */
import { WebSocket } from 'ws';
import type { TransportFactory } from '../../ports/transport.js';

export interface Handshake {
  readonly protocols: readonly string[];
  readonly origin: string | undefined;
  readonly timeoutMs: number;
}

export function wsTransport({ protocols, origin, timeoutMs }: Handshake): TransportFactory {
  return (emit) => {
    let socket: WebSocket | undefined;
    return {
      open(attempt, url) {
        let failure = '';
        let answered = false;
        const dropped = (code: number, reason: string): void => {
          if (answered) return;
          answered = true;
          emit({ type: 'dropped', attempt, code, reason });
        };
        try {
          socket = new WebSocket(url, [...protocols], {
            handshakeTimeout: timeoutMs,
            perMessageDeflate: false,
            ...(origin !== undefined && { origin }),
          });
        } catch (error) {
          dropped(1006, String(error));
          return;
        }
        socket.on('open', () => emit({ type: 'opened', attempt }));
        socket.on('message', (data: Buffer, isBinary) =>
          emit({ type: 'received', attempt, data: isBinary ? data : data.toString() }),
        );
        socket.on('error', (error) => (failure = error.message));
        socket.on('close', (code, reason) => dropped(code, reason.toString() || failure));
      },
      send(text) {
        if (socket?.readyState === WebSocket.OPEN) socket.send(text as string);
      },
      close(code, reason) {
        socket?.close(code, reason);
        // A server that says no good-bye would keep the process for half a minute after the report.
        setTimeout(() => socket?.terminate(), timeoutMs).unref();
      },
    };
  };
}
