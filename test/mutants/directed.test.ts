// @vitest-environment node
/** Rules of reading that random schedules break too rarely, or that cost only time or calls. */
import { expect, test } from 'vitest';
import { CHANNEL, message, messages, LATEST, Script } from './script.js';

const second = 1_000;

test('a reordering inside the window costs no question to the log', () => {
  const script = new Script().live(5);
  expect(script.message(7).told).toEqual([]);
  expect(script.message(6).told).toEqual([6, 7]);
  expect(script.pass(10 * second).all('fetch')).toEqual([]);
  expect(script.session.counters.reordersHealed).toBe(1);
});

test('the log is asked only when a reordering had the time to settle', () => {
  const script = new Script({ reorderWindowMs: 50 }).live(5).message(7);
  expect(script.all('fetch')).toEqual([]);
  expect(script.pass(49).all('fetch')).toEqual([]);
  expect(script.pass(52).all('fetch')).toHaveLength(1);
});

test('a lost message does not make all its subscribers ask at the same moment', () => {
  const dueAt = (seed: number) => {
    const script = new Script({ seed }).live(5).message(7);
    return Math.min(script.session.nextDeadline() ?? 0, script.now + 200);
  };
  expect(new Set([1, 2, 3, 4, 5].map(dueAt)).size).toBe(5);
});

test('a loss by truncation is named at once, and by its name', () => {
  const script = new Script().live(5).heads(20).pass(200);
  const { id, request } = script.first('fetch');
  expect(request.seq).toBe(5);
  script.answer(id, { head: 20, oldest: 11, messages: messages(11, 20) });
  expect(script.told).toEqual(['truncated', ...messages(11, 20).map(({ seq }) => seq)]);
  expect(script.items[0]).toMatchObject({ gap: { from: 6, to: 10 } });
});

test('a page that covers less than it knows of proves no hole above that', () => {
  const script = new Script().live(5).heads(9).pass(200);
  script.answer(script.first('fetch').id, { head: 9, upto: 7, messages: messages(6, 7) });
  expect(script.told).toEqual([6, 7]);
  // Nothing of 8 and 9 can be believed to be lost: they are asked for at once, and as often as it takes.
  for (let i = 0; i < 6; i += 1) {
    const call = script.call();
    expect(call?.request.seq).toBe(7);
    script.answer(call?.id ?? 0, { head: 9, upto: 7 });
    expect(script.told).toEqual([]);
  }
});

test('a page with more to come proves nothing above its last message', () => {
  const script = new Script().live(5).heads(9).pass(200);
  script.answer(script.first('fetch').id, { head: 9, more: true, messages: messages(6, 6) });
  for (let i = 0; i < 6; i += 1) {
    const call = script.call();
    expect(call?.request.seq).toBe(6);
    script.answer(call?.id ?? 0, { head: 9, more: true });
    expect(script.told).toEqual([]);
  }
});

test('a message that comes before the join reply is a hint', () => {
  const script = new Script();
  script.enter({
    type: 'join',
    channel: CHANNEL,
    intent: { start: 'latest', snapshot: false, maxAttempts: 5 },
  });
  script.enter({ type: 'opened', attempt: 1 });
  script.message(6);
  expect(script.subscribed({ epoch: 'e', head: 5, oldest: 1 }).first('fetch').request.seq).toBe(5);
});

test('a frame that cannot be read makes us ask the log', () => {
  const script = new Script().live(5);
  script.frames([{ type: 'bad', reason: 'seq is not a safe integer >= 1', channel: CHANNEL }]);
  expect(script.pass(200).all('fetch')).toHaveLength(1);
});

test('an acknowledged publish whose echo does not come makes us ask the log', () => {
  const script = new Script().live(5);
  const publish = { channel: CHANNEL, key: 'k', data: 1, timeoutMs: undefined };
  script.enter({ type: 'publish', id: 1, ...publish });
  const [{ id } = { id: 0 }] = script.sentOf('publish');
  script.frames([{ type: 'ack', id, channel: CHANNEL, position: { epoch: 'e', seq: 6 } }]);
  expect(script.pass(200).all('fetch')).toHaveLength(1);
});

test('what came while the state was loading is fetched at once', () => {
  const script = new Script().live(5, { start: 'latest', snapshot: true, maxAttempts: 5 });
  expect(script.told).toEqual(['snapshot']);
  script.message(6);
  script.enter({ type: 'snapshotTaken', channel: CHANNEL });
  expect(script.pass(200).first('fetch').request.seq).toBe(5);
});

