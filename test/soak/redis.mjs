// npm run soak:redis -- --seconds 60 [--seed N] [--lossy]
import { parseArgs } from 'node:util';
import { soakRedis } from './redis/soak.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    // The hubs are not told that every write is synced: every restart of Redis begins a new epoch.
    lossy: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error('usage: npm run soak:redis -- --seconds 60 [--seed N] [--lossy]');
  process.exit(2);
}
console.log(`seed ${seed}, ${seconds} seconds`);
const size = { clients: 20, publishers: 4, durable: !values.lossy };
const { violations, ...figures } = await soakRedis({ seed, seconds, ...size, say: console.log });
console.dir(figures, { depth: 5 });
if (violations.length > 0) {
  console.error(`${violations.length} violations`);
  for (const violation of violations.slice(0, 20)) console.error(`- ${violation}`);
  process.exit(1);
}
console.log('no violation');
