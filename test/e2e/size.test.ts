// Weighs what `npm run build` left in dist; `npm test` builds first. As `npm run bench -- size` does.
import { expect, test } from 'vitest';
import { weighScript } from '../bench/size.mjs';

/** Growth is to be a decision: raise this only on purpose. */
const LIMIT = 34_500;

test('trap 3.23: the script for a page, its dependencies included, stays within its weight', () => {
  expect(weighScript().gzip).toBeLessThan(LIMIT);
});