test('a state is loaded before anything is delivered', () => {
  const script = new Script().live(5, { start: 'latest', snapshot: true, maxAttempts: 5 });
  expect(script.items).toEqual([
    { type: 'snapshot', reason: 'initial', position: { epoch: 'e', seq: 5 } },
  ]);
  expect(script.message(6).told).toEqual([]);
});

test('a loss is healed by the snapshot of an app that has one', () => {
  const script = new Script().live(5, { start: 'latest', snapshot: true, maxAttempts: 5 });
  script.enter({ type: 'snapshotTaken', channel: CHANNEL }).heads(20).pass(200);
  script.answer(script.first('fetch').id, { head: 20, oldest: 15, messages: messages(15, 20) });
  expect(script.items).toEqual([
    { type: 'snapshot', reason: 'truncated', position: { epoch: 'e', seq: 20 } },
  ]);
});

test('a channel has one question on its way', () => {
  const script = new Script().live(5).heads(9).pass(200);
  expect(script.all('fetch')).toHaveLength(1);
  script.subscribed({ epoch: 'e', head: 9, oldest: 1 });
  expect(script.all('fetch')).toEqual([]);
  expect(script.heads(12).all('fetch')).toEqual([]);
  expect(script.pass(5 * second).all('fetch')).toEqual([]);
});

test('news do not cut a backoff short', () => {
  const script = new Script({ backoffBaseMs: 60_000, backoffCapMs: 60_000 })
    .live(5)
    .heads(9)
    .pass(200);
  script.refuse(script.first('fetch').id, 500);
  expect(script.subscribed({ epoch: 'e', head: 10, oldest: 1 }).all('fetch')).toEqual([]);
});

test('the answer to a question that was given up is no answer to the next', () => {
  const script = new Script({ giveUpAfterMs: 400, backoffBaseMs: 1 }).live(5).heads(9).pass(200);
  script.refuse(script.first('fetch').id, 500).pass(100);
  const { id } = script.first('fetch');
  // The app goes on without what it could not get, and a newer difference leads to a newer question.
  script.pass(400);
  expect(script.told).toEqual(['unreachable']);
  script.heads(15).pass(200);
  const next = script.first('fetch');
  expect(next.request.seq).toBe(9);
  script.answer(id, { head: 9, messages: messages(6, 9) });
  script.answer(next.id, { head: 15, messages: messages(10, 15) });
  expect(script.told).toEqual([10, 11, 12, 13, 14, 15]);
});

test('the server says how long to wait, and gets at least that', () => {
  const script = new Script({ backoffBaseMs: 10 }).live(5).heads(9).pass(200);
  script.refuse(script.first('fetch').id, 429, 20_000);
  expect(script.pass(19_999).all('fetch')).toEqual([]);
  expect(script.pass(10_001).all('fetch')).toHaveLength(1);
});

test.each([400, 403, 404, 413])('what is refused with %i is not asked for again', (status) => {
  const script = new Script().live(5).heads(9).pass(200);
  script.refuse(script.first('fetch').id, status);
  expect(script.first('channelState').state.name).toBe('failed');
  expect(script.pass(600 * second).all('fetch')).toEqual([]);
});

test('no more than maxCalls calls are on their way', () => {
  const script = new Script({ maxCalls: 2 });
  const channels = ['a', 'b', 'c', 'd'];
  const intent = { start: 'latest', snapshot: false, maxAttempts: 5 } as const;
  for (const channel of channels) script.enter({ type: 'join', channel, intent });
  script.enter({ type: 'opened', attempt: 1 });
  const facts = { epoch: 'e', head: 5, oldest: 1 };
  script.frames(channels.map((channel) => ({ type: 'subscribed', channel, ...facts })));
  const heads = channels.map((channel) => ({ channel, epoch: 'e', head: 9 }));
  script.frames([{ type: 'heads', heads }]).pass(200);
  expect(script.all('fetch')).toHaveLength(2);
});

test('a channel that an answer leaves out asks again', () => {
  const script = new Script({ carrier: 'socket', backoffBaseMs: 100 });
  script.live(5).frames([{ type: 'welcome', caps: ['recover'], limits: {} }]);
  script.heads(9).pass(200);
  const [{ id } = { id: 0 }] = script.sentOf('recover');
  script.frames([{ type: 'recovered', id, items: [] }]);
  expect(script.pass(200).sentOf('recover')).toHaveLength(1);
});

