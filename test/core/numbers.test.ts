// @vitest-environment node
/** Protocol 3.A: numbering and the log, as the client judges them. */
import { expect, test } from 'vitest';
import { decodePage } from '../../src/core/codec.js';
import type { Page } from '../../src/core/frames.js';
import { CHANNEL, message, messages, Script } from '../mutants/script.js';

/** Live at 5, told of 8, and asking. */
function asking(settings: ConstructorParameters<typeof Script>[0] = {}): [Script, number] {
  const script = new Script(settings).live(5).heads(8).pass(200);
  return [script, script.first('fetch').id];
}

test('A1 two messages that swapped places settle inside the window: order, and no question', () => {
  const script = new Script().live(5);
  expect(script.message(7).told).toEqual([]);
  expect(script.message(6).told).toEqual([6, 7]);
  expect(script.pass(10_000).all('fetch')).toEqual([]);
});

test('A1 a number that stays away is asked for, with the last one had as since', () => {
  const script = new Script().live(5).message(7).pass(200);
  expect(script.first('fetch').request).toEqual({ channel: 'room', epoch: 'e', seq: 5 });
});

test('A2 a hole is believed after three answers that agree, and named with its numbers', () => {
  const [script, first] = asking();
  const page = { head: 8, messages: messages(8, 8) };
  script.answer(first, page);
  expect(script.told).toEqual([]);
  script.answer(script.call()?.id ?? 0, page);
  expect(script.told).toEqual([]);
  script.answer(script.call()?.id ?? 0, page);
  expect(script.told).toEqual(['hole', 8]);
  expect(script.items[0]).toMatchObject({ gap: { epoch: 'e', from: 6, to: 7, reason: 'hole' } });
});

test('A2 a hole ends before the next message, not at a void range behind it', () => {
  const [script, first] = asking();
  const page = { head: 10, messages: messages(7, 8), void: [[9, 10]] as const };
  script.answer(first, page);
  for (let i = 0; i < 2; i += 1) script.answer(script.call()?.id ?? 0, page);
  expect(script.items[0]).toMatchObject({ gap: { from: 6, to: 6, reason: 'hole' } });
});

test('A2 answers that contradict each other in between prove no hole', () => {
  const [script, first] = asking();
  const hole = { head: 8, messages: messages(8, 8) };
  script.answer(first, hole);
  script.answer(script.call()?.id ?? 0, hole);
  // This one says that the log went back instead.
  script.answer(script.call()?.id ?? 0, { head: 4 });
  script.answer(script.call()?.id ?? 0, hole);
  script.answer(script.call()?.id ?? 0, hole);
  expect(script.told).toEqual([]);
  script.answer(script.call()?.id ?? 0, hole);
  expect(script.told).toEqual(['hole', 8]);
});

test('A4 live messages that overtook a page make it no hole', () => {
  const [script, id] = asking();
  script.message(6, 7, 8);
  expect(script.told).toEqual([6, 7, 8]);
  script.answer(id, { head: 7, messages: messages(6, 7) });
  expect(script.told).toEqual([]);
  expect(script.pass(5_000).all('fetch')).toEqual([]);
});

test('A5 void numbers are passed over without a word, whatever their order', () => {
  const [script, id] = asking();
  script.answer(id, {
    head: 12,
    messages: [...messages(7, 7), ...messages(10, 10)],
    void: [
      [6, 6],
      [8, 9],
      [11, 12],
    ],
  });
  expect(script.told).toEqual([7, 10, 'position']);
  expect(script.items.at(-1)).toMatchObject({ after: { position: { epoch: 'e', seq: 12 } } });
  expect(script.session.numbers('room')).toMatchObject({ last: 12, head: 12 });
});

test('A6 truncated: the boundary triple', () => {
  // Everything from 6 on is there: nothing is lost.
  const [kept, keptId] = asking();
  expect(kept.answer(keptId, { head: 8, oldest: 6, messages: messages(6, 8) }).told).toEqual([
    6, 7, 8,
  ]);
  // 6 is gone: exactly that is lost.
  const [cut, cutId] = asking();
  cut.answer(cutId, { head: 8, oldest: 7, messages: messages(7, 8) });
  expect(cut.told).toEqual(['truncated', 7, 8]);
  expect(cut.items[0]).toMatchObject({ gap: { from: 6, to: 6 } });
  // All is gone.
  const [gone, goneId] = asking();
  gone.answer(goneId, { head: 8, oldest: 9 });
  expect(gone.told).toEqual(['truncated']);
  expect(gone.items[0]).toMatchObject({ gap: { from: 6, to: 8 } });
  expect(gone.session.numbers('room')).toMatchObject({ last: 8, head: 8 });
});

