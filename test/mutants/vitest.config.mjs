import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Of a copy in which one file is wrong: the unit tests that may notice, in one process. The test of
// the list itself stays out, because it looks for the texts that are replaced there.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    environment: 'happy-dom',
    include: [
      'test/mutants/directed*.test.ts',
      'test/core/**/*.test.ts',
      'test/client/**/*.test.ts',
    ],
    setupFiles: ['test/support/unit-setup.ts'],
    maxWorkers: 1,
    fileParallelism: false,
    bail: 1,
    // A mutant may wait for ever; a test that is only slow on a busy machine has caught nothing.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
