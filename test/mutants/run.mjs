/**
 * The proof of the proof: breaks one rule of the client at a time, and sees whether the simulator or a
 * unit test notices. Every check that cannot fail shows up here as a survivor.
 *
 *     npm run mutants [-- --only NAME,NAME --budget SECONDS]
 */
import { parseArgs } from 'node:util';
import { runTests, simulate } from './judges.mjs';
import { mutants } from './mutants.mjs';
import { Sandbox } from './sandbox.mjs';

/** @typedef {import('./mutants.mjs').Mutant} Mutant */

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    /** Seconds for the simulator, for each mutation that it does not catch. */
    budget: { type: 'string', default: '20' },
  },
});
const budgetMs = Number(values.budget) * 1_000;
const only = values.only.split(',').filter((name) => name !== '');
const unknown = only.filter((name) => !mutants.some((mutant) => mutant.name === name));
if (unknown.length > 0) throw new Error(`no such mutation: ${unknown.join(', ')}`);
const chosen = mutants.filter(({ name }) => only.length === 0 || only.includes(name));

const sandbox = new Sandbox();
// A run takes long: who stops it should not find its copies weeks later.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    sandbox.remove();
    process.exit(1);
  });
}
try {
  const began = Date.now();
  for (const mutant of chosen) await sandbox.with(mutant, async () => undefined);
  // Who fails without a mutation proves nothing by failing with one.
  await expectHealthy();
  console.log('| Mutation | Breaks the rule | Caught by | After |');
  console.log('| --- | --- | --- | --- |');
  /** @type {string[]} */
  const survivors = [];
  for (const mutant of chosen) {
    const { after, by, caught } = await sandbox.with(mutant, () => judge(mutant));
    if (caught === undefined) survivors.push(mutant.name);
    const what = caught === undefined ? '**nothing**' : `${by}: ${caught.replaceAll('|', '\\|')}`;
    console.log(`| \`${mutant.name}\` | ${mutant.rule} | ${what} | ${after} |`);
  }
  const minutes = ((Date.now() - began) / 60_000).toFixed(1);
  console.log(`\n${chosen.length - survivors.length} of ${chosen.length} caught in ${minutes} min`);
  if (survivors.length > 0) console.log(`Survivors: ${survivors.join(', ')}`);
  process.exitCode = survivors.length > 0 ? 1 : 0;
} finally {
  sandbox.remove();
}

/** @param {Mutant} mutant */
async function judge(mutant) {
  /** @type {(() => Promise<import('./judges.mjs').Verdict & { by: string }>)[]} */
  const judges = [
    async () => {
      const bundle = await sandbox.bundle(mutant.file);
      if (bundle === undefined) return { by: 'simulator', caught: undefined, after: '' };
      return { by: 'simulator', ...(await simulate(bundle, budgetMs)) };
    },
    async () => ({ by: 'test', ...(await runTests(sandbox.folder)) }),
  ];
  if (mutant.byTests === true) judges.reverse();
  const spent = [];
  for (const ask of judges) {
    const verdict = await ask();
    if (verdict.caught !== undefined) return verdict;
    spent.push(verdict.after);
  }
  return { by: '', caught: undefined, after: spent.filter(Boolean).join(', ') };
}

async function expectHealthy() {
  const bundle = await sandbox.bundle(undefined);
  const simulated = await simulate(/** @type {string} */ (bundle), budgetMs);
  const tested = await runTests(sandbox.folder);
  for (const { caught } of [simulated, tested]) {
    if (caught !== undefined) throw new Error(`fails without any mutation: ${caught}`);
  }
  console.log(`Without a mutation: ${simulated.after} and the unit tests pass.\n`);
}
