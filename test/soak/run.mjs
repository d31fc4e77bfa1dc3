// npm run soak -- --minutes 10 [--seed N]
import { parseArgs } from 'node:util';
import { soak } from './soak.mjs';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error('usage: npm run soak -- --minutes 10 [--seed N]');
  process.exit(2);
}
console.log(`seed ${seed}, ${minutes} minutes`);
const report = await soak({ seed, seconds: minutes * 60, say: console.log });
const { heap, violations, ...figures } = report;
console.log(figures);
const sizes = heap.map((bytes) => (bytes / 1_048_576).toFixed(2));
console.log(`MiB of heap of one page, all the time, after garbage collection: ${sizes.join(' ')}`);
if (violations.length > 0) {
  console.error(`${violations.length} violations; again: npm run soak -- --seed ${seed}`);
  for (const violation of violations.slice(0, 20)) console.error(`- ${violation}`);
} else console.log('no violation');
// Left to itself Node 20 may go round for ever in the cleanup of handles that it has closed.
process.exit(violations.length > 0 ? 1 : 0);
