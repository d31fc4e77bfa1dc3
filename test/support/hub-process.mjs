// A hub in a process of its own, for tests that kill it. Started with `fork`; the argument is its port,
// 0 for any. Says `{ port }` when it listens; appends to the channel `room` as many messages as a
// number sent to it says, and answers with the newest number.
import { createServer } from 'node:http';

const { createHub, memoryLog } = /** @type {typeof import('../../src/server/index.js')} */ (
  await import(new URL('../../dist/server.js', import.meta.url).href)
);
const log = memoryLog();
const server = createServer();
createHub({ log, authorize: () => ({}), heartbeatMs: 200, origins: '*' }).attach(server);
server.listen(Number(process.argv[2]), '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  process.send?.({ port: address.port });
});
process.on('message', (count) => {
  let head = 0;
  for (let i = 0; i < Number(count); i++) {
    head = log.append('room', { n: log.facts('room').head + 1 }).seq;
  }
  process.send?.({ head });
});
// Nobody is left to end it otherwise.
process.on('disconnect', () => process.exit());
