// @vitest-environment node
import { expect, test } from 'vitest';
import { LeftEpochs } from '../../src/core/left-epochs.js';

test('the last eight epochs that were left are remembered', () => {
  const left = new LeftEpochs();
  for (let i = 1; i <= 9; i += 1) left.leave(`e${i}`, i);
  expect(left.lastOf('e1')).toBeUndefined();
  expect([2, 9].map((i) => left.lastOf(`e${i}`))).toEqual([2, 9]);
  // One that is left again is the newest.
  left.leave('e2', 20);
  left.leave('e10', 10);
  expect(left.lastOf('e2')).toBe(20);
  expect(left.lastOf('e3')).toBeUndefined();
});

test('an epoch in which reading goes on is no left one, and takes no place', () => {
  const left = new LeftEpochs();
  left.leave('a', 5);
  for (let i = 1; i <= 9; i += 1) left.leave(`e${i}`, undefined);
  expect(left.lastOf('a')).toBe(5);
  left.leave('a', undefined);
  expect(left.lastOf('a')).toBeUndefined();
});
