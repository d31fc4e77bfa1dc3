// The mended Socket.IO handler in two processes on one Redis: the log makes the numbers, Socket.IO's own
// adapter carries the messages between them, and they need not come in order.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { io } from 'socket.io-client';
import { expect, test } from 'vitest';
import { startRedis } from '../support/redis.mjs';
import { atEnd, eventually, loadClient, upTo } from './harness.js';

const { createClient, socketIo } = await loadClient();

async function startProcess(redisUrl: string, port = 0) {
  const script = new URL('../support/socketio-process.mjs', import.meta.url);
  const child = fork(script, [redisUrl, String(port)]);
  const [said] = (await once(child, 'message')) as [{ port: number }];
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  atEnd(kill);
  return {
    port: said.port,
    kill,
    async publish(count: number): Promise<void> {
      const done = once(child, 'message');
      child.send(count);
      await done;
    },
  };
}

/** A client of one of the processes, and what its app was told. */
function follow(port: number) {
  const origin = `http://127.0.0.1:${port}`;
  const socket = io(origin, {
    transports: ['websocket'],
    reconnectionDelay: 50,
    reconnectionDelayMax: 200,
  });
  const client = createClient({
    recover: `${origin}/messages`,
    maxBackoffMs: 1_000,
    dialect: socketIo(socket, {
      fields: { epoch: 'epoch', data: 'content' },
      events: { heads: 'heads' },
      acknowledges: true,
    }),
  });
  atEnd(async () => {
    await client.close();
    socket.disconnect();
  });
  const items: (number | string)[] = [];
  const contents = new Set<unknown>();
  const room = client.channel('room', { start: 'earliest' });
  room.subscribe({
    message: ({ data, seq }) => {
      items.push(seq);
      contents.add(data);
    },
    gap: ({ from, reason }) => void items.push(`gap ${from} ${reason}`),
  });
  return { items, contents, room };
}

test('two processes number as one; one that is killed costs its clients nothing', async () => {
  const redis = await startRedis();
  atEnd(() => redis.stop());
  const first = await startProcess(redis.url);
  const second = await startProcess(redis.url);
  const readers = [follow(first.port), follow(second.port)];
  for (const { room } of readers) await room.ready();

  await Promise.all([first.publish(50), second.publish(50)]);
  for (const { items } of readers) await eventually(() => items).toEqual(upTo(100));

  await first.kill();
  await second.publish(20);
  const again = await startProcess(redis.url, first.port);
  await Promise.all([again.publish(20), second.publish(20)]);
  for (const { contents, items } of readers) {
    await eventually(() => items).toEqual(upTo(160));
    expect(contents.size).toBe(160);
  }
});
