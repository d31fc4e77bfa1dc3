/**
 * Publishes on their way to an acknowledgement. A key made by the client makes a retry harmless, so
 * what waits for a connection may be sent again on the next one. Nothing waits unless the app said so.
 */
import type { Context } from './context.js';
import type { Position } from './position.js';
import type { SendQueue } from './send-queue.js';
import type { Input, PublishResult } from './vocabulary.js';

type Publish = Extract<Input, { type: 'publish' }>;
type Failure = Extract<PublishResult, { ok: false }>;

/** An acknowledgement takes a round trip; the app sets its own limit with `timeoutMs`. */
const ACK_TIMEOUT_MS = 10_000;
/** Publishes that may wait at once; the next one is refused. */
const MAX_PENDING = 1_000;

export class Publisher {
  /** By the id on the wire, which a repeated send keeps. */
  readonly #pending = new Map<number, Publish>();

  constructor(
    private readonly ctx: Context,
    private readonly sender: SendQueue,
  ) {}

  publish(request: Publish, isOpen: boolean): void {
    const { timeoutMs } = request;
    const refuse = (code: Failure['code'], detail: string): void =>
      this.#settle(request, { ok: false, code, detail });
    if (this.#pending.size >= MAX_PENDING) return refuse('refused', 'too many publishes wait');
    if (!isOpen && timeoutMs === undefined) {
      return refuse('not_connected', 'there is no connection; give `timeoutMs` to wait for one');
    }
    const id = this.sender.nextId();
    this.#pending.set(id, request);
    this.ctx.arm(`publish ${id}`, timeoutMs ?? ACK_TIMEOUT_MS);
    if (isOpen) this.#send(id, request);
  }

  up(): void {
    for (const [id, request] of this.#pending) this.#send(id, request);
  }

  down(): void {
    const detail = 'the connection was lost before the acknowledgement; it may have been published';
    for (const [id, request] of this.#pending) {
      if (request.timeoutMs === undefined) this.failed(id, 'not_connected', detail);
    }
  }

  acked(id: number, position: Position): void {
    this.#end(id, { ok: true, position });
  }

  /** @returns false when the id is not one of a publish that waits. */
  failed(id: number, code: Failure['code'], detail: string): boolean {
    return this.#end(id, { ok: false, code, detail });
  }

  timedOut(id: number): void {
    const detail = 'no acknowledgement came in time; it may have been published';
    this.failed(id, 'timeout', detail);
  }

  close(): void {
    for (const id of this.#pending.keys()) {
      this.failed(id, 'closed', 'the client was closed');
    }
  }

  #send(id: number, { channel, data, key }: Publish): void {
    this.sender.send({ type: 'publish', id, channel, key, data });
  }

  #end(id: number, result: PublishResult): boolean {
    const request = this.#pending.get(id);
    if (request === undefined) return false;
    this.#pending.delete(id);
    this.ctx.disarm(`publish ${id}`);
    this.#settle(request, result);
    return true;
  }

  #settle({ id }: Publish, result: PublishResult): void {
    this.ctx.emit({ type: 'published', id, result });
  }
}
