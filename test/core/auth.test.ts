// @vitest-environment node
/** One auth state for the socket and the recovery call: G9, C6, and what counts as a refusal. */
import { expect, test } from 'vitest';
import { CHANNEL, LATEST, Script } from '../mutants/script.js';

/** Joined, with a token of version 1. */
function authorized(caps: readonly string[] = ['auth']): Script {
  const script = new Script({ hasToken: true });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'token', version: 1, outcome: 'ready' });
  script.enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'welcome', caps, limits: {} }]);
  return script.subscribed({ epoch: 'e', head: 5, oldest: 1 });
}

const drop = (script: Script, attempt: number): Script =>
  script.enter({ type: 'dropped', attempt, code: 4401, reason: '' });

test('the token comes before the dial, and is shown before the first join, whole trace', () => {
  const script = new Script({ hasToken: true });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  expect(script.all('askToken')).toEqual([{ type: 'askToken', version: 1, refresh: false }]);
  expect(script.all('dial')).toEqual([]);
  script.enter({ type: 'token', version: 1, outcome: 'ready' });
  expect(script.all('dial')).toEqual([{ type: 'dial', attempt: 1 }]);
  expect(script.enter({ type: 'opened', attempt: 1 }).effects).toEqual([
    { type: 'connectionState', state: { name: 'open' } },
    { type: 'authenticate' },
    { type: 'send', frames: [{ type: 'subscribe', id: 1, channel: CHANNEL }], asArray: false },
  ]);
});

test('refused once: exactly one refresh; refused again: unauthorized, and nothing loops', () => {
  const script = drop(authorized(), 1);
  expect(script.all('askToken')).toEqual([{ type: 'askToken', version: 2, refresh: true }]);
  script.enter({ type: 'token', version: 2, outcome: 'ready' });
  expect(script.all('dial')).toEqual([{ type: 'dial', attempt: 2 }]);
  script.enter({ type: 'opened', attempt: 2 });
  drop(script, 2);
  expect(script.all('problem')).toEqual([{ type: 'problem', problem: { code: 'unauthorized' } }]);
  expect(script.all('connectionState').at(-1)?.state).toEqual({ name: 'unauthorized' });
  script.pass(3_600_000);
  expect([...script.all('dial'), ...script.all('askToken')]).toEqual([]);
  // The app leaves it, and old refusals are forgiven.
  expect(script.enter({ type: 'connect' }).all('askToken')).toEqual([
    { type: 'askToken', version: 3, refresh: false },
  ]);
});

test('an acceptance in between makes the next refusal a first one', () => {
  const script = drop(authorized(), 1).enter({ type: 'token', version: 2, outcome: 'ready' });
  script.enter({ type: 'opened', attempt: 2 });
  script.frames([{ type: 'subscribed', channel: CHANNEL, epoch: 'e', head: 5, oldest: 1 }], 2);
  drop(script, 2);
  expect(script.all('problem')).toEqual([]);
  expect(script.all('askToken')).toEqual([{ type: 'askToken', version: 3, refresh: true }]);
});

test('a refusal against an old token does not count', () => {
  const script = authorized().heads(9).pass(200);
  const { id, tokenVersion } = script.first('fetch');
  expect(tokenVersion).toBe(1);
  script.refuse(id, 401, undefined, 1);
  script.enter({ type: 'token', version: 2, outcome: 'ready' });
  // A late answer of the socket's own token, and of a call made with the first one.
  script.refuse(999, 401, undefined, 1);
  expect(script.all('problem')).toEqual([]);
  expect(script.all('askToken')).toEqual([]);
});

test('401 of a recovery call: one refresh for all, and the call is made again with the new token', () => {
  const script = authorized().heads(9).pass(200);
  script.refuse(script.first('fetch').id, 401, undefined, 1);
  expect(script.all('askToken')).toEqual([{ type: 'askToken', version: 2, refresh: true }]);
  script.enter({ type: 'token', version: 2, outcome: 'ready' });
  expect(script.first('fetch')).toMatchObject({ tokenVersion: 2, request: { seq: 5 } });
  // The open socket is shown the new token, where it takes one.
  expect(script.all('authenticate')).toHaveLength(1);
});

