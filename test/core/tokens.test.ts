// @vitest-environment node
/** Versions of the token: which one is in hand, and which refusal counts. */
import { expect, test } from 'vitest';
import { Auth } from '../../src/core/auth.js';
import { Context } from '../../src/core/context.js';
import { gapDetector } from '../../src/core/gap-detector.js';
import { DEFAULT_SETTINGS } from '../../src/core/settings.js';

const setup = (): { auth: Auth; ctx: Context } => {
  const ctx = new Context({ ...DEFAULT_SETTINGS, hasToken: true }, gapDetector, undefined);
  const auth = new Auth();
  auth.ask(ctx);
  auth.answered(ctx, 1, true);
  return { auth, ctx };
};

test('a token that came is waited for no longer', () => {
  expect(setup().ctx.deadlines.has('token')).toBe(false);
});

test('a question that failed leaves the token in hand', () => {
  const { auth, ctx } = setup();
  auth.ask(ctx);
  expect(auth.answered(ctx, 2, false)).toBe(true);
  expect(auth.version).toBe(1);
});

test('the same token refused again is no second refusal: the refresh had failed', () => {
  const { auth, ctx } = setup();
  expect(auth.refused(ctx, 1)).toBe('refreshing');
  auth.answered(ctx, 2, false);
  expect(auth.refused(ctx, 1)).toBe('refreshing');
  auth.answered(ctx, 3, true);
  expect(auth.refused(ctx, 3)).toBe('unauthorized');
});

test('a refusal while another token is asked for does not count: no refresh has been asked for', () => {
  const { auth, ctx } = setup();
  auth.ask(ctx);
  expect(auth.refused(ctx, 1)).toBe('refreshing');
  auth.answered(ctx, 2, true);
  ctx.takeEffects();
  expect(auth.refused(ctx, 2)).toBe('refreshing');
  expect(ctx.takeEffects()).toEqual([{ type: 'askToken', version: 3, refresh: true }]);
  auth.answered(ctx, 3, true);
  expect(auth.refused(ctx, 3)).toBe('unauthorized');
});

test.each([
  ['an acceptance', (auth: Auth) => auth.accepted(2)],
  ['connect()', (auth: Auth) => auth.reset()],
])('after %s two refusals stop the client again, and one does not', (_, forgive) => {
  const { auth, ctx } = setup();
  expect(auth.refused(ctx, 1)).toBe('refreshing');
  auth.answered(ctx, 2, true);
  forgive(auth);
  ctx.takeEffects();
  auth.ask(ctx);
  expect(ctx.takeEffects()).toEqual([{ type: 'askToken', version: 3, refresh: false }]);
  auth.answered(ctx, 3, true);
  expect(auth.refused(ctx, 3)).toBe('refreshing');
  auth.answered(ctx, 4, true);
  expect(auth.refused(ctx, 4)).toBe('unauthorized');
});

test('connect() forgives the first token as well', () => {
  const { auth, ctx } = setup();
  auth.reset();
  expect(auth.refused(ctx, 1)).toBe('refreshing');
  auth.answered(ctx, 2, true);
  expect(auth.refused(ctx, 2)).toBe('unauthorized');
});