test('a log that flips for ever costs bounded work', () => {
  const script = new Script({ backoffBaseMs: second }).live(5).heads(6).pass(200);
  let calls = 0;
  for (let i = 0; i < 40; i += 1) {
    const [call] =
      script.all('fetch').length > 0 ? script.all('fetch') : script.pass(50).all('fetch');
    if (call === undefined) continue;
    calls += 1;
    script.answer(call.id, { epoch: `e${i.toString()}`, head: 1 });
  }
  expect(calls).toBeLessThan(12);
});

test('an answer without an end of its own is not asked for in a loop', () => {
  const script = new Script().live(5).heads(9).pass(200);
  let calls = 0;
  for (let i = 0; i < 200; i += 1) {
    const [call] =
      script.all('fetch').length > 0 ? script.all('fetch') : script.pass(10).all('fetch');
    if (call === undefined) continue;
    calls += 1;
    script.answer(call.id, { head: 5 });
  }
  expect(calls).toBeLessThan(20);
});

test('messages that overtake an answer make no rewind of it', () => {
  const script = new Script().live(5).heads(6).pass(200);
  const { id } = script.first('fetch');
  script.message(6, 7, 8);
  script.answer(id, { head: 6, messages: messages(6, 6) });
  expect(script.told).toEqual([]);
  expect(script.pass(10 * second).all('fetch')).toEqual([]);
});

test('the join reply to another subscribe is none', () => {
  const script = new Script();
  script.enter({
    type: 'join',
    channel: CHANNEL,
    intent: { start: 'latest', snapshot: false, maxAttempts: 5 },
  });
  script.enter({ type: 'opened', attempt: 1 });
  const [{ id } = { id: 0 }] = script.sentOf('subscribe');
  script.frames([
    { type: 'subscribed', id: id + 7, channel: CHANNEL, epoch: 'e', head: 3, oldest: 1 },
  ]);
  expect(script.session.numbers(CHANNEL)).toBeUndefined();
  script.frames([{ type: 'subscribed', id, channel: CHANNEL, epoch: 'e', head: 5, oldest: 1 }]);
  expect(script.session.numbers(CHANNEL)?.last).toBe(5);
});

test('an early message of another log is dropped with it', () => {
  const script = new Script().live(5);
  script.frames([message(8)]).pass(200);
  // Three answers in a row that know nothing of 8: whatever is held may be of a dead branch.
  for (let i = 0; i < 3; i += 1) {
    const call = script.call();
    script.answer(call?.id ?? 0, { head: 5 });
  }
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 5, head: 5, held: 0 });
  expect(script.message(6, 7).told).toEqual([6, 7]);
});

test('of a message that there is no room to hold the number is kept', () => {
  const script = new Script({ maxHeld: 0 }).live(5).message(7).pass(200);
  expect(script.first('fetch').request.seq).toBe(5);
});

test('an answer that lags behind what was heard of does not settle it', () => {
  const script = new Script().live(5).heads(9).pass(200);
  script.answer(script.first('fetch').id, { head: 7, messages: messages(6, 7) });
  expect(script.told).toEqual([6, 7]);
  expect(script.call()?.request.seq).toBe(7);
});

test('a strange epoch makes us ask the log, wherever it shows', () => {
  const live = new Script().live(5);
  live.frames([{ type: 'message', channel: CHANNEL, epoch: 'f', seq: 6, data: 6 }]);
  expect(live.told).toEqual([]);
  expect(live.pass(200).all('fetch')).toHaveLength(1);
  expect(new Script().live(5).heads(5, 'f').pass(200).all('fetch')).toHaveLength(1);
});

test.each([
  [6, [6, 7]],
  [7, ['truncated', 7]],
  [8, ['truncated']],
])('what is left begins at %i, behind position 5', (oldest, told) => {
  const script = new Script().live(5).heads(7).pass(200);
  script.answer(script.first('fetch').id, { head: 7, oldest, messages: messages(oldest, 7) });
  expect(script.told).toEqual(told);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 7, head: 7 });
});

test('void numbers that lie behind us move nothing back', () => {
  const script = new Script().live(5).heads(8).pass(200);
  const page = {
    head: 8,
    void: [
      [2, 3],
      [7, 7],
    ],
    messages: [6, 8].map((seq) => ({ seq, data: seq })),
  } as const;
  script.answer(script.first('fetch').id, page);
  expect(script.told).toEqual([6, 8]);
});

test('only answers in a row that say the same are believed', () => {
  const script = new Script().live(5).heads(7);
  const rewind = { head: 4 };
  const hole = { head: 7 };
  for (const page of [rewind, hole, rewind, hole, rewind]) {
    script.answer(script.call()?.id ?? 0, page);
    expect(script.told).toEqual([]);
  }
});

