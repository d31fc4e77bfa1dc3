// @vitest-environment node
/**
 * Schedules of all that ships: client, driver, delivery and storage around the core, over ports that
 * lead into the simulated world, or over its WebSockets. More of them with `npm run simulate -- --whole`
 * and `-- --sockets`.
 */
import { expect, test } from 'vitest';
import { KINDS } from '../numbering.js';
import { makePlan } from '../plan.js';
import type { Runner } from '../runner.js';
import { WHOLE_REGRESSIONS } from '../seeds.js';
import { runSockets, runWhole } from './run-whole.js';

const SCHEDULES = 400;

test.each(WHOLE_REGRESSIONS)('%s seed %i: %s', async (kind, seed) => {
  expect((await runWhole(makePlan(seed, kind), new Map())).violation).toBeUndefined();
});

test.each(KINDS)(
  'no rule is broken with all that ships, where numbers are %s',
  async (kind) => {
    const count = kind === 'contiguous' ? SCHEDULES : SCHEDULES / 4;
    for (let seed = 1; seed <= count; seed += 1) {
      const { violation } = await runWhole(makePlan(seed, kind), new Map());
      expect(violation, `seed ${seed}: ${violation?.text}`).toBeUndefined();
    }
  },
  120_000,
);

test('no rule is broken over the transport that ships', async () => {
  for (let seed = 1; seed <= SCHEDULES / 2; seed += 1) {
    const { violation } = await runSockets(makePlan(seed), new Map());
    expect(violation, `seed ${seed}: ${violation?.text}`).toBeUndefined();
  }
}, 120_000);

test.each([runWhole, runSockets])(
  'promises or not, a seed is a schedule: two runs are equal, step by step',
  async (runner) => {
    for (const seed of [1, 7, 42])
      expect(await trace(runner, seed)).toEqual(await trace(runner, seed));
  },
);

async function trace(runner: Runner, seed: number): Promise<string[]> {
  const lines: string[] = [];
  await runner(makePlan(seed), new Map(), (at, text) => lines.push(`${at} ${text}`));
  return lines;
}
