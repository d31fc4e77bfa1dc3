/**
 * Runs the tests of the core for Stryker. The core is pure and its tests are short; what costs is to
 * load them. So they are put into one file and loaded once, for thousands of mutants.
 */
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { INSTRUMENTER_CONSTANTS } from '@stryker-mutator/api/core';
import { PluginKind, declareFactoryPlugin } from '@stryker-mutator/api/plugin';
import {
  DryRunStatus,
  MutantRunStatus,
  TestStatus,
  determineHitLimitReached,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import { rollup } from 'rollup';
import { stripTypes } from '../support/strip-types.mjs';

/**
 * @typedef {import('@stryker-mutator/api/test-runner').TestResult} TestResult
 * @typedef {{ readonly name: string, readonly run: () => unknown }} Test
 * @typedef {{
 *   activeMutant?: string | undefined,
 *   currentTestId?: string | undefined,
 *   hitCount?: number,
 *   hitLimit?: number | undefined,
 *   mutantCoverage?: import('@stryker-mutator/api/core').MutantCoverage,
 * }} Switches what a mutated file looks at
 */

/** What needs only the core. The tests of whole clients take their time. */
const FOLDERS = {
  'test/core': /\.test\.ts$/,
  'test/mutants': /^directed(?!-delivery).*\.test\.ts$/,
};
/** What tries many examples comes last: a mutant is seldom left for it. */
const SLOW = /\/(codec|connection|monotonic|properties|sparse)\.test/;
const SEEDS = 'test/stryker/seeds.ts';
const ENTRY = 'every test';

/** In Stryker's copy of the project: it is entered after this file was loaded. */
const bundleFile = () => resolve('stryker-tests.mjs');

async function bundle() {
  const tests = Object.entries(FOLDERS).flatMap(([folder, pattern]) =>
    readdirSync(folder)
      .filter((name) => pattern.test(name))
      .map((name) => `${folder}/${name}`),
  );
  const quick = tests.filter((path) => !SLOW.test(path));
  const slow = tests.filter((path) => SLOW.test(path));
  const imports = [...quick, ...slow, SEEDS].map(
    (path) => `import ${JSON.stringify(resolve(path))};`,
  );
  const built = await rollup({
    input: ENTRY,
    external: (id) => id.startsWith('node:') || ['fast-check', '@vitest/expect'].includes(id),
    treeshake: false,
    plugins: [
      {
        name: 'entry',
        resolveId(id) {
          if (id === 'vitest') return resolve('test/stryker/vitest.mjs');
          return id === ENTRY ? id : null;
        },
        load: (id) => (id === ENTRY ? `${imports.join('')}export { tests } from 'vitest';` : null),
      },
      stripTypes,
    ],
  });
  // Two processes may do this at once: neither may see half a file.
  const file = `${bundleFile()}.${process.pid}.mjs`;
  await built.write({ file, format: 'esm', inlineDynamicImports: true });
  renameSync(file, bundleFile());
}

let loads = 0;

/** Loads the core and its tests anew. */
async function load() {
  loads += 1;
  const { tests } = await import(`${pathToFileURL(bundleFile()).href}?${loads}`);
  return /** @type {Test[]} */ (tests);
}

/** @param {Test} test @returns {Promise<TestResult>} */
async function attempt({ name, run }) {
  const began = performance.now();
  try {
    await run();
    return { id: name, name, timeSpentMs: performance.now() - began, status: TestStatus.Success };
  } catch (error) {
    const timeSpentMs = performance.now() - began;
    const failureMessage = String(error);
    return { id: name, name, timeSpentMs, status: TestStatus.Failed, failureMessage };
  }
}

/**
 * @param {Switches} switches
 * @returns {import('@stryker-mutator/api/test-runner').TestRunner}
 */
function coreRunner(switches) {
  /** @type {Test[] | undefined} */
  let loaded;

  /**
   * Runs the tests with a mutant, up to the first that fails.
   *
   * @param {import('@stryker-mutator/api/test-runner').MutantRunOptions} options
   * @param {() => Test[] | Promise<Test[]>} testsOf
   * @returns {Promise<{
   *   result: import('@stryker-mutator/api/test-runner').MutantRunResult,
   *   failed?: Test | undefined,
   * }>}
   */
  async function run({ activeMutant, hitLimit, testFilter }, testsOf) {
    Object.assign(switches, { activeMutant: activeMutant.id, hitCount: 0, hitLimit });
    const wanted = testFilter && new Set(testFilter);
    const tests = [];
    let failed;
    try {
      for (const test of await testsOf()) {
        if (wanted?.has(test.name) === false) continue;
        const result = await attempt(test);
        tests.push(result);
        if (result.status !== TestStatus.Failed) continue;
        failed = test;
        break;
      }
    } catch (error) {
      return { result: { status: MutantRunStatus.Error, errorMessage: String(error) } };
    } finally {
      switches.activeMutant = undefined;
    }
    const limitReached = determineHitLimitReached(switches.hitCount, hitLimit);
    return {
      result: toMutantRunResult(limitReached ?? { status: DryRunStatus.Complete, tests }),
      failed,
    };
  }

  return {
    capabilities: () => ({ reloadEnvironment: true }),

    async init() {
      if (!existsSync(bundleFile())) await bundle();
    },

    async dryRun() {
      loaded = await load();
      const tests = [];
      for (const test of loaded) {
        switches.currentTestId = test.name;
        tests.push(await attempt(test));
      }
      switches.currentTestId = undefined;
      const { mutantCoverage } = switches;
      return {
        status: DryRunStatus.Complete,
        tests,
        ...(mutantCoverage === undefined ? {} : { mutantCoverage }),
      };
    },

    async mutantRun(options) {
      // What runs while a file is loaded must be wrong already then.
      if (options.mutantActivation === 'static') return (await run(options, load)).result;
      loaded ??= await load();
      const { failed, result } = await run(options, () => loaded ?? []);
      if (failed === undefined || (await attempt(failed)).status === TestStatus.Success) {
        return result;
      }
      // It fails without the mutant as well: this one, or one before it, has changed what all tests share.
      const again = await run(options, load);
      loaded = undefined;
      return again.result;
    },
  };
}

export const strykerPlugins = [
  declareFactoryPlugin(PluginKind.TestRunner, 'core', () => {
    /** @type {Switches} */
    const switches = {};
    Reflect.set(globalThis, INSTRUMENTER_CONSTANTS.NAMESPACE, switches);
    return coreRunner(switches);
  }),
];
