/** The command line: many seeds over the cores, or one seed in detail. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Settings } from '../../src/core/settings.js';
import { TracedSession } from '../../src/core/traced-session.js';
import { FAULTS, makePlan, type Fault } from './plan.js';
import { shrink } from './shrink.js';
import { World, type Result, type Tally } from './world.js';

interface Work {
  readonly from: number;
  readonly count: number;
  readonly step: number;
  readonly most: number;
  readonly deterministic: boolean;
}

interface Report {
  readonly done: number;
  readonly steps: number;
  readonly failures: readonly Result[];
  readonly tally: Tally;
}

if (!isMainThread) parentPort?.postMessage(work(workerData as Work));

/** @returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '10000' },
      from: { type: 'string', default: '1' },
      trace: { type: 'string' },
      json: { type: 'string' },
      threads: { type: 'string', default: availableParallelism().toString() },
      failures: { type: 'string', default: '1' },
      off: { type: 'string', default: '' },
      'check-determinism': { type: 'boolean', default: false },
      shrink: { type: 'boolean', default: false },
    },
  });
  const off = values.off.split(',').filter(isFault);
  if (values.trace !== undefined)
    return traceSeed(Number(values.trace), off, values.shrink, values.json);
  const threads = Number(values.threads);
  const from = Number(values.from);
  const count = Number(values.seeds);
  const most = Number(values.failures);
  const deterministic = values['check-determinism'];
  const began = performance.now();
  const reports = await Promise.all(
    Array.from({ length: threads }, (_, i) =>
      inWorker({
        from: from + i,
        count: share(count, threads, i),
        step: threads,
        most,
        deterministic,
      }),
    ),
  );
  return tell(reports, performance.now() - began);
}

function share(count: number, threads: number, i: number): number {
  return Math.floor(count / threads) + (i < count % threads ? 1 : 0);
}

function inWorker(data: Work): Promise<Report> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: data });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function work({ count, deterministic, from, most, step }: Work): Report {
  const tally: Tally = new Map();
  const failures: Result[] = [];
  let done = 0;
  let steps = 0;
  for (; done < count && failures.length < most; done += 1) {
    const seed = from + done * step;
    const result = new World(makePlan(seed), tally).run();
    steps += result.steps;
    if (result.violation !== undefined) failures.push(result);
    if (deterministic && seed % 100 === 0 && traceHash(seed) !== traceHash(seed)) {
      const violation = { rule: 'determinism', text: 'two runs differ', at: 0 };
      failures.push({ ...result, violation });
    }
  }
  return { done, steps, failures, tally };
}

function traceHash(seed: number): number {
  let hash = 0;
  new World(makePlan(seed), new Map(), (at, text) => {
    for (let i = 0; i < text.length; i += 1)
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ Math.round(at * 1_000), 0x01000193);
  }).run();
  return hash;
}

function tell(reports: readonly Report[], ms: number): number {
  const total: Tally = new Map();
  let done = 0;
  let steps = 0;
  for (const report of reports) {
    done += report.done;
    steps += report.steps;
    for (const [what, count] of report.tally) total.set(what, (total.get(what) ?? 0) + count);
  }
  for (const [what, count] of [...total].sort(([a], [b]) => (a < b ? -1 : 1)))
    print(`${count.toString().padStart(10)}  ${what}`);
  const rate = Math.round((done / ms) * 1_000);
  print(`${done} schedules, ${steps} steps, ${rate} schedules/s on ${reports.length} threads`);
  const failures = reports.flatMap((report) => report.failures).sort((a, b) => a.seed - b.seed);
  for (const { seed, violation } of failures)
    print(`FAILED seed ${seed} at ${violation?.at.toFixed(1)} ms: ${violation?.text}`);
  const first = failures[0];
  if (first !== undefined && first.violation?.rule !== 'determinism') printShrunk(first.seed);
  return failures.length > 0 ? 1 : 0;
}

function printShrunk(seed: number): Fault[] {
  const { needed, off, result } = shrink(seed);
  print(`shrunk: ${needed.join(', ') || 'no fault needed'}: ${result.violation?.text}`);
  return off;
}

/** @param json gets the traces of the seed's page lives, for `lastseq replay`. */
function traceSeed(seed: number, off: readonly Fault[], shrunk: boolean, json?: string): number {
  const without = shrunk ? printShrunk(seed) : off;
  const plan = makePlan(seed, new Set(without));
  print(JSON.stringify({ ...plan, level: undefined }));
  print(FAULTS.filter((fault) => plan.level[fault] > 0).join(' '));
  const tracer = (at: number, text: string): void => {
    print(`${at.toFixed(1).padStart(9)} ${text}`);
  };
  const sessions: TracedSession[] = [];
  const session = (settings: Settings): TracedSession => {
    const traced = new TracedSession(settings, { inputs: 1_000_000, payloads: false });
    sessions.push(traced);
    return traced;
  };
  const world = new World(plan, new Map(), tracer, json === undefined ? undefined : session);
  const result = world.run();
  if (json !== undefined) writeFileSync(json, JSON.stringify(sessions.map((one) => one.trace())));
  print(result.violation?.text ?? 'no violation');
  return result.violation === undefined ? 0 : 1;
}

function isFault(name: string): name is Fault {
  return (FAULTS as readonly string[]).includes(name);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
