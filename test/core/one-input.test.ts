// @vitest-environment node
/** Several things in one input: what comes after the one that ended the connection belongs to nobody. */
import { expect, test } from 'vitest';
import type { DecodedFrame } from '../../src/core/frames.js';
import { DEFAULT_SETTINGS, type Settings } from '../../src/core/settings.js';
import { CHANNEL, LATEST, Script } from '../mutants/script.js';

const REFUSED: DecodedFrame = { type: 'error', code: 'unauthorized', retry: false };
const OTHER = 'other room';

const notices = (script: Script) => script.all('notice').map(({ notice }) => notice);

/** Open on attempt `attempt`, with a token of that version. */
function authorized(settings: Partial<Settings> = {}): Script {
  const script = new Script({ hasToken: true, verbose: true, ...settings });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  return open(script, 1);
}

function open(script: Script, attempt: number): Script {
  script.enter({ type: 'token', version: attempt, outcome: 'ready' });
  script.enter({ type: 'opened', attempt });
  return script.frames([{ type: 'welcome', caps: ['auth'], limits: {} }], attempt);
}

test('frames behind the refusal of the token neither serve us nor set a watch', () => {
  const script = authorized().frames([REFUSED]);
  open(script, 2).frames(
    [
      REFUSED,
      { type: 'subscribed', channel: CHANNEL, epoch: 'e', head: 5, oldest: 1 },
      { type: 'welcome', caps: [], limits: {}, heartbeatMs: 1 },
    ],
    2,
  );
  expect(script.all('connectionState').map(({ state }) => state)).toEqual([
    { name: 'unauthorized' },
  ]);
  // Only the place where reading begins waits, for its flush.
  expect(script.session.nextDeadline()).toBe(script.now + DEFAULT_SETTINGS.flushMs);
});

test('a join that is overdue in the moment in which the connection dies asks nobody', () => {
  const script = new Script({ heartbeatMs: 400, joinTimeoutMs: 1_005, verbose: true });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 });
  script.now += 1_010;
  script.enter({ type: 'tick' });
  expect(script.all('connectionState').at(-1)?.state).toMatchObject({ name: 'waiting' });
  expect(script.all('send')).toEqual([]);
  expect(notices(script)).not.toContainEqual({ event: 'probe' });
});

test('a leave in the moment in which the connection dies sends nothing', () => {
  const script = new Script({ heartbeatMs: 400, leaveDelayMs: 1_000 }).live();
  script.enter({ type: 'release', channel: CHANNEL });
  script.now += 1_000;
  script.enter({ type: 'tick' });
  expect(script.all('left')).toEqual([{ type: 'left', channel: CHANNEL }]);
  expect(script.all('connectionState').at(-1)?.state).toMatchObject({ name: 'waiting' });
  expect(script.all('send')).toEqual([]);
});

test('while a fresh token cannot be had the server is shown none, and calls go on with the old one', () => {
  const script = authorized();
  script.subscribed({ epoch: 'e', head: 5, oldest: 1 }).heads(9).pass(200);
  script.refuse(script.first('fetch').id, 401, undefined, 1);
  expect(script.all('askToken')).toEqual([{ type: 'askToken', version: 2, refresh: true }]);
  script.enter({ type: 'token', version: 2, outcome: 'failed', detail: 'away' });
  expect(script.all('authenticate')).toEqual([]);
  expect(script.call()?.tokenVersion).toBe(1);
});

test('a server may serve one channel without facts, and say nothing of the others', () => {
  const script = new Script({ pollMs: 60_000 });
  for (const channel of [CHANNEL, OTHER]) {
    script.enter({ type: 'join', channel, intent: LATEST });
  }
  script.enter({ type: 'opened', attempt: 1 });
  script.frames([
    { type: 'joined', channel: 'nobody wants it' },
    { type: 'joined', channel: CHANNEL },
  ]);
  expect(script.all('fetch').map(({ request }) => request.channel)).toEqual([CHANNEL]);
});

test('a frame that cannot be read, and is of no channel, makes no channel ask', () => {
  const script = new Script({ verbose: true }).live();
  script.frames([{ type: 'bad', reason: 'odd' }]);
  expect(notices(script)).toEqual([{ event: 'badFrame', reason: 'odd' }]);
  expect(script.pass(1_000).all('fetch')).toEqual([]);
});

test('what is refused of a publish is refused of nothing else', () => {
  const script = new Script().live();
  script.enter({ type: 'publish', id: 1, channel: CHANNEL, data: 'x', key: 'k', timeoutMs: 9 });
  const [{ id } = { id: 0 }] = script.sentOf('publish');
  script.frames([{ type: 'error', id, channel: CHANNEL, code: 'limit', retry: true }]);
  expect(script.all('published')).toMatchObject([{ result: { ok: false, code: 'refused' } }]);
  expect(script.all('channelState')).toEqual([]);
  expect(script.sent).toEqual([]);
});

test('an acknowledged publish leaves no deadline behind', () => {
  const script = new Script().live();
  script.enter({ type: 'publish', id: 1, channel: CHANNEL, data: 'x', key: 'k', timeoutMs: 50 });
  expect(script.session.nextDeadline()).toBe(script.now + 50);
  const [{ id } = { id: 0 }] = script.sentOf('publish');
  script.frames([{ type: 'ack', id, channel: CHANNEL, position: { epoch: 'e', seq: 6 } }]);
  script.message(6).pass(40);
  expect(script.session.nextDeadline()).toBeGreaterThan(script.now + 10);
});

test('why the log gave no page is noticed, of a call that ended and of one that took too long', () => {
  const script = new Script({ carrier: 'socket', verbose: true });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'welcome', caps: ['recover', 'ping'], limits: {} }]);
  script.subscribed({ epoch: 'e', head: 5, oldest: 1 }).heads(9);
  const answers = () => notices(script).filter(({ event }) => event === 'answered');
  const [{ id } = { id: 0 }] = script.pass(200).sentOf('recover');
  script.frames([{ type: 'recovered', id, items: [] }]);
  const answer = { event: 'answered', channel: CHANNEL, status: 0 };
  expect(answers()).toEqual([{ ...answer, detail: 'the answer leaves the channel out' }]);
  script.pass(60_000);
  expect(answers()[0]).toEqual({ ...answer, detail: 'timed out' });
});
