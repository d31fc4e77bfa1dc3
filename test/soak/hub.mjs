// A hub in a process of its own, to be killed at any moment. Started with `fork`; its arguments are its
// port, 0 for any, and how many messages a channel keeps. Tells its parent where it listens and its
// epoch, appends what it is sent and answers with the numbers, and says how many connections it has.
import { createServer } from 'node:http';

const { createHub, memoryLog } = /** @type {typeof import('../../src/server/index.js')} */ (
  await import(new URL('../../dist/server.js', import.meta.url).href)
);

/** @typedef {{ channel: string, first: number, count: number }} Append messages `first`, `first + 1` ... */
/** @typedef {{ first: number, seq: number }} Appended the number that message `first` was given */

const log = memoryLog({ maxLength: Number(process.argv[3]) });
const server = createServer();
const hub = createHub({ log, authorize: () => ({}), heartbeatMs: 500, origins: '*' });
hub.attach(server);
server.listen(Number(process.argv[2]), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  process.send?.({ port, epoch: log.facts('any').epoch });
});
process.on('message', (message) => {
  if (message === 'connections') {
    process.send?.({ connections: hub.stats().connections });
    return;
  }
  const { channel, count, first } = /** @type {Append} */ (message);
  const { seq } = log.append(channel, { id: first });
  for (let i = 1; i < count; i++) log.append(channel, { id: first + i });
  process.send?.({ first, seq });
});
// Nobody is left to end it otherwise.
process.on('disconnect', () => process.exit());
