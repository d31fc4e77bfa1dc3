// @vitest-environment node
/** What the app is shown of a channel: each state once, when it begins, with its numbers. */
import { describe, expect, test } from 'vitest';
import type { Settings } from '../../src/core/settings.js';
import type { ChannelIntent, ChannelState } from '../../src/core/vocabulary.js';
import { CHANNEL, LATEST, messages, Script } from '../mutants/script.js';

const SNAPSHOT: ChannelIntent = { ...LATEST, snapshot: true };
const second = 1_000;

/** Nothing but the channel's own deadlines: what is shown is shown until then. */
const quiet: Partial<Settings> = { flushMs: 600 * second, heartbeatMs: 600 * second };
const start = (settings: Partial<Settings> = {}): Script => new Script({ ...quiet, ...settings });

const shown = (script: Script): readonly ChannelState[] =>
  script.all('channelState').map(({ state }) => state);
const untilNext = (script: Script): number => (script.session.nextDeadline() ?? 0) - script.now;

describe('a channel', () => {
  test('joins, is live, recovers as far as it has heard of, and is live', () => {
    const script = start().enter({ type: 'join', channel: CHANNEL, intent: LATEST });
    expect(shown(script)).toEqual([{ name: 'joining' }]);
    expect(shown(script.enter({ type: 'opened', attempt: 1 }))).toEqual([]);
    expect(shown(script.subscribed({ epoch: 'e', head: 5, oldest: 1 }))).toEqual([
      { name: 'live' },
    ]);
    // A short wait for what may only be late is no outage.
    expect(shown(script.heads(9))).toEqual([]);
    expect(shown(script.pass(200))).toEqual([{ name: 'recovering', since: 5, head: 9 }]);
    const { id } = script.first('fetch');
    expect(shown(script.heads(9))).toEqual([]);
    expect(shown(script.heads(12))).toEqual([{ name: 'recovering', since: 5, head: 12 }]);
    script.answer(id, { head: 12, messages: messages(6, 12) });
    expect(shown(script)).toEqual([{ name: 'live' }]);
  });

  test('that is behind when it joins recovers at once', () => {
    const script = start().enter({
      type: 'join',
      channel: CHANNEL,
      intent: { ...LATEST, start: { epoch: 'e', seq: 2 } },
    });
    script.enter({ type: 'opened', attempt: 1 }).subscribed({ epoch: 'e', head: 5, oldest: 1 });
    expect(shown(script)).toEqual([{ name: 'recovering', since: 2, head: 5 }]);
  });

  test('that waits for its store is joining, whatever the server says', () => {
    const script = start().enter({
      type: 'join',
      channel: CHANNEL,
      intent: { ...LATEST, start: 'stored' },
    });
    script.enter({ type: 'opened', attempt: 1 }).subscribed({ epoch: 'e', head: 5, oldest: 1 });
    expect(shown(script)).toEqual([]);
    expect(shown(script.enter({ type: 'loaded', channel: CHANNEL }))).toEqual([{ name: 'live' }]);
  });

  test('between questions whose answers do not agree yet is recovering', () => {
    const script = start().live(5).heads(7).pass(200);
    expect(shown(script)).toEqual([{ name: 'recovering', since: 5, head: 7 }]);
    script.answer(script.first('fetch').id, { head: 7, messages: [] });
    expect(script.all('fetch')).toEqual([]);
    expect(shown(script)).toEqual([]);
    expect(shown(script.pass(1))).toEqual([]);
  });

  test('whose questions fail is stalled until the next, and says so once per outage', () => {
    const script = start().live(5).heads(9).pass(200);
    script.refuse(script.first('fetch').id, 500);
    expect(shown(script)).toEqual([
      { name: 'stalled', reason: 'recovery', retryInMs: untilNext(script) },
    ]);
    expect(untilNext(script)).toBeGreaterThan(0);
    expect(shown(script.heads(11))).toEqual([]);
    expect(shown(script.pass(second))).toEqual([{ name: 'recovering', since: 5, head: 11 }]);
    const { id } = script.first('fetch');
    expect(shown(script.refuse(id, 503, 7_000))).toMatchObject([
      { name: 'stalled', reason: 'recovery' },
    ]);
  });

  test('that the server refuses for now is stalled, whatever else it waits for', () => {
    const script = start().live(5);
    script.frames([{ type: 'unsubscribed', channel: CHANNEL, code: 'limit', retry: true }]);
    expect(shown(script)).toEqual([
      { name: 'stalled', reason: 'refused', retryInMs: untilNext(script) },
    ]);
    expect(untilNext(script)).toBeGreaterThan(0);
    expect(shown(script.pass(second))).toEqual([{ name: 'joining' }]);
    expect(script.sentOf('subscribe')).toHaveLength(1);
  });

  test('that the server refuses for good has failed, and says why', () => {
    const script = start().live(5);
    script.frames([{ type: 'unsubscribed', channel: CHANNEL, code: 'forbidden', retry: false }]);
    expect(shown(script)).toEqual([{ name: 'failed', code: 'forbidden' }]);
    expect(shown(script.enter({ type: 'close' }))).toEqual([{ name: 'closed' }]);
  });

  test.each([true, false])('that has failed is not refused once more (retry: %s)', (retry) => {
    const script = start().live(5).heads(9).pass(200);
    script.refuse(script.first('fetch').id, 403);
    expect(script.all('problem')).toHaveLength(1);
    script.frames([{ type: 'unsubscribed', channel: CHANNEL, code: 'limit', retry }]);
    expect(script.effects).toEqual([]);
    expect(script.pass(60 * second).sent).toEqual([]);
  });

  test('that loses its connection is joining', () => {
    const script = start().live(5).enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
    expect(shown(script)).toEqual([{ name: 'joining' }]);
    expect(shown(script.enter({ type: 'close' }))).toEqual([{ name: 'closed' }]);
  });
});

