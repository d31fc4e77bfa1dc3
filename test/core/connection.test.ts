// @vitest-environment node
/** Protocol 3.G, liveness, backoff: one path to dial, and how a dead connection is found. */
import { expect, test } from 'vitest';
import type { Effect } from '../../src/core/vocabulary.js';
import { CHANNEL, LATEST, Script } from '../mutants/script.js';

const second = 1_000;

const drop = (script: Script, attempt: number, code = 1006): Script =>
  script.enter({ type: 'dropped', attempt, code, reason: '' });

function waitOf(effects: readonly Effect[]): number {
  const found = effects.find((effect) => effect.type === 'connectionState');
  const state = found?.type === 'connectionState' ? found.state : undefined;
  return state?.name === 'waiting' ? (state.retryInMs ?? Infinity) : NaN;
}

/** Lets time pass until the next dial. @returns its number. */
function redial(script: Script): number {
  for (let i = 0; i < 400; i += 1) {
    const [dial] = script.pass(100).all('dial');
    if (dial !== undefined) return dial.attempt;
  }
  throw new Error('it gave up');
}

test('G1 half-open: silence of 2.5 heartbeats ends the connection, and frames of it count no more', () => {
  const script = new Script()
    .live(5)
    .frames([{ type: 'welcome', caps: [], heartbeatMs: 4_000, limits: {} }]);
  expect(script.pass(9.9 * second).all('hangUp')).toEqual([]);
  script.pass(0.2 * second);
  expect(script.all('hangUp')).toMatchObject([{ attempt: 1, code: 1000, reason: 'dead' }]);
  expect(script.all('connectionState')).toMatchObject([
    { state: { name: 'waiting', reason: 'dead' } },
  ]);
  expect(script.message(6).effects).toEqual([]);
});

test('G1 any frame at all re-arms the watchdog', () => {
  const script = new Script({ heartbeatMs: 4_000 }).live(5);
  for (let i = 0; i < 20; i += 1) {
    script.frames([{ type: 'pong' }]).pass(9 * second);
    expect(script.all('hangUp')).toEqual([]);
  }
});

test('G1 heartbeats that come do not hide that nothing of ours arrives', () => {
  const script = new Script({ carrier: 'socket', heartbeatMs: 4_000 });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'welcome', caps: ['ping'], limits: {} }]);
  const sent: string[] = [];
  for (let at = 0; at < 30 && script.all('hangUp').length === 0; at += 1) {
    script.frames([{ type: 'heads', heads: [] }]).pass(second);
    sent.push(...script.sent.map(({ type }) => type));
  }
  expect(sent).toEqual(['subscribe', 'ping']);
  expect(script.all('hangUp')).toHaveLength(1);
});

test('G2 a dial that never ends is given up, once', () => {
  const script = new Script({ connectTimeoutMs: 3_000 });
  script.enter({ type: 'connect' });
  script.pass(3 * second);
  expect(script.all('hangUp')).toMatchObject([{ attempt: 1 }]);
  expect(drop(script, 1).effects).toEqual([]);
});

test('G3 accept-then-close does not reset the backoff', () => {
  const script = new Script({ seed: 3 });
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  let attempt = 1;
  let longest = 0;
  while (attempt < 12) {
    script.enter({ type: 'opened', attempt });
    longest = Math.max(longest, waitOf(drop(script, attempt, 1013).effects));
    attempt = redial(script);
  }
  expect(longest).toBeGreaterThan(10 * second);
  // A connection that served us, and lasted, does.
  script.enter({ type: 'opened', attempt });
  const facts = { epoch: 'e', head: 5, oldest: 1 };
  script.frames([{ type: 'subscribed', channel: CHANNEL, ...facts }], attempt).pass(6 * second);
  expect(waitOf(drop(script, attempt).effects)).toBeLessThan(second);
});

test.each([
  ['too short', 1 * second, true],
  ['without a join', 6 * second, false],
])('G3 a connection that was %s does not reset the backoff', (_, lastedMs, joined) => {
  let most = 0;
  for (let seed = 0; seed < 40; seed += 1) {
    const script = new Script({ seed });
    script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
    let attempt = 1;
    while (attempt <= 4) attempt = redial(drop(script, attempt));
    script.enter({ type: 'opened', attempt });
    const facts = { epoch: 'e', head: 5, oldest: 1 };
    if (joined) script.frames([{ type: 'subscribed', channel: CHANNEL, ...facts }], attempt);
    script.pass(lastedMs);
    most = Math.max(most, waitOf(drop(script, attempt).effects));
  }
  expect(most).toBeGreaterThan(4 * second);
});

