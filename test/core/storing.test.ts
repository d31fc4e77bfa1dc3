// @vitest-environment node
/** Protocol 3.E and 3.F: what is stored, when, and what a store that misbehaves may do. */
import { expect, test } from 'vitest';
import type { Position, PositionWrite } from '../../src/core/position.js';
import type { ChannelIntent } from '../../src/core/vocabulary.js';
import { CHANNEL, messages, Script } from '../mutants/script.js';

const STORED: ChannelIntent = { start: 'stored', snapshot: false, maxAttempts: 3 };
const TOK = 'tok';

function mark(seq: number, tok: string, mode: PositionWrite['mode'] = 'advance'): PositionWrite {
  return { channel: CHANNEL, mode, position: { epoch: 'e', seq, tok } };
}

const handled = (script: Script, count: number, write: PositionWrite): Script =>
  script.enter({ type: 'handled', channel: CHANNEL, count, mark: write });

/** Joined with a stored position. */
function resumed(seq: number, head = seq): Script {
  const script = new Script({ flushMs: 100 });
  script.enter({ type: 'join', channel: CHANNEL, intent: STORED });
  script.enter({ type: 'opened', attempt: 1 });
  const position = { epoch: 'e', seq, tok: TOK };
  script.enter({ type: 'loaded', channel: CHANNEL, position });
  return script.subscribed({ epoch: 'e', head, oldest: 1 });
}

/** Joined while the store says nothing: reading began at 9 without it. */
function blind(): Script {
  const script = new Script({ storageTimeoutMs: 500, flushMs: 100, backoffCapMs: 5_000 });
  script.enter({ type: 'join', channel: CHANNEL, intent: STORED });
  script.enter({ type: 'opened', attempt: 1 });
  script.subscribed({ epoch: 'e', head: 9, oldest: 1 }).pass(600);
  expect(script.all('storageState')).toEqual([{ type: 'storageState', state: 'memory' }]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 9 });
  return script;
}

const late = (script: Script, position?: Position): Script =>
  script.enter({
    type: 'loaded',
    channel: CHANNEL,
    ...(position ? { position: { ...position, tok: TOK } } : {}),
  });

test('E1 what is stored is what was handled, not what was received', () => {
  const script = resumed(5).message(6, 7, 8).pass(1_000);
  script.enter({ type: 'saved', id: 1, refused: [] });
  expect(script.pass(1_000).all('save')).toEqual([]);
  handled(script, 2, mark(7, TOK)).pass(100);
  expect(script.all('save')).toEqual([{ type: 'save', id: 2, writes: [mark(7, TOK)] }]);
});

test('E1 a position that is resumed is written again, or a store could take it for one of no use', () => {
  const script = resumed(5).pass(100);
  expect(script.all('save')).toEqual([{ type: 'save', id: 1, writes: [mark(5, TOK)] }]);
  script.enter({ type: 'saved', id: 1, refused: [] });
  expect(script.pass(10_000).all('save')).toEqual([]);
});

test('E1 positions are coalesced: one write for all that changed meanwhile', () => {
  const script = resumed(5).message(6, 7, 8);
  for (const seq of [6, 7, 8]) handled(script, 1, mark(seq, TOK));
  expect(script.pass(100).all('save')).toEqual([{ type: 'save', id: 1, writes: [mark(8, TOK)] }]);
  // While it is on its way the next one waits.
  handled(script.message(9), 1, mark(9, TOK));
  expect(script.pass(150).all('save')).toEqual([]);
  script.enter({ type: 'saved', id: 1, refused: [] });
  expect(script.all('save')).toEqual([{ type: 'save', id: 2, writes: [mark(9, TOK)] }]);
});

test.each(['hidden', 'pagehide', 'freeze'] as const)('F2 %s stores at once', (signal) => {
  const script = handled(resumed(5).message(6), 1, mark(6, TOK));
  script.enter({ type: 'page', signal });
  expect(script.all('save')).toEqual([{ type: 'save', id: 1, writes: [mark(6, TOK)] }]);
});

test('E6 a stored position is where reading goes on', () => {
  const script = resumed(5, 7);
  expect(script.first('fetch').request).toEqual({ channel: CHANNEL, epoch: 'e', seq: 5 });
  script.answer(script.first('fetch').id, { head: 7, messages: messages(6, 7) });
  expect(script.first('deliver')).toMatchObject({ tok: TOK, items: [{ seq: 6 }, { seq: 7 }] });
});

