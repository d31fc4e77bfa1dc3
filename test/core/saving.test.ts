// @vitest-environment node
/** When positions are written, what is kept when they cannot be, and what a slow store may still say. */
import { describe, expect, test } from 'vitest';
import { Context } from '../../src/core/context.js';
import { gapDetector } from '../../src/core/gap-detector.js';
import type { Position, PositionWrite } from '../../src/core/position.js';
import { PositionLedger } from '../../src/core/position-ledger.js';
import { DEFAULT_SETTINGS } from '../../src/core/settings.js';
import type { ChannelIntent } from '../../src/core/vocabulary.js';
import { CHANNEL, LATEST, Script } from '../mutants/script.js';

const second = 1_000;
const quiet = { heartbeatMs: 600 * second };
const STORED: ChannelIntent = { ...LATEST, start: 'stored' };
const FACTS = { epoch: 'e', head: 9, oldest: 1 };
const SILENCE = 1_500 * second;

const written = (script: Script): unknown[] =>
  script
    .all('save')
    .flatMap(({ writes }) =>
      writes.map(({ channel, mode, position }) => [channel, mode, position.seq]),
    );
const saved = (script: Script, failed?: true): Script =>
  script.enter({
    type: 'saved',
    id: script.first('save').id,
    refused: [],
    ...(failed && { failed }),
  });

/** Everything that this step delivered is handled. */
function handle(script: Script): Script {
  const [{ channel, items, tok } = { channel: '', items: [], tok: '' }] = script.all('deliver');
  const seq = items.reduce((last, item) => (item.type === 'message' ? item.seq : last), 0);
  const position = { epoch: 'e', seq, tok: tok ?? '' };
  const mark: PositionWrite = { channel, mode: 'advance', position };
  return script.enter({ type: 'handled', channel, count: items.length, mark });
}

/** The store has told nothing in time: reading began at 9 without it. */
function blind(settings = {}): Script {
  const script = new Script({
    ...quiet,
    storageTimeoutMs: second,
    flushMs: 100,
    backoffCapMs: 5 * second,
    ...settings,
  });
  script.enter({ type: 'join', channel: CHANNEL, intent: STORED });
  script.enter({ type: 'opened', attempt: 1 }).subscribed(FACTS);
  return script.pass(second);
}
const loaded = (script: Script, position?: Position): Script =>
  script.enter({
    type: 'loaded',
    channel: CHANNEL,
    ...(position && { position: { ...position, tok: 'theirs' } }),
  });

