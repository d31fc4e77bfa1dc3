/** Runs the checker in this process, and says what came out. */
import { expect } from 'vitest';
import { settingsOf, type Given } from '../../src/cli/check/given.js';
import { run } from '../../src/cli/check/run.js';

/** Which rules failed and could not be checked, and what the failed ones said. */
export async function check(given: Given) {
  const { passed, rules } = await run(settingsOf(given));
  const failed = rules.filter(({ verdict }) => verdict === 'fail');
  expect(passed).toBe(failed.length === 0);
  return {
    failed: failed.map(({ id }) => id),
    unchecked: rules.filter(({ verdict }) => verdict === 'not checkable').map(({ id }) => id),
    said: failed.map(({ evidence, id }) => `${id}: ${evidence}`).join('\n'),
  };
}
