// @vitest-environment node
/** Without epochs: what an answer says of our log, what the next one should show, and what is asked. */
import { expect, test } from 'vitest';
import type { Page } from '../../src/core/frames.js';
import { overlap } from '../../src/core/overlap.js';
import { CHANNEL, LATEST, message, messages, pageOf, Script } from '../mutants/script.js';

/** Rising numbers 1 to 3 came live; then the connection broke, and the log is asked on the next one. */
function reconnected(): Script {
  const script = new Script({ numbering: 'monotonic', epochs: false });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 }).frames([{ type: 'joined', channel: CHANNEL }]);
  script.answer(script.first('fetch').id, { head: 0, messages: [] });
  expect(script.message(1, 2, 3).told).toEqual([1, 2, 3]);
  script.reconnected();
  return script.frames([{ type: 'joined', channel: CHANNEL }], 2);
}

/** Answers every question with what is above its `since`, as a log of `1` to `head` would. */
function settle(script: Script, head: number): unknown[] {
  const told: unknown[] = [];
  for (let i = 0; i < 20; i += 1) {
    const [fetch] = script.all('fetch');
    if (fetch === undefined) {
      script.frames([{ type: 'pong' }], 2).pass(900);
      continue;
    }
    const { seq } = fetch.request;
    const found = seq < head ? messages(seq + 1, head) : [];
    told.push(...script.answer(fetch.id, { head: Math.max(seq, head), messages: found }).told);
  }
  return told.filter((item) => item !== 'position');
}

test('a log that ends below what came live, answer after answer, has begun anew', () => {
  expect(settle(reconnected(), 2)).toEqual(['rewind', 1, 2]);
});

test('one that shows what came live has not', () => {
  expect(settle(reconnected(), 3)).toEqual([]);
  expect(settle(reconnected(), 5)).toEqual([4, 5]);
});

test('one answer that ends too early is a log that lags', () => {
  const script = reconnected();
  script.answer(script.first('fetch').id, { head: 2, messages: messages(1, 2) });
  expect(settle(script, 4)).toEqual([4]);
});

test('an empty log proves nothing', () => {
  expect(settle(reconnected(), 0)).toEqual([]);
});

/** A page of the log, and what follows numbers that rise by one, at `last`. */
const log = (last: number, isOrdered = true) => {
  const tracker = overlap(last, isOrdered);
  const read = (page: Partial<Page>) => tracker.read(pageOf({ epoch: '-', ...page }), last);
  return { tracker, read };
};
const ids = (from: number, to: number, life: string) =>
  messages(from, to).map((message) => ({ ...message, id: `${life}${message.seq}` }));

test('of each connection the first live message is looked at, when we are past its number', () => {
  const { read, tracker } = log(5);
  expect(tracker.hears(6, 5)).toBe(false);
  expect(tracker.hears(5, 5)).toBe(false);
  tracker.joined(5);
  expect(tracker.hears(5, 5)).toBe(true);
  expect(tracker.isOpen).toBe(true);
  expect(tracker.hears(5, 5)).toBe(false);
  expect(tracker.since(5)).toBe(4);
  expect(read({ head: 5, messages: ids(5, 5, 'a') })).toMatchObject({ says: 'ours' });
  expect(tracker.isOpen).toBe(false);
});

test('a number that was heard while another was asked for is still to be asked for', () => {
  const { read, tracker } = log(5);
  tracker.hears(3, 5);
  expect(tracker.since(5)).toBe(2);
  tracker.joined(5);
  tracker.hears(2, 5);
  read({ head: 5, messages: ids(3, 5, 'a') });
  expect(tracker.isOpen).toBe(true);
  expect(tracker.since(5)).toBe(1);
});

test('a log that began anew is read page by page to where it ends, whatever is said of its head', () => {
  const { read, tracker } = log(9);
  tracker.hears(2, 9);
  expect(tracker.since(9)).toBe(1);
  // The head of a cut page is its end: not a word about ours.
  const cut = read({ head: 3, messages: ids(2, 3, 'b'), more: true });
  expect(cut).toMatchObject({ says: 'ours', page: { head: 9 } });
  expect(tracker.since(9)).toBe(3);
  expect(read({ head: 5, messages: ids(4, 5, 'b') }).says).toBe('behind');
  expect(tracker.since(9)).toBe(3);
});

test('a page of one message is a page: the next one is asked for', () => {
  const { read, tracker } = log(5);
  tracker.hears(2, 5);
  tracker.since(5);
  read({ head: 2, messages: ids(2, 2, 'b'), more: true });
  expect(tracker.since(5)).toBe(2);
});

