// @vitest-environment node
/**
 * Thousands of schedules of the shipped core, and every seed that ever found something. The same
 * simulator runs by the million with `npm run simulate`.
 */
import { expect, test } from 'vitest';
import { FAULTS, makePlan } from './plan.js';
import { REGRESSIONS } from './seeds.js';
import { World, type Tally } from './world.js';

const SCHEDULES = 3_000;

test.each(REGRESSIONS)('seed %i: %s', (seed) => {
  expect(new World(makePlan(seed), new Map()).run().violation).toBeUndefined();
});

test(`no rule is broken in ${SCHEDULES} schedules, and every fault and branch is met`, () => {
  const tally: Tally = new Map();
  for (let seed = 1; seed <= SCHEDULES; seed += 1) {
    const { violation } = new World(makePlan(seed), tally).run();
    expect(violation, `seed ${seed}: ${violation?.text}`).toBeUndefined();
  }
  const count = (what: string): number => tally.get(what) ?? 0;
  const scarce = FAULTS.filter((fault) => count(`fault ${fault}`) < 20);
  expect(scarce, 'faults that hardly strike: the weights of the swarm are wrong').toEqual([]);
  const rare = BRANCHES.filter((branch) => count(branch) < 5);
  expect(rare, 'branches that are hardly reached').toEqual([]);
}, 120_000);

test('a seed is a schedule: two runs are equal, step by step', () => {
  for (const seed of [1, 7, 42, 1_000]) expect(trace(seed)).toEqual(trace(seed));
});

const BRANCHES = [
  'gap truncated',
  'gap epoch',
  'gap hole',
  'gap rewind',
  'gap unreachable',
  'gap truncated healed',
  'gap epoch healed',
  'gap hole healed',
  'snapshot initial',
  'snapshot truncated',
  'snapshot epoch',
  'snapshot hole',
  'late store',
  'stalled recovery',
  'stalled refused',
  'stalled handler',
  'stalled timeout',
  'stalled snapshot',
  'stalled resets',
  'problem token_failed',
  'problem unauthorized',
  'problem connection_refused',
  'problem channel_refused',
  'problem recovery_failed',
  'problem reset_storm',
  'connection open -> waiting',
  'connection open -> unauthorized',
  'connection open -> failed',
  'redeliver',
  'ephemeral',
  'abort',
  'left',
] as const;

function trace(seed: number): string[] {
  const lines: string[] = [];
  new World(makePlan(seed), new Map(), (at, text) => lines.push(`${at} ${text}`)).run();
  return lines;
}
