// What a client keeps for `client.trace()`, and that it replays.
import { expect, test, vi } from 'vitest';
import type { ClientOptions, Trace } from '../../src/index.js';
import { Session } from '../../src/core/session.js';
import { DEFAULT_SETTINGS } from '../../src/core/settings.js';
import { replay } from '../../src/core/trace.js';
import { TracedSession } from '../../src/core/traced-session.js';
import { makePlan } from '../simulation/plan.js';
import { World } from '../simulation/world.js';
import { setup, thrown } from './harness.js';

/** As it comes out of a file. */
const stored = (trace: Trace | undefined): Trace => JSON.parse(JSON.stringify(trace)) as Trace;

/** Steps that went otherwise than they were recorded. */
const otherwise = (trace: Trace) => [...replay(trace)].filter((step) => step.recorded);

/** A life with a loss, a reorder, a gap, a drop, a refused frame, a publish and a close. */
async function life(options: Partial<ClientOptions>) {
  const world = setup({ options: { token: () => 'the-token', ...options } });
  const { network, room, server, publishTo, pass } = world;
  const channel = room({ start: 'earliest' });
  channel.subscribe({ message: () => undefined, gap: () => undefined });
  room({ start: 'latest' }, 'lobby').subscribe(() => undefined);
  await pass(1_000);
  publishTo(2);
  server.dropNext(1);
  publishTo(4);
  await pass(1_000);
  server.hold();
  publishTo(6);
  server.release([1, 0]);
  network.socket.receive('rubbish');
  const ephemeral = { type: 'message', channel: 'room', data: 'a-secret-ephemeral' };
  network.socket.receive({ ...ephemeral, from: 'somebody' });
  await pass(1_000);
  const published = channel.publish({ text: 'a-secret-publish' }).catch(() => undefined);
  await pass(1_000);
  server.cut();
  publishTo(8);
  server.publish('room', 'a-secret-page');
  publishTo(12);
  server.log.trim('room', 9);
  await pass(60_000);
  await published;
  return world;
}

test('a trace that went through a file replays: every effect is the recorded one', async () => {
  const { client, pass } = await life({ trace: true });
  void client.close();
  await pass();
  const trace = stored(client.trace());
  expect(trace).toMatchObject({ format: 'lastseq-trace', version: 1, dropped: 0 });
  const types = new Set(trace.entries.map(({ input }) => input.type));
  for (const type of ['join', 'opened', 'frames', 'dropped', 'publish', 'tick', 'close']) {
    expect([...types]).toContain(type);
  }
  expect(otherwise(trace)).toEqual([]);
  // That it is the same is no accident: other inputs bring other decisions.
  const without = trace.entries.filter(({ input }) => input.type !== 'dropped');
  expect(otherwise({ ...trace, entries: without })).not.toEqual([]);
});

test('a replay ends where the client ended', async () => {
  const { client } = await life({ trace: true });
  const steps = replay(stored(client.trace()));
  let next = steps.next();
  while (next.done !== true) next = steps.next();
  expect(next.value?.counters).toEqual(client.stats());
  expect(client.stats()).toMatchObject({ gaps: 1, reconnects: 1, badFrames: 1 });
});

test('every page life of a simulated schedule replays', () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const sessions: TracedSession[] = [];
    const result = new World(makePlan(seed), new Map(), undefined, (settings) => {
      const session = new TracedSession(settings, { inputs: 1_000_000, payloads: false });
      sessions.push(session);
      return session;
    }).run();
    // Tracing changes nothing: the schedule is the one that a plain session has.
    expect(result).toEqual(new World(makePlan(seed), new Map()).run());
    for (const session of sessions)
      expect(otherwise(stored(session.trace())), `${seed}`).toEqual([]);
  }
}, 60_000);

test('a traced client does what one without a trace does', async () => {
  const runs = await Promise.all(
    [true, false].map(async (trace) => {
      const { client, sent } = await life({ trace });
      return { stats: client.stats(), sent: sent().map(({ type }) => type as string) };
    }),
  );
  expect(runs[0]).toEqual(runs[1]);
});