test('what a server with an inclusive `since` shows besides is not what was expected', () => {
  const { read, tracker } = log(5);
  tracker.since(5);
  expect(read({ head: 6, messages: ids(4, 6, 'a') }).page.oldest).toBe(1);
});

test('a server whose `since` is inclusive does not make it ask for ever', () => {
  const { read, tracker } = log(9);
  tracker.hears(4, 9);
  expect(tracker.since(9)).toBe(3);
  read({ head: 3, messages: ids(3, 3, 'b'), more: true });
  expect(tracker.since(9)).not.toBe(3);
});

test('with room for one message a page, what we have is not asked for twice in a row', () => {
  const { read, tracker } = log(5);
  expect(tracker.since(5)).toBe(4);
  expect(read({ head: 5, messages: ids(5, 5, 'a'), more: true }).page.head).toBe(5);
  expect(tracker).toMatchObject({ hadRoomForOne: true, isOpen: true });
  expect(tracker.since(5)).toBe(5);
  read({ head: 6, messages: ids(6, 6, 'a'), more: true });
  expect(tracker).toMatchObject({ hadRoomForOne: false, isOpen: false });
  expect(tracker.since(5)).toBe(4);
  // Nor does an answer without messages to such a question mean that all is gone.
  tracker.since(5);
  read({ head: 5, messages: ids(5, 5, 'a'), more: true });
  tracker.since(5);
  read({ head: 5 });
  expect(tracker.isOpen).toBe(false);
  expect(tracker.since(5)).toBe(4);
  // Where there was room for more, or nothing more is there, the next question is as any other.
  read({ head: 9, messages: ids(5, 6, 'a'), more: true });
  expect(tracker.hadRoomForOne).toBe(false);
  tracker.since(5);
  read({ head: 5, messages: ids(5, 5, 'a') });
  expect(tracker.hadRoomForOne).toBe(false);
  // The next connection may be to a server that has more room.
  tracker.since(5);
  read({ head: 5, messages: ids(5, 5, 'a'), more: true });
  tracker.joined(5);
  expect(tracker).toMatchObject({ hadRoomForOne: false, isOpen: false });
  expect(tracker.since(5)).toBe(4);
});

test('a log that holds nothing is asked for all it has: now, and with every later question', () => {
  const { read, tracker } = log(5);
  tracker.since(5);
  read({ head: 4 });
  expect(tracker.isOpen).toBe(true);
  expect(tracker.since(5)).toBe(0);
  read({ head: 0 });
  expect(tracker.isOpen).toBe(false);
  expect(tracker.since(5)).toBe(0);
  read({ head: 0 });
  expect(tracker.isOpen).toBe(false);
  // And every live message is looked at.
  expect([3, 2].map((seq) => tracker.hears(seq, 5))).toEqual([true, true]);
  expect(tracker.since(5)).toBe(1);
  read({ head: 1 });
  expect(tracker.hears(2, 5)).toBe(true);
});

test('a log that held nothing, and is filled again below us, is no ground to go on from', () => {
  const { read, tracker } = log(9);
  tracker.since(9);
  read({ head: 8 });
  expect(tracker.since(9)).toBe(0);
  const page = { head: 2, messages: ids(1, 2, 'b'), more: true };
  read(page);
  tracker.memory.walked(pageOf(page), 9);
  expect(tracker.since(9)).toBe(2);
  // Once it is beyond us, it is asked whether it has what we have.
  read({ head: 12, messages: ids(3, 12, 'b'), more: true });
  expect(tracker.since(9)).toBe(8);
});

test('what is not shown is gone, up to the message before the next one', () => {
  const { read, tracker } = log(5);
  tracker.since(5);
  expect(read({ head: 9, messages: ids(8, 9, 'a') })).toMatchObject({
    says: 'ours',
    page: { oldest: 8 },
  });
  tracker.since(5);
  const linked = [{ seq: 8, prev: 6, data: 8 }];
  expect(read({ head: 9, messages: linked }).page.oldest).toBe(7);
  tracker.since(5);
  expect(read({ head: 9, oldest: 9, messages: ids(8, 9, 'a') }).page.oldest).toBe(9);
});

test('another message under a number of ours is of another log, where both have ids', () => {
  const says = (theirs?: string, ours?: string) => {
    const { read, tracker } = log(4);
    tracker.memory.accepted({ seq: 5, data: 5, ...(ours === undefined ? {} : { id: ours }) });
    tracker.since(5);
    const shown = { seq: 5, data: 5, ...(theirs === undefined ? {} : { id: theirs }) };
    return read({ head: 5, messages: [shown] }).says;
  };
  expect(says('a', 'b')).toBe('another');
  expect([says('a', 'a'), says('a'), says(undefined, 'b')]).toEqual(['ours', 'ours', 'ours']);
});

