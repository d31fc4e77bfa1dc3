// @vitest-environment node
/** Thousands of schedules of the shipped core and dialects over other people's servers. */
import { expect, test } from 'vitest';
import type { Dialect } from '../../src/dialects/dialect.js';
import { ForeignWorld } from './foreign-world.js';

const SCHEDULES = 1_500;

test(`every message comes once or is named, in ${SCHEDULES} schedules`, () => {
  for (let seed = 1; seed <= SCHEDULES; seed += 1) {
    const { violation } = new ForeignWorld(seed).run();
    expect(violation, `seed ${seed}: ${violation}`).toBeUndefined();
  }
}, 120_000);

test('a seed is a schedule', () => {
  for (const seed of [1, 7, 42]) {
    const [once, again] = [new ForeignWorld(seed, true).run(), new ForeignWorld(seed, true).run()];
    expect(once.log.length).toBeGreaterThan(100);
    expect(again.log).toEqual(once.log);
  }
});

test('a dialect that takes a part of an answer for the whole of it is found', () => {
  const dress = (dialect: Dialect): Dialect => ({
    ...dialect,
    decodePage(body, request) {
      const page = dialect.decodePage(body, request);
      return 'type' in page ? page : { ...page, more: false, upto: undefined };
    },
  });
  const found = new Set<string>();
  for (let seed = 1; seed <= 100; seed += 1) {
    const { violation } = new ForeignWorld(seed, false, dress).run();
    if (violation !== undefined) found.add(violation.split(':')[0] ?? '');
  }
  expect([...found]).toContain('lost');
});
