/** Some seeds of the simulator, in portions, so that a mutant meets only those that reach it. */
import { expect, test } from 'vitest';
import { KINDS } from '../simulation/numbering.js';
import { makePlan } from '../simulation/plan.js';
import { World } from '../simulation/world.js';

const PORTION = 10;
const PORTIONS = 12;

const firsts = Array.from({ length: PORTIONS }, (_, i) => 1 + i * PORTION);

test.each(firsts.flatMap((from) => KINDS.map((kind) => [kind, from] as const)))(
  '%s seeds from %i on',
  (kind, from) => {
    for (let seed = from; seed < from + PORTION; seed += 1) {
      const { violation } = new World(makePlan(seed, kind), new Map()).run();
      expect(violation, `seed ${seed}: ${violation?.text}`).toBeUndefined();
    }
  },
);
