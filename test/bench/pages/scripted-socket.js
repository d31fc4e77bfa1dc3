/**
 * A WebSocket whose server is in the page. Imported before any client, because some of them look for
 * the constructor when they are loaded.
 */
export class ScriptedSocket {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;
  /** What the server of the next socket says; see `wire.mjs`. */
  static wire;
  /** The socket that was made last. */
  static last;

  readyState = 0;
  bufferedAmount = 0;
  extensions = '';
  binaryType = 'blob';
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;
  #listeners = { open: [], message: [], error: [], close: [] };
  #wire = ScriptedSocket.wire;

  constructor(url, protocols = []) {
    this.url = url;
    this.protocol = [protocols].flat()[0] ?? '';
    ScriptedSocket.last = this;
    setTimeout(() => {
      this.readyState = 1;
      this.#fire({ type: 'open', target: this });
      for (const text of this.#wire.greets) this.receive(text);
    });
  }

  addEventListener(type, listener) {
    this.#listeners[type].push(listener);
  }

  removeEventListener(type, listener) {
    this.#listeners[type] = this.#listeners[type].filter((each) => each !== listener);
  }

  send(text) {
    for (const answer of this.#wire.answers(text)) setTimeout(() => this.receive(answer));
  }

  close(code = 1000, reason = '') {
    if (this.readyState === 3) return;
    this.readyState = 3;
    setTimeout(() => this.#fire({ type: 'close', target: this, code, reason, wasClean: true }));
  }

  /** A WebSocket message arrives, here and now. */
  receive(data) {
    this.#fire({ type: 'message', target: this, data });
  }

  #fire(event) {
    this[`on${event.type}`]?.(event);
    for (const listener of this.#listeners[event.type]) listener(event);
  }
}

globalThis.WebSocket = ScriptedSocket;
