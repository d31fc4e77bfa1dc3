/** `lastseq replay FILE`: runs traces through the core and prints what it decided and why. */
import type { Session } from '../core/session.js';
import { replay as replaySteps, type Step, type Trace } from '../core/trace.js';
import { effectInWords } from './effect-words.js';
import { inputInWords } from './input-words.js';
import { readTraces } from './read-trace.js';

/** @returns the exit status: 0 when everything could be told and went as it was recorded. */
export function replay(args: readonly string[]): number {
  const [file, ...more] = args;
  if (file === undefined || more.length > 0) return fail('replay wants one FILE');
  let traces;
  try {
    traces = readTraces(file);
  } catch (error) {
    return fail((error as Error).message);
  }
  let status = 0;
  for (const [i, trace] of traces.entries()) {
    if (traces.length > 1) print([`-- trace ${i + 1} of ${traces.length}`]);
    if (!replayOne(trace)) status = 1;
  }
  return status;
}

/** @returns whether it went as it was recorded. */
function replayOne(trace: Trace): boolean {
  if (trace.dropped > 0) {
    print([
      `The first ${trace.dropped} inputs are missing, and with them the state that they led to.`,
      'What follows is what was recorded, not a replay.',
    ]);
  }
  const began = trace.entries[0]?.atMs ?? 0;
  const names = new Set<string>();
  const others: string[] = [];
  const steps = replaySteps(trace);
  let at = '';
  try {
    let next = steps.next();
    for (; next.done !== true; next = steps.next()) {
      const { input, atMs, recorded } = next.value;
      at = `${(atMs - began).toFixed(1)} ms`;
      if (input.type === 'join') names.add(input.channel);
      if (recorded !== undefined) others.push(at);
      print(linesOf(next.value, at));
    }
    print(['', ...summary(trace, names, next.value)]);
  } catch (error) {
    // An input that this version does not know, or a file that somebody edited.
    fail(`the core cannot take the input after ${at || 'the start'}: ${String(error)}`);
    return false;
  }
  const [first] = others;
  if (first === undefined) return true;
  print([
    `${others.length} times the core decided otherwise than was recorded, first at ${first}.`,
    'Was the trace made by another version?',
  ]);
  return false;
}

function linesOf({ input, effects, recorded }: Step, at: string): string[] {
  return [
    `${at.padStart(14)}  ${inputInWords(input)}`,
    ...effects.map((effect) => `${' '.repeat(18)}${effectInWords(effect)}`),
    ...(recorded?.map((effect) => `${' '.repeat(11)}RECORDED ${effectInWords(effect)}`) ?? []),
  ];
}

function summary(
  trace: Trace,
  channels: ReadonlySet<string>,
  session: Session | undefined,
): string[] {
  const effects = trace.entries.reduce((sum, entry) => sum + entry.effects.length, 0);
  const recorded = `${trace.entries.length} inputs, ${effects} recorded effects`;
  if (session === undefined) return [recorded];
  const counted = Object.entries(session.counters).filter(([, count]) => count > 0);
  const numbers = [...channels].flatMap((channel) => {
    const found = session.numbers(channel);
    if (found === undefined) return [];
    const { epoch, head, held, last } = found;
    return [`channel ${channel}: read to ${last} of ${head} in epoch ${epoch}, ${held} held`];
  });
  return [recorded, ...counted.map(([name, count]) => `${name}: ${count}`), ...numbers];
}

function print(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

function fail(why: string): number {
  process.stderr.write(`lastseq: ${why}\n`);
  return 1;
}
