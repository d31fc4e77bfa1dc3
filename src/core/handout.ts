/** Collects what one input brings the app: messages, gaps and snapshot calls of a channel, in order. */
import type { Consumer } from './consumer.js';
import type { Context } from './context.js';
import type { Arrival } from './gap-detector.js';
import type { Position, StoredPosition } from './position.js';
import type { Gap, Item, SnapshotReason } from './vocabulary.js';

export class Handout {
  #items: Item[] = [];

  constructor(
    private readonly ctx: Context,
    private readonly channel: string,
    private readonly consumer: Consumer,
  ) {}

  /** @returns false when the handlers' queue is full: nothing was taken. */
  message(epoch: string, arrival: Arrival, recovered: boolean): boolean {
    const { channel, ctx } = this;
    const { data, from, id, seq, ts } = arrival;
    if (this.consumer.room === 0) {
      ctx.counters.overflows += 1;
      ctx.notice({ event: 'dropped', channel, seq });
      return false;
    }
    ctx.counters.delivered += 1;
    if (recovered) ctx.counters.recovered += 1;
    this.#queue({ type: 'message', channel, seq, epoch, data, recovered, id, ts, from });
    return true;
  }

  /** Queues a gap, even without room: the lack of room may be the reason for it. */
  gap(gap: Omit<Gap, 'type' | 'channel'>, after: StoredPosition): void {
    const { channel } = this;
    this.ctx.counters.gaps += 1;
    const write = { channel, mode: 'replace', position: after } as const;
    this.#queue({ type: 'gap', gap: { type: 'gap', channel, ...gap }, after: write });
  }

  /** Queues a new position for the store, where no message carries it. */
  position(position: StoredPosition): void {
    this.#queue({ type: 'position', after: { channel: this.channel, mode: 'advance', position } });
  }

  snapshot(reason: SnapshotReason, position: Position): void {
    this.#queue({ type: 'snapshot', reason, position });
  }

  /**
   * @param tok owner token of the positions that these messages will be marked with; undefined where
   *   the numbers of messages are no positions.
   */
  flush(tok: string | undefined): void {
    if (this.#items.length === 0) return;
    this.ctx.emit({ type: 'deliver', channel: this.channel, items: this.#items, tok });
    this.#items = [];
  }

  #queue(item: Item): void {
    this.consumer.queued(1);
    this.#items.push(item);
  }
}
