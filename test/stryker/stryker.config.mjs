import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: ['src/core/**/*.ts'],
  testRunner: 'core',
  plugins: [fileURLToPath(new URL('runner.mjs', import.meta.url))],
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // A mutant that goes round for ever is ended by its count of rounds, long before this.
  timeoutMS: 5_000,
  timeoutFactor: 1,
  reporters: ['clear-text', 'json', 'progress-append-only'],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: false },
  // The last results: only what has changed is done again. `--force` does all of it.
  incremental: true,
  incrementalFile: '.stryker/incremental.json',
  jsonReporter: { fileName: '.stryker/report.json' },
  tempDirName: join(tmpdir(), 'lastseq-stryker'),
  ignorePatterns: ['/dist', '/demo', '/docs', '/.stryker', '/test/{e2e,soak,browser,server,bench}'],
  thresholds: { high: 95, low: 90, break: 90 },
};
