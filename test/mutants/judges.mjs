/** The two that may notice a mutation: the simulator's oracle, and the unit tests. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/**
 * @typedef {object} Verdict
 * @property {string | undefined} caught by what; undefined for a survivor.
 * @property {string} after how much work.
 */

/** A world that makes no progress for this long is caught in a loop. */
const STUCK_MS = 30_000;
const TESTS_MS = 240_000;

/**
 * @param {string} bundle
 * @param {number} budgetMs
 * @returns {Promise<Verdict>}
 */
export function simulate(bundle, budgetMs) {
  const began = Date.now();
  let heardAt = began;
  let seeds = 0;
  const worker = new Worker(bundle, { resourceLimits: { maxOldGenerationSizeMb: 768 } });
  return new Promise((resolve) => {
    /** @param {string | undefined} caught */
    const end = (caught) => {
      clearInterval(timer);
      void worker.terminate();
      resolve({ caught, after: seeds === 1 ? '1 schedule' : `${seeds} schedules` });
    };
    const timer = setInterval(() => {
      if (Date.now() - heardAt > STUCK_MS) end('it never ends');
    }, 1_000);
    worker.on('message', (/** @type {{ seeds: number; violation?: string }} */ report) => {
      heardAt = Date.now();
      seeds = report.seeds;
      if (report.violation !== undefined) end(firstLine(report.violation));
      // Only at a sign of life: a mutant that hangs has not survived.
      else if (heardAt - began > budgetMs) end(undefined);
    });
    worker.on('error', (error) => end(firstLine(String(error))));
  });
}

/**
 * The small tests first: they say most exactly what is broken, and take a second.
 *
 * @param {string} folder
 * @returns {Promise<Verdict>}
 */
export async function runTests(folder) {
  const began = Date.now();
  const caught =
    (await firstToFail(folder, ['mutants'])) ?? (await firstToFail(folder, ['client', 'core']));
  return { caught, after: `${Math.round((Date.now() - began) / 1_000)} s` };
}

/**
 * @param {string} folder
 * @param {string[]} parts folders of test/
 */
async function firstToFail(folder, parts) {
  const report = join(folder, 'report.json');
  rmSync(report, { force: true });
  const child = spawn(
    process.execPath,
    [
      join(folder, 'node_modules/vitest/vitest.mjs'),
      'run',
      ...['--config', join(folder, 'test/mutants/vitest.config.mjs')],
      ...['--reporter', 'json', '--outputFile', report],
      ...parts.map((part) => `test/${part}/`),
    ],
    { cwd: folder, stdio: 'ignore' },
  );
  let isStuck = false;
  const timer = setTimeout(() => (isStuck = child.kill('SIGKILL')), TESTS_MS);
  const code = await new Promise((resolve) => child.once('exit', resolve));
  clearTimeout(timer);
  if (isStuck) return 'the tests never end';
  return code === 0 ? undefined : (firstFailure(folder, report) ?? 'the tests end badly');
}

/**
 * @param {string} folder
 * @param {string} report
 */
function firstFailure(folder, report) {
  if (!existsSync(report)) return undefined;
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  for (const { assertionResults, message, name } of testResults) {
    const failed = assertionResults.find(
      (/** @type {{ status: string }} */ { status }) => status === 'failed',
    );
    if (failed !== undefined) return `${failed.title} (${nameOf(folder, name)})`;
    if (message) return `${firstLine(message)} (${nameOf(folder, name)})`;
  }
  return undefined;
}

/**
 * @param {string} folder
 * @param {string} file
 */
function nameOf(folder, file) {
  return file.replace(`${folder}/`, '').replace(/^test\//, '');
}

/** @param {string} text */
function firstLine(text) {
  return text.split('\n', 1)[0] ?? '';
}
