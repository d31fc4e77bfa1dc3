/** Makes a failing schedule small: faults off one by one, then fewer publishes. */
import { FAULTS, makePlan, type Fault } from './plan.js';
import type { Kind } from './numbering.js';
import { World, type Result } from './world.js';

export interface Shrunk {
  /** Fault classes without which it does not fail. */
  readonly needed: readonly Fault[];
  readonly off: Fault[];
  readonly publishShare: number;
  readonly result: Result;
}

export function shrink(seed: number, kind: Kind): Shrunk {
  const attempt = (off: readonly Fault[], publishShare: number): Result =>
    new World(makePlan(seed, kind, new Set(off), publishShare), new Map()).run();
  let result = attempt([], 1);
  const rule = result.violation?.rule;
  let off: Fault[] = [];
  for (const fault of FAULTS) {
    const tried = attempt([...off, fault], 1);
    if (tried.violation?.rule !== rule) continue;
    off = [...off, fault];
    result = tried;
  }
  let publishShare = 1;
  for (const share of [0.5, 0.25, 0.1]) {
    const tried = attempt(off, share);
    if (tried.violation?.rule !== rule) break;
    publishShare = share;
    result = tried;
  }
  const needed = FAULTS.filter((fault) => !off.includes(fault));
  const { level } = makePlan(seed);
  return { needed: needed.filter((fault) => level[fault] > 0), off, publishShare, result };
}
