// @vitest-environment node
/** What comes is brought to whom it concerns, counted, and told to whoever listens. */
import { describe, expect, test } from 'vitest';
import { ChannelMachine } from '../../src/core/channel-machine.js';
import type { Input, Notice } from '../../src/core/vocabulary.js';
import { CHANNEL, LATEST, messages, pageOf, Script } from '../mutants/script.js';

const second = 1_000;
const quiet = { flushMs: 3_600 * second, heartbeatMs: 600 * second };
const FACTS = { epoch: 'e', head: 5, oldest: 1 };

const noticed = (script: Script): readonly Notice[] =>
  script.all('notice').map(({ notice }) => notice);

test('only the channels that an input concerned are finished: with thousands, all would be slow', () => {
  const script = new Script(quiet).live(5);
  script.enter({ type: 'join', channel: 'other', intent: LATEST });
  const finished: string[] = [];
  const own = Object.getOwnPropertyDescriptor(ChannelMachine.prototype, 'finish');
  ChannelMachine.prototype.finish = function (this: ChannelMachine): void {
    finished.push(this.channel);
  };
  try {
    script.frames([{ type: 'message', channel: CHANNEL, epoch: 'e', seq: 6, data: 6 }]);
  } finally {
    Object.defineProperty(ChannelMachine.prototype, 'finish', own ?? {});
  }
  expect(finished).toEqual([CHANNEL]);
});

describe('frames for a channel that nobody wants', () => {
  test.each([
    { type: 'message', channel: 'other', epoch: 'e', seq: 1, data: 1 },
    { type: 'heads', heads: [{ channel: 'other', epoch: 'e', head: 9 }] },
    { type: 'subscribed', channel: 'other', ...FACTS },
    { type: 'unsubscribed', channel: 'other', code: 'limit', retry: false },
    { type: 'error', channel: 'other', code: 'limit', retry: true },
    { type: 'ack', id: 9, channel: 'other', position: { epoch: 'e', seq: 9 } },
    { type: 'bad', channel: 'other', reason: 'odd' },
    { type: 'recovered', id: 9, items: [{ status: 200, page: pageOf({ channel: 'other' }) }] },
  ] as const)('are dropped: $type', (frame) => {
    expect(new Script(quiet).live(5).frames([frame]).effects).toEqual([]);
  });

  test('do not hide what comes with them', () => {
    const script = new Script(quiet).live(5);
    const other = { type: 'message', channel: 'other', epoch: 'e', seq: 1, data: 1 } as const;
    const ours = { ...other, channel: CHANNEL };
    script.frames([other, { ...ours, seq: 6 }, other, { ...ours, seq: 7 }]);
    expect(script.told).toEqual([6, 7]);
  });
});

test.each<Input>([
  { type: 'handled', channel: 'other', count: 1 },
  { type: 'handling', channel: 'other' },
  { type: 'handlerFailed', channel: 'other', kind: 'handler' },
  { type: 'snapshotTaken', channel: 'other' },
  { type: 'retry', channel: 'other' },
  { type: 'loaded', channel: 'other' },
  {
    type: 'committed',
    channel: 'other',
    mark: { channel: 'other', mode: 'advance', position: { epoch: 'e', seq: 1, tok: 't' } },
  },
  { type: 'saved', id: 99, refused: [] },
  { type: 'recovered', id: 99, tokenVersion: 0, answer: { status: 500, channel: 'other' } },
])('what comes late, after a channel was left, changes nothing: %j', (input) => {
  const script = new Script(quiet).live(5);
  expect(script.enter(input).effects).toEqual([]);
});

