// @vitest-environment node
/** Where two things meet: an answer and a live message, a late store and a snapshot, two channels in one call. */
import { describe, expect, test } from 'vitest';
import type { DecodedFrame } from '../../src/core/frames.js';
import type { Settings } from '../../src/core/settings.js';
import type { ChannelIntent } from '../../src/core/vocabulary.js';
import { CHANNEL, LATEST, messages, pageOf, Script } from '../mutants/script.js';

const STORED: ChannelIntent = { ...LATEST, start: 'stored' };
const SNAPSHOT: ChannelIntent = { ...LATEST, snapshot: true };
const OTHER = 'other room';
const JOINED: DecodedFrame = { type: 'joined', channel: CHANNEL };
const position = { epoch: 'e', seq: 5, tok: 'tok' };

/** Nothing but the channel's own deadlines. */
const quiet: Partial<Settings> = { flushMs: 3_600_000, heartbeatMs: 600_000 };

const states = (script: Script) => script.all('channelState').map(({ state }) => state);

function joined(intent: ChannelIntent, settings: Partial<Settings> = {}): Script {
  const script = new Script({ ...quiet, ...settings });
  script.enter({ type: 'join', channel: CHANNEL, intent });
  return script.enter({ type: 'opened', attempt: 1 });
}

describe('a stored position', () => {
  test('at the head asks nothing, whichever of store and server comes first', () => {
    const facts = { epoch: 'e', head: 5, oldest: 1 };
    const first = joined(STORED).subscribed(facts);
    first.enter({ type: 'loaded', channel: CHANNEL, position });
    expect(first.all('fetch')).toEqual([]);
    const second = joined(STORED).enter({ type: 'loaded', channel: CHANNEL, position });
    expect(second.subscribed(facts).all('fetch')).toEqual([]);
    expect(states(second)).toEqual([{ name: 'live' }]);
  });

  test('is asked from, on a server that says nothing of its log', () => {
    const script = joined(STORED).frames([JOINED]);
    expect(script.all('fetch')).toEqual([]);
    script.enter({ type: 'loaded', channel: CHANNEL, position });
    expect(script.first('fetch').request).toEqual({ channel: CHANNEL, epoch: 'e', seq: 5 });
  });

  test('that comes while a state is loading changes nothing', () => {
    const script = joined({ ...SNAPSHOT, start: 'stored' }, { storageTimeoutMs: 100 });
    script.subscribed({ epoch: 'e', head: 9, oldest: 1 }).pass(150);
    expect(script.told).toEqual(['snapshot']);
    script.enter({ type: 'loaded', channel: CHANNEL, position });
    expect([...script.items, ...script.all('fetch'), ...states(script)]).toEqual([]);
    script.enter({ type: 'snapshotTaken', channel: CHANNEL });
    expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 9 });
  });

  test('that was marked while the store was silent is written when it speaks', () => {
    const script = joined(STORED, { storageTimeoutMs: 100, flushMs: 50 });
    script.subscribed({ epoch: 'e', head: 5, oldest: 1 }).pass(1_000);
    expect(script.all('save')).toEqual([]);
    script.enter({ type: 'loaded', channel: CHANNEL });
    expect(script.pass(60).first('save').writes).toMatchObject([{ position: { seq: 5 } }]);
  });
});

