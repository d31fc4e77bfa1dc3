// @vitest-environment node
/** What moves a connection, what does not, and what the app and the server are told of it. */
import { describe, expect, test } from 'vitest';
import type { ConnectionState, PageSignal } from '../../src/core/vocabulary.js';
import { CHANNEL, LATEST, Script } from '../mutants/script.js';

const second = 1_000;
const quiet = { flushMs: 3_600 * second, heartbeatMs: 600 * second };

const shown = (script: Script): readonly ConnectionState[] =>
  script.all('connectionState').map(({ state }) => state);
const wanted = (settings = {}): Script =>
  new Script({ ...quiet, ...settings }).enter({ type: 'join', channel: CHANNEL, intent: LATEST });
const drop = (script: Script, attempt = 1, code = 1006): Script =>
  script.enter({ type: 'dropped', attempt, code, reason: '' });
const page = (script: Script, signal: PageSignal): Script => script.enter({ type: 'page', signal });
const token = (
  script: Script,
  version: number,
  outcome: 'ready' | 'failed' | 'refused' = 'ready',
) => script.enter({ type: 'token', version, outcome });
const ping = (script: Script): Script =>
  script.frames([{ type: 'welcome', caps: ['ping'], limits: {} }]);

function waitOf(script: Script): number {
  const waiting = shown(script).find(({ name }) => name === 'waiting');
  return waiting?.name === 'waiting' ? (waiting.retryInMs ?? Infinity) : NaN;
}

/** Waits of forty clients that are alike but for their seed. */
const waits = (life: (seed: number) => Script): readonly number[] =>
  Array.from({ length: 40 }, (_, seed) => waitOf(life(seed)));

/** Dialed `times` and refused each time; the last attempt is under way. */
function unlucky(seed: number, times: number, settings = {}): Script {
  const script = wanted({ seed, ...settings });
  for (let attempt = 1; attempt <= times; attempt += 1) {
    const wait = waitOf(drop(script, attempt));
    script.pass(wait + 1);
  }
  return script;
}

describe('the app is shown', () => {
  test('each step, and the number of the attempt', () => {
    const script = wanted();
    expect(shown(script)).toEqual([{ name: 'connecting', attempt: 1 }]);
    expect(shown(script.enter({ type: 'opened', attempt: 1 }))).toEqual([{ name: 'open' }]);
    expect(shown(drop(script))).toMatchObject([{ name: 'waiting', reason: 'closed', code: 1006 }]);
    expect(shown(script.pass(second))).toEqual([{ name: 'connecting', attempt: 2 }]);
    expect(shown(script.enter({ type: 'close' }))).toEqual([{ name: 'closed' }]);
  });

  test.each([
    ['closed', 1006],
    ['closed', 1000],
    ['restart', 1012],
  ])('an open connection that was %s with %i', (reason, code) => {
    expect(shown(drop(new Script(quiet).live(5), 1, code))).toMatchObject([
      { name: 'waiting', reason, code },
    ]);
  });

  test('a handshake that was refused, or took too long', () => {
    expect(shown(drop(wanted(), 1, 1012))).toMatchObject([
      { name: 'waiting', reason: 'refused', code: 1012 },
    ]);
    const late = wanted({ connectTimeoutMs: 3 * second }).pass(3 * second);
    expect(shown(late)).toMatchObject([{ name: 'waiting', reason: 'timeout' }]);
    expect(shown(late)).toMatchObject([{ code: undefined }]);
  });

  test('that a wait is longer because the network is gone', () => {
    const script = page(new Script(quiet).live(5), 'offline');
    expect(shown(drop(script))).toMatchObject([
      { name: 'waiting', reason: 'offline', retryInMs: 30_000 },
    ]);
  });

  test('a token that could not be had', () => {
    const script = token(wanted({ hasToken: true }), 1, 'failed');
    expect(shown(script)).toMatchObject([{ name: 'waiting', reason: 'token' }]);
    expect(script.all('problem')).toEqual([
      { type: 'problem', problem: { code: 'token_failed', detail: '' } },
    ]);
    const slow = wanted({ hasToken: true, tokenTimeoutMs: 2 * second }).pass(2 * second);
    expect(slow.all('problem')).toEqual([
      { type: 'problem', problem: { code: 'token_failed', detail: 'timed out' } },
    ]);
  });
});