describe('an error of the server', () => {
  const fail = (script: Script, frame: object): Script =>
    script.frames([{ type: 'error', code: 'limit', retry: false, ...frame }]);

  test('of a channel is of that channel', () => {
    expect(fail(new Script(quiet).live(5), { channel: CHANNEL }).all('channelState')).toMatchObject(
      [{ state: { name: 'failed', code: 'limit' } }],
    );
    const again = fail(new Script(quiet).live(5), { channel: CHANNEL, retry: true, id: 1 });
    expect(again.all('channelState')).toMatchObject([{ state: { name: 'stalled' } }]);
  });

  test('that names a question is the answer to it, and says nothing of the channel', () => {
    const script = new Script({ ...quiet, carrier: 'socket' }).live(5);
    script
      .frames([{ type: 'welcome', caps: ['recover'], limits: {} }])
      .heads(9)
      .pass(200);
    const [{ id } = { id: 0 }] = script.sentOf('recover');
    fail(script, { id, channel: CHANNEL, code: 'internal' });
    expect(script.all('channelState')).toMatchObject([
      { state: { name: 'stalled', reason: 'recovery' } },
    ]);
    expect(script.pass(second).sentOf('recover')).toHaveLength(1);
  });

  test('that names nothing is told to whoever listens', () => {
    const script = fail(new Script({ ...quiet, verbose: true }).live(5), { message: 'odd' });
    expect(noticed(script)).toEqual([{ event: 'badFrame', reason: 'server error limit: odd' }]);
    expect(noticed(fail(script, { id: 77 }))).toEqual([
      { event: 'badFrame', reason: 'server error limit' },
    ]);
    expect(fail(new Script(quiet).live(5), {}).effects).toEqual([]);
  });
});

describe('what is counted', () => {
  const counted = (script: Script) => ({ ...script.session.counters });
  const none = {
    delivered: 0,
    recovered: 0,
    duplicates: 0,
    gaps: 0,
    reordersHealed: 0,
    fetches: 0,
    reconnects: 0,
    badFrames: 0,
    overflows: 0,
  };

  test('messages, those out of the log, and those that came again', () => {
    const script = new Script(quiet).live(5);
    expect(counted(script)).toEqual(none);
    script.message(6, 6, 5).heads(8).pass(200);
    script.answer(script.first('fetch').id, { head: 8, messages: messages(6, 8) });
    expect(counted(script)).toEqual({
      ...none,
      delivered: 3,
      recovered: 2,
      duplicates: 2,
      fetches: 1,
    });
  });

  test('what healed by itself, when it did so before the log was asked', () => {
    const script = new Script(quiet).live(5).message(7).message(6);
    expect(counted(script)).toEqual({ ...none, delivered: 2, reordersHealed: 1 });
    script.message(8);
    expect(counted(script)).toMatchObject({ reordersHealed: 1 });
    script.message(10).pass(200);
    script.answer(script.first('fetch').id, { head: 10, messages: messages(9, 9) });
    expect(script.told).toEqual([9, 10]);
    expect(counted(script)).toMatchObject({ reordersHealed: 1, recovered: 1, delivered: 5 });
    // A question that failed, and then the numbers came: the log was asked, nothing healed.
    script.message(12).pass(200).refuse(script.first('fetch').id, 500).message(11);
    expect(counted(script)).toMatchObject({ reordersHealed: 1, delivered: 7 });
    expect(script.pass(60 * second).all('fetch')).toEqual([]);
  });

  test('gaps, and what there was no room for', () => {
    const script = new Script({ ...quiet, maxHeld: 1, maxQueued: 2 }).live(5).message(8, 9);
    expect(counted(script)).toEqual({ ...none, overflows: 1 });
    script
      .pass(200)
      .answer(script.first('fetch').id, { head: 9, oldest: 7, messages: messages(7, 9) });
    expect(script.told).toEqual(['truncated', 7]);
    expect(counted(script)).toMatchObject({ gaps: 1, delivered: 1, recovered: 1 });
    expect(counted(script).overflows).toBeGreaterThan(1);
  });

  test('frames that cannot be read, and connections after the first', () => {
    const script = new Script(quiet).live(5).frames([{ type: 'bad', reason: 'odd' }]);
    script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' }).pass(second);
    expect(counted(script)).toEqual({ ...none, badFrames: 1 });
    script.enter({ type: 'opened', attempt: 2 });
    expect(counted(script)).toEqual({ ...none, badFrames: 1, reconnects: 1 });
  });
});

