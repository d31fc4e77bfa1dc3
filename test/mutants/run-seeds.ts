/** Runs one seed of the simulator after the other until its oracle fails. Whoever started it ends it. */
import { parentPort } from 'node:worker_threads';
import { makePlan } from '../simulation/plan.js';
import type { Runner } from '../simulation/runner.js';

/** Seeds between two signs of life; the first few reports come soon, because most mutants die early. */
const FIRST_BATCH = 5;
const MOST_BATCH = 40;

export async function runSeeds(run: Runner): Promise<void> {
  let seed = 0;
  let violation: string | undefined;
  for (let batch = FIRST_BATCH; violation === undefined; batch = Math.min(2 * batch, MOST_BATCH)) {
    for (let i = 0; i < batch && violation === undefined; i += 1) {
      seed += 1;
      const { violation: found } = await run(makePlan(seed), new Map());
      if (found !== undefined) violation = found.rule === 'thrown' ? found.text : found.rule;
    }
    parentPort?.postMessage({ seeds: seed, violation });
  }
}
