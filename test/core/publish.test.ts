// @vitest-environment node
/** A publish is settled once, whatever happens, and says what is known of it. */
import { expect, test } from 'vitest';
import type { PublishResult } from '../../src/core/vocabulary.js';
import { CHANNEL, LATEST, Script } from '../mutants/script.js';

const second = 1_000;
const quiet = { flushMs: 600 * second, heartbeatMs: 600 * second };

const publish = (script: Script, id: number, timeoutMs?: number): Script =>
  script.enter({ type: 'publish', id, channel: CHANNEL, key: `k${id}`, data: id, timeoutMs });

/** Those that this step settled, by the app's own ids. */
const settled = (script: Script): readonly (readonly [number, PublishResult])[] =>
  script.all('published').map(({ id, result }) => [id, result]);
const failed = (script: Script): unknown[] =>
  settled(script).map(([id, result]) => [id, !result.ok && result.code]);

test('an acknowledgement gives it its place in the log', () => {
  const script = publish(new Script(quiet).live(5), 71);
  const [frame] = script.sentOf('publish');
  expect(frame).toMatchObject({ channel: CHANNEL, key: 'k71', data: 71 });
  const position = { epoch: 'e', seq: 6 };
  const ack = { type: 'ack', id: frame?.id ?? 0, channel: CHANNEL, position } as const;
  expect(settled(script.frames([ack]))).toEqual([[71, { ok: true, position }]]);
  expect(settled(script.frames([ack]))).toEqual([]);
  expect(script.session.nextDeadline()).toBeLessThan(script.now + 1_000);
  // The echo did not come: the log is asked, and nothing else is left to wait for.
  expect(script.pass(200).all('fetch')).toHaveLength(1);
  expect(settled(script.pass(60 * second))).toEqual([]);
});

test('a refusal says why', () => {
  const script = publish(new Script(quiet).live(5), 1);
  const [{ id } = { id: 0 }] = script.sentOf('publish');
  const error = { type: 'error', code: 'limit', message: 'too large', retry: false } as const;
  script.frames([{ ...error, id, channel: CHANNEL }]);
  expect(settled(script)).toEqual([
    [1, { ok: false, code: 'refused', detail: 'limit: too large' }],
  ]);
  // The channel is none the worse for it.
  expect(script.all('channelState')).toEqual([]);
  const [other] = publish(script, 2).sentOf('publish');
  script.frames([{ type: 'error', id: other?.id ?? 0, code: 'forbidden', retry: false }]);
  expect(settled(script)).toEqual([[2, { ok: false, code: 'refused', detail: 'forbidden' }]]);
});

test('without an acknowledgement it ends after ten seconds, or when the app says', () => {
  const script = publish(publish(new Script(quiet).live(5), 1), 2, 3 * second);
  expect(settled(script.pass(2_999))).toEqual([]);
  expect(failed(script.pass(1))).toEqual([[2, 'timeout']]);
  expect(settled(script.pass(6_999))).toEqual([]);
  expect(failed(script.pass(1))).toEqual([[1, 'timeout']]);
});

test('one that may wait wants a connection, where nobody has asked for one', () => {
  const script = publish(new Script(quiet), 1);
  expect([failed(script), script.all('dial')]).toEqual([[[1, 'not_connected']], []]);
  publish(script, 2, 5 * second);
  expect([failed(script), script.all('dial').length]).toEqual([[], 1]);
  expect(script.enter({ type: 'opened', attempt: 1 }).sentOf('publish')).toMatchObject([
    { channel: CHANNEL, key: 'k2' },
  ]);
});

test('without a connection it waits only when the app says so, and is sent then', () => {
  const script = new Script(quiet).enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  expect(failed(publish(script, 1))).toEqual([[1, 'not_connected']]);
  publish(script, 2, 5 * second);
  expect([...settled(script), ...script.sent]).toEqual([]);
  script.enter({ type: 'opened', attempt: 1 });
  expect(script.sentOf('publish')).toMatchObject([{ key: 'k2' }]);
  expect(failed(script.pass(5 * second))).toEqual([[2, 'timeout']]);
});

test('with the connection goes what may not wait, and only that', () => {
  const script = publish(publish(new Script(quiet).live(5), 1), 2, 60 * second);
  script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
  expect(failed(script)).toEqual([[1, 'not_connected']]);
  expect(failed(script.enter({ type: 'close' }))).toEqual([[2, 'closed']]);
});

test('a thousand may wait, and no more', () => {
  const script = new Script(quiet).enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  for (let id = 1; id <= 1_000; id += 1)
    expect(settled(publish(script, id, 60 * second))).toEqual([]);
  expect(failed(publish(script, 1_001, 60 * second))).toEqual([[1_001, 'refused']]);
  expect(failed(script.enter({ type: 'close' }))).toHaveLength(1_000);
});

test('whatever the reason, it is told in words of its own', () => {
  const full = new Script(quiet).enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  for (let id = 1; id <= 1_000; id += 1) publish(full, id, 60 * second);
  const ends = [
    publish(full, 1_001, 1),
    publish(new Script(quiet), 1),
    publish(new Script(quiet).live(5), 1).pass(11 * second),
    publish(new Script(quiet).live(5), 1).enter({ type: 'close' }),
    publish(new Script(quiet).live(5), 1).enter({
      type: 'dropped',
      attempt: 1,
      code: 1006,
      reason: '',
    }),
  ];
  const words = ends.map((script) => {
    const result = settled(script)[0]?.[1];
    return result?.ok === false ? result.detail : '';
  });
  expect(new Set(words).size).toBe(ends.length);
  expect(words).not.toContain('');
});
