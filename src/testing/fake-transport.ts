/** A socket in the hands of a test: everything that happens to it is scripted. */
import type { Transport, TransportEvent, TransportFactory } from '../ports/transport.js';

/** What a socket of a `FakeNetwork` is: the client's end is the `Transport`, the test has this one. */
export interface FakeSocket {
  readonly attempt: number;
  readonly url: string;
  readonly state: 'connecting' | 'open' | 'closed';
  /** What the client sent, oldest first. */
  readonly sent: readonly string[];
  /** Set when the client closed the socket. */
  readonly closedWith: { readonly code: number; readonly reason: string } | undefined;
  /** The handshake succeeds. */
  accept(): void;
  /** A message arrives. Objects are written as JSON. Arrives even after a close: late frames do. */
  receive(data: unknown): void;
  /** The connection ends. @param code as the browser reports it. @default 1006 */
  drop(code?: number, reason?: string): void;
}

class Socket implements FakeSocket {
  state: 'connecting' | 'open' | 'closed' = 'connecting';
  readonly sent: string[] = [];
  closedWith: { readonly code: number; readonly reason: string } | undefined;

  constructor(
    readonly attempt: number,
    readonly url: string,
    private readonly emit: (event: TransportEvent) => void,
    readonly onSend: (text: string, socket: FakeSocket) => void,
  ) {}

  accept(): void {
    if (this.state !== 'connecting') return;
    this.state = 'open';
    this.emit({ type: 'opened', attempt: this.attempt });
  }

  receive(data: unknown): void {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    this.emit({ type: 'received', attempt: this.attempt, data: text });
  }

  drop(code = 1006, reason = ''): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.emit({ type: 'dropped', attempt: this.attempt, code, reason });
  }
}

/** Makes transports whose sockets are the test's. */
export class FakeNetwork {
  /** Every socket that was ever opened, oldest first. */
  readonly sockets: FakeSocket[] = [];
  /** Called for each new socket: a fake server sits here. */
  onSocket: (socket: FakeSocket) => void = () => undefined;
  /** Called for what the client sends on an open socket. */
  onSend: (text: string, socket: FakeSocket) => void = () => undefined;

  /** The newest socket. @throws when there is none. */
  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (last === undefined) throw new Error('the client has not dialed');
    return last;
  }

  readonly transport: TransportFactory = (emit): Transport => {
    let current: Socket | undefined;
    return {
      open: (attempt, url) => {
        current = new Socket(attempt, url, emit, (text, socket) => {
          this.onSend(text, socket);
        });
        this.sockets.push(current);
        this.onSocket(current);
      },
      send: (data) => {
        if (current?.state !== 'open') return;
        const text = typeof data === 'string' ? data : JSON.stringify(data);
        current.sent.push(text);
        current.onSend(text, current);
      },
      close: (code, reason) => {
        if (current === undefined) return;
        current.state = 'closed';
        current.closedWith = { code, reason };
        current = undefined;
      },
    };
  };
}
