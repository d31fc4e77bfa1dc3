// @vitest-environment node
/** Rules of answers, room and owners, one at a time. */
import { expect, test } from 'vitest';
import { CHANNEL, message, messages, pageOf, Script } from './script.js';

const SNAPSHOT = { start: 'latest', snapshot: true, maxAttempts: 5 } as const;

test('a hole ends where the page does', () => {
  const script = new Script().live(5).heads(7);
  for (let i = 0; i < 3; i += 1) script.answer(script.call()?.id ?? 0, { head: 7 });
  expect(script.items).toMatchObject([{ gap: { reason: 'hole', from: 6, to: 7 } }]);
  expect(script.session.numbers(CHANNEL)?.last).toBe(7);
});

test('what a page says of the head is heard', () => {
  const script = new Script().live(5).heads(7).pass(200);
  script.answer(script.first('fetch').id, { head: 9, more: true, messages: messages(6, 7) });
  expect(script.all('fetch')[0]?.request.seq).toBe(7);
});

test('a join reply of another epoch makes us ask the log, whatever its numbers', () => {
  const script = new Script().live(5).subscribed({ epoch: 'f', head: 5, oldest: 1 });
  expect(script.all('fetch')).toHaveLength(1);
});

test('a join reply behind our position makes us ask the log', () => {
  const script = new Script().live(5).message(6, 7);
  expect(script.subscribed({ epoch: 'e', head: 6, oldest: 1 }).all('fetch')).toHaveLength(1);
});

test('what was accepted before a gap is marked with the owner of before', () => {
  const script = new Script({ carrier: 'socket' });
  script.live(5).frames([{ type: 'welcome', caps: ['recover'], limits: {} }]);
  const [{ id } = { id: 0 }] = script.heads(20).pass(200).sentOf('recover');
  const page = pageOf({ head: 20, oldest: 11, messages: messages(11, 20) });
  script.frames([message(6), { type: 'recovered', id, items: [{ status: 200, page }] }]);
  const [before, behind] = script.all('deliver');
  expect(before?.items).toMatchObject([{ seq: 6 }, { gap: { from: 7, to: 10 } }]);
  const gap = before?.items[1];
  expect(gap?.type === 'gap' && gap.after.position.tok).toBe(behind?.tok);
  expect(before?.tok).not.toBe(behind?.tok);
});

test('a loss that a snapshot heals is named all the same', () => {
  const script = new Script().live(5, SNAPSHOT);
  script.enter({ type: 'snapshotTaken', channel: CHANNEL }).heads(20).pass(200);
  script.answer(script.first('fetch').id, { head: 20, oldest: 15 });
  script.enter({ type: 'snapshotTaken', channel: CHANNEL });
  expect(script.items).toMatchObject([{ gap: { from: 6, to: 20, healed: 'snapshot' } }]);
});

test('a call that is never answered ends, and is made again', () => {
  const script = new Script({ backoffBaseMs: 100 }).live(5).heads(9).pass(200);
  expect(script.all('fetch')).toHaveLength(1);
  script.pass(11_000);
  expect(script.all('abort')).toHaveLength(1);
  expect(script.all('fetch').length).toBeGreaterThan(0);
});

test('what was asked before the connection was lost is asked anew', () => {
  const script = new Script().live(5).heads(9).pass(200);
  script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' }).pass(2_000);
  script.enter({ type: 'opened', attempt: 2 });
  const facts = { epoch: 'e', head: 9, oldest: 1 };
  script.frames([{ type: 'subscribed', channel: CHANNEL, ...facts }], 2);
  expect(script.all('fetch')).toHaveLength(1);
});

test('what there is no room for is fetched when the handlers have come half through', () => {
  const script = new Script({ maxQueued: 4 }).live(5).heads(12).pass(200);
  script.answer(script.first('fetch').id, { head: 12, messages: messages(6, 12) });
  expect(script.told).toEqual([6, 7, 8, 9]);
  expect(script.all('fetch')).toEqual([]);
  script.enter({ type: 'handled', channel: CHANNEL, count: 1 });
  expect(script.all('fetch')).toEqual([]);
  script.enter({ type: 'handled', channel: CHANNEL, count: 3 });
  expect(script.first('fetch').request.seq).toBe(9);
});

test('a silent connection is given up', () => {
  expect(new Script().live(5).pass(70_000).all('hangUp').length).toBeGreaterThan(0);
});