test('two 401 in one answer are one refusal, and no reason to wait', () => {
  const script = authorized();
  const refused = { status: 401, channel: CHANNEL } as const;
  script.frames([{ type: 'recovered', id: 77, items: [refused, refused] }]);
  expect(script.all('askToken')).toHaveLength(1);
  expect(script.all('connectionState').map(({ state }) => state.name)).not.toContain('waiting');
  expect(script.enter({ type: 'token', version: 2, outcome: 'ready' }).all('dial')).toHaveLength(1);
});

test('single flight: a question for the token is asked once, however many want it', () => {
  const script = authorized().heads(9).pass(200);
  script.refuse(script.first('fetch').id, 401, undefined, 1);
  drop(script, 1);
  expect(script.all('askToken')).toEqual([]);
});

test.each(['failed', 'times out'])('a provider that %s is tried again with backoff', (how) => {
  const script = new Script({ hasToken: true, tokenTimeoutMs: 2_000 });
  script.enter({ type: 'connect' });
  if (how === 'failed') script.enter({ type: 'token', version: 1, outcome: 'failed', detail: 'x' });
  else script.pass(2_000);
  expect(script.all('problem')).toMatchObject([{ problem: { code: 'token_failed' } }]);
  expect(script.all('connectionState').at(-1)?.state).toMatchObject({
    name: 'waiting',
    reason: 'token',
  });
  expect(script.pass(1_000).all('askToken')).toEqual([
    { type: 'askToken', version: 2, refresh: false },
  ]);
  // What the first question brings at last is not the answer to the second.
  expect(script.enter({ type: 'token', version: 1, outcome: 'ready' }).all('dial')).toEqual([]);
});

test('a provider that says so itself is final at once', () => {
  const script = new Script({ hasToken: true });
  script.enter({ type: 'connect' });
  script.enter({ type: 'token', version: 1, outcome: 'refused' });
  expect(script.all('connectionState').at(-1)?.state).toEqual({ name: 'unauthorized' });
});

test('without a provider a refusal is final at once', () => {
  const script = drop(new Script().live(5), 1);
  expect(script.all('connectionState').at(-1)?.state).toEqual({ name: 'unauthorized' });
});

test('a server that accepts and refuses in turns meets the backoff', () => {
  const script = authorized();
  let dials = 0;
  for (let attempt = 1; attempt < 30; attempt += 1) {
    drop(script, attempt).enter({ type: 'token', version: attempt + 1, outcome: 'ready' });
    for (let i = 0; i < 10 && script.all('dial').length === 0; i += 1) {
      script.pass(100);
      for (const { version } of script.all('askToken')) {
        script.enter({ type: 'token', version, outcome: 'ready' });
      }
    }
    dials += script.all('dial').length;
    if (script.all('dial').length === 0) break;
    script.enter({ type: 'opened', attempt: attempt + 1 });
    const facts = { epoch: 'e', head: 5, oldest: 1 };
    script.frames([{ type: 'subscribed', channel: CHANNEL, ...facts }], attempt + 1);
  }
  expect(dials).toBeLessThan(10);
});

test('without channels a connection that stays shows that its token was taken: each expiry is a first one', () => {
  const script = new Script({ hasToken: true, minUptimeMs: 5_000, pollMs: 1_000 });
  script.enter({ type: 'connect' }).enter({ type: 'token', version: 1, outcome: 'ready' });
  for (const attempt of [1, 2, 3]) {
    script.enter({ type: 'opened', attempt }).pass(5_000);
    drop(script, attempt);
    expect(script.all('problem')).toEqual([]);
    expect(script.all('askToken')).toMatchObject([{ version: attempt + 1, refresh: true }]);
    script.enter({ type: 'token', version: attempt + 1, outcome: 'ready' });
  }
});

test('a connection that is old shows nothing of a token that it was given just now', () => {
  const script = authorized().pass(6_000).heads(9).pass(200);
  script.refuse(script.first('fetch').id, 401, undefined, 1);
  script.enter({ type: 'token', version: 2, outcome: 'ready' });
  drop(script, 1);
  expect(script.all('problem')).toEqual([{ type: 'problem', problem: { code: 'unauthorized' } }]);
});
