// @vitest-environment node
/** Protocol 3.C: asking the log, and what may be believed of its answers. */
import { expect, test } from 'vitest';
import type { ClientFrame } from '../../src/core/frames.js';
import { CHANNEL, LATEST, messages, pageOf, Script } from '../mutants/script.js';

type RecoverFrame = Extract<ClientFrame, { type: 'recover' }>;

/** Live at 5 on a server that takes `recover` frames. */
function overSocket(...caps: readonly string[]): Script {
  const script = new Script({ carrier: 'socket' });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'welcome', caps: ['recover', ...caps], limits: { page: 50, batch: 2 } }]);
  return script.subscribed({ epoch: 'e', head: 5, oldest: 1 });
}

const ask = (script: Script): RecoverFrame => {
  const [frame] = script.sentOf('recover');
  if (frame === undefined) throw new Error('nothing was asked');
  return frame;
};

test('C1 since is the last number had, exclusive', () => {
  const script = new Script().live(5).message(6).heads(9).pass(200);
  expect(script.first('fetch').request).toEqual({ channel: CHANNEL, epoch: 'e', seq: 6 });
});

test('C2 trap 33 a head behind us is a rewind once three answers agree, and never clamped', () => {
  const script = new Script().live(5).subscribed({ epoch: 'e', head: 3, oldest: 1 });
  script.answer(script.first('fetch').id, { head: 3 });
  script.answer(script.call()?.id ?? 0, { head: 3 });
  expect(script.told).toEqual([]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 5 });
  script.answer(script.call()?.id ?? 0, { head: 3 });
  expect(script.told).toEqual(['rewind']);
  // The new numbers are no duplicates of the old ones: reading starts over at the oldest.
  script.answer(script.first('fetch').id, { head: 3, messages: messages(1, 3) });
  expect(script.told).toEqual([1, 2, 3]);
});

test('C2 a rewind is believed when answers in a row agree: one that goes on refutes it', () => {
  const script = new Script().live(5).heads(9).pass(200);
  script.answer(script.first('fetch').id, { head: 3 });
  script.answer(script.call()?.id ?? 0, { head: 3 });
  // Nothing new is in it, but it knows more than we do.
  script.answer(script.call()?.id ?? 0, { head: 9, messages: messages(5, 5), more: true });
  script.answer(script.call()?.id ?? 0, { head: 3 });
  expect(script.told).toEqual([]);
  script.answer(script.call()?.id ?? 0, { head: 9, messages: messages(6, 9) });
  expect(script.told).toEqual([6, 7, 8, 9]);
});

test('C3 L7 what a lagging log never confirms is forgotten, and the channel is live', () => {
  const script = new Script().live(5).heads(9).pass(200);
  for (let id: number | undefined = script.first('fetch').id, i = 0; i < 3; i += 1) {
    script.answer(id ?? 0, { head: 5 });
    if (i < 2) id = script.call()?.id;
  }
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 5, head: 5 });
  expect(script.all('channelState').at(-1)?.state).toEqual({ name: 'live' });
  expect(script.pass(20_000).all('fetch')).toEqual([]);
});

test('C4 a log that is cut while it is being paged is a loss, with its numbers', () => {
  const script = new Script({ pageLimit: 2 }).live(5).heads(12).pass(200);
  script.answer(script.first('fetch').id, { head: 12, messages: messages(6, 7), more: true });
  script.answer(script.first('fetch').id, { head: 13, oldest: 10, messages: messages(10, 11) });
  expect(script.told).toEqual(['truncated', 10, 11]);
  expect(script.items[0]).toMatchObject({ gap: { from: 8, to: 9 } });
});

test.each([500, 503, 0])(
  'C5 an answer with status %i moves nothing, and is asked again',
  (status) => {
    const script = new Script().live(5).heads(8).pass(200);
    script.refuse(script.first('fetch').id, status);
    expect(script.told).toEqual([]);
    expect(script.first('channelState').state).toMatchObject({
      name: 'stalled',
      reason: 'recovery',
    });
    expect(script.call()?.request.seq).toBe(5);
  },
);

test('C5 Retry-After is the least that is waited', () => {
  const script = new Script().live(5).heads(8).pass(200);
  script.refuse(script.first('fetch').id, 429, 20_000);
  const asked = (): number =>
    script
      .frames([{ type: 'pong' }])
      .pass(1_000)
      .all('fetch').length;
  for (let i = 0; i < 20; i += 1) expect(asked()).toBe(0);
  let later = 0;
  for (let i = 0; i < 12; i += 1) later += asked();
  expect(later).toBe(1);
});

test.each([1e9, Infinity])('C5 a Retry-After of %d ms is no more than an hour', (retryInMs) => {
  const script = new Script({ heartbeatMs: 1e9 }).live(5).heads(8).pass(200);
  script.refuse(script.first('fetch').id, 429, retryInMs);
  expect(script.pass(3_599_000).all('fetch')).toEqual([]);
  // And half as long again for the spread.
  expect(script.pass(1_802_000).all('fetch')).not.toEqual([]);
});

