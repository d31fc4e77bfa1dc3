// @vitest-environment node
/** Laws of the numbers: what is had, what is heard of, and what waits in between. */
import { expect, test } from 'vitest';
import { GapDetector } from '../../src/core/gap-detector.js';

const holding = (last: number, ...held: readonly number[]): GapDetector => {
  const detector = new GapDetector(last);
  for (const seq of held) detector.hold({ seq, data: seq }, 10);
  return detector;
};

test('what is had was heard of, and what was heard of is not forgotten for it', () => {
  const detector = new GapDetector(5);
  detector.accept(6);
  expect(detector).toMatchObject({ last: 6, want: 6, behind: false });
  detector.hint(9);
  detector.accept(7);
  expect(detector).toMatchObject({ last: 7, want: 9, behind: true });
  detector.skipTo(8);
  expect(detector).toMatchObject({ last: 8, want: 9, behind: true });
  detector.skipTo(11);
  expect(detector).toMatchObject({ last: 11, want: 11, behind: false });
});

test('a jump lets go of what is held up to its end, and of nothing else', () => {
  const detector = holding(5, 7, 8, 10);
  detector.skipTo(8);
  expect(detector).toMatchObject({ last: 8, heldCount: 1, firstHeld: 10 });
});

test('what came in a page is held no more', () => {
  const detector = holding(5, 7);
  detector.accept(6);
  detector.accept(7);
  expect(detector.heldCount).toBe(0);
});

test('the least number held is known, whatever order they came in', () => {
  expect(holding(1, 9, 5, 7).firstHeld).toBe(5);
  expect(holding(1, 5, 9, 7).firstHeld).toBe(5);
  expect(holding(1).firstHeld).toBeUndefined();
});

test('what is held is taken when it comes next, once', () => {
  const detector = holding(5, 7);
  expect(detector.takeNext()).toBeUndefined();
  detector.accept(6);
  expect(detector.takeNext()).toEqual({ seq: 7, data: 7 });
  expect(detector.takeNext()).toBeUndefined();
  expect(detector.heldCount).toBe(0);
});

test('the same early message again is held once, however full the buffer is', () => {
  const detector = new GapDetector(5);
  expect([7, 7, 8, 7, 8].map((seq) => detector.hold({ seq, data: seq }, 1))).toEqual([
    true,
    true,
    false,
    true,
    false,
  ]);
  expect(detector).toMatchObject({ heldCount: 1, want: 8 });
});

test('a message that a later one has passed over is let go of, and what is behind it is taken', () => {
  const detector = new GapDetector(5);
  detector.hold({ seq: 7, prev: 6, data: 7 }, 10);
  detector.hold({ seq: 10, prev: 8, data: 10 }, 10);
  // A server that contradicts itself: nothing is between 5 and 8 after all.
  expect(detector.order(8, 5)).toBe('next');
  detector.accept(8);
  expect(detector.takeNext()).toEqual({ seq: 10, prev: 8, data: 10 });
  expect(detector.heldCount).toBe(0);
});
