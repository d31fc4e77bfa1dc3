// @vitest-environment node
/** A trace: what is kept of a session, how long, what is left out, and that it replays. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_SETTINGS } from '../../src/core/settings.js';
import type { Session } from '../../src/core/session.js';
import { replay, traceOf, type Trace, type TraceEntry } from '../../src/core/trace.js';
import { TracedSession } from '../../src/core/traced-session.js';
import type { Input } from '../../src/core/vocabulary.js';
import { CHANNEL, LATEST, message, messages, pageOf } from '../mutants/script.js';

const settings = { ...DEFAULT_SETTINGS, carrier: 'fetch' } as const;
const traced = (inputs = 1_000, payloads = false): TracedSession =>
  new TracedSession(settings, { inputs, payloads });
const stored = (trace: Trace): Trace => JSON.parse(JSON.stringify(trace)) as Trace;
const frames = (...seqs: readonly number[]): Input => ({
  type: 'frames',
  attempt: 1,
  frames: seqs.map(message),
});

const LIFE: readonly Input[] = [
  { type: 'join', channel: CHANNEL, intent: LATEST },
  { type: 'opened', attempt: 1 },
  {
    type: 'frames',
    attempt: 1,
    frames: [{ type: 'subscribed', channel: CHANNEL, epoch: 'e', head: 5, oldest: 1 }],
  },
  frames(6, 8),
  { type: 'tick' },
  frames(5, 7),
];

/** Goes through a life, and asks for the next deadline after each step, as the driver does. */
function live(session: TracedSession, inputs: readonly Input[] = LIFE): TracedSession {
  inputs.forEach((input, i) => {
    session.handle(input, 1_000 + 100 * i);
    session.nextDeadline();
  });
  return session;
}

function run(trace: Trace) {
  const steps = [];
  const going = replay(trace);
  for (let next = going.next(); ; next = going.next()) {
    if (next.done === true) return { steps, session: next.value as Session | undefined };
    steps.push(next.value);
  }
}

describe('a trace', () => {
  test('has each input, when it came, what was decided and noticed, and when to wake', () => {
    const session = traced();
    expect(session.trace()).toMatchObject({ entries: [], dropped: 0 });
    // Nothing has come yet: there is nothing that the question would belong to.
    expect(session.nextDeadline()).toBeUndefined();
    const trace = live(session).trace();
    expect(trace).toMatchObject({ format: 'lastseq-trace', version: 1, dropped: 0 });
    expect(trace.settings).toMatchObject({ carrier: 'fetch', seed: 1, verbose: false });
    expect(trace.entries.map(({ atMs }) => atMs)).toEqual([
      1_000, 1_100, 1_200, 1_300, 1_400, 1_500,
    ]);
    expect(trace.entries.map(({ input }) => input.type)).toEqual(LIFE.map(({ type }) => type));
    expect(trace.entries[5]?.effects).toContainEqual({
      type: 'notice',
      notice: { event: 'duplicate', channel: CHANNEL, seq: 5 },
    });
    expect(trace.entries[1]?.wakeAtMs).toBe(1_100 + 10_000);
  });

  test('says where nobody asked when to wake, and where nothing was to come', () => {
    const session = traced();
    session.handle({ type: 'close' }, 1_000);
    expect(session.trace().entries[0]).not.toHaveProperty('wakeAtMs');
    expect(session.nextDeadline()).toBeUndefined();
    expect(session.trace().entries[0]?.wakeAtMs).toBeNull();
  });

  test('is a copy: what comes later is not in it', () => {
    const session = traced();
    session.handle({ type: 'connect' }, 1_000);
    const trace = session.trace();
    session.nextDeadline();
    session.handle({ type: 'close' }, 1_100);
    expect(trace.entries).toHaveLength(1);
    expect(trace.entries[0]).not.toHaveProperty('wakeAtMs');
  });

  test('keeps an input that throws, without effects', () => {
    const session = traced();
    const broken = { type: 'frames', attempt: 1, frames: [{ type: 'heads', heads: 7 }] };
    live(session, LIFE.slice(0, 2));
    expect(() => session.handle(broken as unknown as Input, 2_000)).toThrow();
    expect(session.trace().entries.at(-1)).toEqual({ atMs: 2_000, input: broken, effects: [] });
  });
});

