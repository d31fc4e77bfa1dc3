/**
 * What an answer of the log proves, held against what we have. Pure: `continuity` judges the facts,
 * `walkPage` hands messages to `accept` and says how it ended; what to do about it is not known here.
 */
import type { Facts, Page, PageMessage } from './frames.js';
import type { GapDetector } from './gap-detector.js';
import type { Position } from './position.js';
import type { Start } from './vocabulary.js';

/** Can the log continue from a position? Exactly when `oldest <= last + 1 <= head + 1` in one epoch. */
export type Continuity = 'continues' | 'epoch' | 'rewind' | 'truncated';

/**
 * @param last where we are now.
 * @param since where we were when we asked: live messages that overtook the answer make no rewind.
 */
export function continuity(
  facts: Facts,
  epoch: string,
  last: number,
  since: number = last,
): Continuity {
  if (facts.epoch !== epoch) return 'epoch';
  if (facts.head < since) return 'rewind';
  return facts.oldest > last + 1 ? 'truncated' : 'continues';
}

/** How many messages before the head a start asks for. */
export function lastOf(start: Start): number {
  return typeof start === 'object' && 'last' in start ? start.last : 0;
}

/**
 * Where reading starts when there is no position yet.
 * @param before the number before those that `{ last: n }` asks for, where the messages were counted.
 */
export function startPosition(
  start: Start,
  { epoch, head, oldest }: Facts,
  before: number = head - lastOf(start),
): Position {
  return { epoch, seq: start === 'earliest' ? oldest - 1 : Math.max(oldest - 1, before) };
}

export type WalkEnd =
  /** Everything that the page holds above our position was taken. */
  | { readonly name: 'through' }
  /** The handlers' queue is full: the rest is fetched again later. */
  | { readonly name: 'full' }
  /** The page covers numbers that are in it neither as messages nor as void. */
  | { readonly name: 'hole'; readonly to: number };

/** The last number that a page speaks of. Missing numbers above it prove nothing. */
export function coveredTo(page: Page): number {
  if (page.upto !== undefined) return page.upto;
  if (!page.more) return page.head;
  return page.messages.at(-1)?.seq ?? 0;
}

/** Is there more, and nothing of it in the page? */
export function isBare(page: Page): boolean {
  return page.more && page.messages.length === 0 && !page.void?.length;
}

/** Does the log have more than the head says that came with the page? Some servers name no other. */
export function isCut(page: Page): boolean {
  return page.more && coveredTo(page) >= page.head;
}

/** @param accept hands a message on, or returns false when there is no room for it. */
export function walkPage(
  page: Page,
  detector: GapDetector,
  accept: (message: PageMessage) => boolean,
): WalkEnd {
  // The codec has sorted both.
  const voids = page.void ?? [];
  let v = 0;
  const skipVoid = (): void => {
    for (let range = voids[v]; range && range[0] <= detector.last + 1; range = voids[++v]) {
      detector.skipTo(range[1]);
    }
  };
  for (const message of page.messages) {
    skipVoid();
    const { prev = message.seq - 1, seq } = message;
    const order = detector.order(seq, prev);
    if (order === 'duplicate') continue;
    if (order === 'early') {
      return { name: 'hole', to: Math.min(prev, (voids[v]?.[0] ?? Infinity) - 1) };
    }
    if (!accept(message)) return { name: 'full' };
  }
  skipVoid();
  const covered = coveredTo(page);
  if (detector.last >= covered) return { name: 'through' };
  return { name: 'hole', to: Math.min(covered, (voids[v]?.[0] ?? covered + 1) - 1) };
}
