/**
 * The frames of one connection that wait for their turn.
 *
 * They are handled strictly in the order they came in, one at a time, although an answer may need the
 * app's authorisation or a distant log. Bounded by count and bytes. Knows nothing of frames.
 */

export interface InboxBounds {
  readonly maxQueuedFrames: number;
  readonly maxQueuedBytes: number;
}

export class Inbox<Frame> {
  readonly #handle: (frame: Frame) => void | Promise<void>;
  readonly #bounds: InboxBounds;
  /** Cut off in bulk, from `#next` on: shifting a long array costs its length every time. */
  #queue: { readonly frame: Frame; readonly bytes: number }[] = [];
  #next = 0;
  #bytes = 0;
  #busy = false;

  /** @param handle takes one frame; the next one waits for its promise. It must not fail. */
  constructor(bounds: InboxBounds, handle: (frame: Frame) => void | Promise<void>) {
    this.#bounds = bounds;
    this.#handle = handle;
  }

  /**
   * Queues the frames of one WebSocket message of `bytes` bytes, and handles what can be handled.
   * @returns false when that is more than may wait; nothing of it is queued then.
   */
  push(frames: readonly Frame[], bytes: number): boolean {
    const { maxQueuedFrames, maxQueuedBytes } = this.#bounds;
    if (this.#queue.length - this.#next + frames.length > maxQueuedFrames) return false;
    if (this.#bytes + bytes > maxQueuedBytes) return false;
    const share = bytes / Math.max(frames.length, 1);
    for (const frame of frames) this.#queue.push({ frame, bytes: share });
    this.#bytes += frames.length > 0 ? bytes : 0;
    if (!this.#busy) this.#run();
    return true;
  }

  /** The frames that wait, in order. */
  *waiting(): Iterable<Frame> {
    for (let i = this.#next; i < this.#queue.length; i += 1) {
      const waiting = this.#queue[i];
      if (waiting) yield waiting.frame;
    }
  }

  clear(): void {
    this.#queue = [];
    this.#next = 0;
    this.#bytes = 0;
  }

  /** Frames that are answered at once are handled in one go, so that their answers share one array. */
  #run(): void {
    this.#busy = true;
    for (let next = this.#take(); next; next = this.#take()) {
      const pending = this.#handle(next.frame);
      if (pending instanceof Promise) {
        void pending.then(() => this.#run());
        return;
      }
    }
    this.#busy = false;
  }

  #take(): { readonly frame: Frame } | undefined {
    const taken = this.#queue[this.#next];
    if (taken === undefined) {
      this.clear();
      return undefined;
    }
    this.#next += 1;
    this.#bytes -= taken.bytes;
    if (this.#next > 1_000 && this.#next * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    return taken;
  }
}
