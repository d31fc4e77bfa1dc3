import { expect, test } from 'vitest';
import type { StandardSchema } from '../../src/index.js';
import { deferred, setup, thrown } from './harness.js';

type Result = Awaited<ReturnType<StandardSchema<number>['~standard']['validate']>>;

const schema = (
  validate: (value: unknown) => Result | Promise<Result> | PromiseLike<Result>,
): StandardSchema<number> => ({ '~standard': { version: 1, validate: validate as never } });

const length = (value: unknown): Result =>
  typeof value === 'string' && value !== 'm2'
    ? { value: value.length }
    : { issues: [{ message: 'not a string' }] };

test.each<[string, (value: unknown) => Result | Promise<Result> | PromiseLike<Result>]>([
  ['at once', length],
  ['later', (value) => Promise.resolve().then(() => length(value))],
  [
    'with a promise of its own kind',
    (value) => ({ then: (ok: any) => ok(length(value)) }) as never,
  ],
])(
  'a schema that answers %s types the data; what does not fit is an error',
  async (_, validate) => {
    const { room, reports, store, publishTo, pass } = setup();
    const seen: unknown[] = [];
    room({ start: 'earliest', schema: schema(validate) }).subscribe(
      ({ data }) => void seen.push(data),
    );
    await pass();
    publishTo(3);
    await pass(1_000);
    expect(seen).toEqual([2, 2]);
    expect(reports.map(({ code, details }) => [code, details])).toEqual([
      ['schema', { channel: 'room', seq: 2, issues: [{ message: 'not a string' }] }],
    ]);
    expect(store.kept.get('room')?.seq).toBe(3);
  },
);

test.each<[string, () => Result | Promise<Result>, RegExp]>([
  [
    'throws',
    () => {
      throw new Error('broken');
    },
    /^Error: broken$/,
  ],
  ['rejects', () => Promise.reject(new Error('broken')), /^Error: broken$/],
  ['gives nothing', () => undefined as never, /^TypeError: /],
])(
  'a schema that %s is an error for each message, with the cause, and delivery goes on',
  async (_, validate, why) => {
    const { room, reports, publishTo, pass } = setup();
    const channel = room({ start: 'earliest', schema: schema(validate) });
    const seen: unknown[] = [];
    channel.subscribe(({ data }) => void seen.push(data));
    await pass();
    publishTo(2);
    await pass();
    expect(seen).toEqual([]);
    expect(reports.map(({ code, details }) => [code, details])).toEqual(
      [1, 2].map((seq) => [
        'schema',
        { channel: 'room', seq, issues: [expect.stringMatching(why)] },
      ]),
    );
    expect(String(reports[0]?.cause)).toMatch(why);
    expect(channel.position?.seq).toBe(2);
  },
);

test('a message whose handlers leave while it is checked waits for the next ones', async () => {
  const { room, errors, publishTo, pass } = setup();
  const gate = deferred<Result>();
  const channel = room({ start: 'earliest', schema: schema(() => gate.promise) });
  const stop = channel.subscribe(() => undefined);
  await pass();
  publishTo(1);
  stop();
  gate.resolve({ value: 7 });
  await pass(30_000);
  expect(channel.position?.seq).toBe(0);
  const seen: unknown[] = [];
  channel.subscribe(({ data }) => void seen.push(data));
  await pass(40_000);
  expect([seen, errors]).toEqual([[7], []]);
});

test('a message of a channel that is left while it is checked comes once: after the channel is joined anew', async () => {
  const { room, publishTo, pass } = setup();
  const gate = deferred<Result>();
  const answers = [gate.promise, { value: 8 }];
  const options = {
    start: 'earliest' as const,
    schema: schema(() => answers.shift() ?? { issues: [] }),
  };
  const seen: unknown[] = [];
  const first = room(options);
  first.subscribe(() => undefined);
  await pass();
  publishTo(1);
  await pass();
  void first.close();
  // It is waited for as long as a handler may take.
  await pass(62_000);
  room(options).subscribe(({ data }) => void seen.push(data));
  gate.resolve({ value: 7 });
  await pass(1_000);
  expect(seen).toEqual([8]);
});

test('a schema is a validator, or it is refused', () => {
  expect(thrown(() => setup().room({ schema: (() => 1) as never })).code).toBe('bad_option');
});