test('G4 trap 35 every wait is random in full, the first one included, and never above the cap', () => {
  const first = new Set<number>();
  for (let seed = 0; seed < 200; seed += 1) {
    const script = new Script({ seed }).live(5);
    const wait = waitOf(drop(script, 1).effects);
    expect(wait).toBeLessThan(second);
    first.add(Math.floor(wait / 100));
    for (let i = 0; i < 12; i += 1) {
      expect(waitOf(drop(script, redial(script)).effects)).toBeLessThan(30 * second);
    }
  }
  expect(first.size).toBe(10);
});

test('G4 goaway asks for a spread, and gets it', () => {
  const script = new Script().live(5).frames([{ type: 'goaway', spreadMs: 120_000 }]);
  const waits = new Set<boolean>();
  for (let seed = 0; seed < 30; seed += 1) {
    const other = new Script({ seed }).live(5).frames([{ type: 'goaway', spreadMs: 120_000 }]);
    waits.add(waitOf(drop(other, 1, 1012).effects) > 30 * second);
  }
  expect(waits).toEqual(new Set([true, false]));
  expect(waitOf(drop(script, 1, 1012).effects)).toBeLessThan(120 * second);
});

test('G5 what a lost message makes a thousand subscribers do does not happen in one moment', () => {
  const at = new Set<number>();
  for (let seed = 0; seed < 50; seed += 1) {
    const script = new Script({ seed }).live(5).message(7);
    at.add(Math.round(script.session.nextDeadline() ?? 0));
  }
  expect(at.size).toBeGreaterThan(20);
});

test('G7 after a sleep the client probes, and kills nothing that lives', () => {
  const script = new Script({ heartbeatMs: 4_000 }).live(5);
  script.frames([{ type: 'welcome', caps: ['ping'], limits: {} }]);
  // No timer ran for an hour; the socket is well.
  script.now += 3_600 * second;
  script.enter({ type: 'tick' });
  expect(script.sent).toEqual([{ type: 'ping' }]);
  script.frames([{ type: 'pong' }]).pass(5 * second);
  expect(script.all('hangUp')).toEqual([]);
});

test('G7 after a sleep a dead socket is given up within the probe', () => {
  const script = new Script({ heartbeatMs: 4_000, probeTimeoutMs: 2_000 }).live(5);
  script.now += 3_600 * second;
  script.enter({ type: 'tick' });
  expect(script.sent).toEqual([{ type: 'subscribe', id: 1, channel: CHANNEL }]);
  expect(script.pass(2.1 * second).all('hangUp')).toHaveLength(1);
});

test('trap 22 a dead socket is given up, too, by a hidden page whose timers run once a minute', () => {
  const script = new Script().live(5).enter({ type: 'page', signal: 'hidden' });
  let isGivenUp = false;
  // Silent for 2.5 heartbeats, asked, and asked once more, as every timer is late.
  for (let minute = 1; minute <= 4; minute += 1) {
    expect(isGivenUp, `in minute ${minute}`).toBe(false);
    script.now += 60 * second;
    script.enter({ type: 'tick' });
    isGivenUp = script.all('hangUp').length > 0;
  }
  expect(isGivenUp).toBe(true);
});

test('trap 22 a late answer to the second probe is a sign of life as well, and a new silence a new one', () => {
  const script = new Script().live(5).enter({ type: 'page', signal: 'hidden' });
  for (let silence = 1; silence <= 3; silence += 1) {
    for (let minute = 1; minute <= 3; minute += 1) {
      script.now += 60 * second;
      expect(script.enter({ type: 'tick' }).all('hangUp')).toEqual([]);
    }
    script.now += 59 * second;
    script.frames([{ type: 'pong' }]);
  }
});

test('trap 22 a handshake that hangs ends, too, in a hidden page whose timers run once a minute', () => {
  const script = new Script().enter({ type: 'connect' }).enter({ type: 'page', signal: 'hidden' });
  const givenUp = (): boolean => {
    script.now += 60 * second;
    return script.enter({ type: 'tick' }).all('hangUp').length > 0;
  };
  // Overdue, and overdue once more.
  expect([givenUp(), givenUp()]).toEqual([false, true]);
  expect(script.first('connectionState').state).toMatchObject({
    name: 'waiting',
    reason: 'timeout',
  });
  // Each attempt has its own moment more.
  expect(givenUp()).toBe(false);
  expect(script.first('dial').attempt).toBe(2);
  expect([givenUp(), givenUp()]).toEqual([false, true]);
});

