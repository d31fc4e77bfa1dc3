import { expect, it } from 'vitest';
import { connect, recover, startHub, until, type Client } from './harness.js';

/** A small generator of numbers in [0, 1), so that a failure can be repeated (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const STRANGE = [
  null,
  true,
  -1,
  0,
  1.5,
  2 ** 53,
  1e308,
  '',
  'a',
  '__proto__',
  'constructor',
  'x'.repeat(300),
  '\u0000',
  '\ud800',
  [],
  {},
  [[]],
  { __proto__: null, length: 5 },
  'subscribe',
  'room:1',
] as const;
const FIELDS = [
  'type',
  'id',
  'channel',
  'key',
  'data',
  'items',
  'limit',
  'token',
  'epoch',
] as const;
const TYPES = [
  'subscribe',
  'unsubscribe',
  'recover',
  'publish',
  'auth',
  'ping',
  'message',
  'heads',
];

it('thousands of malformed frames neither stop the hub nor leave anything behind', async () => {
  const { url, port, hub, log } = await startHub({
    authorize: async ({ channel, token }) => {
      await Promise.resolve();
      if (channel === 'a') return false;
      return token === '' ? 'unauthorized' : { principal: token };
    },
    heartbeatMs: 50,
  });
  const random = randomFrom(20_240_607);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

  const strangeFrame = (): unknown => {
    const frame: Record<string, unknown> = random() < 0.9 ? { type: pick(TYPES) } : {};
    for (const field of FIELDS) if (random() < 0.4) frame[field] = pick(STRANGE);
    if (random() < 0.3) {
      frame.items = Array.from({ length: Math.floor(random() * 4) }, () =>
        random() < 0.5
          ? pick(STRANGE)
          : { channel: pick(STRANGE), epoch: 'e', since: pick(STRANGE) },
      );
    }
    return frame;
  };
  const strangeText = (): string => {
    const kind = random();
    if (kind < 0.8) return JSON.stringify(strangeFrame());
    if (kind < 0.97) return JSON.stringify(Array.from({ length: 5 }, strangeFrame));
    if (kind < 0.98) return JSON.stringify(pick(STRANGE));
    if (kind < 0.99) return '['.repeat(Math.floor(random() * 50_000));
    const text = JSON.stringify(strangeFrame());
    return text.slice(0, Math.floor(random() * text.length));
  };

  const witness = await connect(url);
  await witness.subscribe('room:1');
  let client: Client | undefined;
  for (let i = 0; i < 5_000; i += 1) {
    if (client === undefined || client.socket.readyState !== client.socket.OPEN) {
      client = await connect(url);
    }
    if (random() < 0.005) client.socket.send(Buffer.from([0xff, 0xfe, i & 0xff]));
    else client.socket.send(strangeText());
    if (random() < 0.2) await new Promise((resolve) => setImmediate(resolve));
    if (random() < 0.005) client.socket.terminate();
  }
  // Deep nesting inside data, which JSON can read and not every writer can write.
  const deep = await connect(url);
  const nested = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
  deep.socket.send(`{"type":"publish","id":1,"channel":"deep","key":"k","data":${nested}}`);
  await Promise.race([deep.next('ack'), deep.next('error')]);
  deep.socket.terminate();
  client?.socket.terminate();

  await until(() => hub.stats().connections === 1);
  expect(hub.stats()).toMatchObject({ subscriptions: 1, channels: 1, slowConsumers: 0 });
  expect(hub.stats().errors).toBe(0);
  expect(hub.stats().badFrames).toBeGreaterThan(1_000);

  // The witness saw a numbering without holes through all of it, and the hub still works.
  const { seq, epoch } = log.append('room:1', 'end');
  while ((await witness.next('message')).data !== 'end');
  const messages = witness.frames.filter(({ type }) => type === 'message');
  expect(messages.map((message) => message.seq)).toEqual(
    Array.from({ length: seq }, (_, i) => i + 1),
  );
  expect((await recover(port, { channel: 'room:1', epoch, since: seq })).status).toBe(200);
});