describe('what is kept', () => {
  const kept = (inputs: number, input: Input, times: number): [kept: number, dropped: number] => {
    const session = traced(inputs);
    for (let i = 0; i < times; i += 1) session.handle(input, i);
    const { dropped, entries } = session.trace();
    expect(entries.at(-1)?.atMs).toBe(times - 1);
    expect(entries[0]?.atMs).toBe(dropped);
    return [entries.length, dropped];
  };
  const answer = (count: number): Input => ({
    type: 'recovered',
    id: 1,
    tokenVersion: 0,
    answer: { status: 200, page: pageOf({ messages: messages(1, count) }) },
  });

  test.each<[what: string, input: Input, most: number]>([
    ['small inputs', { type: 'tick' }, 100],
    ['frames without messages', { type: 'frames', attempt: 1, frames: [{ type: 'pong' }] }, 100],
    ['messages, each as one more', frames(1, 2, 3), 25],
    ['answers, by their messages', answer(9), 10],
    [
      'refused answers',
      { type: 'recovered', id: 1, tokenVersion: 0, answer: { status: 500, channel: 'c' } },
      100,
    ],
    [
      'answers over the socket',
      {
        type: 'frames',
        attempt: 1,
        frames: [
          {
            type: 'recovered',
            id: 1,
            items: [
              { status: 200, page: pageOf({ messages: messages(1, 9) }) },
              { status: 200, page: pageOf({ messages: messages(1, 10) }) },
              { status: 403, channel: 'c' },
            ],
          },
        ],
      },
      5,
    ],
  ])('is the last of %s', (_what, input, most) => {
    expect(kept(100, input, most)).toEqual([most, 0]);
    expect(kept(100, input, most + 7)).toEqual([most, 7]);
  });

  test('is the last input, however large it is', () => {
    expect(kept(10, answer(50), 3)).toEqual([1, 2]);
    expect(kept(0, { type: 'tick' }, 3)).toEqual([1, 2]);
  });
});

describe('what is left out', () => {
  const entry = (input: object, effects: object[] = []): TraceEntry =>
    ({ atMs: 1, input: { type: 'x', ...input }, effects }) as unknown as TraceEntry;
  const told = (input: object, payloads = false): unknown =>
    traceOf(settings, [entry(input)], 0, payloads).entries[0]?.input;

  test('are payloads, who sent them, and what a token provider said', () => {
    const data = { text: 'secret' };
    expect(told({ data, from: 'somebody', seq: 4 })).toEqual({ type: 'x', seq: 4 });
    expect(told({ deep: [{ data }] })).toEqual({ type: 'x', deep: [{}] });
    expect(told({ type: 'token', detail: 'secret' })).toEqual({ type: 'token' });
    expect(told({ problem: { code: 'token_failed', detail: 'secret' } })).toEqual({
      type: 'x',
      problem: { code: 'token_failed' },
    });
  });

  test('are not the first number of a gap, and other details', () => {
    const gap = { from: 6, to: 7 };
    expect(told({ gap })).toEqual({ type: 'x', gap });
    expect(told({ detail: 'plain' })).toEqual({ type: 'x', detail: 'plain' });
    const problem = { code: 'recovery_failed', detail: 'not JSON' };
    expect(told({ problem })).toEqual({ type: 'x', problem });
  });

  test('is nothing when it was asked for', () => {
    const all = { data: 'd', from: 'f', detail: 'x', type: 'token' };
    expect(told(all, true)).toEqual(all);
  });

  test('is what JSON cannot say: never is a very long time', () => {
    const max = Number.MAX_VALUE;
    for (const payloads of [true, false]) {
      expect(told({ timeoutMs: Infinity, n: 1 }, payloads)).toEqual({
        type: 'x',
        timeoutMs: max,
        n: 1,
      });
    }
  });
});

