// A short run of what `npm run soak:redis` does at a greater size, and the judge of both on its own.
import { describe, expect, test } from 'vitest';
import { Judge } from './redis/judge.mjs';
import { soakRedis } from './redis/soak.mjs';

const seed = Number(process.env.TEST_SEED ?? 20_261_125);

test.each([
  ['kept its data', true],
  ['may have lost some', false],
])(
  `clients of two hubs lose nothing, whatever is killed, when Redis %s (seed ${seed})`,
  async (_, durable) => {
    const size = { clients: 6, publishers: 2, seconds: 3 };
    const { faults, messages, violations } = await soakRedis({ seed, durable, ...size });
    expect(violations).toEqual([]);
    expect(messages.acked).toBe(messages.published);
    expect(messages.recovered).toBeGreaterThan(0);
    expect(faults.drops).toBeGreaterThan(0);
    // Every client was told of every loss, in each of three channels, and of nothing else.
    expect(messages.epochGaps).toBeLessThanOrEqual(6 * 3 * (durable ? 1 : 2));
    expect(messages.epochGaps).toBeGreaterThan(0);
  },
  120_000,
);

const channel = 'room';
const got = (seq: number, epoch = 'e1', id = seq) => ({
  channel,
  epoch,
  seq,
  recovered: false,
  data: { id },
});
const gap = (from: number, reason = 'epoch', epoch = 'e1') => ({ channel, epoch, from, reason });

describe('the judge', () => {
  test('lets a true story pass', () => {
    const judge = new Judge();
    judge.losses = 1;
    for (const seq of [1, 2, 3]) judge.acked(channel, 'e1', seq, seq);
    for (const seq of [1, 2]) judge.message('ann', got(seq));
    judge.gap('ann', gap(3));
    judge.acked(channel, 'e2', 1, 9);
    judge.message('ann', got(1, 'e2', 9));
    judge.message('bob', got(1, 'e2', 9));
    judge.finish(['ann', 'bob'], [{ channel, epoch: 'e2', head: 1 }]);
    expect(judge.violations).toEqual([]);
  });

  test.each<[string, (judge: Judge) => void]>([
    ['a number left out', (judge) => judge.message('ann', got(4))],
    ['a number twice', (judge) => judge.message('ann', got(2))],
    ['another message under a number', (judge) => judge.message('ann', got(3, 'e1', 7))],
    ['a message under two numbers', (judge) => judge.acked(channel, 'e1', 4, 3)],
    ['a new epoch without a gap', (judge) => judge.message('ann', got(1, 'e2', 9))],
    ['a gap that no loss explains', (judge) => judge.gap('ann', gap(3))],
    ['a gap of another kind', (judge) => judge.gap('ann', gap(3, 'truncated'))],
    [
      'a gap that leaves something out',
      (judge) => {
        judge.losses = 1;
        judge.gap('ann', gap(4));
      },
    ],
    [
      'a way back into an epoch',
      (judge) => {
        judge.losses = 1;
        judge.gap('ann', gap(3));
        judge.message('ann', got(1));
      },
    ],
    [
      'a beginning in the middle of an epoch',
      (judge) => {
        judge.losses = 1;
        judge.gap('ann', gap(3));
        judge.message('ann', got(2, 'e2', 9));
      },
    ],
    [
      'someone who is left behind',
      (judge) => judge.finish(['ann'], [{ channel, epoch: 'e1', head: 3 }]),
    ],
    [
      'a number that was promised and is gone',
      (judge) => judge.finish(['ann'], [{ channel, epoch: 'e1', head: 2 }]),
    ],
  ])('notices %s', (_, lie) => {
    const judge = new Judge();
    for (const seq of [1, 2, 3]) judge.acked(channel, 'e1', seq, seq);
    for (const seq of [1, 2]) judge.message('ann', got(seq));
    expect(judge.violations).toEqual([]);
    lie(judge);
    expect(judge.violations).not.toEqual([]);
  });
});
