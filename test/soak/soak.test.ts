// A short run of what `npm run soak` does for as long as one likes; the figures are the same, and so is
// the judge. Nothing here depends on how fast the machine is.
import { expect, test } from 'vitest';
import { soak } from './soak.mjs';

const seed = Number(process.env.TEST_SEED ?? 20_261_121);

test(`pages lose nothing in a bad minute, and name what is lost (seed ${seed})`, async () => {
  const { faults, left, messages, violations } = await soak({ seed, seconds: 40 });
  expect(violations).toEqual([]);
  expect(left).toEqual({ listeners: 0, timers: 0, connections: 0 });
  expect(messages.delivered).toBeGreaterThan(0);
  expect(messages.recovered).toBeGreaterThan(0);
  // It was a bad minute.
  expect(Object.keys(faults).length).toBeGreaterThan(5);
}, 600_000);