test('whenever the client hangs up, the server is told why', () => {
  const refused = token(wanted({ hasToken: true }), 1).enter({ type: 'opened', attempt: 1 });
  const stale = wanted();
  stale.now += 6 * second;
  const ends = [
    new Script(quiet).live(5).enter({ type: 'close' }),
    page(new Script(quiet).live(5), 'pagehide'),
    refused.frames([{ type: 'error', code: 'unauthorized', retry: false }]),
    wanted({ connectTimeoutMs: second }).pass(second),
    new Script(quiet).live(5).pass(1_500 * second),
    page(stale, 'visible'),
  ];
  const reasons = ends.map((script) => script.first('hangUp').reason);
  expect(new Set(reasons).size).toBe(ends.length);
  expect(reasons).not.toContain('');
});

describe('connect()', () => {
  const connect = (script: Script): Script => script.enter({ type: 'connect' });

  test('ends a wait, and does not make the next one shorter', () => {
    const script = drop(wanted());
    expect(connect(script).all('dial')).toMatchObject([{ attempt: 2 }]);
    const longest = waits((seed) => drop(connect(drop(unlucky(seed, 4), 5)), 6));
    expect(Math.max(...longest)).toBeGreaterThan(4 * second);
  });

  test('does nothing to a connection that is there, or on its way', () => {
    expect(connect(wanted()).effects).toEqual([]);
    expect(connect(wanted({ hasToken: true })).effects).toEqual([]);
    expect(connect(new Script(quiet).live(5)).effects).toEqual([]);
    expect(connect(new Script(quiet).enter({ type: 'close' })).effects).toEqual([]);
  });

  test('forgives what the server refused', () => {
    const script = drop(unlucky(1, 4), 5, 4403);
    expect(shown(script)).toEqual([{ name: 'failed', code: 4403 }]);
    expect(connect(script).all('dial')).toMatchObject([{ attempt: 6 }]);
    expect(waitOf(drop(script, 6))).toBeLessThan(second);
  });
});

describe('what the app has closed', () => {
  test.each(['online', 'visible', 'pageshow', 'resume', 'offline', 'pagehide'] as const)(
    'is not revived by %s',
    (signal) => {
      const script = new Script(quiet).live(5).enter({ type: 'close' });
      expect(page(script, signal).effects).toEqual([]);
      expect(page(script, 'pageshow').effects).toEqual([]);
    },
  );

  test('is closed once, and takes nothing more', () => {
    const script = new Script(quiet).live(5).enter({ type: 'close' });
    for (const input of [
      { type: 'close' },
      { type: 'connect' },
      { type: 'join', channel: 'other', intent: LATEST },
      { type: 'opened', attempt: 1 },
      { type: 'dropped', attempt: 1, code: 4403, reason: '' },
    ] as const) {
      expect(script.enter(input).effects).toEqual([]);
    }
    expect(script.session.nextDeadline()).toBeUndefined();
  });

  test('is not told of a refused token', () => {
    const script = token(wanted({ hasToken: true }), 1).enter({ type: 'close' });
    for (const version of [1, 2]) {
      script.enter({
        type: 'recovered',
        id: 9,
        tokenVersion: version,
        answer: { status: 401, channel: CHANNEL },
      });
      expect(script.all('connectionState')).toEqual([]);
      token(script, version + 1);
      expect(script.all('dial')).toEqual([]);
    }
  });
});

test('what nobody wants is not dialed when the page comes back', () => {
  const script = new Script(quiet);
  expect([...page(script, 'pagehide').effects, ...page(script, 'pageshow').effects]).toEqual([]);
});

test('what the server has refused stays so when the page comes back', () => {
  const failed = drop(wanted(), 1, 4403);
  expect([...page(failed, 'pagehide').effects, ...page(failed, 'pageshow').effects]).toEqual([]);
});

