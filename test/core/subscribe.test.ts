// @vitest-environment node
/** Protocol 3.B: subscribing, and the handover from what was to what comes. */
import { expect, test } from 'vitest';
import type { ChannelIntent } from '../../src/core/vocabulary.js';
import { CHANNEL, LATEST, message, messages, Script } from '../mutants/script.js';

const intent = (start: ChannelIntent['start'], snapshot = false): ChannelIntent => ({
  start,
  snapshot,
  maxAttempts: 5,
});

test('B2 first subscribe takes the head of subscribed as baseline, whole trace', () => {
  const script = new Script();
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  expect(script.effects).toEqual([
    { type: 'connectionState', state: { name: 'connecting', attempt: 1 } },
    { type: 'dial', attempt: 1 },
    { type: 'channelState', channel: CHANNEL, state: { name: 'joining' } },
  ]);
  expect(script.enter({ type: 'opened', attempt: 1 }).effects).toEqual([
    { type: 'connectionState', state: { name: 'open' } },
    {
      type: 'send',
      frames: [{ type: 'subscribe', id: 1, channel: CHANNEL }],
      asArray: false,
    },
  ]);
  script.frames([
    { type: 'subscribed', id: 1, channel: CHANNEL, epoch: 'e', head: 41, oldest: 12 },
  ]);
  expect(script.effects).toEqual([
    { type: 'channelState', channel: CHANNEL, state: { name: 'live' } },
  ]);
  expect(script.session.numbers(CHANNEL)).toEqual({ epoch: 'e', last: 41, head: 41, held: 0 });
  // Stored although no message ever came (trap 4).
  expect(script.pass(300).first('save').writes).toMatchObject([
    { channel: CHANNEL, mode: 'replace', position: { epoch: 'e', seq: 41 } },
  ]);
});

test.each<[ChannelIntent['start'], number]>([
  ['latest', 9],
  ['earliest', 3],
  [{ last: 4 }, 5],
  [{ last: 100 }, 3],
])('B2 start %j of a log with 4 to 9 is %i', (start, last) => {
  const script = new Script();
  script.enter({ type: 'join', channel: CHANNEL, intent: intent(start) });
  script.enter({ type: 'opened', attempt: 1 });
  script.subscribed({ epoch: 'e', head: 9, oldest: 4 });
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last, head: 9 });
  expect(script.all('fetch')).toHaveLength(last < 9 ? 1 : 0);
});

test('B3 trap 8 position first, state second, commit third', () => {
  const script = new Script();
  script.enter({ type: 'join', channel: CHANNEL, intent: intent('latest', true) });
  script.enter({ type: 'opened', attempt: 1 });
  script.subscribed({ epoch: 'e', head: 9, oldest: 4 });
  expect(script.items).toEqual([
    { type: 'snapshot', reason: 'initial', position: { epoch: 'e', seq: 9 } },
  ]);
  // Nothing overtakes the state that is being loaded, and nothing is stored before it is.
  expect(script.message(10).told).toEqual([]);
  expect(script.pass(1_000).all('save')).toEqual([]);
  script.enter({ type: 'snapshotTaken', channel: CHANNEL }).pass(300);
  expect(script.first('fetch').request.seq).toBe(9);
  expect(script.first('save').writes).toMatchObject([{ position: { seq: 9 } }]);
});

test('B1 a message that overtook the join reply is fetched, not lost', () => {
  const script = new Script();
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 });
  expect(script.frames([message(10)]).told).toEqual([]);
  script.subscribed({ epoch: 'e', head: 9, oldest: 1 });
  expect(script.first('fetch').request.seq).toBe(9);
});

test('B1 a message without an epoch, before the join reply, may be of another log', () => {
  const script = new Script().live(5);
  script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' }).pass(1_000);
  script.enter({ type: 'opened', attempt: 2 });
  script.frames([{ type: 'message', channel: CHANNEL, seq: 6, data: 'of another log' }], 2);
  expect(script.told).toEqual([]);
  script.frames(
    [{ type: 'subscribed', id: 2, channel: CHANNEL, epoch: 'f', head: 6, oldest: 1 }],
    2,
  );
  expect(script.first('fetch').request).toEqual({ channel: CHANNEL, epoch: 'e', seq: 5 });
});

