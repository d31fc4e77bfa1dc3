// npm run bench [-- NAME ...] [--rounds N] [--clients N] [--smoke] [--no-peers]
import { parseArgs } from 'node:util';
import { loadBenchmark, NAMES } from './benchmarks.mjs';
import { areInstalled, install } from './peers.mjs';
import { machine, print, save } from './report.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    clients: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    'no-peers': { type: 'boolean', default: false },
  },
});
const unknown = positionals.filter((name) => !NAMES.includes(name));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}; there are ${NAMES.join(', ')}`);
  process.exit(2);
}
const { 'no-peers': alone, smoke } = values;
if (!alone && !smoke) install();
const options = {
  smoke,
  peers: !alone && areInstalled(),
  ...(values.rounds === undefined ? {} : { rounds: Number(values.rounds) }),
  ...(values.clients === undefined ? {} : { clients: Number(values.clients) }),
};

console.log(machine());
for (const name of positionals.length > 0 ? positionals : NAMES) {
  const result = await (await loadBenchmark(name))(options);
  for (const table of result.tables) print(table);
  save(name, result);
}
