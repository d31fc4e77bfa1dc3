// Two users of one channel, each with the client of this package, over connections that break.
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { createClient, type Gap } from '../../src/index.js';
import { faultProxy } from '../support/faultproxy.mjs';
import { startHub } from './harness.js';

(globalThis as { WebSocket?: unknown }).WebSocket ??= WebSocket;

interface Note {
  readonly to: string;
  readonly n: number;
}

const room = 'room:1';

/** A hub in which everybody sees only what is addressed to them. */
async function startPost() {
  const { hub, log, port } = await startHub({
    heartbeatMs: 50,
    limits: { page: 5 },
    authorize: ({ token }) => (token === undefined ? 'unauthorized' : { principal: token }),
    filter:
      ({ principal }) =>
      ({ data }) =>
        (data as Note).to === principal,
  });
  let n = 0;
  const post = (...names: string[]) => {
    for (const to of names) log.append(room, { to, n: (n += 1) });
  };
  return { hub, log, port, post };
}

async function follow(port: number, user: string, recover: 'socket' | 'http') {
  const proxy = await faultProxy(port);
  onTestFinished(() => proxy.close());
  const origin = `http://127.0.0.1:${proxy.port}`;
  const client = createClient({
    url: `${origin}/realtime`,
    ...(recover === 'http' && { recover: `${origin}/recover` }),
    token: () => user,
    maxBackoffMs: 1_000,
  });
  onTestFinished(() => client.close());
  const notes: Note[] = [];
  const gaps: Gap[] = [];
  const errors: string[] = [];
  client.on('error', ({ message }) => void errors.push(message));
  const channel = client.channel<Note>(room, { start: 'earliest' });
  channel.subscribe({
    message: ({ data }) => void notes.push(data),
    gap: (gap) => void gaps.push(gap),
  });
  return { proxy, client, channel, notes, numbers: () => notes.map(({ n }) => n), gaps, errors };
}

it.each(['socket', 'http'] as const)(
  'two users get their own messages only, all of them, without a gap (%s)',
  async (recover) => {
    const { log, port, post } = await startPost();
    post('ann', 'bob', 'bob');
    const [ann, bob] = [await follow(port, 'ann', recover), await follow(port, 'bob', recover)];
    await Promise.all([ann.channel.ready(), bob.channel.ready()]);
    post('bob', 'ann', 'bob', 'bob', 'ann');
    await expect.poll(ann.numbers).toEqual([1, 5, 8]);
    await expect.poll(bob.numbers).toEqual([2, 3, 4, 6, 7]);

    ann.proxy.set({ refuse: true });
    ann.proxy.reset();
    await expect.poll(() => ann.client.state.name).not.toBe('open');
    // A run of hidden messages, longer than a page, and one of hers at the end.
    post('ann', ...Array<string>(12).fill('bob'), 'ann', 'bob');
    ann.proxy.clear();
    await expect.poll(ann.numbers, { timeout: 10_000 }).toEqual([1, 5, 8, 9, 22]);
    await expect.poll(() => ann.channel.position?.seq).toBe(log.facts(room).head);
    const bobs = [2, 3, 4, 6, 7, ...Array.from({ length: 12 }, (_, i) => 10 + i), 23];
    await expect.poll(bob.numbers).toEqual(bobs);

    expect(ann.notes.every(({ to }) => to === 'ann')).toBe(true);
    expect(bob.notes.every(({ to }) => to === 'bob')).toBe(true);
    for (const { client, gaps, errors } of [ann, bob]) {
      expect({ gaps, errors }).toEqual({ gaps: [], errors: [] });
      expect(client.stats()).toMatchObject({ badFrames: 0 });
    }
  },
);

it('a user for whom nothing comes keeps up with the log, and does not ask it', async () => {
  const { log, hub, port, post } = await startPost();
  const ann = await follow(port, 'ann', 'socket');
  await ann.channel.ready();
  post('ann');
  await expect.poll(ann.numbers).toEqual([1]);
  const { recoveries } = hub.stats();
  for (let i = 0; i < 4; i += 1) {
    post('bob', 'bob', 'bob');
    await expect.poll(() => ann.channel.position?.seq).toBe(log.facts(room).head);
  }
  expect(hub.stats().recoveries).toEqual(recoveries);

  // Away while the log forgets everything: she has it all, so nothing is lost to her.
  ann.proxy.set({ refuse: true });
  ann.proxy.reset();
  await expect.poll(() => ann.client.state.name).not.toBe('open');
  log.expire(room);
  ann.proxy.clear();
  await ann.channel.ready();
  post('bob', 'ann');
  await expect.poll(ann.numbers, { timeout: 10_000 }).toEqual([1, 15]);
  expect(ann.gaps).toEqual([]);
  expect(ann.errors).toEqual([]);
});