test('B4 trap 11 a reply to an older subscription is ignored', () => {
  const script = new Script({ leaveDelayMs: 10 });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 });
  script.enter({ type: 'release', channel: CHANNEL }).pass(20);
  expect(script.sent).toEqual([{ type: 'unsubscribe', channel: CHANNEL }]);
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  expect(script.sent).toEqual([{ type: 'subscribe', id: 2, channel: CHANNEL }]);
  const facts = { epoch: 'e', oldest: 1 };
  script.frames([{ type: 'subscribed', id: 1, channel: CHANNEL, head: 5, ...facts }]);
  expect(script.session.numbers(CHANNEL)).toBeUndefined();
  script.frames([{ type: 'subscribed', id: 2, channel: CHANNEL, head: 7, ...facts }]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 7 });
});

test('B4 the refusal of an older request refuses nothing', () => {
  const script = new Script({ leaveDelayMs: 10 });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 });
  script.enter({ type: 'release', channel: CHANNEL }).pass(20);
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  const refusal = { type: 'error', channel: CHANNEL, code: 'forbidden', retry: false } as const;
  expect(script.frames([{ ...refusal, id: 1, message: undefined }]).effects).toEqual([]);
  script.frames([{ ...refusal, id: 2, message: undefined }]);
  expect(script.first('channelState').state).toEqual({ name: 'failed', code: 'forbidden' });
});

test('B4 the late refusal of a publish refuses nothing of the channel', () => {
  const script = new Script().live(5);
  const publish = { type: 'publish', id: 1, channel: CHANNEL, data: 1, key: 'k' } as const;
  const [sent] = script.enter({ ...publish, timeoutMs: 100 }).sentOf('publish');
  script.pass(200);
  const refusal = { type: 'error', channel: CHANNEL, code: 'forbidden', retry: false } as const;
  script.frames([{ ...refusal, id: sent?.id, message: undefined }]);
  expect([...script.all('problem'), ...script.all('channelState')]).toEqual([]);
});

test('B4 a channel that is in can be refused by the answer to a repeated subscribe', () => {
  const script = new Script({ heartbeatMs: 4_000 }).live(5);
  const [sent] = script.enter({ type: 'page', signal: 'visible' }).sentOf('subscribe');
  const refusal = { type: 'error', channel: CHANNEL, code: 'forbidden', retry: false } as const;
  script.frames([{ ...refusal, id: sent?.id, message: undefined }]);
  expect(script.first('channelState').state).toEqual({ name: 'failed', code: 'forbidden' });
});

test('B4 a join without an answer is repeated under its own id: either answer will do', () => {
  const script = new Script({ joinTimeoutMs: 500 });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 }).pass(600);
  expect(script.sent).toEqual([{ type: 'subscribe', id: 1, channel: CHANNEL }]);
});

test('B5 trap 11 a page that comes after the leave is dropped', () => {
  const script = new Script({ leaveDelayMs: 10 }).live(5).heads(8).pass(200);
  const { id } = script.first('fetch');
  script.enter({ type: 'release', channel: CHANNEL }).pass(20);
  expect(script.effects).toMatchObject([
    { type: 'abort', id },
    { type: 'left', channel: CHANNEL },
    { type: 'send' },
  ]);
  expect(script.answer(id, { head: 8, messages: messages(6, 8) }).effects).toEqual([]);
});

test('B5 a leave waits for the handler at work', () => {
  const script = new Script({ leaveDelayMs: 100 }).live(5).message(6);
  script.enter({ type: 'handling', channel: CHANNEL });
  script.enter({ type: 'release', channel: CHANNEL });
  expect(script.pass(1_000).all('left')).toEqual([]);
  script.enter({ type: 'handled', channel: CHANNEL, count: 1 });
  expect(script.pass(200).all('left')).toHaveLength(1);
});

