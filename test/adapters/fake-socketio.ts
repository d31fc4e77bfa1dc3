import type { SocketIoSocket } from '../../src/ports/socket-io.js';

type Listener = (...args: unknown[]) => void;

/**
 * A socket of socket.io-client whose events a test fires itself, for the orders that no real server can
 * be made to show. As there, an event goes to those who listened when it began, up to one that throws,
 * and what is sent without a connection would be sent on the next: it counts as sent.
 */
export class FakeSocketIo implements SocketIoSocket {
  connected = false;
  active = false;
  connectCalls = 0;
  readonly sent: [event: string, payload: unknown][] = [];
  /** What was given with the last event that wants to be acknowledged. */
  acknowledge: Listener | undefined;
  /** What a server does that has heard an event. */
  heard: () => void = () => undefined;
  #listeners: (readonly [event: string, listener: Listener])[] = [];

  connect(): void {
    this.connectCalls += 1;
    this.active = true;
  }

  on(event: string, listener: Listener): void {
    this.#listeners.push([event, listener]);
  }

  off(event: string, listener: Listener): void {
    const at = this.#listeners.findIndex(([name, known]) => name === event && known === listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }

  emit(event: string, payload: unknown, ...acknowledge: Listener[]): void {
    this.sent.push([event, payload]);
    [this.acknowledge] = acknowledge;
    this.heard();
  }

  /** To which events somebody listens, sorted; twice where two listen. */
  get listenedTo(): string[] {
    return this.#listeners.map(([event]) => event).sort();
  }

  // What the test lets happen.

  connects(): void {
    this.connected = true;
    this.active = true;
    this.fires('connect');
  }

  /** Only after a loss that nobody wanted does it connect again by itself. */
  disconnects(reason = 'transport close'): void {
    this.connected = false;
    this.active = !reason.startsWith('io ');
    this.fires('disconnect', reason);
  }

  /** The network fails; or the server refuses, after which it does not connect by itself. */
  failsToConnect(error: Error, active: boolean): void {
    this.active = active;
    this.fires('connect_error', error);
  }

  fires(event: string, ...args: unknown[]): void {
    for (const [name, listener] of [...this.#listeners]) if (name === event) listener(...args);
  }
}
