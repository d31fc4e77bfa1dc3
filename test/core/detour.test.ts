// @vitest-environment node
/** What is named as lost, and where reading goes on, for each way to lose the thread. */
import { expect, test } from 'vitest';
import { behindSnapshot, discontinued, isEmpty, unreachable } from '../../src/core/detour.js';
import type { Follower } from '../../src/core/follower.js';
import { GapDetector } from '../../src/core/gap-detector.js';

const facts = { epoch: 'e', head: 9, oldest: 4 };
const lost = { epoch: 'e', from: 6, reason: 'truncated' } as const;
const reading = (detector: GapDetector): Follower => ({ detector, epoch: 'e' }) as Follower;

test('only a loss whose end lies before its beginning is none', () => {
  const after = { epoch: 'e', seq: 5 };
  expect(isEmpty({ after, loss: { ...lost, to: 5 } })).toBe(true);
  expect(isEmpty({ after, loss: { ...lost, to: 6 } })).toBe(false);
  expect(isEmpty({ after, loss: lost })).toBe(false);
});

test('who gives up goes on behind all that was heard of, or before what is held', () => {
  const detector = new GapDetector(5);
  const loss = { epoch: 'e', from: 6, reason: 'unreachable' };
  const to = (seq: number) => ({
    loss: { ...loss, to: seq },
    after: { epoch: 'e', seq },
    keep: detector,
  });
  expect(unreachable(facts, reading(detector))).toEqual(to(9));
  detector.hint(12);
  expect(unreachable(facts, reading(detector))).toEqual(to(12));
  detector.hold({ seq: 8, data: 8 }, 10);
  expect(unreachable(facts, reading(detector))).toEqual(to(7));
  expect(unreachable({ ...facts, epoch: 'f' }, reading(detector))).toEqual({
    loss,
    after: { epoch: 'f', seq: 9 },
  });
});

test('a snapshot heals what it covers, and never takes back what was delivered', () => {
  const healed = 'snapshot';
  expect(behindSnapshot(lost, { epoch: 'e', seq: 8 })).toEqual({
    loss: { ...lost, to: 8, healed },
    after: { epoch: 'e', seq: 8 },
  });
  expect(behindSnapshot(lost, { epoch: 'e', seq: 2 })).toEqual({
    loss: { ...lost, to: 5, healed },
    after: { epoch: 'e', seq: 5 },
  });
});

test('of another log, or of one that went back, nobody knows where the loss ends', () => {
  const healed = 'snapshot';
  const rewind = { ...lost, reason: 'rewind' } as const;
  const after = { epoch: 'e', seq: 2 };
  expect(behindSnapshot(rewind, after)).toEqual({ loss: { ...rewind, healed }, after });
  const other = { epoch: 'f', seq: 2 };
  expect(behindSnapshot(lost, other)).toEqual({ loss: { ...lost, healed }, after: other });
});

const ordered = new GapDetector(5);

test('behind a known loss reading goes on at its end, else at the oldest, or where it was left', () => {
  expect(discontinued(lost, facts, 7, undefined, ordered)).toEqual({
    loss: { ...lost, to: 7 },
    after: { epoch: 'e', seq: 7 },
  });
  const other = { ...facts, epoch: 'f' };
  const seqs = [undefined, 0, 8].map(
    (had) => discontinued(lost, other, undefined, had, ordered).after.seq,
  );
  expect(seqs).toEqual([3, 0, 8]);
  expect(discontinued(lost, other, undefined, undefined, ordered)).toEqual({
    loss: lost,
    after: { epoch: 'f', seq: 3 },
  });
});
