/**
 * There is no position yet: the join reply gives one, or else the log's answer. A log that names no head
 * has to be read to its end to find where it is.
 */
import type { Page } from './frames.js';
import { coveredTo, isCut, startInPage } from './page-walk.js';
import type { Position } from './position.js';
import type { Start } from './vocabulary.js';

export class Starting {
  /** One of a channel's phases. */
  readonly name = 'starting' as const;
  /** What the log is asked for, exclusive. */
  since = 0;

  /** @returns where reading starts; undefined when the log is to be asked again. */
  read(page: Page, start: Start): Position | undefined {
    const { since } = this;
    if (start === 'earliest' || !isCut(page) || coveredTo(page) <= since) {
      return startInPage(start, page, since);
    }
    this.since = coveredTo(page);
    return undefined;
  }
}