test('a hole is believed when three answers agree, and named before what lies behind it', () => {
  const script = new Script().live(5).heads(8);
  const page = { head: 8, messages: messages(8, 8) };
  for (const told of [[], [], ['hole', 8]]) {
    script.answer(script.call()?.id ?? 0, page);
    expect(script.told).toEqual(told);
  }
});

test('an epoch that comes back goes on where it was left', () => {
  const script = new Script().live(5).heads(3, 'f');
  script.answer(script.call()?.id ?? 0, { epoch: 'f', head: 3 });
  expect(script.told).toEqual(['epoch']);
  script.answer(script.call()?.id ?? 0, { epoch: 'f', head: 3, messages: messages(1, 3) });
  script.heads(6, 'e');
  script.answer(script.call()?.id ?? 0, { epoch: 'e', head: 6 });
  expect(script.told).toEqual(['epoch']);
  expect(script.call()?.request).toMatchObject({ epoch: 'e', seq: 5 });
});

test('who gives up goes on with what is held', () => {
  const script = new Script({ giveUpAfterMs: 300, backoffBaseMs: 60_000, backoffCapMs: 60_000 });
  script.live(5).message(8).pass(200);
  script.refuse(script.first('fetch').id, 500).pass(400);
  expect(script.told).toEqual(['unreachable', 8]);
  expect(script.items[0]).toMatchObject({ gap: { from: 6, to: 7 } });
});

test('a head that went back makes us ask the log', () => {
  const script = new Script().live(5).heads(5).heads(3).pass(200);
  expect(script.all('fetch')).toHaveLength(1);
});

test('a state older than what was delivered brings nothing twice', () => {
  const script = new Script().live(5, { start: 'latest', snapshot: true, maxAttempts: 5 });
  script.enter({ type: 'snapshotTaken', channel: CHANNEL }).heads(20).pass(200);
  script.answer(script.first('fetch').id, { head: 20, oldest: 15, messages: messages(15, 20) });
  script.enter({ type: 'snapshotTaken', channel: CHANNEL, position: { epoch: 'e', seq: 3 } });
  expect(script.session.numbers(CHANNEL)?.last).toBe(5);
});

test('a question names no more channels than the server takes', () => {
  const script = new Script({ carrier: 'socket' });
  const channels = ['a', 'b', 'c'];
  const intent = { start: 'latest', snapshot: false, maxAttempts: 5 } as const;
  for (const channel of channels) script.enter({ type: 'join', channel, intent });
  script.enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'welcome', caps: ['recover'], limits: { batch: 2 } }]);
  const facts = { epoch: 'e', head: 5, oldest: 1 };
  script.frames(channels.map((channel) => ({ type: 'subscribed', channel, ...facts })));
  script.frames(channels.map((channel) => ({ type: 'subscribed', channel, ...facts, head: 9 })));
  expect(script.sentOf('recover').map(({ items }) => items.length)).toEqual([2, 1]);
});

test('a leave waits for the handler at work', () => {
  const script = new Script({ leaveDelayMs: 500 }).live(5).message(6);
  script.enter({ type: 'handling', channel: CHANNEL });
  script.enter({ type: 'release', channel: CHANNEL });
  expect(script.pass(2_000).all('left')).toEqual([]);
  script.enter({ type: 'handled', channel: CHANNEL, count: 1 });
  expect(script.pass(500).all('left')).toHaveLength(1);
});

test('a handler of before a channel was joined anew is none of the new one', () => {
  // Where reading has not begun, a refused channel begins anew.
  const script = new Script({ leaveDelayMs: 500 });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'unsubscribed', channel: CHANNEL, code: 'forbidden', retry: false }]);
  // The handler asks for the channel, and then gives its promise.
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  expect(script.all('left')).toHaveLength(1);
  script.enter({ type: 'handling', channel: CHANNEL });
  script.enter({ type: 'release', channel: CHANNEL });
  expect(script.pass(500).all('left')).toHaveLength(1);
});

test('who comes back before the leave goes on', () => {
  const script = new Script({ leaveDelayMs: 500 }).live(5);
  expect(script.enter({ type: 'release', channel: CHANNEL }).all('left')).toEqual([]);
  const intent = { start: 'latest', snapshot: false, maxAttempts: 5 } as const;
  script.enter({ type: 'join', channel: CHANNEL, intent });
  expect(script.pass(2_000).all('left')).toEqual([]);
});