describe('an answer of the log', () => {
  test('that covers only what came live meanwhile is progress, and no failure', () => {
    const script = joined(LATEST).subscribed({ epoch: 'e', head: 5, oldest: 1 });
    const { id } = script.heads(9).pass(200).first('fetch');
    script.message(6, 7);
    script.answer(id, { head: 9, messages: messages(6, 7), more: true });
    expect(script.first('fetch').request.seq).toBe(7);
  });

  test('that brings the same page again, cut at its head, is not asked for at once for ever', () => {
    const script = joined(LATEST, { pollMs: 1_000 });
    script.subscribed({ epoch: 'e', head: 5, oldest: 1 }).pass(1_200);
    const { id } = script.first('fetch');
    script.answer(id, { head: 5, messages: messages(5, 5), more: true });
    expect(script.all('fetch')).toEqual([]);
    expect(states(script)).toEqual([]);
  });

  test('that is behind what was heard of is asked for once more, also behind a loss', () => {
    const script = joined(LATEST).subscribed({ epoch: 'e', head: 5, oldest: 1 });
    const { id } = script.heads(12).pass(200).first('fetch');
    script.answer(id, { head: 10, oldest: 8, messages: messages(8, 10) });
    expect(script.told).toEqual(['truncated', 8, 9, 10]);
    expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 10, head: 12 });
    expect(script.first('fetch').request.seq).toBe(10);
  });

  test('is waited for in earnest, although it would be time for a question of routine', () => {
    const script = joined(LATEST, { pollMs: 1_000, epochs: true }).frames([JOINED]);
    script.answer(script.first('fetch').id, { head: 5, messages: messages(1, 5) });
    script.reconnected().frames([JOINED], 2);
    expect(states(script)).toEqual([{ name: 'recovering', since: 5, head: 5 }]);
    expect(states(script.pass(1_500))).toEqual([]);
  });

  test('is one for each channel that it names', () => {
    const script = new Script({ ...quiet, carrier: 'socket' });
    const channels = [CHANNEL, OTHER];
    for (const channel of channels) script.enter({ type: 'join', channel, intent: LATEST });
    const open = (attempt: number, head: number): Script => {
      const facts = { type: 'subscribed', epoch: 'e', head, oldest: 1 } as const;
      script.enter({ type: 'opened', attempt });
      script.frames([{ type: 'welcome', caps: ['recover'], limits: {} }], attempt);
      return script.frames(
        channels.map((channel) => ({ ...facts, channel })),
        attempt,
      );
    };
    open(1, 5).enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
    script.enter({ type: 'connect' });
    const [recover] = open(2, 6).sentOf('recover');
    expect(recover?.items).toHaveLength(2);
    const items = channels.map((channel) => {
      const page = pageOf({ channel, head: 6, messages: messages(6, 6) });
      return { status: 200, page } as const;
    });
    script.frames([{ type: 'recovered', id: recover?.id ?? 0, items }], 2);
    expect(script.items.map((item) => item.type === 'message' && item.channel)).toEqual(channels);
  });

  test.each([
    [400, 'bad_request'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [413, 'limit'],
  ])('with status %i ends the channel: %s', (status, code) => {
    const script = joined(LATEST).subscribed({ epoch: 'e', head: 5, oldest: 1 });
    script.refuse(script.heads(9).pass(200).first('fetch').id, status);
    expect(states(script)).toEqual([{ name: 'failed', code }]);
  });

  test('that does not come does not end the wait of an app that prefers fresh to complete', () => {
    const script = joined(LATEST, { giveUpAfterMs: 3_000, backoffCapMs: 500 });
    script.subscribed({ epoch: 'e', head: 5, oldest: 1 }).heads(9).pass(200);
    const told: unknown[] = [];
    for (let ms = 0; ms < 4_000; ms += 50) {
      for (const { id } of script.all('fetch')) script.refuse(id, 503);
      told.push(...script.pass(50).told);
    }
    expect(told).toEqual(['unreachable']);
  });

  test('is missed by nobody who has no facts to go on with', () => {
    const script = joined(STORED, { giveUpAfterMs: 1_000, backoffCapMs: 300, pollMs: 60_000 });
    script.enter({ type: 'loaded', channel: CHANNEL, position }).frames([JOINED]);
    const told: unknown[] = [];
    for (let ms = 0; ms < 3_000; ms += 50) {
      for (const { id } of script.all('fetch')) script.refuse(id, 503);
      told.push(...script.pass(50).told);
    }
    expect(told).toEqual([]);
    expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 5 });
  });
});

test('an epoch that came back, and then went back itself, is read anew from its oldest', () => {
  const script = joined(LATEST)
    .subscribed({ epoch: 'e', head: 5, oldest: 1 })
    .message(6)
    .heads(2, 'f');
  script.pass(200);
  script.answer(script.first('fetch').id, { epoch: 'f', head: 2, oldest: 3 });
  script.answer(script.heads(8).pass(200).first('fetch').id, { epoch: 'e', head: 8, oldest: 1 });
  script.answer(script.first('fetch').id, { head: 8, messages: messages(7, 8) });
  expect(script.told).toEqual([7, 8]);
  script.heads(9).pass(200);
  for (let i = 0; i < 3; i += 1) script.answer(script.call()?.id ?? 0, { head: 3 });
  expect(script.told).toEqual(['rewind']);
  expect(script.first('fetch').request.seq).toBe(0);
});

