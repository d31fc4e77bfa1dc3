/**
 * The frames that wait to be sent, in order. A server may begin by saying that it takes arrays of
 * frames: until it has spoken, only the first few go, so that many channels can be joined in one array.
 */
import type { Context } from './context.js';
import type { ClientFrame } from './frames.js';

/** Frames that are sent before the server's first word. */
const EARLY_FRAMES = 64;
/** The others wait for that word no longer than this: a server need not say anything unasked. */
const HOLD_MS = 100;

export class SendQueue {
  #frames: ClientFrame[] = [];
  /** How many more frames may be sent before the server has spoken; Infinity once it has. */
  #credit = EARLY_FRAMES;
  #lastId = 0;

  constructor(
    private readonly ctx: Context,
    /** What was asked over the socket got no answer in time. */
    readonly unanswered: () => void,
  ) {}

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** An id for a request, used by no other one of this session. */
  nextId(): number {
    return (this.#lastId += 1);
  }

  send(frame: ClientFrame): void {
    this.#frames.push(frame);
  }

  /** Emits what may be sent now. @param asArray may frames share one WebSocket message? */
  flush(asArray: boolean): void {
    const frames = this.#frames.splice(0, this.#credit);
    this.#credit -= frames.length;
    if (frames.length > 0) this.ctx.emit({ type: 'send', frames, asArray });
    if (!this.isEmpty) this.ctx.armOnce('hold', HOLD_MS);
  }

  /** The server has spoken, or has had its time to: nothing is kept back any more. */
  release(): void {
    this.#credit = Infinity;
  }

  /** The socket is gone: the next server has not spoken yet. */
  hold(): void {
    this.ctx.disarm('hold');
    this.#credit = EARLY_FRAMES;
  }

  /** Drops what waits: it was meant for a connection that has ended. */
  clear(): void {
    this.#frames = [];
  }
}
