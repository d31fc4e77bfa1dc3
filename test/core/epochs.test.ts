// @vitest-environment node
/** Protocol 3.D: another log under the same name, and a log that went back. */
import { expect, test } from 'vitest';
import type { ChannelIntent } from '../../src/core/vocabulary.js';
import { CHANNEL, messages, Script } from '../mutants/script.js';

const SNAPSHOT: ChannelIntent = { start: 'latest', snapshot: true, maxAttempts: 5 };

const strange = (seq: number, epoch = 'f') =>
  [{ type: 'message', channel: CHANNEL, epoch, seq, data: seq }] as const;

test('D1 restart with counter at 1: what looks like a duplicate is another log', () => {
  const script = new Script().live(5_000);
  expect(script.frames(strange(1)).told).toEqual([]);
  script.pass(200);
  expect(script.first('fetch').request).toEqual({ channel: CHANNEL, epoch: 'e', seq: 5_000 });
  script.answer(script.first('fetch').id, { epoch: 'f', head: 1, oldest: 1 });
  expect(script.items).toEqual([
    {
      type: 'gap',
      gap: { type: 'gap', channel: CHANNEL, epoch: 'e', from: 5_001, reason: 'epoch' },
      after: {
        channel: CHANNEL,
        mode: 'replace',
        position: { epoch: 'f', seq: 0, tok: expect.any(String) },
      },
    },
  ]);
  script.answer(script.first('fetch').id, { epoch: 'f', head: 1, messages: messages(1, 1) });
  expect(script.told).toEqual([1]);
});

test.each([
  ['a message', (script: Script) => script.frames(strange(6))],
  ['heads', (script: Script) => script.heads(6, 'f')],
  ['a join reply', (script: Script) => script.subscribed({ epoch: 'f', head: 6, oldest: 1 })],
])('D2, D4 %s of another epoch asks the log, and switches nothing', (_, enter) => {
  const script = new Script().live(5);
  enter(script);
  expect(script.session.numbers(CHANNEL)?.epoch).toBe('e');
  const fetches = [...script.all('fetch'), ...script.pass(200).all('fetch')];
  expect(fetches.map(({ request }) => request.epoch)).toEqual(['e']);
});

test('D3 a late frame of the old epoch costs a question, never a step back', () => {
  const script = new Script().live(5).heads(1, 'f').pass(200);
  script.answer(script.first('fetch').id, { epoch: 'f', head: 1, oldest: 2 });
  expect(script.session.numbers(CHANNEL)).toMatchObject({ epoch: 'f', last: 1 });
  script.message(6).pass(200);
  script.answer(script.first('fetch').id, { epoch: 'f', head: 1, oldest: 2 });
  expect(script.told).toEqual([]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ epoch: 'f', last: 1 });
});

test('D7 an epoch that comes back goes on where it was left: nothing is delivered twice', () => {
  const script = new Script().live(5).message(6).heads(2, 'f').pass(200);
  script.answer(script.first('fetch').id, { epoch: 'f', head: 2, oldest: 3 });
  script.heads(8).pass(200);
  script.answer(script.first('fetch').id, { epoch: 'e', head: 8, oldest: 1 });
  expect(script.items).toMatchObject([{ gap: { epoch: 'f', from: 3, reason: 'epoch' } }]);
  expect(script.first('fetch').request).toEqual({ channel: CHANNEL, epoch: 'e', seq: 6 });
  script.answer(script.first('fetch').id, { head: 8, messages: messages(1, 8) });
  expect(script.told).toEqual([7, 8]);
});

test('D8 a position is replaced, never asked for again; a log that flips for ever is slowed down', () => {
  const script = new Script().live(5);
  let problems = 0;
  let asked = 0;
  for (let i = 0; i < 200; i += 1) {
    script.heads(1, `epoch ${i}`).pass(200);
    problems += script.all('problem').length;
    for (const { id, request } of script.all('fetch')) {
      asked += 1;
      expect(request.epoch).not.toBe(`epoch ${i}`);
      script.answer(id, { epoch: `epoch ${i}`, head: 1, oldest: 2 });
      problems += script.all('problem').length;
    }
  }
  expect(problems).toBe(1);
  expect(asked).toBeLessThan(40);
});

test('D9 a rewind renews the owner token, so that the store takes the lower number', () => {
  const script = new Script().live(5).message(6);
  const before = script.first('deliver').tok;
  script.subscribed({ epoch: 'e', head: 3, oldest: 2 });
  for (let i = 0; i < 3; i += 1) script.answer(script.call()?.id ?? 0, { head: 3, oldest: 2 });
  const [gap] = script.items;
  expect(gap).toMatchObject({
    gap: { epoch: 'e', from: 7, reason: 'rewind' },
    after: { mode: 'replace', position: { epoch: 'e', seq: 1 } },
  });
  expect(gap).not.toMatchObject({ after: { position: { tok: before } } });
});

test('E7 with a snapshot a discontinuity loads the state, then names what it healed', () => {
  const script = new Script().live(5, SNAPSHOT).enter({ type: 'snapshotTaken', channel: CHANNEL });
  script.heads(9).pass(200).answer(script.first('fetch').id, { head: 9, oldest: 8 });
  expect(script.items).toEqual([
    { type: 'snapshot', reason: 'truncated', position: { epoch: 'e', seq: 9 } },
  ]);
  script.enter({ type: 'snapshotTaken', channel: CHANNEL });
  expect(script.items).toMatchObject([
    {
      gap: { epoch: 'e', from: 6, to: 9, reason: 'truncated', healed: 'snapshot' },
      after: { mode: 'replace', position: { epoch: 'e', seq: 9 } },
    },
  ]);
});

test('E7 a state older than what was delivered brings nothing twice', () => {
  const script = new Script().live(5, SNAPSHOT).enter({ type: 'snapshotTaken', channel: CHANNEL });
  script.heads(9).pass(200).answer(script.first('fetch').id, { head: 9, oldest: 8 });
  const position = { epoch: 'e', seq: 3 };
  script.enter({ type: 'snapshotTaken', channel: CHANNEL, position }).pass(200);
  expect(script.told).toEqual([]);
  expect(script.first('fetch').request.seq).toBe(5);
});

test('trap 1 numbers of different epochs are never compared', () => {
  const script = new Script().live(5).frames(strange(6)).frames(strange(7)).pass(200);
  script.answer(script.first('fetch').id, { epoch: 'f', head: 7, oldest: 8 });
  expect(script.told).toEqual(['epoch']);
  expect(script.session.numbers(CHANNEL)).toEqual({ epoch: 'f', last: 7, head: 7, held: 0 });
});

test('giveUpAfterMs goes by what the log last said, not by an old join', () => {
  const script = new Script({ giveUpAfterMs: 1_000 }).live(5).heads(2, 'f').pass(200);
  script.answer(script.first('fetch').id, { epoch: 'f', head: 2, oldest: 1 });
  script.refuse(script.first('fetch').id, 500).pass(1_000);
  for (const { id } of script.all('fetch')) script.refuse(id, 500);
  script.frames([{ type: 'pong' }]).pass(3_000);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ epoch: 'f', last: 2 });
});