test('where numbers only rise, what is shown is what the log gave last, not what came live above it', () => {
  const { tracker } = log(5, false);
  tracker.memory.accepted({ seq: 8, data: 8 });
  expect(tracker.since(5)).toBe(4);
  tracker.memory.walked(pageOf({ head: 7, messages: [{ seq: 7, data: 7 }] }), 7);
  expect(tracker.since(7)).toBe(6);
  // A page that the queue cut short: only what was taken of it.
  tracker.memory.walked(pageOf({ head: 12, messages: messages(8, 12) }), 10);
  expect(tracker.since(10)).toBe(9);
  // Old ground changes nothing.
  tracker.memory.walked(pageOf({ head: 9, messages: messages(8, 9) }), 10);
  expect(tracker.since(10)).toBe(9);
  expect(log(0, false).tracker.since(0)).toBe(0);
});

test('where numbers only rise, an end below what came live is one only at or below our place', () => {
  const { read, tracker } = log(5, false);
  tracker.memory.accepted({ seq: 8, data: 8 });
  tracker.since(5);
  expect(read({ head: 6, messages: messages(5, 6) }).says).toBe('ours');
  expect(tracker.isOpen).toBe(true);
  tracker.since(5);
  expect(read({ head: 5, messages: messages(5, 5) }).says).toBe('behind');
});

test('where there was nothing, the first number that came live is what the log should show', () => {
  const { read, tracker } = log(0, false);
  tracker.memory.accepted({ seq: 5, data: 5 });
  tracker.memory.accepted({ seq: 6, data: 6 });
  expect(tracker.since(0)).toBe(0);
  expect(read({ head: 9, messages: messages(7, 9) }).page.oldest).toBe(7);
  tracker.since(0);
  expect(read({ head: 9, messages: messages(5, 9) }).page.oldest).toBe(1);
});

test('where numbers only rise, what came live may have been taken out of the middle of the log', () => {
  const { read, tracker } = log(0, false);
  const [two, four, eight] = [2, 4, 8].map((seq) => ({ seq, data: seq, id: `a${seq}` }));
  tracker.memory.accepted(four!);
  expect(tracker.since(0)).toBe(0);
  const { page, says } = read({ head: 8, messages: [two!, eight!], more: true });
  expect([says, page.oldest]).toEqual(['ours', 1]);
  // With nothing before it, nobody can say how much is gone.
  expect(read({ head: 8, messages: [eight!], more: true }).page.oldest).toBe(8);
});

test('while the log is still to be asked behind what it showed, what comes live waits', () => {
  const script = reconnected();
  script.answer(script.first('fetch').id, { head: 1, messages: messages(1, 1), more: true });
  const { id, request } = script.first('fetch');
  expect(request.seq).toBe(1);
  expect(script.frames([message(9)], 2).told).toEqual([]);
  script.answer(id, { head: 5, messages: messages(2, 5) });
  expect(script.told.filter((item) => item !== 'position')).toEqual([4, 5, 9]);
});

test('while the log has not shown all that came live before, what comes live now waits', () => {
  const script = reconnected();
  script.answer(script.first('fetch').id, { head: 2, messages: messages(1, 2) });
  const { id } = script.first('fetch');
  expect(script.frames([message(9)], 2).told).toEqual([]);
  script.answer(id, { head: 4, messages: messages(2, 4) });
  expect(script.told.filter((item) => item !== 'position')).toEqual([4, 9]);
});

test('a log that names a head below ours has gone back, however small its pages are', () => {
  const { read, tracker } = log(8);
  tracker.since(8);
  read({ head: 7, oldest: 5 });
  for (let i = 0; i < 3; i += 1) {
    expect(tracker.since(8)).toBe(0);
    const page = { head: 7, oldest: 5, messages: ids(5, 5, 'a'), more: true };
    expect(read(page).says).toBe('behind');
  }
});

test('an old answer out of a cache gives no other name to what we have', () => {
  const { read, tracker } = log(1);
  tracker.since(1);
  tracker.memory.accepted({ seq: 2, data: 2, id: 'b2' });
  const cached = { head: 2, messages: ids(1, 2, 'a'), more: true };
  read(cached);
  tracker.memory.walked(pageOf(cached), 2);
  expect(tracker.since(2)).toBe(1);
  expect(read({ head: 2, messages: ids(2, 2, 'b') }).says).toBe('ours');
  // Where we had no id, we learn one.
  const nameless = log(2);
  nameless.tracker.since(2);
  nameless.tracker.memory.walked(pageOf({ head: 2, messages: ids(2, 2, 'a') }), 2);
  nameless.tracker.since(2);
  expect(nameless.read({ head: 2, messages: ids(2, 2, 'b') }).says).toBe('another');
});

