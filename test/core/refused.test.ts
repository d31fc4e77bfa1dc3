// @vitest-environment node
/** A channel that is refused, while it reads or the app's snapshot loads, and is asked for again. */
import { expect, test } from 'vitest';
import { CHANNEL, LATEST, Script } from '../mutants/script.js';

const SNAPSHOT = { ...LATEST, snapshot: true };
const refused = {
  type: 'unsubscribed',
  channel: CHANNEL,
  code: 'forbidden',
  retry: false,
} as const;
const taken = { type: 'snapshotTaken', channel: CHANNEL } as const;
const join = { type: 'join', channel: CHANNEL, intent: SNAPSHOT } as const;

/** The snapshot of a log that was replaced by one of 3 messages is at work, and the server has ended the channel. */
function refusedAtWork(): Script {
  const script = new Script().live(5, SNAPSHOT).enter(taken);
  script.heads(3, 'f').answer(script.call()?.id ?? 0, { epoch: 'f', head: 3 });
  expect(script.told).toEqual(['snapshot']);
  return script.enter({ type: 'handling', channel: CHANNEL }).frames([refused]);
}

test('asked for again, it waits for the snapshot that is at work, and calls no other', () => {
  const script = refusedAtWork();
  expect(script.enter(join).all('left')).toEqual([]);
  script.subscribed({ epoch: 'f', head: 4, oldest: 1 });
  expect(script.told).toEqual([]);
  expect(script.enter(taken).told).toEqual(['epoch']);
  expect(script.call()?.request).toMatchObject({ epoch: 'f', seq: 3 });
});

test('a snapshot that ends meanwhile is not asked for again', () => {
  const script = refusedAtWork();
  script.enter(taken);
  expect(script.told).toEqual(['epoch']);
  expect(script.all('channelState')).toEqual([]);
  script.enter(join).subscribed({ epoch: 'f', head: 4, oldest: 1 });
  expect(script.told).toEqual([]);
  expect(script.first('fetch').request).toMatchObject({ epoch: 'f', seq: 3 });
});

test('the first snapshot is waited for as well', () => {
  const script = new Script().live(5, SNAPSHOT).enter({ type: 'handling', channel: CHANNEL });
  expect(script.frames([refused]).enter(join).all('left')).toEqual([]);
  expect(script.subscribed({ epoch: 'e', head: 6, oldest: 1 }).told).toEqual([]);
  expect(script.enter(taken).told).toEqual([]);
  expect(script.call()?.request).toMatchObject({ epoch: 'e', seq: 5 });
});

test('while it is refused, a head that is not for us moves nothing', () => {
  const script = new Script().live(5).frames([refused]);
  script.frames([
    { type: 'heads', heads: [{ channel: CHANNEL, epoch: 'e', head: 9, visible: 5 }] },
  ]);
  script.enter({ ...join, intent: LATEST }).subscribed({ epoch: 'e', head: 9, oldest: 1 });
  expect(script.first('fetch').request).toMatchObject({ epoch: 'e', seq: 5 });
});

test('while it is refused, messages are for nobody: they are fetched when it is let in', () => {
  const script = new Script().live(5).frames([refused]);
  expect(script.message(6).told).toEqual([]);
  script.enter({ ...join, intent: LATEST }).subscribed({ epoch: 'e', head: 6, oldest: 1 });
  expect(script.first('fetch').request).toMatchObject({ epoch: 'e', seq: 5 });
});

test('refused before the store has answered, it asks the store again', () => {
  const stored = { ...join, intent: { ...LATEST, start: 'stored' } } as const;
  const script = new Script().enter(stored).enter({ type: 'opened', attempt: 1 }).frames([refused]);
  expect(script.enter(stored).all('load')).toHaveLength(1);
  script.enter({ type: 'loaded', channel: CHANNEL });
  expect(script.subscribed({ epoch: 'e', head: 6, oldest: 1 }).all('channelState')).toMatchObject([
    { state: { name: 'live' } },
  ]);
});

test('a snapshot that nobody waits for any more moves nothing', () => {
  const script = new Script().live(5);
  script.enter({ ...taken, position: { epoch: 'e', seq: 9 } });
  expect(script.session.numbers(CHANNEL)).toMatchObject({ epoch: 'e', last: 5 });
});
