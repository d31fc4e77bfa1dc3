/**
 * What waits to be sent to one connection.
 *
 * Frames of one tick leave as one JSON array in one WebSocket message. Only a little is handed to the
 * socket at a time, because what it holds cannot be taken back: the rest waits here as references to
 * texts that all readers share, and is dropped in an instant when the reader turns out too slow. The
 * publisher is never held up. Knows nothing of frames.
 */
import type { HubSocket } from './options.js';
import type { Counters } from './stats.js';

/** While the socket holds this many bytes or more, it is given no more. */
const SOCKET_FULL_BYTES = 65_536;

/** Bytes in one WebSocket message, unless a single frame is longer. */
const BATCH_BYTES = 262_144;

const TEXT = { binary: false } as const;

type Socket = Pick<HubSocket, 'bufferedAmount' | 'send'>;

export interface OutboxParts {
  /** Bytes that may wait, here and in the socket together, before the reader counts as too slow. */
  readonly maxBufferedBytes: number;
  /** Has `flush` called when the tick is over. */
  readonly schedule: (outbox: Outbox) => void;
  /** Makes one WebSocket message of the frames. */
  readonly join: (texts: readonly string[]) => Buffer;
  /** Called once, when the reader is too slow. The outbox is closed and empty by then. */
  readonly onOverflow: () => void;
  readonly counters: Counters;
}

export class Outbox {
  readonly #socket: Socket;
  readonly #parts: OutboxParts;
  /** While less than this is waiting, here and in the socket, the outbox counts as drained. */
  readonly #littleBytes: number;
  #texts: string[] = [];
  #sizes: number[] = [];
  #bytes = 0;
  #closed = false;
  /** Batches whose writing the socket will tell of. */
  #owed = 0;
  #waiters: (() => void)[] = [];

  constructor(socket: Socket, parts: OutboxParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#littleBytes = Math.min(SOCKET_FULL_BYTES, parts.maxBufferedBytes / 4);
  }

  /**
   * Queues one frame. What is queued after the close is dropped: nobody will read it. The bound is
   * looked at before the frame is added: one that is longer than the bound would never get through.
   */
  push(text: string, bytes: number = Buffer.byteLength(text)): void {
    if (this.#closed) return;
    if (this.#pending() > this.#parts.maxBufferedBytes) {
      this.close();
      this.#parts.onOverflow();
      return;
    }
    this.#texts.push(text);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    this.#parts.schedule(this);
  }

  /** Sends what the socket can take now; the rest follows when it has written that. */
  flush(): void {
    while (!this.#closed && this.#texts.length > 0 && this.#maySend()) this.#sendBatch();
    this.#wakeWaiters();
  }

  /** Is so much waiting that answering more requests should wait for the reader? */
  get isCrowded(): boolean {
    return this.#pending() >= this.#parts.maxBufferedBytes / 4;
  }

  /** Resolves when little is waiting any more, or the outbox is closed. */
  async drained(): Promise<void> {
    if (this.#isDrained()) return;
    await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Sends everything that waits, however much it is, and takes no more. */
  finish(): void {
    while (!this.#closed && this.#texts.length > 0) this.#sendBatch();
    this.close();
  }

  /** Drops everything that waits and takes no more. */
  close(): void {
    this.#closed = true;
    this.#texts = [];
    this.#sizes = [];
    this.#bytes = 0;
    this.#wakeWaiters();
  }

  #sendBatch(): void {
    let count = 0;
    let bytes = 0;
    for (const size of this.#sizes) {
      if (count > 0 && bytes + size > BATCH_BYTES) break;
      count += 1;
      bytes += size;
    }
    const texts = this.#texts.splice(0, count);
    this.#sizes.splice(0, count);
    this.#bytes -= bytes;

    const { counters, join } = this.#parts;
    counters.framesOut += count;
    counters.batchesOut += 1;
    counters.bytesOut += bytes;
    const isMuch = this.#socket.bufferedAmount + bytes >= this.#littleBytes / 2;
    if (isMuch) this.#owed += 1;
    // To be told costs a sixth of sending a small message, and of a little nobody waits to be told. It
    // also comes with an error, for a socket that died meanwhile: its close tells.
    this.#socket.send(join(texts), TEXT, isMuch ? this.#onWritten : undefined);
  }

  readonly #onWritten = (): void => {
    this.#owed -= 1;
    if (this.#texts.length > 0) this.#parts.schedule(this);
    this.#wakeWaiters();
  };

  #wakeWaiters(): void {
    if (this.#waiters.length === 0 || !this.#isDrained()) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #pending(): number {
    return this.#bytes + this.#socket.bufferedAmount;
  }

  /** What a socket is full of may be none of ours, such as pongs: then nobody would tell when it has room. */
  #maySend(): boolean {
    return this.#owed === 0 || this.#socket.bufferedAmount < SOCKET_FULL_BYTES;
  }

  #isDrained(): boolean {
    return this.#closed || this.#pending() < this.#littleBytes;
  }
}
