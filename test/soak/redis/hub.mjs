// A hub on Redis in a process of its own, to be killed at any moment. Started with `fork`; its arguments
// are its port, 0 for any, the address of Redis, and `durable` where every write is synced. Tells its
// parent where it listens, and answers `facts` with those of each channel, and with its counters.
import { createServer } from 'node:http';
import { createClient } from 'redis';

const { createHub } = /** @type {typeof import('../../../src/server/index.js')} */ (
  await import(new URL('../../../dist/server.js', import.meta.url).href)
);
const { redisLog } = /** @type {typeof import('../../../src/server/redis/index.js')} */ (
  await import(new URL('../../../dist/server-redis.js', import.meta.url).href)
);

const [, , port, url = '', durability] = process.argv;
const client = createClient({ url, socket: { reconnectStrategy: 50 } });
const quiet = { onError: () => undefined };
const log = redisLog(client, {
  durable: durability === 'durable',
  maxLength: 1_000_000,
  timeoutMs: 2_000,
  ...quiet,
});
const server = createServer();
const hub = createHub({ log, authorize: () => ({}), heartbeatMs: 500, ...quiet });
hub.attach(server);
await client.connect();
server.listen(Number(port), '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  process.send?.({ port: address.port });
});
process.on('message', async (/** @type {string[]} */ channels) => {
  const facts = await Promise.all(
    channels.map(async (channel) => ({ channel, ...(await log.facts(channel)) })),
  );
  process.send?.({ facts, log: log.stats(), hub: hub.stats() });
});
// Nobody is left to end it otherwise.
process.on('disconnect', () => process.exit());