test('C6 403 stops that channel alone', () => {
  const script = new Script().live(5);
  script.enter({ type: 'join', channel: 'other', intent: LATEST });
  script.frames([{ type: 'subscribed', channel: 'other', epoch: 'x', head: 1, oldest: 1 }]);
  script.heads(8).pass(200).refuse(script.first('fetch').id, 403);
  expect(script.all('channelState')).toEqual([
    { type: 'channelState', channel: CHANNEL, state: { name: 'failed', code: 'forbidden' } },
  ]);
  const message = { type: 'message', channel: 'other', epoch: 'x', seq: 2, data: 2 } as const;
  expect(script.frames([message]).told).toEqual([2]);
});

test('C7 a stale answer is dropped', () => {
  const script = new Script().live(5).heads(8).pass(200);
  const { id } = script.first('fetch');
  // The connection is lost, and everything that hung on it.
  script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
  expect(script.all('abort')).toEqual([{ type: 'abort', id }]);
  expect(script.answer(id, { head: 8, messages: messages(6, 8) }).effects).toEqual([]);
});

test('C8 numbers that a page repeats, or brings out of place, change nothing', () => {
  const script = new Script().live(5).heads(8).pass(200);
  script.answer(script.first('fetch').id, { head: 8, messages: messages(3, 8) });
  expect(script.told).toEqual([6, 7, 8]);
});

test('C9 with full queues the client asks no more, and asks again when they are half empty', () => {
  const script = new Script({ maxQueued: 4 }).live(5).heads(20).pass(200);
  script.answer(script.first('fetch').id, { head: 20, messages: messages(6, 20) });
  expect(script.told).toEqual([6, 7, 8, 9]);
  expect(
    script
      .frames([{ type: 'pong' }])
      .pass(10_000)
      .all('fetch'),
  ).toEqual([]);
  expect(script.enter({ type: 'handled', channel: CHANNEL, count: 1 }).all('fetch')).toEqual([]);
  script.enter({ type: 'handled', channel: CHANNEL, count: 1 });
  expect(script.first('fetch').request.seq).toBe(9);
});

test('C10 after a reconnect many channels ask in frames of the size that the server takes', () => {
  const script = overSocket('arrays');
  const names = ['b', 'c', 'd', 'e'];
  for (const channel of names) script.enter({ type: 'join', channel, intent: LATEST });
  const facts = { type: 'subscribed', epoch: 'e', oldest: 1 } as const;
  const all = [CHANNEL, ...names];
  script.frames(all.map((channel) => ({ ...facts, channel, head: 5 })));
  script.frames(all.map((channel) => ({ ...facts, channel, head: 7 })));
  const frames = script.sentOf('recover');
  expect(frames.map(({ items }) => items.length)).toEqual([2, 2, 1]);
  expect(frames.flatMap(({ items }) => items.map(({ channel }) => channel))).toEqual(all);
  expect(frames[0]?.limit).toBe(50);
});

test('C11 an answer over the socket is the same answer', () => {
  const script = overSocket().heads(7).pass(200);
  const { id } = ask(script);
  const page = pageOf({ head: 7, messages: messages(6, 7) });
  script.frames([{ type: 'recovered', id, items: [{ status: 200, page }] }]);
  expect(script.told).toEqual([6, 7]);
});

test('C11 without the capability a channel says that it cannot recover, and keeps trying', () => {
  const script = new Script({ carrier: 'socket' }).live(5).heads(7).pass(200);
  expect(script.all('problem')).toMatchObject([
    { problem: { code: 'recovery_failed', status: 0 } },
  ]);
  expect(script.all('channelState').at(-1)?.state).toMatchObject({ name: 'stalled' });
});

test('C13 a silent tail is found by the heads', () => {
  const script = new Script().live(5).heads(6);
  expect(script.pass(200).first('fetch').request.seq).toBe(5);
});

test('C14 heads behind the messages already here are a benign race', () => {
  const script = new Script().live(5).message(6, 7);
  expect(script.heads(6).pass(1_000).all('fetch')).toEqual([]);
  // Behind where we were a heartbeat ago is no race.
  expect(script.heads(6).pass(1_000).all('fetch')).toHaveLength(1);
});

test('C14 live messages that overtake every answer make no rewind', () => {
  const script = new Script().live(5);
  for (let seq = 6; seq < 12; seq += 1) {
    script.heads(seq - 1, 'strange').pass(200);
    const id = script.first('fetch').id;
    script.message(seq).answer(id, { head: seq - 1 });
    expect(script.told).toEqual([]);
  }
});

test('trap 2 an answer with nothing in it is a success when nothing is missing', () => {
  const script = new Script().live(5).heads(5, 'strange').pass(200);
  script.answer(script.first('fetch').id, { head: 5 });
  expect(script.first('channelState').state).toEqual({ name: 'live' });
});

test('trap 27 a repeated stale page is no progress, and does not loop hot', () => {
  const script = new Script().live(5).heads(9).pass(200);
  let asked = 1;
  for (let id: number | undefined = script.first('fetch').id, i = 0; i < 40; i += 1) {
    if (id !== undefined) script.answer(id, { head: 9, messages: messages(1, 5), more: true });
    script.frames([{ type: 'pong' }]).pass(1_000);
    id = script.all('fetch')[0]?.id;
    asked += script.all('fetch').length;
  }
  expect(script.told).toEqual([]);
  expect(asked).toBeLessThan(25);
});
