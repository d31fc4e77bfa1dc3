/** @param {string[]} folders */
const testsIn = (...folders) => folders.map((folder) => `test/${folder}/**/*.test.ts`);

/**
 * Which test folder runs where. A test file in a folder that is not named here would never run;
 * test/package/arrows.test.ts looks for such files.
 */
export const projects = {
  unit: testsIn(
    'core',
    'adapters',
    'client',
    'dialects',
    'testing',
    'package',
    'simulation',
    'mutants',
  ),
  node: testsIn('cli', 'server', 'security', 'soak', 'e2e'),
  browser: testsIn('browser'),
};
