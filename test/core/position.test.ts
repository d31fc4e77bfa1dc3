// @vitest-environment node
/** What counts as a position, and what a store keeps of two. */
import { describe, expect, test } from 'vitest';
import {
  advanced,
  isCount,
  isPosition,
  isSeq,
  isStoredPosition,
  mergePosition,
  type PositionWrite,
} from '../../src/core/position.js';

const none = [-1, 1.5, 2 ** 53, NaN, Infinity, '1', null, undefined, true, [1], {}];

test('a message has a whole number from 1 on, a position may be at 0', () => {
  for (const value of none)
    expect([value, isSeq(value), isCount(value)]).toEqual([value, false, false]);
  expect([isSeq(0), isCount(0)]).toEqual([false, true]);
  for (const value of [1, 2 ** 53 - 1])
    expect([isSeq(value), isCount(value)]).toEqual([true, true]);
});

test('a position has a name of its log and a number, and a stored one its owner', () => {
  expect(isPosition({ epoch: 'e', seq: 0 })).toBe(true);
  for (const value of [
    null,
    undefined,
    7,
    'e',
    [],
    { seq: 1 },
    { epoch: 'e' },
    { epoch: '', seq: 1 },
    { epoch: 7, seq: 1 },
    { epoch: ['e'], seq: 1 },
  ]) {
    expect(isPosition(value)).toBe(false);
    expect(isStoredPosition(value)).toBe(false);
  }
  for (const seq of none) expect(isPosition({ epoch: 'e', seq })).toBe(false);
  expect(isStoredPosition({ epoch: 'e', seq: 0, tok: 't' })).toBe(true);
  expect(isStoredPosition({ epoch: 'e', seq: 0, tok: 7 })).toBe(false);
  expect(isStoredPosition({ epoch: 'e', seq: 0 })).toBe(false);
  expect(isStoredPosition({ seq: 0, tok: 't' })).toBe(false);
});

describe('of what is stored and what is written, the store keeps', () => {
  const at = (epoch: string, seq: number, tok: string) => ({ epoch, seq, tok });
  const stored = at('e', 5, 'mine');
  const after = (position: typeof stored, mode: PositionWrite['mode']) =>
    mergePosition(stored, { channel: 'c', position, mode });

  test('the write, where there was nothing', () => {
    const position = at('e', 3, 'mine');
    for (const mode of ['advance', 'replace'] as const) {
      expect(mergePosition(undefined, { channel: 'c', position, mode })).toEqual({
        kept: position,
        accepted: true,
      });
    }
  });

  test('the greater number of one owner in one epoch, even where it replaces', () => {
    for (const mode of ['advance', 'replace'] as const) {
      expect(after(at('e', 4, 'mine'), mode)).toEqual({ kept: stored, accepted: true });
      expect(after(at('e', 6, 'mine'), mode)).toEqual({ kept: at('e', 6, 'mine'), accepted: true });
    }
  });

  test.each([
    ['owner', at('e', 9, 'theirs')],
    ['epoch', at('f', 9, 'mine')],
  ])('of another %s a replacement, and no advance', (_, position) => {
    expect(after(position, 'advance')).toEqual({ kept: stored, accepted: false });
    expect(after(position, 'replace')).toEqual({ kept: position, accepted: true });
  });
});

test('what advances a replacement is one, under the same owner alone', () => {
  const write = (mode: PositionWrite['mode'], seq: number, tok: string): PositionWrite => ({
    channel: 'c',
    mode,
    position: { epoch: 'e', seq, tok },
  });
  const before = write('replace', 5, 'a');
  expect(advanced(before, write('advance', 6, 'a'))).toEqual(write('replace', 6, 'a'));
  expect(advanced(before, write('advance', 6, 'b'))).toEqual(write('advance', 6, 'b'));
  expect(advanced(write('advance', 5, 'a'), write('advance', 6, 'a')).mode).toBe('advance');
  expect(advanced(undefined, write('advance', 6, 'a')).mode).toBe('advance');
});
