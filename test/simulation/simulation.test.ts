// @vitest-environment node
/**
 * Thousands of schedules of the shipped core, and every seed that ever found something. The same
 * simulator runs by the million with `npm run simulate`.
 */
import { expect, test } from 'vitest';
import { countersOf, scarce } from './gate.js';
import { makePlan } from './plan.js';
import { KINDS } from './numbering.js';
import { REGRESSIONS } from './seeds.js';
import { World, type Tally } from './world.js';

const SCHEDULES = 3_000;

test.each(REGRESSIONS)('%s seed %i: %s', (kind, seed) => {
  expect(new World(makePlan(seed, kind), new Map()).run().violation).toBeUndefined();
});

test.each(KINDS.slice(1))(
  'no rule is broken where numbers are %s',
  (kind) => {
    for (let seed = 1; seed <= SCHEDULES / 5; seed += 1) {
      const { violation } = new World(makePlan(seed, kind), new Map()).run();
      expect(violation, `seed ${seed}: ${violation?.text}`).toBeUndefined();
    }
  },
  120_000,
);

test(`no rule is broken in ${SCHEDULES} schedules, and every fault and branch is met`, () => {
  const tally: Tally = new Map();
  for (let seed = 1; seed <= SCHEDULES; seed += 1) {
    const { violation } = new World(makePlan(seed), tally).run();
    expect(violation, `seed ${seed}: ${violation?.text}`).toBeUndefined();
  }
  // A share of what a long run asks for: chance weighs more here.
  const rare = scarce(tally, SCHEDULES, countersOf('contiguous'), 12);
  expect(rare, 'hardly reached: the weights of the swarm are wrong').toEqual([]);
}, 120_000);

test('a seed is a schedule: two runs are equal, step by step', () => {
  for (const seed of [1, 7, 42, 1_000]) expect(trace(seed)).toEqual(trace(seed));
});

function trace(seed: number): string[] {
  const lines: string[] = [];
  new World(makePlan(seed), new Map(), (at, text) => lines.push(`${at} ${text}`)).run();
  return lines;
}
