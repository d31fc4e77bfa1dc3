/**
 * There is no position yet: the join reply gives one, or else the log's answer. A log that names no head
 * has to be read to its end to find where it is.
 */
import type { Page } from './frames.js';
import { coveredTo, isCut, lastOf, startPosition } from './page-walk.js';
import type { Position } from './position.js';
import type { Start } from './vocabulary.js';

export class Starting {
  /** One of a channel's phases. */
  readonly name = 'starting' as const;
  /** What the log is asked for, exclusive. Reading may start before it, or behind what the page speaks of. */
  since = 0;
  /** The numbers of the last messages that were read, one more than `{ last: n }` asks for. */
  #read: readonly number[] = [];

  /** @returns where reading starts; undefined when the log is to be asked again. */
  read(page: Page, start: Start): Position | undefined {
    const last = lastOf(start);
    this.#read = [...this.#read, ...page.messages.map(({ seq }) => seq)].slice(-1 - last);
    if (start === 'earliest' || !isCut(page) || coveredTo(page) <= this.since) {
      // In the whole of a log messages can be counted, whatever their numbers are.
      const isWhole = last > 0 && !page.more;
      return startPosition(start, page, isWhole ? (this.#read.at(-1 - last) ?? 0) : undefined);
    }
    this.since = coveredTo(page);
    return undefined;
  }
}