describe('a replay', () => {
  test('decides what was decided, step by step, and ends where the session ended', () => {
    for (const payloads of [true, false]) {
      const session = live(traced(1_000, payloads));
      const trace = stored(session.trace());
      const { steps, session: end } = run(trace);
      expect(steps.map(({ recorded }) => recorded)).toEqual(LIFE.map(() => undefined));
      expect(steps.map(({ atMs }) => atMs)).toEqual(trace.entries.map(({ atMs }) => atMs));
      expect(steps.map(({ input }) => input)).toEqual(trace.entries.map(({ input }) => input));
      expect(steps[5]?.effects).toContainEqual(
        expect.objectContaining({ notice: { event: 'duplicate', channel: CHANNEL, seq: 5 } }),
      );
      expect(end?.counters).toEqual(session.counters);
      expect(end?.nextDeadline()).toBe(session.nextDeadline());
    }
  });

  test('tells where it went otherwise, and what was recorded there', () => {
    const trace = stored(live(traced()).trace());
    const entries = trace.entries.filter((_, i) => i !== 3);
    const { steps } = run({ ...trace, entries });
    expect(steps.map(({ recorded }) => recorded !== undefined)).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    expect(steps[4]?.recorded).toEqual(entries[4]?.effects);
    expect(steps[4]?.effects).not.toEqual(entries[4]?.effects);
  });

  test('of another seed, or another numbering, is another', () => {
    const trace = stored(live(traced()).trace());
    const other = { ...trace, settings: { ...trace.settings, numbering: 'monotonic' } };
    expect(run(other).steps.some(({ recorded }) => recorded !== undefined)).toBe(true);
  });

  test('of settings that an older client did not know has their defaults', () => {
    const trace = stored(live(traced()).trace());
    const { carrier, seed } = trace.settings as { carrier: string; seed: number };
    expect(
      run({ ...trace, settings: { carrier, seed } }).steps.filter(({ recorded }) => recorded),
    ).toEqual([]);
  });

  test('without its beginning is read as it was recorded', () => {
    const session = live(traced(3));
    const trace = stored(session.trace());
    expect(trace.dropped).toBeGreaterThan(0);
    const { steps, session: end } = run(trace);
    expect(end).toBeUndefined();
    expect(steps.map(({ effects }) => effects)).toEqual(
      trace.entries.map(({ effects }) => effects),
    );
    expect(steps.filter(({ recorded }) => recorded)).toEqual([]);
  });
});

test('pages weigh as much as what they hold, over the socket and over HTTP', () => {
  const page = pageOf({ head: 25, messages: messages(6, 25) });
  const answer = { status: 200, page } as const;
  const items = [answer, { status: 503, channel: CHANNEL }];
  const inputs: readonly Input[] = [
    { type: 'recovered', id: 1, tokenVersion: 0, answer },
    { type: 'frames', attempt: 1, frames: [{ type: 'recovered', id: 2, items }] },
  ];
  for (const input of inputs) {
    const session = live(traced(24));
    session.handle(input, 2_000);
    // 1 and 20: room for the three that weigh one each, or for one that brought two messages.
    expect(session.trace()).toMatchObject({ dropped: 5 });
    expect(session.trace().entries.map((entry) => entry.input.type)).toEqual([
      'frames',
      input.type,
    ]);
    live(session, [{ type: 'tick' }, { type: 'tick' }]);
    expect(session.trace()).toMatchObject({ dropped: 6 });
  }
});

test('a replay says where it decided otherwise than the life that was recorded', () => {
  const trace = stored(live(traced()).trace());
  const entries = trace.entries.map((entry, i) =>
    i === 1 ? { ...entry, effects: entry.effects.slice(1) } : entry,
  );
  const { steps } = run({ ...trace, entries });
  expect(steps.map(({ recorded }) => recorded !== undefined)).toEqual(
    entries.map((_, i) => i === 1),
  );
  expect(steps[1]?.recorded).toEqual(entries[1]?.effects);
});

test.each([true, false])(
  'two deadlines of one moment come in the order in which they came (asked in between: %s)',
  (isAsked) => {
    const session = traced();
    const enter = (atMs: number, input: Input): void => {
      session.handle(input, atMs);
      if (isAsked) session.nextDeadline();
    };
    const names = ['a', 'b', 'c', 'd'];
    for (const channel of names) enter(1_000, { type: 'join', channel, intent: LATEST });
    enter(1_000, { type: 'opened', attempt: 1 });
    for (const channel of names) {
      const frame = { type: 'subscribed', channel, epoch: 'e', head: 5, oldest: 1 } as const;
      const message = { type: 'message', channel, epoch: 'e', seq: 6, data: null } as const;
      enter(1_000, { type: 'frames', attempt: 1, frames: [frame, message] });
      enter(1_000, { type: 'handling', channel });
    }
    enter(1_000 + DEFAULT_SETTINGS.flushMs, { type: 'tick' });
    enter(1_000 + Number(DEFAULT_SETTINGS.handlerTimeoutMs), { type: 'tick' });
    const { steps } = run(stored(session.trace()));
    const told = steps.at(-1)?.effects.filter(({ type }) => type === 'problem');
    expect(told).toHaveLength(names.length);
    expect(steps.map(({ recorded }) => recorded)).toEqual(steps.map(() => undefined));
  },
);
