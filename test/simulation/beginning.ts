/** Where a reading without a position may start, by what joins and answers have said of the log. */
import type { Facts, Page } from '../../src/core/frames.js';
import type { Position } from '../../src/core/position.js';
import type { ChannelPlan } from './plan.js';
import type { EpochLog } from './truth.js';

export class Beginning {
  readonly facts: Facts[] = [];
  /** The numbers in the pages that were read one after the other. */
  #seen: readonly number[] = [];

  constructor(private readonly start: ChannelPlan['start']) {}

  /** Where no join says anything of the log, its answer does. @param since what was asked. */
  answered(page: Page, since: number): void {
    this.facts.push(page);
    const before = this.#seen.filter((seq) => seq <= since);
    this.#seen = [...before, ...page.messages.map(({ seq }) => seq)];
    if (this.start !== 'last' || page.more) return;
    // The whole of it is known: messages are counted, not numbers.
    const seq = Math.max(page.oldest - 1, this.#seen.at(-4) ?? 0);
    this.facts.push({ ...page, head: seq + 3, oldest: Math.min(page.oldest, seq + 1) });
  }

  /** Where it starts, when the first item does not show it. */
  said(epoch: string, seq: number): Position {
    const said = [...this.facts].reverse().find((facts) => facts.epoch === epoch);
    return { epoch, seq: said === undefined ? seq : Math.min(seq, this.#from(said)) };
  }

  allows({ epoch, seq }: Position, log: EpochLog): boolean {
    return this.facts.some((facts) => {
      if (facts.epoch !== epoch) return false;
      const from = this.#from(facts);
      return from <= seq && log.afterVoid(from, seq) === seq;
    });
  }

  #from({ head, oldest }: Facts): number {
    if (this.start === 'earliest') return oldest - 1;
    return this.start === 'last' ? Math.max(oldest - 1, head - 3, 0) : head;
  }
}
