// Weighs what `npm run build` left in dist; `npm test` builds first.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

/** Growth is to be a decision: raise this only on purpose. */
const LIMIT = 29_000;

test('trap 3.23: the script for a page, its dependencies included, stays within its weight', () => {
  const code = readFileSync(new URL('../../dist/lastseq.min.js', import.meta.url));
  expect(gzipSync(code, { level: 9 }).length).toBeLessThan(LIMIT);
});
