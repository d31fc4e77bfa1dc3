/** A socket that can be opened again and again. It reports; it never decides to reconnect. */
export interface Transport {
  /**
   * Opens a socket. Whatever was open before is given up first.
   * Never throws: what goes wrong (bad address, blocked by policy) is reported as `dropped`.
   */
  open(attempt: number, url: string): void;
  /**
   * Sends what the dialect has written (for a WebSocket: a text) if the socket is open; otherwise
   * nothing: no queue, intent is derived anew on open.
   */
  send(data: unknown): void;
  /** Gives the socket up at once: no event of it comes any more. @param code 1000 or 3000 to 4999. */
  close(code: number, reason: string): void;
}

/** Everything of a socket carries the number of the attempt: late events of an older one are told apart. */
export type TransportEvent =
  /** Between attempts: a socket that others keep is there again, so that an attempt would succeed. */
  | { readonly type: 'available' }
  | { readonly type: 'opened'; readonly attempt: number }
  | { readonly type: 'received'; readonly attempt: number; readonly data: unknown }
  /** Comes once per attempt, with the true code of the close; 1006 when there was none. */
  | {
      readonly type: 'dropped';
      readonly attempt: number;
      readonly code: number;
      readonly reason: string;
      /** Set where there never was a socket: the address is none, or the page may not use it. */
      readonly error?: unknown;
    };

/** Makes a transport that reports to `emit`. Inert until `open`. */
export type TransportFactory = (emit: (event: TransportEvent) => void) => Transport;