describe('writes', () => {
  test('come once in a while, for all channels that changed meanwhile', () => {
    const script = new Script({ ...quiet, flushMs: 250 });
    for (const channel of ['a', 'b']) {
      script.enter({ type: 'join', channel, intent: { ...LATEST, start: { epoch: 'e', seq: 3 } } });
      script.pass(200);
    }
    expect(script.all('save')).toHaveLength(1);
    expect(written(script)).toEqual([
      ['a', 'replace', 3],
      ['b', 'replace', 3],
    ]);
  });

  test('that are done are done: nothing is written again, nothing is due', () => {
    const script = saved(new Script({ ...quiet, flushMs: 100 }).live(5).pass(100));
    expect(script.session.nextDeadline()).toBe(script.now - 100 + SILENCE);
    expect(script.pass(60 * second).all('save')).toEqual([]);
  });

  test('that were made because the page goes away are due no more', () => {
    const script = new Script({ ...quiet, flushMs: 600 * second }).live(5);
    saved(script.enter({ type: 'page', signal: 'hidden' }));
    expect(script.session.nextDeadline()).toBe(script.now + SILENCE);
  });

  test.each(['visible', 'online', 'resume', 'pageshow', 'offline'] as const)(
    'are not hurried by %s',
    (signal) => {
      const script = new Script({ ...quiet, flushMs: 100 }).live(5).enter({ type: 'page', signal });
      expect(script.all('save')).toEqual([]);
    },
  );

  test('wait for the one before, and then for their time', () => {
    const script = new Script({ ...quiet, flushMs: 100 }).live(5).pass(100);
    const { id } = script.first('save');
    handle(script.message(6)).pass(50);
    expect(script.enter({ type: 'saved', id, refused: [] }).all('save')).toEqual([]);
    expect(written(script.pass(100))).toEqual([[CHANNEL, 'advance', 6]]);
  });

  test('wait for nothing but the one before when the page goes away', () => {
    const script = new Script({ ...quiet, flushMs: 100 }).live(5).pass(100);
    const { id } = script.first('save');
    handle(script.message(6)).enter({ type: 'page', signal: 'hidden' });
    expect(script.all('save')).toEqual([]);
    expect(written(script.enter({ type: 'saved', id, refused: [] }))).toEqual([
      [CHANNEL, 'advance', 6],
    ]);
    // A write that failed is not hurried.
    const failing = new Script({ ...quiet, flushMs: 100 }).live(5).pass(100);
    const first = failing.first('save').id;
    handle(failing.message(6)).enter({ type: 'page', signal: 'hidden' });
    expect(
      failing.enter({ type: 'saved', id: first, refused: [], failed: true }).all('save'),
    ).toEqual([]);
  });

  test('that failed are tried again as what they were', () => {
    const script = saved(new Script({ ...quiet, flushMs: 100 }).live(5).pass(100));
    handle(script.message(6)).pass(100);
    const { id } = script.first('save');
    handle(script.message(7)).enter({ type: 'saved', id, refused: [], failed: true });
    expect(written(script.pass(second))).toEqual([[CHANNEL, 'advance', 7]]);
  });

  test('that hang are given up, and replace nobody', () => {
    const script = new Script({
      ...quiet,
      flushMs: 100,
      storageTimeoutMs: second,
      verbose: true,
    }).live(5);
    script.pass(100 + second);
    expect(script.all('releaseStore')).toHaveLength(1);
    expect(script.all('storageState')).toEqual([{ type: 'storageState', state: 'memory' }]);
    expect(script.all('notice')).toEqual([]);
  });

  test('say once that the store works, or does not', () => {
    const script = saved(new Script({ ...quiet, flushMs: 100 }).live(5).pass(100));
    expect(script.all('storageState')).toEqual([{ type: 'storageState', state: 'persistent' }]);
    expect(saved(handle(script.message(6)).pass(100)).all('storageState')).toEqual([]);
    expect(saved(handle(script.message(7)).pass(100), true).all('storageState')).toHaveLength(1);
    expect(saved(script.pass(60 * second), true).all('storageState')).toEqual([]);
  });

  test('that fail are not made good by what can be read', () => {
    const script = saved(new Script({ ...quiet, flushMs: 100 }).live(5).pass(100), true);
    expect(script.all('storageState')).toEqual([{ type: 'storageState', state: 'memory' }]);
    script.enter({ type: 'join', channel: 'other', intent: STORED });
    expect(script.enter({ type: 'loaded', channel: 'other' }).all('storageState')).toEqual([]);
    expect(saved(script.pass(second)).all('storageState')).toEqual([
      { type: 'storageState', state: 'persistent' },
    ]);
  });

  test('to a store that ends with the page are no promise', () => {
    const script = saved(
      new Script({ ...quiet, persistent: false, flushMs: 100 }).live(5).pass(100),
    );
    expect(script.all('storageState')).toEqual([{ type: 'storageState', state: 'memory' }]);
  });

  test('that cannot be made are kept for ten thousand channels, the newest', () => {
    const ctx = new Context(DEFAULT_SETTINGS, gapDetector, undefined);
    const ledger = new PositionLedger(ctx);
    const position = { epoch: 'e', seq: 3, tok: 't' };
    for (let i = 0; i <= 10_000; i += 1)
      ledger.mark({ channel: `c${i}`, mode: 'replace', position });
    ledger.flush();
    const [save] = ctx.takeEffects();
    const writes = save?.type === 'save' ? save.writes : [];
    expect(writes).toHaveLength(10_000);
    expect(writes[0]?.channel).toBe('c1');
  });
});

