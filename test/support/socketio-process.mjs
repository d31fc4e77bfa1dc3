// The mended Socket.IO server in a process of its own, one of several on one Redis. Started with `fork`;
// the arguments are the address of Redis and the port, 0 for any. Says `{ port }` when it listens;
// publishes as many messages to the channel `room` as a number sent to it says, all at once, and then
// says `{ published }`.
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { createClient } from 'redis';
import { startSocketIoServer } from './socketio-server.mjs';

const { redisLog } = /** @type {typeof import('../../src/server/redis/index.js')} */ (
  await import(new URL('../../dist/server-redis.js', import.meta.url).href)
);
const [url = '', port] = process.argv.slice(2);
const client = createClient({ url });
const [redis, fanout] = [client, client.duplicate()];
for (const each of [redis, fanout]) await each.on('error', console.error).connect();

const server = await startSocketIoServer({
  log: redisLog(redis),
  port: Number(port),
  io: { adapter: createAdapter(fanout) },
});
let published = 0;
process.on('message', async (count) => {
  const own = Array.from({ length: Number(count) }, () =>
    server.publish('room', `${process.pid} ${(published += 1)}`),
  );
  await Promise.all(own);
  process.send?.({ published: own.length });
});
// Nobody is left to end it otherwise.
process.on('disconnect', () => process.exit());
process.send?.({ port: server.port });