describe('what is noticed', () => {
  const verbose = (settings = {}): Script =>
    new Script({ ...quiet, verbose: true, ...settings }).live(5);

  test('is told when somebody listens, and only then', () => {
    const script = verbose({ maxHeld: 1, maxQueued: 2 });
    expect(noticed(script.message(5))).toEqual([{ event: 'duplicate', channel: CHANNEL, seq: 5 }]);
    expect(noticed(script.message(7))).toEqual([{ event: 'held', channel: CHANNEL, seq: 7 }]);
    expect(noticed(script.message(9))).toEqual([]);
    expect(noticed(script.heads(9))).toEqual([{ event: 'hint', channel: CHANNEL, head: 9 }]);
    expect(noticed(script.pass(200))).toEqual([{ event: 'asked', channel: CHANNEL, since: 5 }]);
    script.answer(script.first('fetch').id, { head: 9, messages: messages(6, 9) });
    expect(noticed(script)).toEqual([
      { event: 'answered', channel: CHANNEL, status: 200, head: 9 },
      { event: 'dropped', channel: CHANNEL, seq: 8 },
    ]);
    expect(noticed(script.frames([{ type: 'bad', reason: 'odd' }]))).toEqual([
      { event: 'badFrame', reason: 'odd' },
    ]);
    const silent = new Script({ ...quiet, maxHeld: 1 }).live(5).message(5, 7).heads(9);
    expect(noticed(silent.frames([{ type: 'bad', reason: 'odd' }]))).toEqual([]);
  });

  test('an answer that is a refusal has its status alone', () => {
    const script = verbose().heads(9).pass(200);
    script.refuse(script.first('fetch').id, 503);
    expect(noticed(script)).toEqual([{ event: 'answered', channel: CHANNEL, status: 503 }]);
  });

  test('a position that somebody else has replaced', () => {
    const script = verbose({ flushMs: 100 }).pass(100);
    script.enter({ type: 'saved', id: script.first('save').id, refused: [CHANNEL] });
    expect(noticed(script)).toEqual([{ event: 'positionReplaced', channel: CHANNEL }]);
  });
});

describe('a bad frame', () => {
  test('of a channel makes us ask the log, whatever it was', () => {
    const script = new Script(quiet)
      .live(5)
      .frames([{ type: 'bad', channel: CHANNEL, reason: 'odd' }]);
    expect(script.pass(200).first('fetch').request.seq).toBe(5);
    // It knows no more than we do: that settles it.
    script.answer(script.first('fetch').id, { head: 5 });
    expect(script.pass(600).all('fetch')).toEqual([]);
  });

  test('that names no channel asks no log', () => {
    const script = new Script(quiet).live(5).frames([{ type: 'bad', reason: 'odd' }]);
    expect(script.pass(200).all('fetch')).toEqual([]);
  });
});

