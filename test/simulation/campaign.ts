/** Many seeds, shared out over the cores. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Kind } from './numbering.js';
import { makePlan } from './plan.js';
import { runCore, type Runner } from './runner.js';
import { runSockets, runWhole } from './whole/run-whole.js';
import type { Result, Tally } from './world.js';

/** Every so many seeds one is run twice. */
const TWICE = 100;
/** Between two words of a worker. */
const WORD_MS = 2_000;

/** How much of what ships takes part. */
export const RUNNERS = { core: runCore, whole: runWhole, sockets: runSockets };
export type Scope = keyof typeof RUNNERS;

interface Work {
  readonly from: number;
  readonly count: number;
  readonly step: number;
  /** Failures after which it is of no use to go on. */
  readonly most: number;
  readonly kind: Kind;
  readonly scope: Scope;
}

export interface Report {
  readonly done: number;
  readonly steps: number;
  /** Seeds that were run twice. */
  readonly twice: number;
  readonly failures: readonly Result[];
  readonly tally: Tally;
}

export type Progress = Pick<Report, 'done' | 'failures'>;

/** @param told what the workers have done so far, now and then. */
export function campaign(
  { count, ...rest }: Omit<Work, 'step'>,
  threads: number,
  told: (progress: readonly Progress[]) => void,
): Promise<Report[]> {
  const progress: Progress[] = Array.from({ length: threads }, () => ({ done: 0, failures: [] }));
  const run = (i: number): Promise<Report> =>
    new Promise((resolve, reject) => {
      const share = Math.floor(count / threads) + (i < count % threads ? 1 : 0);
      const work: Work = { ...rest, from: rest.from + i, count: share, step: threads };
      const worker = new Worker(new URL(import.meta.url), { workerData: work });
      worker.on('message', (word: Progress | Report) => {
        progress[i] = word;
        if ('tally' in word) resolve(word);
        else told(progress);
      });
      worker.once('error', reject);
    });
  return Promise.all(progress.map((_, i) => run(i)));
}

if (!isMainThread)
  void work(workerData as Work).then((report) => {
    parentPort?.postMessage(report);
  });

async function work({ count, from, kind, most, scope, step }: Work): Promise<Report> {
  const runner = RUNNERS[scope];
  const tally: Tally = new Map();
  const failures: Result[] = [];
  let done = 0;
  let steps = 0;
  let twice = 0;
  let toldAt = performance.now();
  for (; done < count && failures.length < most; done += 1) {
    const seed = from + done * step;
    const result = await (seed % TWICE === 0
      ? runTwice(runner, seed, kind, tally)
      : runner(makePlan(seed, kind), tally));
    if (seed % TWICE === 0) twice += 1;
    steps += result.steps;
    if (result.violation !== undefined) failures.push(result);
    if (performance.now() - toldAt < WORD_MS) continue;
    toldAt = performance.now();
    parentPort?.postMessage({ done, failures } satisfies Progress);
  }
  return { done, steps, twice, failures, tally };
}

/** The same seed gives the same trace, step by step. */
async function runTwice(runner: Runner, seed: number, kind: Kind, tally: Tally): Promise<Result> {
  const first = await hashed(runner, seed, kind, tally);
  const second = await hashed(runner, seed, kind, new Map());
  if (first.hash === second.hash || first.result.violation !== undefined) return first.result;
  const violation = { rule: 'determinism', text: 'two runs differ', at: 0 };
  return { ...first.result, violation };
}

async function hashed(
  runner: Runner,
  seed: number,
  kind: Kind,
  tally: Tally,
): Promise<{ readonly hash: number; readonly result: Result }> {
  let hash = 0;
  const result = await runner(makePlan(seed, kind), tally, (at, text) => {
    for (let i = 0; i < text.length; i += 1)
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ Math.round(at * 1_000), 0x01000193);
  });
  return { hash, result };
}
