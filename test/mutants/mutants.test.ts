// @vitest-environment node
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { mutants } from './mutants.mjs';
import { mutate } from './sandbox.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

test.each(mutants)('$name changes one place of $file', (mutant) => {
  const text = readFileSync(root + mutant.file, 'utf8');
  expect(mutate(text, mutant)).not.toBe(text);
});

test('each mutation has a name of its own', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  expect(mutants.length).toBeGreaterThanOrEqual(50);
});