describe('a snapshot', () => {
  test('is a recovery up to what was heard of', () => {
    const script = start().enter({ type: 'join', channel: CHANNEL, intent: SNAPSHOT });
    script.enter({ type: 'opened', attempt: 1 }).subscribed({ epoch: 'e', head: 5, oldest: 1 });
    expect(shown(script)).toEqual([{ name: 'recovering', since: 5, head: 5 }]);
    expect(shown(script.heads(5))).toEqual([]);
    expect(shown(script.heads(8))).toEqual([{ name: 'recovering', since: 5, head: 8 }]);
    expect(shown(script.heads(7))).toEqual([]);
    const position = { epoch: 'e', seq: 8 };
    script.enter({ type: 'snapshotTaken', channel: CHANNEL, position });
    expect(shown(script)).toEqual([{ name: 'live' }]);
  });

  test('that failed is tried again, and the channel is stalled until then', () => {
    const script = start().live(5, { ...SNAPSHOT, maxAttempts: 1 });
    script.enter({ type: 'handlerFailed', channel: CHANNEL, kind: 'snapshot' });
    expect(shown(script)).toEqual([
      { name: 'stalled', reason: 'snapshot', retryInMs: untilNext(script) },
    ]);
    expect(script.pass(500).all('redeliver')).toHaveLength(1);
  });
});