describe('late events', () => {
  test('an attempt that was given up opens nothing', () => {
    const script = drop(wanted());
    expect(script.enter({ type: 'opened', attempt: 1 }).effects).toEqual([]);
  });

  test('a socket opens once', () => {
    const script = new Script(quiet).live(5);
    expect(script.enter({ type: 'opened', attempt: 1 }).effects).toEqual([]);
  });

  test('the end of an older socket is not the end of this one', () => {
    const script = drop(new Script(quiet).live(5)).pass(second);
    script.enter({ type: 'opened', attempt: 2 });
    expect(drop(script, 1, 4403).effects).toEqual([]);
    expect(shown(drop(script, 2))).toMatchObject([{ name: 'waiting', reason: 'closed' }]);
  });

  test('a token that comes while none is waited for dials nothing', () => {
    const script = token(wanted({ hasToken: true }), 1).enter({ type: 'opened', attempt: 1 });
    expect(script.all('authenticate')).toHaveLength(1);
    script.enter({
      type: 'recovered',
      id: 9,
      tokenVersion: 1,
      answer: { status: 401, channel: CHANNEL },
    });
    expect(script.first('askToken')).toMatchObject({ version: 2, refresh: true });
    token(script, 2);
    expect([...script.all('dial'), ...shown(script), ...script.all('authenticate')]).toEqual([]);
    // The open socket has the old one: refused now, it is not the fresh one that is bad.
    expect(shown(drop(script, 1, 4401))).toMatchObject([
      { name: 'waiting', reason: 'refused', code: 4401 },
    ]);
    expect(script.all('askToken')).toEqual([]);
  });

  test('a fresh token is shown to a server that takes it on the open socket', () => {
    const script = token(wanted({ hasToken: true }), 1).enter({ type: 'opened', attempt: 1 });
    script.frames([{ type: 'welcome', caps: ['auth'], limits: {} }]);
    script.enter({
      type: 'recovered',
      id: 9,
      tokenVersion: 1,
      answer: { status: 401, channel: CHANNEL },
    });
    expect(token(script, 2).all('authenticate')).toHaveLength(1);
    // It is this one now that a refusal speaks of.
    expect(shown(drop(script, 1, 4401))).toEqual([{ name: 'unauthorized' }]);
  });

  test('a token for a connection that is gone is shown to nobody', () => {
    const script = token(wanted({ hasToken: true }), 1).enter({ type: 'opened', attempt: 1 });
    script.frames([{ type: 'welcome', caps: ['auth'], limits: {} }]);
    drop(script).pass(second);
    expect(token(script, 2).all('authenticate')).toEqual([]);
    expect(script.all('dial')).toMatchObject([{ attempt: 2 }]);
  });
});