test('payloads, and what a token provider says, are left out', async () => {
  const first = await life({ trace: true });
  const token = () => Promise.reject(new Error('a-secret-error'));
  const second = setup({ options: { trace: true, token } });
  second.room();
  second.client.connect();
  await second.pass(10_000);
  expect(second.errors).toContain('token_failed');
  for (const { client } of [first, second]) {
    const text = JSON.stringify(client.trace());
    expect(text).not.toMatch(/the-token|a-secret|somebody|"data"|"m\d/);
    expect(otherwise(stored(client.trace()))).toEqual([]);
  }
});

test('asked for, payloads are in it, and tokens still are not', async () => {
  const { client } = await life({ trace: { payloads: true } });
  const text = JSON.stringify(client.trace());
  for (const word of ['a-secret-ephemeral', 'a-secret-publish', 'a-secret-page', 'somebody']) {
    expect(text).toContain(word);
  }
  expect(text).not.toContain('the-token');
  expect(otherwise(stored(client.trace()))).toEqual([]);
});

test('a trace is a copy: what comes later does not change it', async () => {
  const { client, publishTo, pass } = await life({ trace: true });
  const before = client.trace();
  const text = JSON.stringify(before);
  publishTo(20);
  await pass(1_000);
  expect(JSON.stringify(before)).toBe(text);
  expect(client.trace()?.entries.length).toBeGreaterThan(before?.entries.length ?? 0);
});

test('only the last inputs are kept, and the trace says how many are missing', async () => {
  const whole = (await life({ trace: true })).client.trace();
  const { client } = await life({ trace: { inputs: 20 } });
  const trace = stored(client.trace());
  expect(trace.entries.length).toBeLessThanOrEqual(20);
  expect(trace.dropped + trace.entries.length).toBe(whole?.entries.length);
  expect(trace.entries).toEqual(stored(whole).entries.slice(trace.dropped));
  // Without its beginning it is gone through as it was recorded.
  const steps = [...replay(trace)];
  expect(steps.map(({ effects }) => effects)).toEqual(trace.entries.map(({ effects }) => effects));
  expect(steps.every(({ recorded }) => recorded === undefined)).toBe(true);
});

test('messages count, so that pages cannot fill the memory; the last input stays', () => {
  const session = new TracedSession(DEFAULT_SETTINGS, { inputs: 10, payloads: false });
  const frames = Array.from({ length: 8 }, (_, i) => ({
    type: 'message' as const,
    channel: 'room',
    seq: i + 1,
    data: i,
  }));
  for (let at = 0; at < 5; at += 1) session.handle({ type: 'frames', attempt: 1, frames }, at);
  expect(session.trace()).toMatchObject({ dropped: 4, entries: [{ atMs: 4 }] });
  const more = { type: 'frames' as const, attempt: 1, frames: [...frames, ...frames] };
  session.handle(more, 5);
  expect(session.trace()).toMatchObject({ dropped: 5, entries: [{ atMs: 5 }] });
});

test('an input that the core throws at is in the trace', () => {
  const session = new TracedSession(DEFAULT_SETTINGS, { inputs: 10, payloads: false });
  const frames = { type: 'frames', attempt: 1 } as never;
  session.handle({ type: 'connect' }, 0);
  session.handle({ type: 'opened', attempt: 1 }, 1);
  expect(() => session.handle(frames, 2)).toThrow();
  expect(session.trace().entries.at(-1)).toEqual({ atMs: 2, input: frames, effects: [] });
  expect(() => [...replay(session.trace())]).toThrow();
});

test('an endless time limit survives the file', async () => {
  const { client } = await life({ trace: true, handlerTimeoutMs: Infinity });
  expect(otherwise(stored(client.trace()))).toEqual([]);
});

test.each([undefined, false])(
  'with trace: %s there is none, and nothing is kept',
  async (trace) => {
    const handle = vi.spyOn(TracedSession.prototype, 'handle');
    const plain = vi.spyOn(Session.prototype, 'handle');
    const { client } = await life({ trace });
    expect(client.trace()).toBeUndefined();
    expect(plain).toHaveBeenCalled();
    expect(handle).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  },
);

test.each([
  'yes',
  1,
  null,
  { inputs: 0 },
  { inputs: 1.5 },
  { inputs: 1_000_001 },
  { payloads: 'all' },
  { payload: true },
])('a trace option that does not fit is refused: %j', (trace) => {
  const error = thrown(() => setup({ options: { trace } as never }));
  expect(error).toMatchObject({ code: 'bad_option', details: { option: 'trace', value: trace } });
});
