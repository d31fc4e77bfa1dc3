/** The command line: many seeds over the cores, or one seed in detail. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Settings } from '../../src/core/settings.js';
import { TracedSession } from '../../src/core/traced-session.js';
import { campaign, RUNNERS, type Progress, type Report, type Scope } from './campaign.js';
import { countersOf, scarce } from './gate.js';
import { KINDS, type Kind } from './numbering.js';
import { FAULTS, makePlan, type Fault, type Plan } from './plan.js';
import type { Runner } from './runner.js';
import { shrink } from './shrink.js';
import type { Result, Tally } from './world.js';

/** Between two lines that say how far it is. */
const LINE_MS = 60_000;
/** Below this many schedules chance alone decides which counters are met. */
const ENOUGH = 20_000;

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
      failures: { type: 'string', default: '10' },
      off: { type: 'string', default: '' },
      shrink: { type: 'boolean', default: false },
      kind: { type: 'string', default: 'contiguous' },
      whole: { type: 'boolean', default: false },
      sockets: { type: 'boolean', default: false },
    },
  });
  const kind = KINDS.find((name) => name === values.kind);
  if (kind === undefined) throw new Error(`--kind ${values.kind}: one of ${KINDS.join(', ')}`);
  const off = values.off.split(',').filter(isFault);
  const { json, sockets, whole } = values;
  const scope: Scope = sockets ? 'sockets' : whole ? 'whole' : 'core';
  const runner = RUNNERS[scope];
  if (values.trace !== undefined) {
    const seed = Number(values.trace);
    const without = values.shrink ? await printShrunk(runner, seed, kind) : off;
    return traceSeed(runner, makePlan(seed, kind, new Set(without)), json);
  }
  const count = Number(values.seeds);
  const began = performance.now();
  const told = progressLines(count, began);
  const work = { from: Number(values.from), count, most: Number(values.failures), kind, scope };
  const reports = await campaign(work, Number(values.threads), told);
  const isGated = tell(reports, kind, performance.now() - began);
  const failures = reports.flatMap((report) => report.failures).sort((a, b) => a.seed - b.seed);
  for (const failure of failures) print(failed(failure));
  const [first] = failures;
  if (first === undefined) print('no rule was broken');
  else if (first.violation?.rule !== 'determinism') await printShrunk(runner, first.seed, kind);
  return failures.length > 0 || !isGated ? 1 : 0;
}

function progressLines(count: number, began: number): (progress: readonly Progress[]) => void {
  let next = began + LINE_MS;
  const printed = new Set<number>();
  return (progress) => {
    const failures = progress.flatMap((one) => one.failures);
    for (const failure of failures.filter(({ seed }) => !printed.has(seed))) {
      printed.add(failure.seed);
      print(failed(failure));
    }
    const now = performance.now();
    if (now < next) return;
    next += LINE_MS;
    const done = progress.reduce((sum, one) => sum + one.done, 0);
    const rate = Math.round((done / (now - began)) * 1_000);
    const clock = new Date().toISOString().slice(11, 19);
    print(`${clock} ${done} of ${count}, ${rate} schedules/s, ${failures.length} failed`);
  };
}

/** @returns were all the counters met? */
function tell(reports: readonly Report[], kind: Kind, ms: number): boolean {
  const total: Tally = new Map();
  let done = 0;
  let steps = 0;
  let twice = 0;
  for (const report of reports) {
    done += report.done;
    steps += report.steps;
    twice += report.twice;
    for (const [what, count] of report.tally) total.set(what, (total.get(what) ?? 0) + count);
  }
  const counters = countersOf(kind);
  printCounts(total, counters);
  const rate = Math.round((done / ms) * 1_000);
  print(`${done} schedules, ${steps} steps, ${rate} schedules/s on ${reports.length} threads`);
  const differ = reports
    .flatMap((report) => report.failures)
    .filter(({ violation }) => violation?.rule === 'determinism').length;
  print(`${twice} seeds were run twice, ${differ} of them gave another trace`);
  return printGate(total, done, counters);
}

/** The gated counters first, then what else was seen. */
function printCounts(total: Tally, counters: readonly string[]): void {
  const lines = (names: Iterable<string>): void => {
    for (const name of names) print(`${(total.get(name) ?? 0).toString().padStart(12)}  ${name}`);
  };
  lines(counters);
  print('and besides:');
  lines([...total.keys()].filter((name) => !counters.includes(name)).sort());
}

function printGate(total: Tally, done: number, counters: readonly string[]): boolean {
  if (done < ENOUGH) return true;
  const missed = scarce(total, done, counters);
  for (const [name, count] of missed)
    print(`TOO RARE ${name}: ${count}, not above 50 in 20,000 schedules`);
  if (missed.length === 0)
    print(`all ${counters.length} fault and branch counters are above 50 in 20,000 schedules`);
  return missed.length === 0;
}

function failed({ seed, violation }: Result): string {
  return `FAILED seed ${seed} at ${violation?.at.toFixed(1)} ms: ${violation?.text}`;
}

async function printShrunk(runner: Runner, seed: number, kind: Kind): Promise<Fault[]> {
  const { needed, off, result } = await shrink(runner, seed, kind);
  print(`shrunk: ${needed.join(', ') || 'no fault needed'}: ${result.violation?.text}`);
  return off;
}

/** @param json gets the traces of the seed's page lives, for `lastseq replay`. */
async function traceSeed(runner: Runner, plan: Plan, json?: string): Promise<number> {
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
  const result = await runner(plan, new Map(), tracer, json === undefined ? undefined : session);
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