test('it is time for a question, but the first one has no answer yet', () => {
  const script = joined(LATEST, { pollMs: 1_000 }).frames([JOINED]);
  const { id } = script.first('fetch');
  expect(script.pass(2_500).all('fetch')).toEqual([]);
  expect(script.answer(id, { head: 5, messages: messages(1, 5) }).told).toEqual([]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 5 });
});

test('what an older join is answered says nothing on the next connection', () => {
  const script = joined(LATEST).subscribed({ epoch: 'e', head: 5, oldest: 1 });
  script.reconnected();
  const old = {
    type: 'subscribed',
    id: 1,
    channel: CHANNEL,
    epoch: 'e',
    head: 9,
    oldest: 1,
  } as const;
  expect(script.frames([old], 2).session.numbers(CHANNEL)).toMatchObject({ head: 5 });
  expect(script.all('fetch')).toEqual([]);
});

test('a channel that is left in a tick takes nothing from another that the tick concerns', () => {
  const script = joined(LATEST, { handlerTimeoutMs: 1_000, leaveDelayMs: 1_000 });
  script.enter({ type: 'join', channel: OTHER, intent: LATEST });
  script.subscribed({ epoch: 'e', head: 5, oldest: 1 }).message(6);
  script.enter({ type: 'handling', channel: CHANNEL });
  script.enter({ type: 'release', channel: OTHER });
  script.now += 1_000;
  script.enter({ type: 'tick' });
  expect(script.all('left')).toHaveLength(1);
  expect(states(script)).toEqual([{ name: 'stalled', reason: 'timeout' }]);
});

test('a channel that stalls for another reason says so', () => {
  const script = joined(LATEST).subscribed({ epoch: 'e', head: 5, oldest: 1 }).message(6);
  script.enter({ type: 'handlerFailed', channel: CHANNEL, kind: 'handler' });
  expect(states(script)).toMatchObject([{ name: 'stalled', reason: 'handler' }]);
  script.frames([{ type: 'unsubscribed', channel: CHANNEL, code: 'limit', retry: true }]);
  expect(states(script)).toEqual([]);
  script.enter({ type: 'handled', channel: CHANNEL, count: 1 });
  expect(states(script)).toMatchObject([{ name: 'stalled', reason: 'refused' }]);
});

test('a head that is behind us, and no news, moves nothing and marks nothing', () => {
  const script = joined(LATEST).subscribed({ epoch: 'e', head: 5, oldest: 1 }).message(6);
  const beat = (head: number, visible?: number): Script =>
    script.frames([
      {
        type: 'heads',
        heads: [
          { channel: CHANNEL, epoch: 'e', head, ...(visible === undefined ? {} : { visible }) },
        ],
      },
    ]);
  expect(beat(6).items).toEqual([]);
  expect(beat(6, 4).items).toEqual([]);
  expect(beat(8, 6).items).toMatchObject([{ type: 'position', after: { position: { seq: 8 } } }]);
});

test.each<[what: string, Partial<Settings>, asked: number]>([
  ['there are no epochs', { epochs: false }, 4],
  ['numbers only rise', { numbering: 'monotonic' }, 5],
])('where %s a head says too little, and every join asks the log', (_what, settings, asked) => {
  const script = joined(LATEST, settings).subscribed({ epoch: 'e', head: 5, oldest: 1 });
  script.reconnected();
  const facts = { type: 'subscribed', channel: CHANNEL, epoch: 'e', head: 5, oldest: 1 } as const;
  expect(script.frames([facts], 2).first('fetch').request.seq).toBe(asked);
});

test('what one server announced of its pages does not bind the next', () => {
  const script = joined(LATEST, { pageLimit: 700 });
  script.frames([{ type: 'welcome', caps: [], limits: { page: 50 } }]);
  script.subscribed({ epoch: 'e', head: 5, oldest: 1 }).heads(9).pass(200);
  expect(script.first('fetch').limit).toBe(50);
  script.reconnected();
  const facts = { type: 'subscribed', channel: CHANNEL, epoch: 'e', head: 9, oldest: 1 } as const;
  expect(script.frames([facts], 2).first('fetch').limit).toBe(700);
});
