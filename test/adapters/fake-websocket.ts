/**
 * A WebSocket whose events a test fires itself, for the orders and faults that no real server can be
 * made to show. It is as strict as a browser about what may be called when.
 */
export class FakeWebSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  /** Every socket made, in order. */
  static made: FakeWebSocket[] = [];
  /** What the constructor throws: a bad address, a policy. */
  static fault: Error | undefined;

  readyState: number = FakeWebSocket.CONNECTING;
  binaryType = 'blob';
  readonly sent: unknown[] = [];
  readonly closeCalls: [code: number | undefined, reason: string | undefined][] = [];
  readonly #listeners = new Map<string, Set<(event: unknown) => void>>();

  constructor(
    readonly url: string,
    readonly protocols: readonly string[],
  ) {
    if (FakeWebSocket.fault) throw FakeWebSocket.fault;
    FakeWebSocket.made.push(this);
  }

  addEventListener(
    type: string,
    listener: (event: unknown) => void,
    options?: { signal?: AbortSignal },
  ): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    options?.signal?.addEventListener('abort', () => listeners.delete(listener));
  }

  removeEventListener(type: string, listener: (event: unknown) => void): void {
    this.#listeners.get(type)?.delete(listener);
  }

  send(data: unknown): void {
    if (this.readyState === FakeWebSocket.CONNECTING) throw new Error('InvalidStateError');
    if (this.readyState === FakeWebSocket.OPEN) this.sent.push(data);
  }

  close(code?: number, reason?: string): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new Error(`InvalidAccessError: ${code}`);
    }
    if (Buffer.byteLength(reason ?? '') > 123) throw new Error('SyntaxError: reason too long');
    this.closeCalls.push([code, reason]);
    if (this.readyState < FakeWebSocket.CLOSING) this.readyState = FakeWebSocket.CLOSING;
  }

  /** How many still listen. */
  listenerCount(type: string): number {
    return this.#listeners.get(type)?.size ?? 0;
  }

  // What the test lets happen.

  opens(): void {
    this.readyState = FakeWebSocket.OPEN;
    this.#fire('open', {});
  }

  receives(data: unknown): void {
    this.#fire('message', { data });
  }

  errors(): void {
    this.#fire('error', { type: 'error' });
  }

  closes(code: number, reason = ''): void {
    this.readyState = FakeWebSocket.CLOSED;
    this.#fire('close', { code, reason, wasClean: code !== 1006 });
  }

  #fire(type: string, event: object): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) listener(event);
  }
}
