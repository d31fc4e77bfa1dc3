// Many clients in one Node process, over a network that breaks all the time, by a seed that is printed
// when it fails: every message once and in order, whatever happened to the connection.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { replay } from '../../src/core/trace.js';
import { faultProxy } from '../support/faultproxy.mjs';
import { atEnd, eventually, loadClient, startSite, upTo } from './harness.js';

/** mulberry32: small, and the same everywhere. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const CLIENTS = 20;
const seed = Number(process.env.TEST_SEED ?? 20_260_101);

test(`${CLIENTS} clients get every message once and in order over a bad network (seed ${seed})`, async () => {
  vi.stubGlobal('WebSocket', WebSocket);
  atEnd(() => vi.unstubAllGlobals());
  const { createClient } = await loadClient();
  const random = seeded(seed);
  const site = await startSite({ heartbeatMs: 100, origins: '*' });
  const proxy = await faultProxy(site.port, { random });
  atEnd(() => proxy.close());

  const channels = ['room', 'lobby'] as const;
  const readers = upTo(CLIENTS).map((n) => {
    const client = createClient({
      url: `ws://127.0.0.1:${proxy.port}/realtime`,
      // Half of them fetch over HTTP.
      ...(n % 2 === 0 && { recover: `http://127.0.0.1:${proxy.port}/recover` }),
      connectTimeoutMs: 500,
      maxBackoffMs: 1_000,
      // Small enough for a slow handler to fill it.
      maxQueued: 50,
      trace: { inputs: 1_000_000 },
    });
    atEnd(() => client.close());
    const errors: string[] = [];
    client.on('error', ({ code }) => errors.push(code));
    const items = { room: [] as (number | string)[], lobby: [] as (number | string)[] };
    for (const name of channels) {
      client.channel<{ n: number }>(name, { start: 'earliest' }).subscribe({
        message: async ({ data, seq }) => {
          items[name].push(data.n === seq ? seq : `${seq} with the data of ${data.n}`);
          if (n % 5 === 0 && seq % 20 === 0) await sleep(5);
        },
        gap: ({ from, reason }) => items[name].push(`gap ${from} ${reason}`),
      });
    }
    return { client, items, errors };
  });

  const lengths = () =>
    readers.map(({ items }) => [items.room.length, items.lobby.length] as const);
  // Everybody is connected before the trouble begins, so that each has a connection to lose.
  for (const name of channels) site.publish(1, name);
  await eventually(lengths).toEqual(readers.map(() => [1, 1]));

  const trouble = [
    () => proxy.reset(),
    () => proxy.fin(),
    () => proxy.set({ both: { blackhole: true } }),
    () => proxy.set({ up: { blackhole: true } }),
    () => proxy.set({ both: { latency: 20, jitter: 60 } }),
    () => proxy.set({ down: { cutAfter: 1_000 + Math.floor(random() * 20_000) } }),
    () => proxy.set({ refuse: true }),
    () => proxy.set({ stall: true }),
    () => proxy.set({ down: { rate: 50_000 } }),
  ];
  const until = performance.now() + 6_000;
  while (performance.now() < until) {
    for (const name of channels) site.publish(Math.floor(random() * 12), name);
    const which = Math.floor(random() * trouble.length);
    trouble[which]?.();
    await sleep(50 + random() * 250);
    if (random() < 0.6) proxy.clear();
    await sleep(random() * 150);
  }
  proxy.clear();
  proxy.reset();
  for (const name of channels) site.publish(1, name);

  const heads = channels.map((name) => site.log.facts(name).head);
  await eventually(lengths).toEqual(readers.map(() => heads));
  for (const { items } of readers) {
    expect(items).toEqual({ room: upTo(heads[0] ?? 0), lobby: upTo(heads[1] ?? 0) });
  }
  expect(readers.flatMap(({ errors }) => errors)).toEqual([]);
  // It was a bad network: the last message came after a reset of every connection.
  const reconnects = readers.map(({ client }) => client.stats().reconnects);
  expect(Math.min(...reconnects)).toBeGreaterThan(0);
  // And what each client decided can be gone through again.
  for (const { client } of readers) {
    const trace = client.trace();
    if (trace === undefined) throw new Error('there is no trace');
    expect([...replay(trace)].filter(({ recorded }) => recorded)).toEqual([]);
  }
});