describe('handlers', () => {
  const fail = (script: Script): Script =>
    script.enter({ type: 'handlerFailed', channel: CHANNEL, kind: 'handler' });

  test('that failed stall the channel until the next try, which takes its time', () => {
    const tries: number[] = [];
    const script = start({ seed: 4 }).live(5).message(6);
    for (let i = 0; i < 4; i += 1) {
      fail(script);
      tries.push(untilNext(script));
      expect(shown(script)).toEqual([{ name: 'stalled', reason: 'handler', retryInMs: tries[i] }]);
      expect(shown(script.pass(10 * second))).toEqual([{ name: 'live' }]);
      expect(script.all('redeliver')).toEqual([{ type: 'redeliver', channel: CHANNEL }]);
    }
    for (const [i, ms] of tries.entries()) {
      expect(ms).toBeGreaterThan(0);
      expect(ms).toBeLessThan(500 * 2 ** i);
    }
    expect(shown(fail(script))).toEqual([{ name: 'stalled', reason: 'handler' }]);
    expect(script.session.nextDeadline()).toBeGreaterThan(script.now + 100 * second);
  });

  test('that failed for good go on when the app says so, with all their tries', () => {
    const script = start()
      .live(5, { ...LATEST, maxAttempts: 2 })
      .message(6);
    fail(fail(script).pass(second));
    expect(script.enter({ type: 'retry', channel: CHANNEL }).all('redeliver')).toHaveLength(1);
    expect(shown(script)).toEqual([{ name: 'live' }]);
    expect(shown(fail(script))).toMatchObject([
      { name: 'stalled', reason: 'handler', retryInMs: untilNext(script) },
    ]);
  });

  test('that wait for their next try have it when the app says so, and not once more', () => {
    const script = fail(start().live(5).message(6)).enter({ type: 'retry', channel: CHANNEL });
    expect(script.all('redeliver')).toHaveLength(1);
    expect(script.pass(5 * second).all('redeliver')).toEqual([]);
  });

  test('that have not failed are not tried again', () => {
    const script = start().live(5).message(6);
    expect(script.enter({ type: 'retry', channel: CHANNEL }).effects).toEqual([]);
    script.enter({ type: 'handling', channel: CHANNEL });
    expect(script.enter({ type: 'retry', channel: CHANNEL }).effects).toEqual([]);
  });

  test('that do not settle stall the channel, once, until they do', () => {
    const script = start({ handlerTimeoutMs: 4 * second })
      .live(5)
      .message(6, 7);
    script.enter({ type: 'handling', channel: CHANNEL });
    expect(shown(script.pass(3_999))).toEqual([]);
    script.pass(1);
    expect(shown(script)).toEqual([{ name: 'stalled', reason: 'timeout' }]);
    expect(script.all('problem')).toMatchObject([
      { problem: { code: 'handler_timeout', channel: CHANNEL } },
    ]);
    expect(script.pass(60 * second).effects).toEqual([]);
    expect(shown(script.enter({ type: 'handled', channel: CHANNEL, count: 1 }))).toEqual([
      { name: 'live' },
    ]);
  });

  test('have their whole time for each item', () => {
    const script = start({ handlerTimeoutMs: 4 * second })
      .live(5)
      .message(6, 7);
    script.enter({ type: 'handling', channel: CHANNEL }).pass(3 * second);
    script.enter({ type: 'handled', channel: CHANNEL, count: 1 });
    script.enter({ type: 'handling', channel: CHANNEL });
    expect(shown(script.pass(3_999))).toEqual([]);
    expect(shown(script.pass(1))).toEqual([{ name: 'stalled', reason: 'timeout' }]);
  });

  describe('whose page sleeps while they are at work', () => {
    const woken = (): Script => {
      const script = start({ handlerTimeoutMs: 4 * second })
        .live(5)
        .message(6);
      script.enter({ type: 'handling', channel: CHANNEL });
      script.now += 3_600 * second;
      return script.enter({ type: 'tick' });
    };

    test('have their whole time once it is awake', () => {
      const script = woken();
      expect(shown(script)).toEqual([]);
      expect(shown(script.frames([{ type: 'pong' }]).pass(3_999))).toEqual([]);
      script.pass(1);
      expect(shown(script)).toEqual([{ name: 'stalled', reason: 'timeout' }]);
      expect(script.all('problem')).toHaveLength(1);
    });

    test('have no more than that where every timer is late, as in a hidden page', () => {
      const script = woken().frames([{ type: 'pong' }]);
      script.now += 60 * second;
      script.enter({ type: 'tick' });
      expect(shown(script)).toEqual([{ name: 'stalled', reason: 'timeout' }]);
      script.enter({ type: 'handled', channel: CHANNEL, count: 1 });
      script.message(7).enter({ type: 'handling', channel: CHANNEL });
      script.now += 60 * second;
      expect(shown(script.enter({ type: 'tick' }))).toEqual([]);
    });
  });

  test('have no more than their time after an item whose next try was far off is skipped', () => {
    const script = start({ handlerTimeoutMs: second }).live(5, { ...LATEST, maxAttempts: 99 });
    script.message(6, 7);
    for (let wait = 0; wait < 2 * second; wait = untilNext(script)) {
      script.enter({ type: 'handlerFailed', channel: CHANNEL, kind: 'handler' });
    }
    script.enter({ type: 'handled', channel: CHANNEL, count: 1 });
    script.enter({ type: 'handling', channel: CHANNEL });
    expect(script.pass(999).all('problem')).toEqual([]);
    expect(script.pass(1).all('problem')).toHaveLength(1);
  });

  test('that are done have no time to keep', () => {
    const script = start({ handlerTimeoutMs: 4 * second })
      .live(5)
      .message(6);
    script.enter({ type: 'handling', channel: CHANNEL });
    script.enter({ type: 'handled', channel: CHANNEL, count: 1 });
    expect(script.pass(60 * second).effects).toEqual([]);
  });

  test('have all the time in the world when the app says so', () => {
    const script = start({ handlerTimeoutMs: false }).live(5).message(6);
    script.enter({ type: 'handling', channel: CHANNEL });
    expect(script.session.nextDeadline()).toBeGreaterThan(script.now + 100 * second);
    // Where a try was due before, there is a deadline to come.
    fail(script).enter({ type: 'handling', channel: CHANNEL });
    expect(script.pass(60 * second).effects).toEqual([]);
  });
});