test('A7 an empty log at our own number is up to date, not a loss', () => {
  const script = new Script().live(5).heads(6, 'other').pass(200);
  script.answer(script.first('fetch').id, { head: 5, oldest: 6 });
  expect(script.told).toEqual([]);
  expect(script.all('channelState').at(-1)?.state).toEqual({ name: 'live' });
});

test('A14, A15 what has no number never touches the position', () => {
  const script = new Script().live(5);
  script.frames([{ type: 'message', channel: 'room', epoch: 'e', data: 'typing' }]);
  expect(script.effects).toEqual([{ type: 'ephemeral', channel: 'room', data: 'typing' }]);
  script.frames([{ type: 'pong' }, { type: 'goaway', spreadMs: 0 }]);
  expect(script.session.numbers('room')).toEqual({ epoch: 'e', last: 5, head: 5, held: 0 });
});

test('E8 with no room to hold it an early message leaves its number, and is fetched', () => {
  const script = new Script({ maxHeld: 1 }).live(5).message(7, 8, 9);
  expect(script.session.numbers('room')).toEqual({ epoch: 'e', last: 5, head: 9, held: 1 });
  script.answer(script.call()?.id ?? 0, { head: 9, messages: messages(6, 9) });
  expect(script.told).toEqual([6, 7, 8, 9]);
  expect(script.session.counters.overflows).toBe(2);
});

test.each([
  ['fits into a page', 8, [[6, 8, 3]]],
  // One more than there are pages at most: the first is an eighth of one, so that something comes soon.
  [
    'takes several pages',
    12,
    [
      [6, 6, 1],
      [7, 9, 3],
      [10, 12, 3],
    ],
  ],
  [
    'takes several pages, and a part',
    13,
    [
      [6, 6, 1],
      [7, 9, 3],
      [10, 12, 3],
      [13, 13, 3],
    ],
  ],
])('I13 what was missed costs one question a page: it %s', (_what, head, pages) => {
  const script = new Script({ pageLimit: 3 }).live(5).heads(head).pass(200);
  for (const [from = 0, to = 0, limit] of pages) {
    const { id, limit: asked } = script.first('fetch');
    expect(asked).toBe(limit);
    script.answer(id, { head, messages: messages(from, to), more: to < head });
  }
  expect(script.all('fetch')).toEqual([]);
  const missed = head - 5;
  expect(script.session.counters).toMatchObject({ delivered: missed, recovered: missed });
});

test('a page that brings nothing is followed by a whole one', () => {
  const script = new Script({ pageLimit: 8 }).live(5).heads(30).pass(200);
  expect(script.first('fetch').limit).toBe(1);
  script.answer(script.first('fetch').id, { head: 30, messages: [], more: true, upto: 5 });
  script.pass(60_000);
  expect(script.first('fetch').limit).toBe(8);
});

test.each([
  ['after a live message', [31]],
  ['straight after the last page', []],
])('what is missing later begins with a part of a page again: %s', (_when, live) => {
  const script = new Script({ pageLimit: 8 }).live(5).heads(30).pass(200);
  script.answer(script.first('fetch').id, { head: 6, messages: messages(6, 6), more: true });
  script.answer(script.first('fetch').id, { head: 30, messages: messages(7, 30) });
  script
    .message(...live)
    .heads(60)
    .pass(200);
  expect(script.first('fetch').limit).toBe(1);
});

test('trap 6 recovered and live messages take one path: what came by both comes once', () => {
  const [script, id] = asking();
  script.message(8).answer(id, { head: 8, messages: messages(6, 8) });
  expect(script.told).toEqual([6, 7, 8]);
  expect(script.frames([message(7), message(8)]).told).toEqual([]);
  expect(script.session.counters.duplicates).toBe(2);
});

test('trap 9 head is never a position', () => {
  const script = new Script().live(5).heads(50);
  expect(script.session.numbers('room')).toMatchObject({ last: 5, head: 50 });
  expect(script.all('save')).toEqual([]);
});

test('C8 what an answer says of numbers above its head is not believed', () => {
  const read = (more: object) => {
    const facts = { channel: CHANNEL, epoch: 'e', head: 10, oldest: 1, messages: [] };
    return decodePage({ ...facts, ...more }, CHANNEL) as Page;
  };
  const answered = (page: Page): Script => {
    const script = new Script().live(5).heads(10);
    for (let i = 0; i < 3; i += 1) {
      const call = script.call();
      if (call !== undefined) script.answer(call.id, page);
    }
    return script;
  };
  const script = answered(read({ void: [[6, 20]] }));
  expect(script.told).toEqual(['hole']);
  expect(script.message(11, 12).told).toEqual([11, 12]);
  expect(answered(read({ upto: 20 })).message(11, 12).told).toEqual([11, 12]);
  expect(answered(read({ void: [[6, 10]], upto: 10 })).message(11).told).toEqual([11]);
});