test('E4 a handler that fails is tried again with backoff, then the channel stalls', () => {
  const script = resumed(5).message(6);
  const fail = () => script.enter({ type: 'handlerFailed', channel: CHANNEL, kind: 'handler' });
  for (let i = 0; i < 2; i += 1) {
    expect(fail().first('channelState').state).toMatchObject({
      name: 'stalled',
      reason: 'handler',
      retryInMs: expect.any(Number),
    });
    expect(script.pass(30_000).all('redeliver')).toHaveLength(1);
  }
  fail();
  script.frames([{ type: 'pong' }]);
  expect(script.pass(60_000).all('redeliver')).toEqual([]);
  expect(script.enter({ type: 'retry', channel: CHANNEL }).all('redeliver')).toHaveLength(1);
  handled(script, 1, mark(6, TOK));
  expect(script.session.counters.delivered).toBe(1);
});

test('E4 a snapshot that fails is tried for ever, however few attempts a handler has', () => {
  const script = new Script();
  script.live(5, { start: 'latest', snapshot: true, maxAttempts: 1 });
  for (let i = 0; i < 10; i += 1) {
    script.enter({ type: 'handlerFailed', channel: CHANNEL, kind: 'snapshot' });
    let redelivered = 0;
    for (let s = 0; s < 32; s += 1) {
      redelivered += script
        .frames([{ type: 'pong' }])
        .pass(1_000)
        .all('redeliver').length;
    }
    expect(redelivered).toBe(1);
  }
});

test('E5 a handler that does not settle is told once, and not overtaken', () => {
  const script = new Script({ handlerTimeoutMs: 2_000 }).live(5).message(6);
  script.enter({ type: 'handling', channel: CHANNEL }).pass(2_100);
  expect(script.all('problem')).toEqual([
    { type: 'problem', problem: { code: 'handler_timeout', channel: CHANNEL } },
  ]);
  expect(script.all('channelState').at(-1)?.state).toEqual({ name: 'stalled', reason: 'timeout' });
  expect(script.pass(10_000).all('problem')).toEqual([]);
  expect(
    script.enter({ type: 'handled', channel: CHANNEL, count: 1 }).first('channelState'),
  ).toEqual({ type: 'channelState', channel: CHANNEL, state: { name: 'live' } });
});

test('E12 F1 an advance that is refused means another owner: in memory from then on', () => {
  const script = handled(resumed(5).message(6), 1, mark(6, TOK)).pass(100);
  script.enter({ type: 'saved', id: 1, refused: [CHANNEL] });
  handled(script.message(7), 1, mark(7, TOK));
  expect(script.pass(60_000).all('save')).toEqual([]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 7 });
});

test('E12 a replacement that waits is written, although an advance before it is refused', () => {
  const script = handled(resumed(5).message(6), 1, mark(6, TOK)).pass(100);
  handled(script, 0, mark(9, 'new', 'replace'));
  script.enter({ type: 'saved', id: 1, refused: [CHANNEL] }).pass(60_000);
  expect(script.first('save').writes).toEqual([mark(9, 'new', 'replace')]);
});

test('F4 a write that fails is tried again, with all that came since', () => {
  const script = handled(resumed(5).message(6, 7), 1, mark(6, TOK)).pass(100);
  script.enter({ type: 'saved', id: 1, refused: [], failed: true });
  expect(script.all('storageState')).toEqual([{ type: 'storageState', state: 'memory' }]);
  handled(script, 1, mark(7, TOK)).pass(1_000);
  expect(script.first('save')).toEqual({ type: 'save', id: 2, writes: [mark(7, TOK)] });
  script.enter({ type: 'saved', id: 2, refused: [] });
  expect(script.all('storageState')).toEqual([{ type: 'storageState', state: 'persistent' }]);
});

test('F4 a replacement stays one until its write is confirmed', () => {
  const script = new Script({ flushMs: 100 }).live(5).pass(100);
  const [first] = script.first('save').writes;
  const tok = first?.position.tok ?? '';
  expect(first).toEqual(mark(5, tok, 'replace'));
  script.enter({ type: 'saved', id: 1, refused: [], failed: true });
  handled(script.message(6), 1, mark(6, tok)).pass(60_000);
  expect(script.first('save').writes).toEqual([mark(6, tok, 'replace')]);
});

test('F4 storage that does not answer holds nothing up, and nothing is written over it', () => {
  const script = blind();
  expect(script.message(10).told).toEqual([10]);
  handled(script, 1, mark(10, script.tok));
  expect(script.pass(4_000).all('save')).toEqual([]);
});

test('a late answer is honoured: what was passed over is fetched when nothing came since', () => {
  const script = late(blind(), { epoch: 'e', seq: 4 });
  expect(script.first('fetch').request.seq).toBe(4);
  script.answer(script.first('fetch').id, { head: 9, messages: messages(5, 9) });
  expect(script.told).toEqual([5, 6, 7, 8, 9]);
  expect(script.tok).toBe(TOK);
});

