/** Some seeds of the simulator, in portions, so that a mutant meets only those that reach it. */
import { expect, test } from 'vitest';
import { makePlan } from '../simulation/plan.js';
import { World } from '../simulation/world.js';

const PORTION = 10;

test.each(Array.from({ length: 6 }, (_, i) => 1 + i * PORTION))('seeds from %i on', (from) => {
  for (let seed = from; seed < from + PORTION; seed += 1) {
    const { violation } = new World(makePlan(seed), new Map()).run();
    expect(violation, `seed ${seed}: ${violation?.text}`).toBeUndefined();
  }
});
