/**
 * Stands in for `vitest` where the tests of the core run without it: keeps them in a list, so that any
 * of them can be run again without loading anything. The assertions are vitest's own.
 */
import { format } from 'node:util';
import { ASYMMETRIC_MATCHERS_OBJECT, JestAsymmetricMatchers, chai } from '@vitest/expect';
import { GLOBAL_EXPECT, JestChaiExpect, JestExtend, setState } from '@vitest/expect';
import fc from 'fast-check';

// The same few examples for every mutant: what survives does so for a reason, not by luck.
fc.configureGlobal({ seed: 1, numRuns: 40 });

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

/** @param {unknown} value @param {string} [message] */
export const expect = (value, message) => chai.expect(value, message);
Object.assign(expect, chai.expect, Reflect.get(globalThis, ASYMMETRIC_MATCHERS_OBJECT));
Reflect.set(globalThis, GLOBAL_EXPECT, expect);
// @ts-expect-error the state of one test is none that these tests look at
setState({}, expect);

/** @type {{ name: string, run: () => unknown }[]} */
export const tests = [];

/** @type {string[]} */
const path = [];

/** @param {string} name @param {() => unknown} run */
export function test(name, run) {
  tests.push({ name: [...path, name].join(' > '), run });
}

/** @param {readonly unknown[]} rows */
test.each =
  (rows) => (/** @type {string} */ name, /** @type {(...row: unknown[]) => void} */ run) => {
    for (const row of rows) {
      const values = Array.isArray(row) ? row : [row];
      test(format(name, ...values.slice(0, name.split('%').length - 1)), () => run(...values));
    }
  };

/** @param {string} name @param {() => void} body */
export function describe(name, body) {
  path.push(name);
  body();
  path.pop();
}