describe('a refused token', () => {
  test('again and again, with another accepted in between, meets the backoff', () => {
    const script = token(wanted({ hasToken: true }), 1);
    expect(shown(drop(script, 1, 4401))).toMatchObject([{ name: 'connecting' }]);
    token(script, 2).enter({ type: 'opened', attempt: 2 });
    script.frames([{ type: 'subscribed', channel: CHANNEL, epoch: 'e', head: 5, oldest: 1 }], 2);
    expect(shown(drop(script, 2, 4401))).toMatchObject([
      { name: 'waiting', reason: 'refused', code: 4401 },
    ]);
    expect(script.all('askToken')).toMatchObject([{ version: 3, refresh: true }]);
  });

  test('of a connection that lasted its time is refreshed at once, and asked for once', () => {
    const script = drop(token(wanted({ hasToken: true }), 1)).pass(second);
    token(script, 2).enter({ type: 'opened', attempt: 2 });
    script.frames([{ type: 'subscribed', channel: CHANNEL, epoch: 'e', head: 5, oldest: 1 }], 2);
    expect(shown(drop(script.pass(60 * second), 2, 4401))).toEqual([
      { name: 'connecting', attempt: 3 },
    ]);
    expect(token(script, 3).all('dial')).toEqual([{ type: 'dial', attempt: 3 }]);
  });

  test('of a handshake is refreshed as that of an open connection', () => {
    const script = drop(token(wanted({ hasToken: true }), 1), 1, 4401);
    expect(script.all('askToken')).toMatchObject([{ version: 2, refresh: true }]);
    expect(shown(script)).toEqual([{ name: 'connecting', attempt: 2 }]);
  });

  test('stops the client once, whoever says it', () => {
    const script = token(wanted({ hasToken: true }), 1).enter({ type: 'opened', attempt: 1 });
    const answer = { status: 401, channel: CHANNEL };
    script.enter({ type: 'recovered', id: 9, tokenVersion: 1, answer });
    token(script, 2);
    script.enter({ type: 'recovered', id: 9, tokenVersion: 2, answer });
    expect(shown(script)).toEqual([{ name: 'unauthorized' }]);
    expect(script.first('hangUp').reason).toBe('unauthorized');
    script.enter({ type: 'recovered', id: 9, tokenVersion: 2, answer });
    expect([...shown(script), ...script.all('problem')]).toEqual([]);
    expect(script.pass(600 * second).effects).toEqual([]);
  });

  test('that was accepted meanwhile is refreshed again', () => {
    const script = token(wanted({ hasToken: true }), 1).enter({ type: 'opened', attempt: 1 });
    const refuse = (version: number): Script =>
      script.enter({
        type: 'recovered',
        id: 9,
        tokenVersion: version,
        answer: { status: 401, channel: CHANNEL },
      });
    token(refuse(1), 2);
    const answer = {
      status: 200,
      page: { channel: CHANNEL, epoch: 'e', head: 0, oldest: 1, messages: [], more: false },
    } as const;
    script.enter({ type: 'recovered', id: 9, tokenVersion: 2, answer });
    expect(refuse(2).all('askToken')).toMatchObject([{ version: 3, refresh: true }]);
    // Any other answer is no acceptance.
    token(script, 3).enter({
      type: 'recovered',
      id: 9,
      tokenVersion: 3,
      answer: { status: 503, channel: CHANNEL },
    });
    expect(shown(refuse(3))).toEqual([{ name: 'unauthorized' }]);
  });

  test('was refused by the provider itself: nothing loops', () => {
    const script = token(wanted({ hasToken: true }), 1, 'refused');
    expect(shown(script)).toEqual([{ name: 'unauthorized' }]);
    expect(script.all('problem')).toMatchObject([{ problem: { code: 'unauthorized' } }]);
    expect(script.pass(600 * second).effects).toEqual([]);
  });
});