describe('what is sent', () => {
  test('goes as an array to a server that takes them', () => {
    const script = new Script(quiet).live(5);
    script.frames([{ type: 'welcome', caps: ['arrays', 'ping'], limits: {} }]);
    expect(script.enter({ type: 'page', signal: 'visible' }).first('send').asArray).toBe(true);
    const plain = new Script(quiet).live(5).enter({ type: 'page', signal: 'visible' });
    expect(plain.first('send').asArray).toBe(false);
  });

  test('is what the server can do now, not what the one before could', () => {
    const script = new Script(quiet).live(5);
    script.frames([{ type: 'welcome', caps: ['arrays', 'ping'], limits: {} }]);
    script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' }).pass(second);
    script.enter({ type: 'opened', attempt: 2 });
    script.frames([{ type: 'subscribed', channel: CHANNEL, ...FACTS }], 2);
    script.enter({ type: 'page', signal: 'visible' });
    expect(script.all('send')).toMatchObject([{ asArray: false, frames: [{ type: 'subscribe' }] }]);
  });

  test('is not kept for the next connection', () => {
    const script = new Script(quiet).live(5);
    // The leave and the end of the connection come in one step.
    script.enter({ type: 'close' });
    expect(script.all('send')).toEqual([]);
    const dropped = new Script(quiet).live(5);
    dropped.frames([
      { type: 'unsubscribed', channel: CHANNEL, code: 'limit', retry: true },
      { type: 'error', code: 'unauthorized', retry: false },
    ]);
    expect(dropped.all('send')).toEqual([]);
    dropped.enter({ type: 'connect' }).enter({ type: 'opened', attempt: 2 });
    expect(dropped.sent.map(({ type }) => type)).toEqual(['subscribe']);
  });

  test('is nothing, where nothing is to be said', () => {
    expect(
      new Script(quiet)
        .enter({ type: 'connect' })
        .enter({ type: 'opened', attempt: 1 })
        .all('send'),
    ).toEqual([]);
  });
});

describe('channels of any name', () => {
  test.each(['', ' ', 'a b', 'load x', '5', '__proto__'])(
    '%j has deadlines of its own',
    (channel) => {
      const script = new Script({ flushMs: 600 * second }).enter({
        type: 'join',
        channel,
        intent: LATEST,
      });
      script.enter({ type: 'opened', attempt: 1 });
      expect(script.sentOf('subscribe')).toMatchObject([{ channel }]);
      script.frames([{ type: 'pong' }]).pass(10 * second);
      expect(script.sentOf('subscribe')).toMatchObject([{ channel }]);
      script.enter({ type: 'release', channel }).pass(second);
      expect(script.all('left')).toEqual([{ type: 'left', channel }]);
      expect(script.sentOf('unsubscribe')).toEqual([{ type: 'unsubscribe', channel }]);
    },
  );
});

describe('a channel that is left', () => {
  test('leaves nothing behind: no deadline, no call', () => {
    const script = new Script({
      ...quiet,
      heartbeatMs: 600 * second,
      giveUpAfterMs: 60 * second,
    }).live(5);
    const silent = script.session.nextDeadline();
    script.heads(9).pass(200);
    script.refuse(script.first('fetch').id, 500).pass(2 * second);
    expect(script.all('fetch')).toHaveLength(1);
    script
      .enter({ type: 'handling', channel: CHANNEL })
      .enter({ type: 'handled', channel: CHANNEL, count: 0 });
    script.enter({ type: 'release', channel: CHANNEL }).pass(second);
    expect(script.all('abort')).toHaveLength(1);
    expect(script.session.nextDeadline()).toBeGreaterThanOrEqual(silent ?? 0);
  });

  test('before its store has answered waits for it no longer', () => {
    const script = new Script(quiet).enter({
      type: 'join',
      channel: CHANNEL,
      intent: { ...LATEST, start: 'stored' },
    });
    script.enter({ type: 'opened', attempt: 1 }).subscribed(FACTS);
    script.enter({ type: 'release', channel: CHANNEL }).pass(second);
    expect(script.pass(60 * second).effects).toEqual([]);
  });

  test('while there is no connection is not unsubscribed', () => {
    const script = new Script(quiet)
      .live(5)
      .enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
    script.enter({ type: 'release', channel: CHANNEL }).pass(second);
    expect(script.all('left')).toHaveLength(1);
    expect(script.enter({ type: 'opened', attempt: 2 }).sent).toEqual([]);
  });

  test('is not left twice when it is released again', () => {
    const script = new Script(quiet).live(5).enter({ type: 'release', channel: CHANNEL });
    expect(script.pass(second).all('left')).toHaveLength(1);
    script.enter({ type: 'release', channel: CHANNEL });
    expect(script.pass(second).effects).toEqual([]);
  });
});

