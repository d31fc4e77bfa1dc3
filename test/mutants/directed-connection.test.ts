// @vitest-environment node
/** Rules of the connection, the token, publishes and remote data, one at a time. */
import { describe, expect, test } from 'vitest';
import { Auth } from '../../src/core/auth.js';
import { fullJitterMs } from '../../src/core/backoff.js';
import { decodeFrame, decodePage, encodeFrames } from '../../src/core/codec.js';
import { Context } from '../../src/core/context.js';
import { gapDetector } from '../../src/core/gap-detector.js';
import { DEFAULT_SETTINGS } from '../../src/core/settings.js';
import { CHANNEL, LATEST, Script } from './script.js';

const second = 1_000;

describe('the connection', () => {
  test('one that answers a probe lives', () => {
    const script = new Script().live(5);
    script.frames([{ type: 'welcome', caps: ['ping'], limits: {} }]);
    script.enter({ type: 'page', signal: 'visible' });
    expect(script.sent).toEqual([{ type: 'ping' }]);
    script.frames([{ type: 'pong' }]);
    expect(script.pass(10 * second).all('hangUp')).toEqual([]);
  });

  test('one that does not answer a probe is given up', () => {
    const script = new Script().live(5);
    script.enter({ type: 'page', signal: 'visible' });
    expect(script.pass(4 * second).all('hangUp')).toHaveLength(1);
  });

  test('frames that come do not prove that ours arrive', () => {
    const script = new Script({
      carrier: 'socket',
      joinTimeoutMs: second,
      recoverTimeoutMs: second,
    });
    script.live(5).frames([{ type: 'welcome', caps: ['recover', 'ping'], limits: {} }]);
    script.heads(9);
    let hangUps = 0;
    for (let i = 0; i < 20; i += 1) {
      hangUps += script.pass(300).all('hangUp').length;
      script.heads(9);
    }
    expect(hangUps).toBeGreaterThan(0);
  });

  test('clients that drop together do not return together', () => {
    const dueAt = (seed: number) => {
      // Late writes: the next deadline is that of the dial.
      const script = new Script({ seed, flushMs: 600 * second }).live(5);
      script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
      return script.session.nextDeadline();
    };
    expect(new Set([1, 2, 3, 4, 5].map(dueAt)).size).toBe(5);
  });

  test('the wait doubles with every failure, up to a cap', () => {
    const waits = [0, 1, 2, 3, 9].map((attempt) => fullJitterMs(attempt, 0.5, 100, 1_000));
    expect(waits).toEqual([50, 100, 200, 400, 500]);
  });

  test('frames of a socket that was given up say nothing', () => {
    const script = new Script().live(5);
    script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' }).pass(2 * second);
    script.enter({ type: 'opened', attempt: 2 });
    const error = { type: 'error', code: 'unauthorized', retry: false } as const;
    script.frames([error], 1);
    expect(script.effects).toEqual([]);
  });

  test('an attempt that was given up opens nothing', () => {
    const script = new Script().enter({ type: 'join', channel: CHANNEL, intent: LATEST });
    script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' }).pass(2 * second);
    expect(script.first('dial').attempt).toBe(2);
    expect(script.enter({ type: 'opened', attempt: 1 }).effects).toEqual([]);
  });

  test('an open socket proves nothing: the backoff grows while connections die young', () => {
    const script = new Script().enter({ type: 'join', channel: CHANNEL, intent: LATEST });
    let longest = 0;
    for (let i = 0; i < 12; i += 1) {
      const { attempt } = script.first('dial');
      script.enter({ type: 'opened', attempt });
      const facts = { epoch: 'e', head: 5, oldest: 1 };
      script.frames([{ type: 'subscribed', channel: CHANNEL, ...facts }], attempt);
      script.enter({ type: 'dropped', attempt, code: 1006, reason: '' });
      const { state } = script.first('connectionState');
      const wait = (state.name === 'waiting' && state.retryInMs) || 0;
      longest = Math.max(longest, wait);
      script.pass(wait + 1);
    }
    expect(longest).toBeGreaterThan(2 * second);
  });

  test('a page that is hidden for good does not dial', () => {
    const script = new Script().live(5);
    script.enter({ type: 'page', signal: 'pagehide' });
    script.enter({ type: 'page', signal: 'online' });
    expect(script.pass(60 * second).all('dial')).toEqual([]);
    expect(script.enter({ type: 'page', signal: 'pageshow' }).all('dial')).toHaveLength(1);
  });

  test('a subscribe that is not answered is repeated under its id', () => {
    const script = new Script().enter({ type: 'join', channel: CHANNEL, intent: LATEST });
    const [first] = script.enter({ type: 'opened', attempt: 1 }).sentOf('subscribe');
    expect(script.pass(11 * second).sentOf('subscribe')).toContainEqual(first);
  });

  test('nothing is left to run after close', () => {
    const script = new Script().live(5).heads(9);
    script.enter({ type: 'close' });
    expect(script.session.nextDeadline()).toBeUndefined();
  });
});

