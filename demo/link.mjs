/**
 * One connection of the hub, and what is being done to it. The hub calls `socket.send` by that name
 * every time: here it is replaced, so that live messages can be lost, doubled, mixed up and held back
 * on the way, while the log knows nothing of it.
 */

/** What is held back to be mixed up is let go after this long, should too few follow. */
const SHELF_MS = 600;

export class Link {
  /** Who is behind it, once a token was shown. */
  pane;
  token;
  #armed = { drop: 0, duplicate: 0, reorder: 0, delay: 0 };
  #delayMs = 0;
  /** Messages that wait for the ones that shall overtake them. */
  #shelf = [];
  #timers = new Set();
  #socket;
  #send;
  /** The TCP connection below the WebSocket. */
  #wire;

  constructor(socket, request, onGone) {
    this.#socket = socket;
    this.#wire = request.socket;
    this.#send = socket.send.bind(socket);
    socket.send = (...sent) => this.#pass(...sent);
    this.#wire.once('close', () => {
      for (const timer of this.#timers) clearTimeout(timer);
      onGone();
    });
  }

  /** No goodbye in either direction, as when a cable is pulled and the router notices. */
  cut() {
    this.#wire.destroy();
  }

  /** As when the router does not notice: still open for both ends, and nothing passes any more. */
  goHalfOpen() {
    this.#wire.pause();
    // Whatever is written from now on, pings and closes included, stays in this process.
    this.#wire.cork();
  }

  /** The code by which a server says that the token is not good any more. */
  refuseToken() {
    this.#socket.close(4401, 'unauthorized');
  }

  /** The next `count` messages are lost, doubled, or come in reverse. */
  arm(kind, count) {
    this.#armed[kind] = count;
  }

  delay(count, delayMs) {
    this.#armed.delay = count;
    this.#delayMs = delayMs;
  }

  #pass(text, options, written) {
    if (Object.values(this.#armed).every((count) => count === 0)) {
      return this.#send(text, options, written);
    }
    const frames = [JSON.parse(text)].flat();
    const out = frames.flatMap((frame) => (frame.type === 'message' ? this.#spoil(frame) : frame));
    if (out.length > 0) this.#send(JSON.stringify(out), options, written);
    else if (written !== undefined) setImmediate(written);
  }

  /** What becomes of one message: the messages that leave now in its place. */
  #spoil(frame) {
    if (this.#take('drop')) return [];
    if (this.#take('duplicate')) return [frame, frame];
    if (this.#take('delay')) {
      this.#later(this.#delayMs, () => this.#emit([frame]));
      return [];
    }
    if (!this.#take('reorder')) return [frame];
    this.#shelf.push(frame);
    if (this.#armed.reorder === 0) return this.#clearShelf();
    if (this.#shelf.length === 1) this.#later(SHELF_MS, () => this.#emit(this.#clearShelf()));
    return [];
  }

  #take(kind) {
    if (this.#armed[kind] === 0) return false;
    this.#armed[kind] -= 1;
    return true;
  }

  #clearShelf() {
    this.#armed.reorder = 0;
    return this.#shelf.splice(0).reverse();
  }

  #emit(frames) {
    if (frames.length > 0) this.#send(JSON.stringify(frames));
  }

  #later(inMs, act) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, inMs);
    this.#timers.add(timer);
  }
}
