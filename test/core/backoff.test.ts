// @vitest-environment node
import { expect, test } from 'vitest';
import { fullJitterMs, Random } from '../../src/core/backoff.js';

test('the same seed gives the same numbers on every machine: a trace of last year replays', () => {
  const random = new Random(42);
  expect([random.next(), random.next(), random.next()]).toEqual([
    0.6011037519201636, 0.44829055899754167, 0.8524657934904099,
  ]);
});

test('the numbers are spread over the whole of [0, 1)', () => {
  const random = new Random(1);
  const tenths = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 10_000; i += 1) {
    const tenth = Math.floor(random.next() * 10);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  expect(tenths).toHaveLength(10);
  expect(Math.min(...tenths)).toBeGreaterThan(850);
  expect(Math.max(...tenths)).toBeLessThan(1_150);
});

test('owner tokens of one client are all different, and long enough to differ between clients', () => {
  const random = new Random(1);
  const tokens = new Set(Array.from({ length: 1_000 }, () => random.token()));
  expect(tokens.size).toBe(1_000);
  expect([...tokens].filter((token) => !/^[0-9a-z]{8,11}$/.test(token))).toEqual([]);
});

test('a great many failures wait no longer than the cap', () => {
  expect(fullJitterMs(5_000, 1, 1_000, 30_000)).toBe(30_000);
  expect(fullJitterMs(5_000, 1, 1_000, Infinity)).toBe(1_000 * 2 ** 30);
});