describe('the token', () => {
  const withToken = () =>
    new Context({ ...DEFAULT_SETTINGS, hasToken: true }, gapDetector, undefined);
  const ready = (auth: Auth) => {
    auth.ask();
    auth.answered(auth.asked, true);
  };

  test('one refusal refreshes, the second in a row stops', () => {
    const ctx = withToken();
    const auth = new Auth(ctx);
    ready(auth);
    expect(auth.refused(1)).toBe('refreshing');
    auth.answered(2, true);
    expect(auth.refused(2)).toBe('unauthorized');
  });

  test('a refusal counts against the token that it was given with', () => {
    const ctx = withToken();
    const auth = new Auth(ctx);
    ready(auth);
    expect(auth.refused(1)).toBe('refreshing');
    auth.answered(2, true);
    expect(auth.refused(1)).toBe('retry');
  });

  test('only an acceptance of a newer token forgives a refusal', () => {
    const ctx = withToken();
    const auth = new Auth(ctx);
    ready(auth);
    auth.refused(1);
    auth.accepted(1);
    auth.answered(2, true);
    expect(auth.refused(2)).toBe('unauthorized');
  });

  test('one question for a token is under way, and only its answer counts', () => {
    const ctx = withToken();
    const auth = new Auth(ctx);
    auth.ask();
    auth.ask();
    expect(ctx.takeEffects()).toHaveLength(1);
    expect(auth.answered(1, false)).toBe(true);
    // Too late: the question was given up.
    expect(auth.answered(1, true)).toBe(false);
    auth.ask();
    expect(auth.answered(1, true)).toBe(false);
  });
});

describe('publishes', () => {
  const request = { type: 'publish', id: 1, channel: CHANNEL, key: 'k', data: 1 } as const;

  test('one that may wait is repeated on the next connection, under its own key', () => {
    const script = new Script().live(5);
    script.enter({ ...request, timeoutMs: 60 * second });
    const [first] = script.sentOf('publish');
    script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
    expect(script.all('published')).toEqual([]);
    script.pass(2 * second).enter({ type: 'opened', attempt: 2 });
    expect(script.sentOf('publish')).toEqual([first]);
  });

  test('one that may not wait is settled when the connection is lost, or is not there', () => {
    const script = new Script().live(5);
    script.enter({ ...request, timeoutMs: undefined });
    script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
    expect(script.first('published').result).toMatchObject({ code: 'not_connected' });
    script.enter({ ...request, id: 2, timeoutMs: undefined });
    expect(script.first('published').result).toMatchObject({ code: 'not_connected' });
  });
});

describe('remote data', () => {
  const page = { channel: CHANNEL, epoch: 'e', head: 9, oldest: 1, messages: [] };

  test('the question names the last number had', () => {
    const items = [{ channel: CHANNEL, epoch: 'e', seq: 5 }];
    const text = encodeFrames([{ type: 'recover', id: 1, items }]);
    expect(JSON.parse(text)).toMatchObject({ items: [{ since: 5 }] });
  });

  test('an answer for another channel is none', () => {
    expect(decodePage(page, 'another')).toMatchObject({ type: 'bad' });
  });

  test('messages and void ranges are taken by their numbers', () => {
    const seqs = [{ seq: 8 }, { seq: 6 }];
    const mixed = [
      [7, 7],
      [3, 4],
    ];
    expect(decodePage({ ...page, messages: seqs, void: mixed }, CHANNEL)).toMatchObject({
      messages: [{ seq: 6 }, { seq: 8 }],
      void: [
        [3, 4],
        [7, 7],
      ],
    });
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 53, '5', null])('%s is no number of a message', (seq) => {
    const frame = { type: 'message', channel: CHANNEL, epoch: 'e', seq, data: 1 };
    expect(decodeFrame(frame)).toMatchObject({ type: 'bad', channel: CHANNEL });
  });

  test('facts that cannot be are no facts', () => {
    expect(decodePage({ ...page, oldest: 11 }, CHANNEL)).toMatchObject({ type: 'bad' });
    expect(decodePage({ ...page, oldest: 10 }, CHANNEL)).toMatchObject({ oldest: 10 });
  });

  test('an answer without an id of ours answers nothing', () => {
    expect(decodeFrame({ type: 'recovered', items: [] })).toMatchObject({ type: 'bad' });
  });
});
