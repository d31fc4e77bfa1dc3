/**
 * The socket, by way of reconnecting-websocket 4.4.0.
 *
 * That library reconnects by itself, masks close codes, queues what it cannot send, and stops for
 * ever when an address is bad. Here it never gets to decide: it dials when `open` has given it an
 * address, and whether the socket is open or closed is tapped from the native events below it.
 */
import ReconnectingWebSocket from 'reconnecting-websocket';
import type { TransportEvent, TransportFactory } from '../ports/transport.js';

/** The part of a WebSocket that is used. */
type Socket = Pick<
  WebSocket,
  'readyState' | 'binaryType' | 'addEventListener' | 'removeEventListener' | 'send' | 'close'
>;

/** The longest that a timer can wait; a longer one fires at once. The core has its own time limits. */
const NEVER_MS = 2 ** 31 - 1;

/** What a close frame has room for (RFC 6455, 5.5.1). Browsers throw on more. */
const MAX_REASON_BYTES = 123;

/**
 * @param protocols subprotocols to offer, the best first. Not a place for tokens: they are fixed here.
 */
export function webSocketTransport(protocols: readonly string[]): TransportFactory {
  return (emit) => {
    let line: Line | undefined;
    const close = (code: number, reason: string): void => {
      const old = line;
      line = undefined;
      old?.dispose(code, reason);
    };
    return {
      open(attempt, url) {
        if (line?.busy === true) close(1000, '');
        line ??= new Line(protocols, emit);
        line.dial(attempt, url);
      },
      send: (data) => line?.send(data as string),
      close,
    };
  };
}

/**
 * One instance of the library. It serves attempt after attempt as long as each ended by itself;
 * once closed it is thrown away, for its connect lock may never open again.
 */
class Line {
  readonly #library: ReconnectingWebSocket;
  /** The attempt that still owes a `dropped`. */
  #attempt: number | undefined;
  /** Its address, until the library takes it. */
  #url: string | undefined;
  /** The library waits for an address. */
  #take: ((url: string) => void) | undefined;
  /** The socket of the attempt; events of any other socket are late and ignored. */
  #socket: Socket | undefined;
  #taps = new AbortController();
  #disposed = false;

  constructor(
    protocols: readonly string[],
    private readonly emit: (event: TransportEvent) => void,
  ) {
    const connect = (url: string, list: string[]): Socket => this.#connect(url, list);
    this.#library = new ReconnectingWebSocket(() => this.#nextUrl(), [...protocols], {
      // Called with `new`: what it returns is then the socket. The constant marks a WebSocket class.
      WebSocket: Object.assign(
        function (url: string, list: string[]): Socket {
          return connect(url, list);
        },
        { CLOSING: 2 },
      ),
      startClosed: true,
      minReconnectionDelay: 0,
      maxReconnectionDelay: 0,
      minUptime: 0,
      connectionTimeout: NEVER_MS,
      maxRetries: Infinity,
      maxEnqueuedMessages: 0,
      // It would print addresses, and tokens with them.
      debug: false,
    });
    // Blobs are read asynchronously and so overtake each other.
    this.#library.binaryType = 'arraybuffer';
    // Of messages the library tells the truth, and only of those of the socket that it has now.
    this.#library.onmessage = ({ data }) => {
      const attempt = this.#attempt;
      if (attempt !== undefined) this.emit({ type: 'received', attempt, data: data as unknown });
    };
    this.#library.reconnect();
  }

  get busy(): boolean {
    return this.#attempt !== undefined;
  }

  dial(attempt: number, url: string): void {
    this.#attempt = attempt;
    this.#url = url;
    this.#handOver();
  }

  send(text: string): void {
    // Nothing unless the socket is open: the library's queue has no room.
    this.#library.send(text);
  }

  dispose(code: number, reason: string): void {
    this.#disposed = true;
    this.#forget();
    const allowed = code === 1000 || (code >= 3000 && code <= 4999);
    try {
      const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(MAX_REASON_BYTES));
      this.#library.close(allowed ? code : 1000, reason.slice(0, read));
    } catch {
      // The socket is given up, whatever it says to that.
    }
    // The library's promise must end, or it is kept for ever; it sees then that it was closed.
    this.#take?.('');
  }

  /** The library asks at its start and after every drop. It must get an answer and never an error. */
  #nextUrl(): Promise<string> {
    if (this.#disposed) return Promise.resolve('');
    // It goes on after an `error`, even when the close that should follow does not come.
    if (this.#socket !== undefined) this.#drop(1006, 'the socket failed');
    return new Promise((resolve) => {
      this.#take = resolve;
      this.#handOver();
    });
  }

  #handOver(): void {
    if (this.#take === undefined || this.#url === undefined) return;
    this.#take(this.#url);
    this.#take = this.#url = undefined;
  }

  /** Makes the native socket, or a stand-in: an error thrown here would lock the library for good. */
  #connect(url: string, protocols: string[]): Socket {
    const socket = makeSocket(url, protocols);
    this.#socket = socket;
    this.#taps = new AbortController();
    const attempt = this.#attempt ?? 0;
    // Before the library's own listeners: after an `error` it removes those and makes up a close with
    // code 1000. The identity counts where listeners cannot be removed by signal.
    const { signal } = this.#taps;
    const open = (): void => {
      if (this.#socket === socket) this.emit({ type: 'opened', attempt });
    };
    const close = ({ code, error, reason }: CloseEvent & { readonly error?: unknown }): void => {
      if (this.#socket === socket) this.#drop(code, reason, error);
    };
    socket.addEventListener('open', open, { signal });
    socket.addEventListener('close', close, { signal });
    // Stays for the life of the socket: in Node an `error` that nobody hears ends the process, and
    // `ws` reports one when it is closed while connecting.
    socket.addEventListener('error', ignore);
    return socket;
  }

  #drop(code: number, reason: string, error?: unknown): void {
    const attempt = this.#attempt;
    this.#forget();
    if (attempt !== undefined) this.emit({ type: 'dropped', attempt, code, reason, error });
  }

  #forget(): void {
    this.#attempt = this.#url = this.#socket = undefined;
    this.#taps.abort();
  }
}

function makeSocket(url: string, protocols: string[]): Socket {
  try {
    const { WebSocket } = globalThis as Partial<typeof globalThis>;
    if (WebSocket === undefined) throw new Error('this environment has no WebSocket');
    return new WebSocket(url, protocols);
  } catch (error) {
    // A bad address, or a policy: mixed content, `connect-src`.
    return stillborn(error, url);
  }
}

/** Stands for a socket that could not be made: it does nothing but close, as one that failed would. */
function stillborn(error: unknown, url: string): Socket {
  const message = error instanceof Error ? error.message : String(error);
  // A parameter may be a secret.
  const reason = message.replaceAll(url, url.replace(/\?.*/, ''));
  return {
    readyState: 3,
    binaryType: 'arraybuffer',
    addEventListener: (type: string, listener: (event: unknown) => void) => {
      if (type === 'close') queueMicrotask(() => listener({ code: 1006, reason, error }));
    },
    removeEventListener: ignore,
    send: ignore,
    close: ignore,
  } as Socket;
}

function ignore(): void {
  // Nothing to do: the close that follows says what there is to say.
}
