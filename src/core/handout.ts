/** Collects what one input brings the app: messages, gaps and snapshot calls of a channel, in order. */
import type { Consumer } from './consumer.js';
import type { Context } from './context.js';
import type { Arrival } from './gap-detector.js';
import type { Position, StoredPosition } from './position.js';
import type { Gap, Item, SnapshotReason } from './vocabulary.js';

/** Most channels are quiet: a list of their own comes with the first item. */
const NONE: Item[] = [];

export class Handout {
  #items: Item[] = NONE;

  constructor(
    private readonly parts: {
      readonly ctx: Context;
      readonly channel: string;
      readonly consumer: Consumer;
    },
  ) {}

  /** @returns false when the handlers' queue is full: nothing was taken. */
  message(epoch: string, arrival: Arrival, recovered: boolean): boolean {
    const { channel, consumer, ctx } = this.parts;
    const { data, from, id, seq, ts } = arrival;
    if (consumer.room === 0) {
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
    const { channel, ctx } = this.parts;
    ctx.counters.gaps += 1;
    const write = { channel, mode: 'replace', position: after } as const;
    this.#queue({ type: 'gap', gap: { type: 'gap', channel, ...gap }, after: write });
  }

  /** Queues a new position for the store, where no message carries it. */
  position(position: StoredPosition): void {
    this.#queue({
      type: 'position',
      after: { channel: this.parts.channel, mode: 'advance', position },
    });
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
    this.parts.ctx.emit({ type: 'deliver', channel: this.parts.channel, items: this.#items, tok });
    this.#items = NONE;
  }

  #queue(item: Item): void {
    this.parts.consumer.queued(1);
    if (this.#items === NONE) this.#items = [];
    this.#items.push(item);
  }
}
