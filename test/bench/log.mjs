// What it costs to keep messages: appending them, holding them, and the garbage collector's look at them.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { OURS, comparison } from './report.mjs';
import { takeTurns } from './rounds.mjs';

const KEEPERS = ['list', OURS];

/** @type {import('./benchmarks.mjs').Benchmark} */
export default async function log({ rounds = 5, smoke }) {
  const [channels, each] = smoke ? [5, 50] : [100, 10_000];
  const samples = await takeTurns(
    KEEPERS.map((name) => ({ name, round: () => keep(name, channels, each) })),
    rounds,
  );
  const table = comparison({
    title: `log: ${(channels * each).toLocaleString('en-US')} messages of ${channels} channels in memory`,
    figure: 'us',
    unit: 'us an append',
    baseline: 'list',
    more: ['heap', 'outside', 'fullMs'],
    samples,
    notes: [
      `${rounds} rounds, each in a new process. Processor time of the process, the collector's threads too.`,
      'list: an array of objects for each channel, with the data as JSON. Bytes per message kept: on the heap, and',
      'outside of it. fullMs: one full garbage collection with all of them there.',
    ],
  });
  return { tables: [table], raw: samples };
}

/** @param {string} name @param {number} channels @param {number} each */
async function keep(name, channels, each) {
  const keeper = fork(fileURLToPath(new URL('log-keeper.mjs', import.meta.url)), [name], {
    execArgv: ['--expose-gc'],
  });
  keeper.send({ channels, each });
  const [figures] = await once(keeper, 'message');
  keeper.disconnect();
  await once(keeper, 'exit');
  return figures;
}