test('a late answer names what was passed over when messages came since, once', () => {
  const script = blind().message(10, 11);
  const before = script.tok;
  late(script, { epoch: 'e', seq: 4 });
  expect(script.items).toMatchObject([
    {
      gap: { from: 5, to: 9, reason: 'unreachable' },
      after: { mode: 'replace', position: { epoch: 'e', seq: 11 } },
    },
  ]);
  // The same answer to a second question changes nothing.
  expect(late(script, { epoch: 'e', seq: 4 }).told).toEqual([]);
  // Until the app has been told, the store is to remember the older place.
  expect(handled(script, 2, mark(11, before)).pass(1_000).all('save')).toEqual([]);
  const [gap] = late(script).items;
  expect(gap).toBeUndefined();
});

test('behind a late gap writing goes on under whatever owner came after it', () => {
  const script = blind().message(10);
  late(script, { epoch: 'e', seq: 4 });
  const [gap] = script.items;
  if (gap?.type !== 'gap') throw new Error('no gap');
  handled(script, 1, mark(10, 'older')).pass(2_000);
  expect(script.all('save')).toEqual([]);
  handled(script, 1, gap.after).pass(1_000);
  expect(script.first('save').writes).toEqual([gap.after]);
});

test('a late answer that holds nothing, or nothing older, lets writing begin', () => {
  const none = late(blind()).pass(1_000);
  expect(none.first('save').writes).toMatchObject([{ mode: 'replace', position: { seq: 9 } }]);
  const newer = late(blind(), { epoch: 'e', seq: 12 });
  expect(newer.told).toEqual([]);
  expect(newer.pass(1_000).all('save')).toHaveLength(1);
});

test('a leave and a new join before the store has answered ask it again', () => {
  const script = blind().message(10);
  handled(script, 1, mark(10, script.tok));
  script.enter({ type: 'release', channel: CHANNEL }).pass(1_500);
  script.enter({ type: 'join', channel: CHANNEL, intent: STORED });
  expect(script.all('load')).toEqual([{ type: 'load', channel: CHANNEL }]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 10 });
  late(script, { epoch: 'e', seq: 4 });
  expect(script.items).toMatchObject([{ gap: { from: 5, to: 9, reason: 'unreachable' } }]);
});

test('forget: nothing of what is known is written any more', () => {
  const script = handled(resumed(5).message(6), 1, mark(6, TOK));
  expect(script.enter({ type: 'forget' }).all('forget')).toEqual([{ type: 'forget' }]);
  handled(script.message(7), 1, mark(7, TOK));
  expect(script.pass(60_000).all('save')).toEqual([]);
  expect(script.enter({ type: 'page', signal: 'pagehide' }).all('save')).toEqual([]);
});

test('forget: a write that was on its way is not made again, when its channel is left as well', () => {
  const script = handled(resumed(5).message(6), 1, mark(6, TOK)).pass(100);
  script.enter({ type: 'release', channel: CHANNEL }).pass(1_000);
  expect(script.all('left')).toHaveLength(1);
  script.enter({ type: 'forget' });
  script.enter({ type: 'saved', id: 1, refused: [], failed: true });
  expect(script.pass(60_000).all('save')).toEqual([]);
});

test.each<[string, (script: Script) => unknown]>([
  [
    'was taken by another owner',
    (script) => script.enter({ type: 'saved', id: 1, refused: [CHANNEL] }),
  ],
  ['was forgotten', (script) => script.enter({ type: 'forget' })],
])('a position that the app brings replaces the stored one, also when that %s', (_, lose) => {
  const script = handled(resumed(5).message(6), 1, mark(6, TOK)).pass(100);
  lose(script);
  script.enter({ type: 'saved', id: 1, refused: [] });
  script.enter({ type: 'release', channel: CHANNEL }).pass(1_000);
  const intent: ChannelIntent = { ...STORED, start: { epoch: 'e', seq: 3 } };
  script.enter({ type: 'join', channel: CHANNEL, intent }).pass(100);
  expect(script.first('save').writes).toMatchObject([{ mode: 'replace', position: { seq: 3 } }]);
});

test.each([
  ['no position', undefined],
  ['an older place', { epoch: 'e', seq: 4, tok: TOK }],
] as const)('forget: %s that the store tells late changes nothing', (_what, position) => {
  const script = blind().message(10);
  script.enter({ type: 'forget' });
  expect(late(script, position).items).toEqual([]);
  handled(script.message(11), 2, mark(11, script.tok));
  expect(script.pass(60_000).all('save')).toEqual([]);
});

test('forget: a channel that waits for the store begins without it', () => {
  const script = new Script().enter({ type: 'join', channel: CHANNEL, intent: STORED });
  script.enter({ type: 'opened', attempt: 1 }).subscribed({ epoch: 'e', head: 9, oldest: 1 });
  expect(script.session.numbers(CHANNEL)).toBeUndefined();
  script.enter({ type: 'forget' });
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 9 });
  expect(late(script, { epoch: 'e', seq: 4 }).message(10).told).toEqual([10]);
  expect(script.pass(60_000).all('save')).toEqual([]);
});