describe('a store that is slow', () => {
  test('is not waited for, is let go of, and is asked again after a while', () => {
    const script = blind();
    expect(script.all('releaseStore')).toHaveLength(1);
    expect(script.all('load')).toEqual([]);
    expect(script.session.numbers(CHANNEL)?.last).toBe(9);
    expect(script.pass(4_999).all('load')).toEqual([]);
    expect(script.pass(1).all('load')).toEqual([{ type: 'load', channel: CHANNEL }]);
    expect(script.all('releaseStore')).toHaveLength(1);
  });

  test('and then has nothing: what waited is written', () => {
    const script = loaded(handle(blind().message(10)));
    expect(written(script.pass(second))).toEqual([[CHANNEL, 'replace', 10]]);
    expect(
      saved(script)
        .pass(60 * second)
        .all('load'),
    ).toEqual([]);
  });

  test('and then tells where we are: ours is written, and nothing is told', () => {
    const script = loaded(blind(), { epoch: 'e', seq: 9 });
    expect(script.told).toEqual([]);
    expect(written(script.pass(second))).toEqual([[CHANNEL, 'replace', 9]]);
  });

  test('and then tells of an older place, before anything was delivered: it is as if it had been quick', () => {
    const script = loaded(blind(), { epoch: 'e', seq: 4 });
    expect(script.first('fetch').request.seq).toBe(4);
    // What is stored is right: a crash now must not lose 5 to 9.
    const position = { epoch: 'e', seq: 4, tok: expect.any(String) };
    expect(script.pass(second).all('save')).toEqual([
      { type: 'save', id: 1, writes: [{ channel: CHANNEL, mode: 'advance', position }] },
    ]);
  });

  test('and then tells of another log: what of that was missed nobody knows', () => {
    for (const seq of [20, 4]) {
      const script = loaded(blind(), { epoch: 'd', seq });
      expect(script.items).toMatchObject([{ gap: { epoch: 'd', from: seq + 1, reason: 'epoch' } }]);
      expect(script.items[0]?.type === 'gap' && script.items[0].gap).not.toHaveProperty('to');
      expect(script.session.numbers(CHANNEL)).toMatchObject({ epoch: 'e', last: 9 });
    }
  });

  test('and then tells of a place of the log that was left meanwhile', () => {
    const script = blind().heads(12, 'f').pass(200);
    script.answer(script.first('fetch').id, { epoch: 'f', head: 12, oldest: 10 });
    expect(script.session.numbers(CHANNEL)).toMatchObject({ epoch: 'f', last: 9 });
    loaded(script, { epoch: 'e', seq: 4 });
    expect(script.items).toMatchObject([
      { gap: { epoch: 'e', from: 5, to: 9, reason: 'unreachable' } },
    ]);
    expect(script.session.numbers(CHANNEL)).toMatchObject({ epoch: 'f', last: 9 });
  });

  test('twice is still believed when it tells at last', () => {
    const script = handle(blind().message(10)).pass(11 * second);
    loaded(script, { epoch: 'e', seq: 4 });
    expect(script.items).toMatchObject([{ gap: { from: 5, to: 9 } }]);
  });

  test('is asked anew by whoever joins again, and owes the same', () => {
    const script = handle(blind({ leaveDelayMs: 10 }).message(10));
    script.enter({ type: 'release', channel: CHANNEL }).pass(10);
    script.enter({ type: 'join', channel: CHANNEL, intent: STORED });
    expect(script.all('load')).toHaveLength(1);
    expect(script.session.numbers(CHANNEL)?.last).toBe(10);
    script.subscribed({ ...FACTS, head: 10 });
    loaded(script, { epoch: 'e', seq: 4 });
    expect(script.items).toMatchObject([{ gap: { from: 5, to: 9 } }]);
  });

  test('owes what was passed over to whoever joins again before the app was told', () => {
    const script = handle(blind({ leaveDelayMs: 10 }).message(10));
    loaded(script, { epoch: 'e', seq: 4 });
    expect(script.items).toMatchObject([{ gap: { from: 5, to: 9 } }]);
    // Its handlers never come to it.
    script.enter({ type: 'release', channel: CHANNEL }).pass(10);
    script.enter({ type: 'join', channel: CHANNEL, intent: STORED });
    script.subscribed({ ...FACTS, head: 10 });
    loaded(script, { epoch: 'e', seq: 4 });
    expect(script.items).toMatchObject([{ gap: { from: 5, to: 9 } }]);
  });

  test('and says nothing to a channel that has failed keeps what it owes', () => {
    const script = handle(blind({ leaveDelayMs: 10 }).message(10));
    const code = { code: 'forbidden', retry: false };
    script.frames([{ type: 'unsubscribed', channel: CHANNEL, ...code }]);
    loaded(script, { epoch: 'e', seq: 4 });
    expect(script.told).toEqual([]);
    script.enter({ type: 'join', channel: CHANNEL, intent: STORED });
    expect(script.all('load')).toHaveLength(1);
    script.subscribed({ ...FACTS, head: 10 });
    loaded(script, { epoch: 'e', seq: 4 });
    expect(script.items).toMatchObject([{ gap: { from: 5, to: 9 } }]);
  });

  test('and told in time is gone on from, however the server was quicker', () => {
    const script = new Script(quiet).enter({ type: 'join', channel: CHANNEL, intent: STORED });
    script.enter({ type: 'opened', attempt: 1 }).subscribed(FACTS);
    expect(loaded(script, { epoch: 'e', seq: 4 }).first('fetch').request.seq).toBe(4);
  });

  test('and told before there was a connection has missed nothing', () => {
    const script = new Script({
      ...quiet,
      storageTimeoutMs: second,
      connectTimeoutMs: 60 * second,
    });
    script.enter({ type: 'join', channel: CHANNEL, intent: STORED }).pass(second);
    loaded(script, { epoch: 'e', seq: 4 });
    script.enter({ type: 'opened', attempt: 1 }).subscribed(FACTS);
    expect(script.told).toEqual([]);
    expect(script.first('fetch').request.seq).toBe(4);
  });

  test('is told to the app once, and so is its first answer', () => {
    const script = blind();
    expect(script.all('storageState')).toHaveLength(1);
    expect(script.pass(20 * second).all('storageState')).toEqual([]);
    expect(loaded(script).all('storageState')).toEqual([
      { type: 'storageState', state: 'persistent' },
    ]);
    const failing = new Script(quiet).enter({ type: 'join', channel: CHANNEL, intent: STORED });
    failing.enter({ type: 'loaded', channel: CHANNEL, failed: true });
    expect(failing.all('storageState')).toEqual([{ type: 'storageState', state: 'memory' }]);
  });

  test('that was asked twice is not asked again when the other question fails', () => {
    const script = loaded(blind());
    script.enter({ type: 'loaded', channel: CHANNEL, failed: true });
    expect(script.all('storageState')).toEqual([]);
    expect(script.pass(60 * second).all('load')).toEqual([]);
  });

  test('is waited for no longer by a channel that was left', () => {
    const script = blind({ leaveDelayMs: 10 });
    script.enter({ type: 'release', channel: CHANNEL }).pass(3 * second);
    expect(script.session.nextDeadline()).toBeGreaterThan(script.now + 100 * second);
  });
});