describe('the page', () => {
  test.each(['hidden', 'freeze'] as const)('that says %s is asked for nothing', (signal) => {
    const script = page(ping(new Script(quiet).live(5)), signal);
    expect([...script.sent, ...script.all('hangUp')]).toEqual([]);
  });

  test('that is hidden for good leaves cleanly, whatever was under way', () => {
    const open = page(new Script(quiet).live(5), 'pagehide');
    expect(open.first('hangUp').code).toBe(1000);
    expect(shown(open)).toEqual([{ name: 'waiting', reason: 'pagehide' }]);
    const dialing = page(wanted(), 'pagehide');
    expect(dialing.all('hangUp')).toHaveLength(1);
    const preparing = page(wanted({ hasToken: true }), 'pagehide');
    expect(shown(preparing)).toEqual([{ name: 'waiting', reason: 'pagehide' }]);
    expect(token(preparing, 1).all('dial')).toEqual([]);
    const waiting = page(drop(wanted()), 'pagehide');
    expect(waiting.all('hangUp')).toEqual([]);
    const asked = page(page(wanted().enter({ type: 'opened', attempt: 1 }), 'visible'), 'pagehide');
    for (const script of [dialing, waiting, asked])
      expect(script.session.nextDeadline()).toBeUndefined();
  });

  test('that is hidden spreads its attempts, and dials as ever when it is seen again', () => {
    const hidden = waits((seed) => drop(page(new Script({ ...quiet, seed }).live(5), 'hidden')));
    expect(Math.max(...hidden)).toBeGreaterThan(8 * second);
    expect(Math.max(...hidden)).toBeLessThan(10 * second);
    const seen = waits((seed) =>
      drop(page(page(new Script({ ...quiet, seed }).live(5), 'hidden'), 'visible')),
    );
    expect(Math.max(...seen)).toBeLessThan(second);
  });

  test('that is frozen, or leaves, while it is hidden spreads its attempts all the same', () => {
    const hidden = (seed: number): Script => page(new Script({ ...quiet, seed }).live(5), 'hidden');
    const frozen = waits((seed) => drop(page(hidden(seed), 'freeze')));
    expect(Math.max(...frozen)).toBeGreaterThan(8 * second);
    const left = waits((seed) =>
      drop(page(hidden(seed), 'pagehide').enter({ type: 'connect' }), 2),
    );
    expect(Math.max(...left)).toBeGreaterThan(8 * second);
  });

  test('that is on line again spreads its first attempt over 300 ms', () => {
    const all = Array.from({ length: 40 }, (_, seed) => {
      const script = page(drop(page(new Script({ ...quiet, seed }).live(5), 'offline')), 'online');
      return (script.session.nextDeadline() ?? 0) - script.now;
    });
    expect(Math.max(...all)).toBeGreaterThan(200);
    expect(Math.max(...all)).toBeLessThan(300);
    expect(Math.min(...all)).toBeLessThan(100);
  });

  test('that is on line again forgets that it was not', () => {
    const script = page(page(new Script(quiet).live(5), 'offline'), 'online');
    expect(shown(drop(script))).toMatchObject([{ reason: 'closed' }]);
    expect(waitOf(script)).toBeLessThan(second);
  });

  test('that goes off line asks an open connection, and nothing else', () => {
    for (const script of [wanted(), drop(wanted())]) {
      const due = script.session.nextDeadline();
      expect(page(script, 'offline').effects).toEqual([]);
      expect(script.session.nextDeadline()).toBe(due);
    }
  });

  test('that wakes gives up a handshake that may have died in its sleep, and no other', () => {
    const young = wanted();
    young.now += 5 * second;
    expect(page(young, 'visible').effects).toEqual([]);
    young.now += 1;
    expect(page(young, 'visible').all('hangUp')).toMatchObject([{ attempt: 1 }]);
    expect(young.all('dial')).toMatchObject([{ attempt: 2 }]);
    const preparing = wanted({ hasToken: true, tokenTimeoutMs: 60 * second });
    preparing.now += 6 * second;
    expect(page(preparing, 'visible').effects).toEqual([]);
  });
});

describe('a timer that comes late', () => {
  const slept = (script: Script, lateMs: number): Script => {
    script.now = (script.session.nextDeadline() ?? 0) + lateMs;
    return script.enter({ type: 'tick' });
  };

  test('by more than a second means that the page slept: the server is asked', () => {
    const script = slept(ping(new Script({ ...quiet, verbose: true }).live(5)), second + 1);
    expect(script.sent).toEqual([{ type: 'ping' }]);
    expect(script.all('hangUp')).toEqual([]);
    expect(script.all('notice')).toContainEqual({
      type: 'notice',
      notice: { event: 'slept', lateMs: second + 1 },
    });
  });

  test('by a second means that the server is silent', () => {
    const script = slept(ping(new Script({ ...quiet, verbose: true }).live(5)), second);
    expect(script.all('hangUp')).toHaveLength(1);
    expect(script.all('notice')).toEqual([]);
  });

  test('gives a handshake five more seconds', () => {
    const script = slept(wanted(), 60 * second);
    expect(script.effects).toEqual([]);
    expect(script.pass(4_999).effects).toEqual([]);
    expect(script.pass(1).all('hangUp')).toHaveLength(1);
  });

  test('leaves the server the whole time of a probe, however short its heartbeat', () => {
    const script = ping(new Script({ ...quiet, heartbeatMs: 4 * second }).live(5));
    expect(slept(script, 60 * second).sent).toEqual([{ type: 'ping' }]);
    expect(script.pass(2_999).all('hangUp')).toEqual([]);
    expect(script.pass(1).all('hangUp')).toHaveLength(1);
  });

  test('asks once more when the answer to a probe may have slept as well', () => {
    const script = page(ping(new Script(quiet).live(5)), 'visible');
    expect(slept(script, 60 * second).sent).toEqual([{ type: 'ping' }]);
    expect(script.all('hangUp')).toEqual([]);
    expect(slept(script, 0).all('hangUp')).toHaveLength(1);
  });
});