test.each(['visible', 'pageshow', 'resume'] as const)('G7 %s ends a wait at once', (signal) => {
  const script = new Script().live(5);
  drop(script, 1);
  expect(script.enter({ type: 'page', signal }).all('dial')).toEqual([
    { type: 'dial', attempt: 2 },
  ]);
});

test('G7 online ends a wait within its spread, offline only makes us ask', () => {
  const script = new Script().live(5);
  script.frames([{ type: 'welcome', caps: ['ping'], limits: {} }]);
  script.enter({ type: 'page', signal: 'offline' });
  expect(script.sent).toEqual([{ type: 'ping' }]);
  expect(script.all('hangUp')).toEqual([]);
  drop(script, 1);
  expect(waitOf(script.effects)).toBe(30 * second);
  script.enter({ type: 'page', signal: 'online' });
  expect(script.pass(300).all('dial')).toHaveLength(1);
});

test('G7 a page in the back/forward cache waits for its own return, whatever the network does', () => {
  const script = new Script().live(5).enter({ type: 'page', signal: 'pagehide' });
  expect(script.all('hangUp')).toMatchObject([{ code: 1000 }]);
  expect(script.first('connectionState').state).toEqual({ name: 'waiting', reason: 'pagehide' });
  script.enter({ type: 'page', signal: 'online' });
  expect(script.all('dial')).toEqual([]);
  expect(script.pass(3_600 * second).all('dial')).toEqual([]);
  expect(script.enter({ type: 'page', signal: 'pageshow' }).all('dial')).toHaveLength(1);
});

test('trap 28 code 1000 from the server is no end; 4400 and 4403 are, until connect()', () => {
  const again = new Script().live(5);
  expect(drop(again, 1, 1000).pass(second).all('dial')).toHaveLength(1);
  for (const code of [4400, 4403]) {
    const script = new Script().live(5);
    drop(script, 1, code);
    expect(script.all('connectionState')).toMatchObject([{ state: { name: 'failed', code } }]);
    expect(script.all('problem')).toMatchObject([{ problem: { code: 'connection_refused' } }]);
    expect(script.pass(600 * second).all('dial')).toEqual([]);
    expect(script.enter({ type: 'connect' }).all('dial')).toHaveLength(1);
  }
});

test('trap 29 the client never gives up by itself', () => {
  const script = new Script();
  script.enter({ type: 'connect' });
  for (let attempt = 1; attempt < 200; attempt += 1) {
    expect(redial(drop(script, attempt))).toBe(attempt + 1);
  }
});

test('intent and state: no signal revives what the app never wanted, or has closed', () => {
  const signals = ['online', 'visible', 'pageshow', 'resume'] as const;
  const idle = new Script();
  for (const signal of signals) expect(idle.enter({ type: 'page', signal }).effects).toEqual([]);
  const closed = new Script().live(5).enter({ type: 'close' });
  for (const signal of signals) expect(closed.enter({ type: 'page', signal }).effects).toEqual([]);
  expect(closed.session.nextDeadline()).toBeUndefined();
});

test('close: what was handled is stored, everything else ends, whole trace', () => {
  const script = new Script().live(5).message(6);
  const { tok } = script;
  const position = { epoch: 'e', seq: 6, tok };
  const mark = { channel: CHANNEL, mode: 'advance', position } as const;
  script.enter({ type: 'handled', channel: CHANNEL, count: 1, mark });
  expect(script.enter({ type: 'close' }).effects).toEqual([
    { type: 'save', id: 1, writes: [{ channel: CHANNEL, mode: 'replace', position }] },
    { type: 'hangUp', attempt: 1, code: 1000, reason: 'closed by the app' },
    { type: 'connectionState', state: { name: 'closed' } },
    { type: 'channelState', channel: CHANNEL, state: { name: 'closed' } },
  ]);
});

test('a socket of the app that is there again ends the wait, and nothing else', () => {
  const script = new Script().live(5);
  expect(script.enter({ type: 'available' }).effects).toEqual([]);
  drop(script, 1);
  expect(script.enter({ type: 'available' }).first('dial').attempt).toBe(2);
  drop(script, 2, 4403);
  expect(script.enter({ type: 'available' }).effects).toEqual([]);
  const hidden = new Script().live(5).enter({ type: 'page', signal: 'pagehide' });
  expect(hidden.enter({ type: 'available' }).effects).toEqual([]);
});