function replaced(script: Script): void {
  const { id } = script.pass(100).first('save');
  script.enter({ type: 'saved', id, refused: [CHANNEL] });
}

describe('a channel that was refused', () => {
  const refused = (code = 'forbidden'): Script => {
    const script = new Script({ ...quiet, giveUpAfterMs: 60 * second }).live(5);
    return script.frames([{ type: 'unsubscribed', channel: CHANNEL, code, retry: false }]);
  };

  test('is reported, leaves nothing behind, and is not asked for on the next connection', () => {
    const script = refused();
    expect(script.all('problem')).toEqual([
      {
        type: 'problem',
        problem: { code: 'channel_refused', channel: CHANNEL, reason: 'forbidden' },
      },
    ]);
    script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' }).pass(second);
    expect(script.enter({ type: 'opened', attempt: 2 }).sent).toEqual([]);
    expect(script.message(6).told).toEqual([]);
  });

  test('is tried anew by whoever joins it again', () => {
    const script = refused().enter({ type: 'join', channel: CHANNEL, intent: LATEST });
    expect(script.all('left')).toEqual([]);
    expect(script.sentOf('subscribe')).toHaveLength(1);
    script.subscribed(FACTS);
    expect(script.message(6).told).toEqual([6]);
  });

  test.each([
    ['asks the store again that has not answered', 'stored', false, 1],
    ['does not ask a store that has answered', 'stored', true, 0],
    ['asks no store where reading has a start of its own', 'latest', false, 0],
  ] as const)('and is joined again %s', (_, start, answers, loads) => {
    const script = new Script({ ...quiet, flushMs: 100 }).live(5, { ...LATEST, start });
    if (answers) script.enter({ type: 'loaded', channel: CHANNEL });
    // Whoever else reads here has taken the position over: nothing is written until the store is asked.
    else if (start === 'latest') replaced(script);
    else script.pass(3 * second);
    script.frames([{ type: 'unsubscribed', channel: CHANNEL, code: 'forbidden', retry: false }]);
    script.enter({ type: 'join', channel: CHANNEL, intent: { ...LATEST, start } });
    expect(script.all('load')).toHaveLength(loads);
  });

  test('by an answer of the log is left on the server as well', () => {
    const script = new Script({ ...quiet, giveUpAfterMs: 60 * second }).live(5).heads(9).pass(200);
    const silent = script.now + 100 * second;
    script.refuse(script.first('fetch').id, 500).pass(2 * second);
    script.refuse(script.first('fetch').id, 403);
    expect(script.sentOf('unsubscribe')).toEqual([{ type: 'unsubscribe', channel: CHANNEL }]);
    expect(script.all('problem')).toMatchObject([{ problem: { reason: 'forbidden' } }]);
    expect(script.session.nextDeadline()).toBeGreaterThan(silent);
  });

  test.each([
    [400, 'bad_request'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [413, 'limit'],
  ])('with %i is told so: %s', (status, code) => {
    const script = new Script(quiet).live(5).heads(9).pass(200);
    script.refuse(script.first('fetch').id, status);
    expect(script.all('channelState')).toMatchObject([{ state: { name: 'failed', code } }]);
  });

  test('while its store is slow waits for it no longer', () => {
    const script = new Script(quiet).enter({
      type: 'join',
      channel: CHANNEL,
      intent: { ...LATEST, start: 'stored' },
    });
    script.enter({ type: 'opened', attempt: 1 });
    script.frames([{ type: 'unsubscribed', channel: CHANNEL, code: 'forbidden', retry: false }]);
    expect(script.pass(60 * second).effects).toEqual([]);
    const position = { epoch: 'e', seq: 3, tok: 't' };
    expect(script.enter({ type: 'loaded', channel: CHANNEL, position }).all('fetch')).toEqual([]);
    expect(script.session.numbers(CHANNEL)).toBeUndefined();
  });
});
