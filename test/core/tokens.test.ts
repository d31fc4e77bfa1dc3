// @vitest-environment node
/** Versions of the token: which one is in hand, and which refusal counts. */
import { expect, test } from 'vitest';
import { Auth } from '../../src/core/auth.js';
import { Context } from '../../src/core/context.js';
import { gapDetector } from '../../src/core/gap-detector.js';
import { DEFAULT_SETTINGS } from '../../src/core/settings.js';
import { Script } from '../mutants/script.js';

const setup = (): { auth: Auth; ctx: Context } => {
  const ctx = new Context({ ...DEFAULT_SETTINGS, hasToken: true }, gapDetector, undefined);
  const auth = new Auth(ctx);
  auth.ask();
  auth.answered(1, true);
  return { auth, ctx };
};

test('a token that came is waited for no longer', () => {
  expect(setup().ctx.deadlines.has('token')).toBe(false);
});

test('a question that failed leaves the token in hand', () => {
  const { auth } = setup();
  auth.ask();
  expect(auth.answered(2, false)).toBe(true);
  expect(auth.version).toBe(1);
});

test('the same token refused again is no second refusal: the refresh had failed', () => {
  const { auth } = setup();
  expect(auth.refused(1)).toBe('refreshing');
  auth.answered(2, false);
  expect(auth.refused(1)).toBe('refreshing');
  auth.answered(3, true);
  expect(auth.refused(3)).toBe('unauthorized');
});

test('a refusal while another token is asked for does not count: no refresh has been asked for', () => {
  const { auth, ctx } = setup();
  auth.ask();
  expect(auth.refused(1)).toBe('refreshing');
  auth.answered(2, true);
  ctx.takeEffects();
  expect(auth.refused(2)).toBe('refreshing');
  expect(ctx.takeEffects()).toEqual([{ type: 'askToken', version: 3, refresh: true }]);
  auth.answered(3, true);
  expect(auth.refused(3)).toBe('unauthorized');
});

test.each([
  ['an acceptance', (auth: Auth) => auth.accepted(2)],
  ['connect()', (auth: Auth) => auth.reset()],
])('after %s two refusals stop the client again, and one does not', (_, forgive) => {
  const { auth, ctx } = setup();
  expect(auth.refused(1)).toBe('refreshing');
  auth.answered(2, true);
  forgive(auth);
  ctx.takeEffects();
  auth.ask();
  expect(ctx.takeEffects()).toEqual([{ type: 'askToken', version: 3, refresh: false }]);
  auth.answered(3, true);
  expect(auth.refused(3)).toBe('refreshing');
  auth.answered(4, true);
  expect(auth.refused(4)).toBe('unauthorized');
});

test('connect() forgives the first token as well', () => {
  const { auth } = setup();
  auth.reset();
  expect(auth.refused(1)).toBe('refreshing');
  auth.answered(2, true);
  expect(auth.refused(2)).toBe('unauthorized');
});

test('a page that slept gives the provider its time anew, once: its answer may be on its way', () => {
  const script = new Script({ hasToken: true, tokenTimeoutMs: 2_000 }).enter({ type: 'connect' });
  script.now += 3_600_000;
  expect(script.enter({ type: 'tick' }).all('problem')).toEqual([]);
  expect(script.enter({ type: 'token', version: 1, outcome: 'ready' }).all('dial')).toHaveLength(1);
});

test('in a hidden page every timer is late: a provider that hangs is given up the second time', () => {
  const script = new Script({ hasToken: true, tokenTimeoutMs: 2_000 }).enter({ type: 'connect' });
  for (const problems of [0, 1]) {
    script.now += 60_000;
    expect(script.enter({ type: 'tick' }).all('problem')).toHaveLength(problems);
  }
});
