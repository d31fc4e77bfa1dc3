// @vitest-environment node
/** What an answer of the log proves: at the edges, one number at a time. */
import { describe, expect, test } from 'vitest';
import type { Page } from '../../src/core/frames.js';
import { GapDetector } from '../../src/core/gap-detector.js';
import { continuity, coveredTo, isCut, startPosition, walkPage } from '../../src/core/page-walk.js';
import type { Start } from '../../src/core/vocabulary.js';
import { messages, pageOf } from '../mutants/script.js';

const facts = { epoch: 'e', head: 9, oldest: 4 };

test.each([
  [{ epoch: 'f' }, 5, 'epoch'],
  [{ head: 4 }, 5, 'rewind'],
  [{ head: 5 }, 5, 'continues'],
  [{ oldest: 6 }, 5, 'continues'],
  [{ oldest: 7 }, 5, 'truncated'],
])('with %j a log goes on from %i or not: %s', (change, last, verdict) => {
  expect(continuity({ ...facts, ...change }, 'e', last)).toBe(verdict);
});

test('live messages that overtook an answer make no rewind of it', () => {
  expect(continuity({ ...facts, head: 6 }, 'e', 8, 6)).toBe('continues');
  expect(continuity({ ...facts, head: 5 }, 'e', 8, 6)).toBe('rewind');
});

test.each<[Start, { head: number; oldest: number }, number]>([
  ['earliest', { head: 9, oldest: 4 }, 3],
  ['latest', { head: 9, oldest: 4 }, 9],
  ['stored', { head: 9, oldest: 4 }, 9],
  [{ last: 2 }, { head: 9, oldest: 4 }, 7],
  [{ last: 100 }, { head: 9, oldest: 4 }, 3],
  [{ last: 100 }, { head: 0, oldest: 1 }, 0],
  [{ epoch: 'x', seq: 2 }, { head: 9, oldest: 4 }, 9],
])('reading from %j of a log of %j begins behind %i', (start, log, seq) => {
  expect(startPosition(start, { epoch: 'e', ...log })).toEqual({ epoch: 'e', seq });
});

test('a page speaks of the numbers up to its end', () => {
  const body = pageOf({ head: 9, messages: messages(5, 7) });
  expect(coveredTo(body)).toBe(9);
  expect(coveredTo({ ...body, more: true })).toBe(7);
  expect(coveredTo({ ...body, more: true, messages: [] })).toBe(0);
  expect(coveredTo({ ...body, more: true, upto: 8 })).toBe(8);
  expect(coveredTo({ ...body, upto: 0 })).toBe(0);
});

describe('from 5 on', () => {
  const walked = (page: Partial<Page>, room = Infinity) => {
    const detector = new GapDetector(5);
    const taken: number[] = [];
    const end = walkPage(pageOf({ head: 9, ...page }), detector, ({ seq }) => {
      if (taken.length >= room) return false;
      taken.push(seq);
      detector.accept(seq);
      return true;
    });
    return { end, taken, last: detector.last };
  };
  const through = { name: 'through' };
  const hole = (to: number) => ({ name: 'hole', to });

  test.each<[what: string, page: Partial<Page>, taken: number[], last: number, end: object]>([
    ['all there is', { messages: messages(6, 9) }, [6, 7, 8, 9], 9, through],
    ['what was had is passed', { messages: messages(3, 9) }, [6, 7, 8, 9], 9, through],
    ['the last is missing', { messages: messages(6, 8) }, [6, 7, 8], 8, hole(9)],
    ['the first is missing', { messages: messages(7, 9) }, [], 5, hole(6)],
    ['nothing is there', {}, [], 5, hole(9)],
    ['more is to come', { messages: messages(6, 7), more: true }, [6, 7], 7, through],
    ['it covers less', { upto: 5 }, [], 5, through],
    ['it covers one more', { upto: 6 }, [], 5, hole(6)],
    ['void at the beginning', { void: [[6, 7]], messages: messages(8, 9) }, [8, 9], 9, through],
    ['void from before', { void: [[2, 6]], messages: messages(7, 9) }, [7, 8, 9], 9, through],
    [
      'void between',
      { void: [[7, 8]], messages: [...messages(6, 6), ...messages(9, 9)] },
      [6, 9],
      9,
      through,
    ],
    ['void at the end', { void: [[8, 9]], messages: messages(6, 7) }, [6, 7], 9, through],
    [
      'void all over',
      {
        void: [
          [6, 7],
          [8, 9],
        ],
      },
      [],
      9,
      through,
    ],
    ['a hole before a void range', { void: [[8, 9]] }, [], 5, hole(7)],
    [
      'a hole before a void range and a message',
      { void: [[7, 7]], messages: messages(8, 9) },
      [],
      5,
      hole(6),
    ],
    [
      'a hole before a message and a void range',
      { void: [[9, 9]], messages: messages(7, 8) },
      [],
      5,
      hole(6),
    ],
    ['a void range beyond what is covered', { void: [[20, 30]] }, [], 5, hole(9)],
  ])('%s', (_what, page, taken, last, end) => {
    expect(walked(page)).toEqual({ end, taken, last });
  });

  test('it ends where there is no more room, and has lost nothing', () => {
    const end = { name: 'full' };
    expect(walked({ messages: messages(6, 9) }, 2)).toEqual({ end, taken: [6, 7], last: 7 });
  });
});

test.each([
  [{ head: 9, messages: messages(8, 9), more: true }, true],
  [{ head: 9, messages: messages(7, 8), more: true }, false],
  [{ head: 9, messages: messages(7, 8), upto: 9, more: true }, true],
  [{ head: 9, messages: messages(8, 9), more: false }, false],
])('%j may have been cut at its head: %s', (page, cut) => {
  expect(isCut(pageOf(page))).toBe(cut);
});