describe('an open connection', () => {
  test('has nothing left of its handshake, and one deadline of silence', () => {
    const script = new Script({ flushMs: 3_600 * second }).live(5);
    expect(script.session.nextDeadline()).toBe(script.now + 2.5 * 25 * second);
  });

  test('is asked once, however many suspect it', () => {
    const script = page(ping(new Script(quiet).live(5)), 'visible');
    expect(script.sent).toEqual([{ type: 'ping' }]);
    expect(page(script, 'resume').sent).toEqual([]);
    expect(page(script, 'offline').sent).toEqual([]);
    expect(script.pass(2_999).all('hangUp')).toEqual([]);
    expect(script.pass(1).all('hangUp')).toHaveLength(1);
  });

  test('that answered is asked again when it is suspected again', () => {
    const script = page(ping(new Script(quiet).live(5)), 'visible').frames([{ type: 'pong' }]);
    expect(script.pass(3 * second).all('hangUp')).toEqual([]);
    expect(page(script, 'visible').sent).toEqual([{ type: 'ping' }]);
    expect(script.pass(3 * second).all('hangUp')).toHaveLength(1);
  });

  test('is not taken for dead where there is no channel to ask for and no ping', () => {
    const script = new Script(quiet)
      .enter({ type: 'connect' })
      .enter({ type: 'opened', attempt: 1 });
    expect(
      page(script, 'visible')
        .pass(10 * second)
        .all('hangUp'),
    ).toEqual([]);
    // Once there is one, it is asked.
    script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
    script.subscribed({ epoch: 'e', head: 5, oldest: 1 });
    expect(page(script, 'visible').sentOf('subscribe')).toHaveLength(1);
    expect(script.pass(10 * second).all('hangUp')).toHaveLength(1);
  });

  test.each([true, false])(
    'is not taken for dead where all channels are refused and no ping (for now: %s)',
    (retry) => {
      const refusal = { type: 'error', channel: CHANNEL, code: 'internal', retry } as const;
      const script = new Script({ ...quiet, backoffBaseMs: 3_600 * second, backoffCapMs: 1e7 })
        .live(5)
        .frames([{ ...refusal, id: undefined, message: undefined }]);
      expect(
        page(script, 'visible')
          .pass(10 * second)
          .all('hangUp'),
      ).toEqual([]);
    },
  );

  test('with refused channels only has served, and forgives earlier failures', () => {
    const script = new Script({ ...quiet, backoffBaseMs: second, minUptimeMs: second }).live(5);
    const refusal = { type: 'error', channel: CHANNEL, code: 'limit', retry: false } as const;
    script.frames([{ ...refusal, id: undefined, message: undefined }]);
    const waits: number[] = [];
    for (let attempt = 1; attempt < 8; attempt += 1) {
      script.pass(2 * second).enter({ type: 'dropped', attempt, code: 1006, reason: '' });
      waits.push((script.session.nextDeadline() ?? 0) - script.now);
      script.enter({ type: 'connect' }).enter({ type: 'opened', attempt: attempt + 1 });
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(second);
  });

  test('says when it is asked, to whoever listens', () => {
    const script = page(ping(new Script({ ...quiet, verbose: true }).live(5)), 'visible');
    expect(script.all('notice')).toEqual([{ type: 'notice', notice: { event: 'probe' } }]);
  });

  test('lives when what we ask is answered, and dies when only its frames come', () => {
    for (const answers of [true, false]) {
      const script = wanted({ joinTimeoutMs: 4 * second }).enter({ type: 'opened', attempt: 1 });
      ping(script).pass(4 * second);
      expect(script.sent.map(({ type }) => type)).toEqual(['subscribe', 'ping']);
      script.frames([answers ? { type: 'pong' } : { type: 'heads', heads: [] }]);
      expect(script.pass(4 * second).all('hangUp')).toHaveLength(answers ? 0 : 1);
    }
  });

  test('does not keep the heartbeat of another server', () => {
    const script = new Script({ ...quiet, heartbeatMs: 4 * second }).live(5);
    script.frames([{ type: 'welcome', caps: [], heartbeatMs: 60 * second, limits: {} }]);
    expect(script.pass(149 * second).all('hangUp')).toEqual([]);
    drop(script).pass(second).enter({ type: 'opened', attempt: 2 });
    expect(script.pass(10 * second).all('hangUp')).toHaveLength(1);
  });

  test('takes no announced heartbeat for more than an hour', () => {
    const script = new Script(quiet).live(5);
    script.frames([{ type: 'welcome', caps: [], heartbeatMs: 1e300, limits: {} }]);
    expect(script.pass(2.4 * 3_600 * second).all('hangUp')).toEqual([]);
    expect(script.pass(0.2 * 3_600 * second).all('hangUp')[0]).toMatchObject({ reason: 'dead' });
  });

  test('that lasted its time makes the next wait short, at the very moment', () => {
    const life = (lastedMs: number) => (seed: number) => {
      const script = unlucky(seed, 4, { minUptimeMs: 5 * second });
      script.enter({ type: 'opened', attempt: 5 });
      const facts = { epoch: 'e', head: 5, oldest: 1 };
      script.frames([{ type: 'subscribed', channel: CHANNEL, ...facts }], 5);
      return drop(script.pass(lastedMs), 5);
    };
    expect(Math.max(...waits(life(5 * second)))).toBeLessThan(second);
    expect(Math.max(...waits(life(4_999)))).toBeGreaterThan(4 * second);
  });

  test('that lasted its time is forgiven what was before, also when the page leaves it', () => {
    const life = (seed: number): Script => {
      const script = unlucky(seed, 4).enter({ type: 'opened', attempt: 5 });
      script.frames([{ type: 'subscribed', channel: CHANNEL, epoch: 'e', head: 5, oldest: 1 }], 5);
      return drop(page(page(script.pass(60 * second), 'pagehide'), 'pageshow'), 6);
    };
    expect(Math.max(...waits(life))).toBeLessThan(second);
  });

  test('is a reconnect when another was open before, not when an attempt had failed', () => {
    const script = unlucky(1, 3).enter({ type: 'opened', attempt: 4 });
    expect(script.session.counters.reconnects).toBe(0);
    drop(script, 4).enter({ type: 'connect' }).enter({ type: 'opened', attempt: 5 });
    expect(script.session.counters.reconnects).toBe(1);
  });

  test('without channels serves us by being there', () => {
    const life = (seed: number) => {
      const script = unlucky(seed, 4);
      script.enter({ type: 'release', channel: CHANNEL }).enter({ type: 'opened', attempt: 5 });
      script.pass(2 * second);
      drop(script, 5).enter({ type: 'connect' }).enter({ type: 'opened', attempt: 6 });
      return drop(script.pass(60 * second), 6);
    };
    expect(Math.max(...waits(life))).toBeLessThan(second);
  });
});

describe('a server that is lost with all its clients', () => {
  /** Welcomed with that, lost, and refused as often as `refusals` says. */
  const lost =
    (retrySpreadMs: number | undefined, refusals: number) =>
    (seed: number): Script => {
      const script = new Script({ ...quiet, seed }).live(5);
      drop(script.frames([{ type: 'welcome', caps: [], limits: {}, retrySpreadMs }]));
      for (let attempt = 2; attempt < 2 + refusals; attempt += 1) {
        drop(script.pass(waitOf(script) + 1), attempt);
      }
      return script;
    };
  const minute = 60 * second;

  test('has them spread over as long as it asked for, from the second retry on', () => {
    expect(Math.max(...waits(lost(minute, 0)))).toBeLessThan(second);
    for (const refusals of [1, 2, 5]) {
      const all = waits(lost(minute, refusals));
      expect(Math.max(...all)).toBeGreaterThan(50 * second);
      expect(Math.max(...all)).toBeLessThan(minute);
      expect(Math.min(...all)).toBeLessThan(10 * second);
    }
  });

  test('has them meet the backoff where that is longer', () => {
    const all = waits(lost(3 * second, 5));
    expect(Math.max(...all)).toBeGreaterThan(20 * second);
    expect(all).toEqual(waits(lost(undefined, 5)));
  });

  test('and asked for too much has them back within an hour', () => {
    const all = waits(lost(1e12, 1));
    expect(Math.max(...all)).toBeGreaterThan(50 * minute);
    expect(Math.max(...all)).toBeLessThan(60 * minute);
  });

  test('is not the next one, which asks for nothing', () => {
    const all = waits((seed) => {
      const script = lost(minute, 1)(seed).enter({ type: 'connect' });
      script.enter({ type: 'opened', attempt: 3 });
      drop(script.frames([{ type: 'welcome', caps: [], limits: {} }], 3), 3);
      return drop(script.pass(waitOf(script) + 1), 4);
    });
    expect(Math.max(...all)).toBeLessThan(20 * second);
  });
});

describe('a server that goes away', () => {
  test('and says so has its spread, from no time on', () => {
    const goaway =
      (spreadMs: number, failures = 0) =>
      (seed: number) => {
        const script =
          failures === 0 ? new Script({ ...quiet, seed }).live(5) : unlucky(seed, failures);
        const attempt = failures + 1;
        script.enter({ type: 'opened', attempt }).frames([{ type: 'goaway', spreadMs }], attempt);
        return drop(script, attempt, 1012);
      };
    expect(Math.max(...waits(goaway(60 * second)))).toBeGreaterThan(40 * second);
    expect(waits(goaway(0)).filter((ms) => ms > 0)).toEqual([]);
    // Again and again it meets the backoff.
    expect(Math.max(...waits(goaway(0, 4)))).toBeGreaterThan(4 * second);
  });

  test('and asks for a spread without measure has its clients back within an hour', () => {
    const all = waits((seed) => {
      const script = new Script({ ...quiet, seed }).live(5);
      return drop(script.frames([{ type: 'goaway', spreadMs: 1e12 }]), 1, 1012);
    });
    expect(Math.max(...all)).toBeGreaterThan(2_400 * second);
    expect(Math.max(...all)).toBeLessThan(3_600 * second);
  });

  test('and asked for a spread did so for this time alone', () => {
    const script = new Script(quiet).live(5).frames([{ type: 'goaway', spreadMs: 600 * second }]);
    script.pass(6 * second);
    const wait = waitOf(drop(script));
    script.pass(wait).enter({ type: 'opened', attempt: 2 });
    expect(waitOf(drop(script, 2))).toBeLessThan(60 * second);
  });

  test('and asked for a spread is not the one that we come back to out of the cache', () => {
    const script = new Script(quiet).live(5).frames([{ type: 'goaway', spreadMs: 600 * second }]);
    page(page(script, 'pagehide'), 'pageshow').enter({ type: 'opened', attempt: 2 });
    expect(waitOf(drop(script, 2))).toBeLessThan(second);
  });

  test('to restart has all its clients back within five seconds', () => {
    const all = waits((seed) => drop(new Script({ ...quiet, seed }).live(5), 1, 1012));
    expect(Math.max(...all)).toBeGreaterThan(4 * second);
    expect(Math.max(...all)).toBeLessThan(5 * second);
    const again = waits((seed) => drop(unlucky(seed, 6), 7, 1012));
    expect(Math.max(...again)).toBeGreaterThan(20 * second);
  });

  test('because of the rate is left alone for long', () => {
    const all = waits((seed) => drop(new Script({ ...quiet, seed }).live(5), 1, 4429));
    expect(Math.max(...all)).toBeGreaterThan(25 * second);
  });
});
