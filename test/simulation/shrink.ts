/** Makes a failing schedule small: faults off one by one, then fewer publishes. */
import { FAULTS, makePlan, type Fault } from './plan.js';
import type { Kind } from './numbering.js';
import type { Runner } from './runner.js';
import type { Result } from './world.js';

export interface Shrunk {
  /** Fault classes without which it does not fail. */
  readonly needed: readonly Fault[];
  readonly off: Fault[];
  readonly publishShare: number;
  readonly result: Result;
}

export async function shrink(runner: Runner, seed: number, kind: Kind): Promise<Shrunk> {
  const attempt = async (off: readonly Fault[], publishShare: number): Promise<Result> =>
    runner(makePlan(seed, kind, new Set(off), publishShare), new Map());
  let result = await attempt([], 1);
  const rule = result.violation?.rule;
  let off: Fault[] = [];
  for (const fault of FAULTS) {
    const tried = await attempt([...off, fault], 1);
    if (tried.violation?.rule !== rule) continue;
    off = [...off, fault];
    result = tried;
  }
  let publishShare = 1;
  for (const share of [0.5, 0.25, 0.1]) {
    const tried = await attempt(off, share);
    if (tried.violation?.rule !== rule) break;
    publishShare = share;
    result = tried;
  }
  const needed = FAULTS.filter((fault) => !off.includes(fault));
  const { level } = makePlan(seed);
  return { needed: needed.filter((fault) => level[fault] > 0), off, publishShare, result };
}
