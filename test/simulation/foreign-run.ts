/** The command line of other people's servers: many seeds, or one in detail. */
import { parseArgs } from 'node:util';
import { ForeignWorld } from './foreign-world.js';

/** @returns the exit code. */
export function main(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      foreign: { type: 'boolean' },
      seeds: { type: 'string', default: '10000' },
      from: { type: 'string', default: '1' },
      trace: { type: 'string' },
    },
  });
  if (values.trace !== undefined) return traceSeed(Number(values.trace));
  const from = Number(values.from);
  const count = Number(values.seeds);
  const began = performance.now();
  let broken = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    const { violation } = new ForeignWorld(seed).run();
    if (violation === undefined) continue;
    broken += 1;
    print(`FAILED seed ${seed}: ${violation}`);
  }
  const rate = Math.round((count / (performance.now() - began)) * 1_000);
  print(`${count} servers, ${rate} a second, ${broken} of them broke the rule`);
  return broken > 0 ? 1 : 0;
}

function traceSeed(seed: number): number {
  const { log, plan, violation } = new ForeignWorld(seed, true).run();
  for (const line of [JSON.stringify(plan), ...log]) print(line);
  print(violation ?? 'no violation');
  return violation === undefined ? 0 : 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
