// @vitest-environment node
/** Much that is to be sent to a server of which nothing is known yet: whether it takes arrays, say. */
import { expect, test } from 'vitest';
import type { ClientFrame, DecodedFrame } from '../../src/core/frames.js';
import { LATEST, Script } from '../mutants/script.js';

const WELCOME: DecodedFrame = { type: 'welcome', caps: ['arrays'], limits: {} };
const EARLY = 64;

const names = (count: number, from = 0): readonly string[] =>
  Array.from({ length: count }, (_, i) => `room-${from + i}`);
const join = (script: Script, channels: readonly string[]): Script => {
  for (const channel of channels) script.enter({ type: 'join', channel, intent: LATEST });
  return script;
};
/** Wants so many channels, and has just got a connection. */
const opened = (count: number): Script =>
  join(new Script(), names(count)).enter({ type: 'opened', attempt: 1 });
const asked = (frames: readonly ClientFrame[]): readonly string[] =>
  frames.map((frame) => `${frame.type} ${'channel' in frame ? frame.channel : ''}`);
const subscribes = (channels: readonly string[]): readonly string[] =>
  channels.map((channel) => `subscribe ${channel}`);

test('few channels are joined at once, and nothing waits', () => {
  const script = opened(EARLY);
  expect(asked(script.sent)).toEqual(subscribes(names(EARLY)));
  expect(script.frames([WELCOME]).sent).toEqual([]);
  expect(script.pass(1_000).sent).toEqual([]);
});

test('of many, the others go with the first word of the server, as it takes them', () => {
  const script = opened(100);
  expect(asked(script.sent)).toEqual(subscribes(names(EARLY)));
  script.frames([WELCOME]);
  expect(script.all('send')).toMatchObject([{ asArray: true }]);
  expect(asked(script.sent)).toEqual(subscribes(names(100 - EARLY, EARLY)));
  expect(script.pass(1_000).sent).toEqual([]);
});

test('the first word may be any: a server need not welcome anybody', () => {
  const script = opened(100);
  script.frames([{ type: 'subscribed', channel: 'room-0', epoch: 'e', head: 5, oldest: 1 }]);
  expect(script.all('send')).toMatchObject([{ asArray: false }]);
  expect(asked(script.sent)).toEqual(subscribes(names(100 - EARLY, EARLY)));
});

test('a server that says nothing is waited for no longer than 100 ms', () => {
  const script = opened(100);
  expect(script.pass(99).sent).toEqual([]);
  script.pass(1);
  expect(script.all('send')).toMatchObject([{ asArray: false }]);
  expect(asked(script.sent)).toEqual(subscribes(names(100 - EARLY, EARLY)));
});

test('what is asked for meanwhile neither overtakes nor makes the others wait longer', () => {
  const script = opened(68).pass(60);
  join(script, ['late']).enter({ type: 'release', channel: 'room-67' });
  expect(script.sent).toEqual([]);
  expect(asked(script.pass(40).sent)).toEqual(subscribes([...names(4, EARLY), 'late']));
  expect(asked(script.pass(1_000).sent)).toEqual(['unsubscribe room-67']);
});

test('channels that are wanted one by one on a silent connection are many as well', () => {
  const script = join(new Script(), ['first']).enter({ type: 'opened', attempt: 1 });
  const sent = names(EARLY).flatMap((name) => asked(join(script, [name]).sent));
  expect(sent).toEqual(subscribes(names(EARLY - 1)));
  expect(asked(script.frames([WELCOME]).sent)).toEqual(subscribes(['room-63']));
  // Now it is known, and nothing waits any more.
  expect(asked(join(script, ['more']).sent)).toEqual(['subscribe more']);
});

test('what a connection kept back is not sent on the next one, which begins the same way', () => {
  const script = opened(100).reconnected();
  expect(asked(script.sent)).toEqual(subscribes(names(EARLY)));
  script.frames([WELCOME], 2);
  expect(asked(script.sent)).toEqual(subscribes(names(100 - EARLY, EARLY)));
});

test('a word of the connection before says nothing of this one', () => {
  const script = opened(100).reconnected();
  expect(script.frames([WELCOME], 1).sent).toEqual([]);
  expect(script.frames([WELCOME], 2).sent).toHaveLength(100 - EARLY);
});

test('a connection that was heard leaves nothing to the next one', () => {
  const script = opened(100).frames([WELCOME]).reconnected();
  expect(script.sent).toHaveLength(EARLY);
});

test('the wait of a connection is its own: what one began does not shorten that of the next', () => {
  const script = opened(100).pass(60).reconnected();
  expect(script.pass(99).sent).toEqual([]);
  expect(script.pass(1).sent).toHaveLength(100 - EARLY);
});