test('a log that held nothing for a moment does not make us forget the name of what we have', () => {
  const { read, tracker } = log(4);
  tracker.memory.accepted({ seq: 5, data: 5, id: 'b5' });
  const at = (page: Partial<Page>) => tracker.read(pageOf({ epoch: '-', ...page }), 5).says;
  tracker.since(5);
  read({ head: 4 });
  // The whole of it is asked for: nothing has to be in it, but what is has its name.
  expect(tracker.since(5)).toBe(0);
  expect(at({ head: 5, messages: ids(1, 5, 'a') })).toBe('another');
  expect(tracker.since(5)).toBe(0);
  const page = { head: 5, messages: ids(1, 5, 'b') };
  expect(at(page)).toBe('ours');
  tracker.memory.walked(pageOf(page), 5);
  tracker.since(5);
  expect(at({ head: 5, messages: ids(5, 5, 'b') })).toBe('ours');
  tracker.since(5);
  expect(at({ head: 5, messages: ids(5, 5, 'a') })).toBe('another');
});

test('what we stood on when we asked is held against its id, also when more came meanwhile', () => {
  const { read, tracker } = log(4);
  for (const message of ids(5, 5, 'a')) tracker.memory.accepted(message);
  tracker.since(5);
  for (const message of ids(6, 6, 'b')) tracker.memory.accepted(message);
  expect(read({ head: 6, messages: ids(5, 6, 'a') }).says).toBe('another');
  expect(read({ head: 6, messages: ids(5, 6, 'b') }).says).toBe('another');
});

test('an odd number that comes while a log is asked for from its beginning does not shorten the question', () => {
  const { read, tracker } = log(5);
  tracker.since(5);
  read({ head: 4 });
  expect(tracker.hears(5, 5)).toBe(true);
  expect(tracker.since(5)).toBe(0);
});

test('where numbers only rise, what came live is known by its id until an answer has shown it', () => {
  const { read, tracker } = log(5, false);
  tracker.memory.accepted({ seq: 8, data: 8, id: 'a8' });
  const page = { head: 9, messages: [{ seq: 5, data: 5 }, ...ids(8, 9, 'b')] };
  tracker.since(5);
  expect(read(page).says).toBe('another');
  tracker.since(5);
  expect(read({ ...page, messages: ids(5, 9, 'a') }).says).toBe('ours');
  tracker.memory.walked(pageOf(page), 9);
  tracker.since(9);
  expect(read(page).says).toBe('ours');
});

test('where numbers only rise, what came live is looked for until an answer has come past it', () => {
  const { tracker } = log(5, false);
  const answer = (page: Partial<Page>, last: number) => {
    tracker.since(last);
    return tracker.read(pageOf({ epoch: '-', head: 9, ...page }), last);
  };
  tracker.memory.accepted({ seq: 9, id: 'a9', data: 0 });
  const { page, says } = answer({ messages: ids(6, 7, 'a'), more: true }, 5);
  expect(says).toBe('ours');
  tracker.memory.walked(page, 7);
  expect(answer({ messages: ids(8, 9, 'b') }, 7).says).toBe('another');
});

test('a log of another counter that holds nothing is asked from its beginning, and no more', () => {
  const { read, tracker } = log(5);
  tracker.hears(2, 5);
  for (const since of [1, 0]) {
    expect(tracker.since(5)).toBe(since);
    // It names its head: everything up to there has aged out.
    expect(read({ head: 3, messages: [] }).says).toBe('ours');
  }
  expect(tracker.isOpen).toBe(false);
});

test('a log that held nothing when the connection broke is asked for what we have, by its name', () => {
  const { read, tracker } = log(4);
  tracker.memory.accepted({ seq: 5, data: 5, id: 'a5' });
  tracker.since(5);
  read({ head: 5 });
  tracker.joined(5);
  tracker.since(5);
  const shown = { head: 5, messages: ids(5, 5, 'b') };
  expect(tracker.read(pageOf({ epoch: '-', ...shown }), 5).says).toBe('another');
});

test('where numbers only rise, a place between two messages is not what the log should show', () => {
  const { read, tracker } = log(0, false);
  tracker.memory.accepted({ seq: 3, data: 3 });
  tracker.since(0);
  // The counter has gone on for others.
  const page = { head: 5, messages: ids(3, 3, 'a') };
  read(page);
  tracker.memory.walked(pageOf(page), 5);
  tracker.joined(5);
  expect(tracker.since(5)).toBe(2);
  const next = { head: 9, messages: [...ids(3, 3, 'a'), ...ids(9, 9, 'a')] };
  expect(read(next).page.oldest).toBe(1);
});
