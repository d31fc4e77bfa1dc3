// @vitest-environment node
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { traps } from './traps.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/** The titles of the tests of a file, as they are written. */
function titlesOf(path: string): string[] {
  const text = readFileSync(root + path, 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^(test|it)\b/.test(node.expression.getText(file))) {
      const [title] = node.arguments;
      if (title !== undefined && ts.isStringLiteralLike(title)) titles.push(title.text);
      else if (title !== undefined && ts.isTemplateExpression(title)) titles.push(title.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return titles;
}

test('every trap of parts 1 and 3 is there, once, in order', () => {
  expect(traps.map(({ trap }) => trap)).toEqual([
    ...upTo(35).map((n) => `1.${n}`),
    ...upTo(29).map((n) => `3.${n}`),
  ]);
  for (const { what } of traps) expect(what).not.toBe('');
});

test('every trap that concerns what is built names tests that exist, each by one title', () => {
  const known = new Map<string, string[]>();
  const lost: string[] = [];
  for (const entry of traps) {
    for (const [path, title] of 'tests' in entry ? entry.tests : []) {
      const titles = known.get(path) ?? titlesOf(path);
      known.set(path, titles);
      const found = titles.filter((text) => text.includes(title)).length;
      if (found !== 1) lost.push(`${entry.trap}: ${path}: ${title}: ${found}`);
    }
  }
  expect(lost).toEqual([]);
});

test('a test that names a trap of this list is found by it', () => {
  const lost: string[] = [];
  for (const path of ['test/client/traps.test.ts', 'test/e2e/size.test.ts']) {
    for (const title of titlesOf(path)) {
      const numbers = title.split(':')[0]?.match(/\d+\.\d+/g) ?? [];
      expect(numbers, title).not.toEqual([]);
      for (const number of numbers) {
        const entry = traps.find(({ trap }) => trap === number);
        const names = entry !== undefined && 'tests' in entry ? entry.tests : [];
        if (!names.some(([file, part]) => file === path && title.includes(part))) lost.push(title);
      }
    }
  }
  expect(lost).toEqual([]);
});

test('one trap is left out, and says why', () => {
  const out = traps.flatMap((entry) => ('leftOut' in entry ? [entry] : []));
  expect(out.map(({ trap }) => trap)).toEqual(['1.21']);
  for (const { leftOut } of out) expect(leftOut.length).toBeGreaterThan(20);
});
