// @vitest-environment node
import { expect, test } from 'vitest';
import { Deadlines } from '../../src/core/deadlines.js';
import { Random } from '../../src/core/backoff.js';

test('hundreds of them come in order of time', () => {
  const random = new Random(7);
  const deadlines = new Deadlines();
  const times = Array.from({ length: 300 }, () => Math.floor(random.next() * 1_000));
  times.forEach((at, i) => deadlines.set(`${i} c`, at));
  const taken: number[] = [];
  for (let due = deadlines.takeDue(999); due; due = deadlines.takeDue(999)) taken.push(due.at);
  expect(taken).toEqual([...times].sort((a, b) => a - b));
});

test('one that is due at the moment is due', () => {
  const deadlines = new Deadlines();
  deadlines.set('a', 5);
  expect(deadlines.takeDue(4.9)).toBeUndefined();
  expect(deadlines.takeDue(5)).toEqual({ name: 'a', at: 5 });
  expect(deadlines.has('a')).toBe(false);
});

test('one that was moved is due at its last time alone', () => {
  const deadlines = new Deadlines();
  deadlines.set('a', 5);
  deadlines.set('a', 9);
  deadlines.set('b', 7);
  expect(deadlines.next()).toBe(7);
  expect([9, 9, 9].map((now) => deadlines.takeDue(now)?.name)).toEqual(['b', 'a', undefined]);
});

test('those that are called off do not pile up, and the others come in order', () => {
  const random = new Random(7);
  const deadlines = new Deadlines();
  const times = Array.from({ length: 50 }, () => Math.floor(random.next() * 1_000));
  let most = 0;
  times.forEach((at, i) => {
    deadlines.set(`${i} kept`, at);
    for (let j = 0; j < 100; j += 1) {
      deadlines.set(`${j} off`, 500 + j);
      deadlines.clear(`${j} off`);
      most = Math.max(most, deadlines.size);
    }
  });
  // A few may wait: putting them in order costs more than they take.
  expect(most).toBeGreaterThan(100);
  expect(most).toBeLessThan(200);
  const taken: number[] = [];
  for (let due = deadlines.takeDue(999); due; due = deadlines.takeDue(999)) taken.push(due.at);
  expect(taken).toEqual([...times].sort((a, b) => a - b));
});

test('none is left when all are cleared', () => {
  const deadlines = new Deadlines();
  deadlines.set('a', 5);
  deadlines.clearAll();
  expect(deadlines.has('a')).toBe(false);
  expect(deadlines.next()).toBeUndefined();
  deadlines.set('b', 9);
  expect(deadlines.takeDue(9)).toEqual({ name: 'b', at: 9 });
});