test('B5 joined again before the flush: reading goes on from memory', () => {
  const script = new Script({ leaveDelayMs: 10, flushMs: 60_000 });
  script.live(5, intent('stored')).enter({ type: 'loaded', channel: CHANNEL }).message(6);
  const { tok } = script;
  const mark = {
    channel: CHANNEL,
    mode: 'advance',
    position: { epoch: 'e', seq: 6, tok },
  } as const;
  script.enter({ type: 'handled', channel: CHANNEL, count: 1, mark });
  script.enter({ type: 'release', channel: CHANNEL }).pass(20);
  script.enter({ type: 'join', channel: CHANNEL, intent: intent('stored') });
  expect(script.all('load')).toEqual([]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 6 });
});

test('B6 a second join of a channel changes nothing', () => {
  const script = new Script().live(5);
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  expect(script.effects).toEqual([]);
});

test('B8 a subscription that the server ends for now is asked for again; for good, it fails', () => {
  const script = new Script().live(5);
  const end = { type: 'unsubscribed', channel: CHANNEL, code: 'limit' } as const;
  script.frames([{ ...end, retry: true }]);
  expect(script.effects).toMatchObject([
    { type: 'channelState', state: { name: 'stalled', reason: 'refused' } },
  ]);
  expect(script.pass(1_000).sent).toEqual([{ type: 'subscribe', id: 2, channel: CHANNEL }]);
  script.frames([{ ...end, retry: false }]);
  expect(script.effects).toEqual([
    { type: 'problem', problem: { code: 'channel_refused', channel: CHANNEL, reason: 'limit' } },
    { type: 'send', frames: [{ type: 'unsubscribe', channel: CHANNEL }], asArray: false },
    { type: 'channelState', channel: CHANNEL, state: { name: 'failed', code: 'limit' } },
  ]);
  expect(script.pass(60_000).sentOf('subscribe')).toEqual([]);
});

test('B8 what came in one input with the end of its channel is handed on as what it was', () => {
  const script = new Script().live(5).message(6);
  const { tok } = script;
  script.frames([message(7), { type: 'error', code: 'forbidden', retry: false, channel: CHANNEL }]);
  expect(script.told).toEqual([7]);
  expect(script.tok).toBe(tok);
});

test('B9 trap 19 fresh facts without being asked are compared like any others', () => {
  const script = new Script().live(5).subscribed({ epoch: 'e', head: 7, oldest: 1 });
  expect(script.first('fetch').request.seq).toBe(5);
});

test('trap 10 live is said only when nothing is missing', () => {
  const script = new Script();
  script.enter({
    type: 'join',
    channel: CHANNEL,
    intent: intent({ epoch: 'e', seq: 3 }),
  });
  script.enter({ type: 'opened', attempt: 1 });
  script.subscribed({ epoch: 'e', head: 5, oldest: 1 });
  expect(script.all('channelState').map(({ state }) => state)).toEqual([
    { name: 'recovering', since: 3, head: 5 },
  ]);
  script.answer(script.first('fetch').id, { head: 5, messages: messages(4, 5) });
  expect(script.all('channelState').map(({ state }) => state)).toEqual([{ name: 'live' }]);
});

test('trap 11 frames of a connection that was given up change nothing', () => {
  const script = new Script().live(5);
  script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
  expect(script.frames([message(6)], 1).effects).toEqual([]);
});

test('a channel is there from the moment that it is wanted until it is left', () => {
  const script = new Script();
  const { session } = script.live(5);
  expect([session.has(CHANNEL), session.has('other')]).toEqual([true, false]);
  script.enter({ type: 'release', channel: CHANNEL });
  expect(session.has(CHANNEL)).toBe(true);
  expect(script.pass(1_000).all('left')).toHaveLength(1);
  expect(session.has(CHANNEL)).toBe(false);
});
