// @vitest-environment node
/** Questions to the log: when one is asked, whose answer counts, and what it settles. */
import { describe, expect, test } from 'vitest';
import type { Page } from '../../src/core/frames.js';
import type { ChannelIntent } from '../../src/core/vocabulary.js';
import { CHANNEL, LATEST, message, messages, pageOf, Script } from '../mutants/script.js';

const second = 1_000;
const quiet = { flushMs: 3_600 * second, heartbeatMs: 600 * second };
const FACTS = { epoch: 'e', head: 5, oldest: 1 };
const SNAPSHOT: ChannelIntent = { ...LATEST, snapshot: true };

const start = (settings = {}): Script => new Script({ ...quiet, ...settings });
const asked = (script: Script) => script.first('fetch').id;
const drop = (script: Script): Script =>
  script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
const untilNext = (script: Script): number => (script.session.nextDeadline() ?? 0) - script.now;
/** On a new connection the server sends what was missed before it answers the join. */
const replayed = (script: Script, from: number, to: number): Script =>
  script
    .reconnected()
    .frames(
      messages(from, to).map(({ seq }) => message(seq)),
      2,
    )
    .frames([{ type: 'subscribed', channel: CHANNEL, epoch: 'e', head: to, oldest: 1 }], 2);

/** Over the socket, with these channels joined. */
function overSocket(channels: readonly string[], settings = {}): Script {
  const script = start({ carrier: 'socket', ...settings });
  for (const channel of channels) script.enter({ type: 'join', channel, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'welcome', caps: ['recover'], limits: {} }]);
  return script.frames(channels.map((channel) => ({ type: 'subscribed', channel, ...FACTS })));
}
const ahead = (script: Script, channels: readonly string[], head = 9): Script =>
  script.frames([
    { type: 'heads', heads: channels.map((channel) => ({ channel, epoch: 'e', head })) },
  ]);
const pageItem = (channel: string, page: Partial<Page>) =>
  ({ status: 200, page: pageOf({ channel, ...page }) }) as const;

describe('one question at a time', () => {
  test('that is under way is not given up because the numbers have closed meanwhile', () => {
    const script = start().live(5).message(7).pass(200);
    const id = asked(script);
    expect(script.message(6).told).toEqual([6, 7]);
    expect(script.answer(id, { head: 9, messages: messages(6, 9) }).told).toEqual([8, 9]);
  });

  test('that is under way is waited for, although there was no room in between', () => {
    const script = start({ maxQueued: 2 }).live(5).heads(9).pass(200);
    const id = asked(script);
    script.message(6, 7, 8);
    expect(script.told).toEqual([6, 7]);
    script.enter({ type: 'handled', channel: CHANNEL, count: 2 });
    expect(script.all('fetch')).toEqual([]);
    expect(script.answer(id, { head: 9, messages: messages(6, 9) }).told).toEqual([8, 9]);
  });

  test('whose answer finds no room at all is no failure, and no hole', () => {
    const script = start({ maxQueued: 2 }).live(5).heads(9).pass(200);
    for (let last = 5; last < 11; last += 2) {
      const id = asked(script);
      expect(script.message(last + 1, last + 2).told).toEqual([last + 1, last + 2]);
      script.answer(id, { head: 20, messages: messages(last + 3, 20) });
      expect([...script.told, ...script.all('problem')]).toEqual([]);
      expect(script.all('channelState')).not.toContainEqual(
        expect.objectContaining({ state: expect.objectContaining({ name: 'stalled' }) }),
      );
      expect(script.pass(60 * second).all('fetch')).toEqual([]);
      script.frames([{ type: 'pong' }]);
      script.enter({ type: 'handled', channel: CHANNEL, count: 2 });
      expect(script.first('fetch').request.seq).toBe(last + 2);
    }
  });

  test('that was given up: a late failure of it is none', () => {
    const script = start({ giveUpAfterMs: 400, backoffBaseMs: 1 }).live(5).heads(9).pass(200);
    script.refuse(asked(script), 500).pass(100);
    const id = asked(script);
    expect(script.pass(400).told).toEqual(['unreachable']);
    expect(script.refuse(id, 500).effects).toEqual([]);
    expect(script.pass(second).all('fetch')).toEqual([]);
  });

  test('that waits for room is called off when the numbers close', () => {
    const script = start({ maxQueued: 6 }).live(5).message(6, 7, 8, 9).message(11);
    expect(script.all('channelState')).toMatchObject([{ state: { name: 'recovering' } }]);
    expect(script.message(10).told).toEqual([10, 11]);
    expect(script.all('channelState')).toMatchObject([{ state: { name: 'live' } }]);
    script.enter({ type: 'handled', channel: CHANNEL, count: 6 });
    expect(script.pass(second).all('fetch')).toEqual([]);
  });

  test('in the line finds out that there is no room, and waits for it', () => {
    const script = start({ maxCalls: 1, maxQueued: 2 });
    for (const channel of ['a', 'b']) script.enter({ type: 'join', channel, intent: LATEST });
    script.enter({ type: 'opened', attempt: 1 });
    script.frames(['a', 'b'].map((channel) => ({ type: 'subscribed', channel, ...FACTS })));
    ahead(script, ['a', 'b']).pass(200);
    const call = script.first('fetch');
    const other = call.request.channel === 'a' ? 'b' : 'a';
    script.frames([6, 7].map((seq) => ({ ...message(seq), channel: other }) as never));
    script.answer(call.id, { channel: call.request.channel, head: 9, messages: messages(6, 9) });
    expect(script.all('fetch')).toEqual([]);
    script.enter({ type: 'handled', channel: other, count: 2 });
    expect(script.first('fetch').request).toMatchObject({ channel: other, seq: 7 });
  });

  test('in the line is asked although the numbers have closed meanwhile, and nothing is live before', () => {
    const script = start({ maxCalls: 1 });
    for (const channel of ['a', 'b']) script.enter({ type: 'join', channel, intent: LATEST });
    script.enter({ type: 'opened', attempt: 1 });
    script.frames(['a', 'b'].map((channel) => ({ type: 'subscribed', channel, ...FACTS })));
    ahead(script, ['a']).pass(200);
    const { id } = script.first('fetch');
    const arrive = (seq: number) => script.frames([{ ...message(seq), channel: 'b' } as never]);
    arrive(7).pass(200);
    const waiting = script.all('channelState').at(-1);
    expect(waiting).toMatchObject({ channel: 'b', state: { name: 'recovering' } });
    expect(arrive(6).told).toEqual([6, 7]);
    expect(script.all('channelState')).toEqual([]);
    expect(script.session.counters.reordersHealed).toBe(0);
    script.answer(id, { channel: 'a', head: 9, messages: messages(6, 9) });
    expect(script.first('fetch').request).toMatchObject({ channel: 'b', seq: 7 });
    script.answer(asked(script), { channel: 'b', head: 7 });
    expect(script.all('channelState')).toMatchObject([{ channel: 'b', state: { name: 'live' } }]);
  });
});

test('an item that was given out before the channel was joined anew makes no room', () => {
  const script = start({ maxQueued: 2 }).live(5).message(6);
  script.enter({ type: 'release', channel: CHANNEL }).pass(second);
  expect(script.all('left')).toHaveLength(1);
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'handled', channel: CHANNEL, count: 1 });
  script.subscribed({ ...FACTS, head: 6 }).message(7, 8, 9);
  expect(script.told).toEqual([7, 8]);
});

describe('a message', () => {
  test('says whether it came live or out of the log', () => {
    const script = start().live(5);
    const flags = (): unknown[] =>
      script.items.map((item) => item.type === 'message' && [item.seq, item.recovered]);
    script.message(6);
    expect(flags()).toEqual([[6, false]]);
    script.message(8, 9, 10, 7);
    expect(flags()).toEqual([
      [7, false],
      [8, false],
      [9, false],
      [10, false],
    ]);
    script
      .message(13)
      .pass(200)
      .answer(asked(script), { head: 13, messages: messages(11, 12) });
    expect(flags()).toEqual([
      [11, true],
      [12, true],
      [13, false],
    ]);
  });

  test('of an acknowledgement that was had already asks nothing', () => {
    const script = start().live(5);
    script.frames([{ type: 'ack', id: 9, channel: CHANNEL, position: { epoch: 'e', seq: 5 } }]);
    expect(script.pass(second).all('fetch')).toEqual([]);
    script.frames([{ type: 'ack', id: 9, channel: CHANNEL, position: { epoch: 'f', seq: 5 } }]);
    expect(script.pass(second).all('fetch')).toHaveLength(1);
  });
});

describe('answers that must agree', () => {
  test('are asked for one after the other, behind the reorder window', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const script = start({ seed }).live(5).heads(7).pass(200);
      script.answer(asked(script), { head: 7 });
      expect(untilNext(script)).toBeGreaterThanOrEqual(50);
      expect(untilNext(script)).toBeLessThan(50 + 2 * 200);
    }
  });

  test('have time between them, however many messages come and without a reorder window', () => {
    const script = start({ reorderWindowMs: 0 }).live(5).message(7);
    script.answer(asked(script), { head: 7, messages: messages(7, 7) });
    expect(untilNext(script)).toBeGreaterThan(0);
    expect(script.message(8, 9).all('fetch')).toEqual([]);
    expect(script.pass(2 * second).all('fetch')).toHaveLength(1);
  });

  test('count from the last one that brought us forward', () => {
    const script = start().live(5).heads(9).pass(200);
    const page = { head: 9, messages: [...messages(6, 7), ...messages(9, 9)] };
    expect(script.answer(asked(script), page).told).toEqual([6, 7]);
    // At once the first time: there was progress.
    for (const told of [[], [], ['hole', 9]]) {
      expect(script.answer(script.call()?.id ?? 0, page).told).toEqual(told);
    }
  });

  test('end a hole where a held message begins', () => {
    const script = start().live(5).message(8).pass(200);
    for (let i = 0; i < 3; i += 1) script.answer(script.call()?.id ?? 0, { head: 9 });
    expect(script.items).toMatchObject([{ gap: { reason: 'hole', from: 6, to: 7 } }]);
  });

  test('were no reordering, when the numbers close in between', () => {
    const script = start().live(5).message(7).pass(200);
    script.answer(asked(script), { head: 7 });
    expect(script.message(6).told).toEqual([6, 7]);
    expect(script.session.counters.reordersHealed).toBe(0);
    expect(script.pass(60 * second).all('fetch')).toEqual([]);
  });

  test('are forgotten when a new connection brings what was missing', () => {
    const script = start().live(5).message(7).pass(200);
    const hole = { head: 7, messages: messages(7, 7) };
    script.answer(asked(script), hole).pass(5 * second);
    script.answer(asked(script), hole);
    replayed(script, 6, 8)
      .frames([message(10)], 2)
      .pass(200);
    script.answer(asked(script), { head: 10, messages: messages(10, 10) });
    expect(script.told).toEqual([]);
  });

  test('are not mixed: what says another thing begins anew', () => {
    const script = start().live(5).heads(7).pass(200);
    const say = (page: Partial<Page>): readonly (number | string)[] =>
      script.answer(script.call()?.id ?? 0, page).told;
    for (let i = 0; i < 4; i += 1) {
      expect(say({ head: 7 })).toEqual([]);
      expect(say({ head: 4 })).toEqual([]);
    }
    expect([say({ head: 4 }), say({ head: 4 })]).toEqual([[], ['rewind']]);
  });
});

describe('a call', () => {
  test('that takes too long over HTTP says nothing of the socket', () => {
    const script = start({ recoverTimeoutMs: second }).live(5).heads(9).pass(200);
    script.frames([{ type: 'welcome', caps: ['ping'], limits: {} }]).pass(second);
    expect(script.all('abort')).toHaveLength(1);
    expect(script.sent).toEqual([]);
  });

  test('that takes too long over the socket asks the socket, and is not aborted', () => {
    const script = ahead(overSocket(['a'], { recoverTimeoutMs: second }), ['a']);
    script.frames([{ type: 'welcome', caps: ['ping', 'recover'], limits: {} }]).pass(200);
    expect(script.sentOf('recover')).toHaveLength(1);
    expect(script.pass(second).sentOf('ping')).toHaveLength(1);
    expect(script.all('abort')).toEqual([]);
  });

  test('that was answered is over: nothing is aborted, nothing is due', () => {
    const script = start().live(5);
    const due = script.session.nextDeadline();
    script
      .heads(9)
      .pass(200)
      .answer(asked(script), { head: 9, messages: messages(6, 9) });
    expect(script.all('abort')).toEqual([]);
    expect(script.session.nextDeadline()).toBe(due);
  });

  /** All behind, and asked for in one call. */
  const together = (channels: readonly string[]) => {
    const script = overSocket(channels);
    const fresh = { ...FACTS, head: 9 };
    script.frames(channels.map((channel) => ({ type: 'subscribed', channel, ...fresh })));
    const [{ id, items } = { id: 0, items: [] }] = script.sentOf('recover');
    expect(items).toHaveLength(channels.length);
    return { script, id };
  };

  test('for several channels goes on for those that stay', () => {
    const { id, script } = together(['a', 'b']);
    script.enter({ type: 'release', channel: 'a' }).pass(1_000);
    expect(script.all('abort')).toEqual([]);
    const both = ['a', 'b'].map((channel) =>
      pageItem(channel, { head: 9, messages: messages(6, 9) }),
    );
    script.frames([{ type: 'recovered', id, items: both }]);
    expect(script.all('deliver')).toMatchObject([{ channel: 'b' }]);
    expect(script.told).toEqual([6, 7, 8, 9]);
  });

  test('for the next page leaves before this page is handed on', () => {
    const script = ahead(overSocket(['a']), ['a']).pass(200);
    const [{ id } = { id: 0 }] = script.sentOf('recover');
    const page = pageItem('a', { head: 9, messages: messages(6, 7), more: true });
    script.frames([{ type: 'recovered', id, items: [page] }]);
    expect(script.sentOf('recover')).toMatchObject([{ items: [{ channel: 'a', seq: 7 }] }]);
    const order = script.effects.map(({ type }) => type);
    expect(order.indexOf('send')).toBeLessThan(order.indexOf('deliver'));
  });

  const bare = { head: 9, messages: [], more: true, upto: 5 } as const;

  test('in which the room went to others is no failure: who got nothing asks in the next', () => {
    const { id, script } = together(['a', 'b', 'c']);
    const items = [pageItem('a', { head: 9, messages: messages(6, 9) }), pageItem('b', bare)];
    script.frames([{ type: 'recovered', id, items: [...items, pageItem('c', bare)] }]);
    expect(script.sentOf('recover')).toMatchObject([
      { items: [{ channel: 'b', seq: 5 }, { channel: 'c' }] },
    ]);
    expect(script.all('channelState')).toMatchObject([{ channel: 'a', state: { name: 'live' } }]);
  });

  test('that failed for several channels is made again for all of them, in one call', () => {
    const { id, script } = together(['a', 'b', 'c']);
    const items = ['a', 'b', 'c'].map((channel) => ({ status: 503, channel, retryInMs: 1_000 }));
    script.frames([{ type: 'recovered', id, items }]);
    expect(script.pass(999).sentOf('recover')).toEqual([]);
    const asked = script.pass(501).sentOf('recover');
    expect(asked.map((call) => call.items.length)).toEqual([3]);
  });

  test('that brings nobody anything, though there is more, is made again after a backoff', () => {
    const { id, script } = together(['a', 'b']);
    script.frames([
      { type: 'recovered', id, items: ['a', 'b'].map((channel) => pageItem(channel, bare)) },
    ]);
    expect(script.sentOf('recover')).toEqual([]);
    const stalled = { name: 'stalled', reason: 'recovery' };
    expect(script.all('channelState')).toMatchObject([{ state: stalled }, { state: stalled }]);
    expect(script.pass(1_000).sentOf('recover')).not.toEqual([]);
  });

  test.each([
    ['messages', { ...bare, messages: messages(6, 7), upto: 7 }],
    ['numbers that nobody sees', { ...bare, void: [[6, 7]] as const, upto: 7 }],
    ['an end', { ...bare, more: false, upto: 7 }],
  ])('that brings a channel %s is an answer, whatever the one before it got', (_what, page) => {
    const { id, script } = together(['a', 'b']);
    const first = pageItem('a', { head: 9, messages: messages(6, 9) });
    script.frames([{ type: 'recovered', id, items: [first, pageItem('b', page)] }]);
    expect(script.session.numbers('b')?.last).toBe('void' in page || page.more ? 7 : 5);
  });

  test('is answered for the channels that it names', () => {
    const script = ahead(overSocket(['a', 'b']), ['a']).pass(200);
    const [{ id } = { id: 0 }] = script.sentOf('recover');
    const items = ['b', 'a'].map((channel) =>
      pageItem(channel, { head: 9, messages: messages(6, 9) }),
    );
    script.frames([{ type: 'recovered', id, items }]);
    expect(script.all('deliver')).toMatchObject([{ channel: 'a' }]);
  });

  test('ends with the connection: over HTTP it is aborted, over the socket it is gone', () => {
    const http = drop(start({ maxCalls: 1 }).live(5).heads(9).pass(200));
    expect(http.all('abort')).toHaveLength(1);
    const socket = drop(ahead(overSocket(['a'], { maxCalls: 1 }), ['a']).pass(200));
    expect(socket.all('abort')).toEqual([]);
    for (const script of [http, socket]) {
      script.pass(second).enter({ type: 'opened', attempt: 2 });
      const channel = script === http ? CHANNEL : 'a';
      script.frames(
        [
          { type: 'welcome', caps: ['recover'], limits: {} },
          { type: 'subscribed', channel, ...FACTS, head: 9 },
        ],
        2,
      );
      expect([...script.all('fetch'), ...script.sentOf('recover')]).toHaveLength(1);
    }
  });

  test('is as large as this server allows, and another one may allow more', () => {
    const script = overSocket(['a', 'b', 'c'], { pageLimit: 500 });
    script.frames([{ type: 'welcome', caps: ['recover'], limits: { batch: 1, page: 50 } }]);
    ahead(script, ['a', 'b', 'c']).pass(200);
    expect(script.sentOf('recover').map(({ items, limit }) => [items.length, limit])).toEqual([
      [1, 50],
      [1, 50],
      [1, 50],
    ]);
    drop(script).pass(second).enter({ type: 'opened', attempt: 2 });
    script.frames(
      [
        { type: 'welcome', caps: ['recover'], limits: { page: 9_000 } },
        ...['a', 'b', 'c'].map(
          (channel) => ({ type: 'subscribed', channel, ...FACTS, head: 9 }) as const,
        ),
      ],
      2,
    );
    expect(script.sentOf('recover').map(({ items, limit }) => [items.length, limit])).toEqual([
      [3, 500],
    ]);
  });

  test('is one for all channels that the same heartbeat shows to be behind', () => {
    const channels = ['a', 'b', 'c', 'd', 'e'];
    const script = ahead(overSocket(channels), channels);
    script.pass(untilNext(script));
    expect(script.sentOf('recover').map(({ items }) => items.length)).toEqual([5]);
  });

  test.each([
    [1_005, 1_006, 1_000],
    [1_006, 1_006, 125],
  ])('asks for a part only when no channel fits into a page: heads %i, %i', (a, b, limit) => {
    const script = overSocket(['a', 'b'], { maxCalls: 1 });
    script.frames([
      {
        type: 'heads',
        heads: [
          { channel: 'a', epoch: 'e', head: a },
          { channel: 'b', epoch: 'e', head: b },
        ],
      },
    ]);
    // Both wait for a connection, and so they ask in one call.
    drop(script).pass(second).enter({ type: 'opened', attempt: 2 });
    const facts = { ...FACTS, type: 'subscribed' } as const;
    script.frames(
      [
        { ...facts, channel: 'a', head: a },
        { ...facts, channel: 'b', head: b },
        { type: 'welcome', caps: ['recover'], limits: {} },
      ],
      2,
    );
    expect(script.sentOf('recover')).toMatchObject([
      { items: [{ channel: 'a' }, { channel: 'b' }], limit },
    ]);
  });

  test('that nobody can answer is reported once per outage, in words', () => {
    const script = ahead(overSocket(['a'], { backoffBaseMs: 100 }), ['a']);
    script.frames([{ type: 'welcome', caps: [], limits: {} }]).pass(200);
    const [{ problem } = { problem: undefined }] = script.all('problem');
    expect(problem).toMatchObject({ code: 'recovery_failed', channel: 'a', status: 0 });
    expect(problem?.code === 'recovery_failed' && problem.detail).toMatch(/recover/);
    expect(
      script
        .frames([{ type: 'pong' }])
        .pass(5 * second)
        .all('problem'),
    ).toEqual([]);
  });

  test('whose answer cannot be read is reported, one that is refused or lost is not', () => {
    const script = start({ backoffBaseMs: 1 }).live(5).heads(9).pass(200);
    const say = (answer: object) =>
      script.enter({
        type: 'recovered',
        id: script.call()?.id ?? 0,
        tokenVersion: 0,
        answer: { status: 0, channel: CHANNEL, ...answer },
      });
    expect(say({ status: 500 }).all('problem')).toEqual([]);
    script.answer(script.call()?.id ?? 0, { head: 9, messages: messages(6, 8) });
    expect(say({ reason: 'no answer' }).all('problem')).toEqual([]);
    script.answer(script.call()?.id ?? 0, { head: 10, messages: messages(9, 9) });
    expect(say({ reason: 'not JSON', defect: true }).all('problem')).toEqual([
      {
        type: 'problem',
        problem: { code: 'recovery_failed', channel: CHANNEL, status: 0, detail: 'not JSON' },
      },
    ]);
    expect(say({ reason: 'not JSON', defect: true }).all('problem')).toEqual([]);
  });

  test('waits its turn, also when a fresh token comes and it keeps failing', () => {
    const script = start({ hasToken: true, backoffBaseMs: 20 * second });
    script
      .enter({ type: 'connect' })
      .enter({ type: 'token', version: 1, outcome: 'ready' })
      .live(5);
    const fresh = (version: number): Script => {
      script.enter({
        type: 'recovered',
        id: 999,
        tokenVersion: version - 1,
        answer: { status: 401, channel: 'x' },
      });
      return script.enter({ type: 'token', version, outcome: 'ready' });
    };
    script.heads(9).pass(200).refuse(asked(script), 500, undefined, 1);
    const once = fresh(2);
    expect(once.all('fetch')).toHaveLength(1);
    script.refuse(asked(once), 500, undefined, 2);
    script.enter({
      type: 'recovered',
      id: 998,
      tokenVersion: 2,
      answer: { status: 200, page: pageOf({}) },
    });
    expect(fresh(3).all('fetch')).toEqual([]);
  });
});

describe('giving up', () => {
  const failing = (settings = {}): Script => {
    const script = start({
      giveUpAfterMs: second,
      backoffBaseMs: 60 * second,
      backoffCapMs: 60 * second,
      ...settings,
    });
    script.live(5).heads(9).pass(200);
    return script.refuse(asked(script), 500);
  };

  test('names what is missing and goes on, after the time that the app allowed', () => {
    const script = failing();
    expect(script.pass(999).told).toEqual([]);
    expect(script.pass(1).told).toEqual(['unreachable']);
    expect(script.items).toMatchObject([{ gap: { from: 6, to: 9 } }]);
    expect(script.message(10).told).toEqual([10]);
    expect(script.pass(120 * second).all('fetch')).toEqual([]);
  });

  test('is counted from the first failure of this outage', () => {
    const script = failing({ backoffBaseMs: 1, backoffCapMs: 1 }).pass(500);
    script.answer(asked(script), { head: 9, messages: messages(6, 9) });
    script.heads(12).pass(200).refuse(asked(script), 500);
    expect(script.pass(999).told).toEqual([]);
    expect(script.pass(1).told).toEqual(['unreachable']);
  });

  test('comes as well when answers bring nothing, again and again', () => {
    const script = start({ giveUpAfterMs: second, backoffBaseMs: 10, backoffCapMs: 10 })
      .live(5)
      .heads(9)
      .pass(200);
    script.refuse(asked(script), 500);
    const told: unknown[] = [];
    for (let i = 0; i < 20; i += 1) {
      told.push(...script.pass(100).told);
      const [call] = script.all('fetch');
      if (call !== undefined) script.answer(call.id, { head: 9, more: true });
    }
    expect(told).toEqual(['unreachable']);
  });

  test('is for what is missing: where something is only in doubt, the word of the log is waited for', () => {
    const script = start({ giveUpAfterMs: second, backoffBaseMs: 60 * second });
    script.live(5).heads(5).heads(4).pass(200).refuse(asked(script), 500);
    expect(script.all('channelState')).toMatchObject([{ state: { name: 'stalled' } }]);
    script.pass(2 * second);
    expect([...script.told, ...script.all('channelState')]).toEqual([]);
  });

  test('is not due any more when the numbers closed by themselves', () => {
    const script = failing().message(6, 7, 8, 9).pass(990).message(11);
    expect(script.pass(20).told).toEqual([]);
  });

  test('is counted anew when they closed and others are missing', () => {
    const script = failing().message(6, 7, 8, 9).pass(500);
    script.heads(12).pass(200).refuse(asked(script), 500);
    expect(script.pass(999).told).toEqual([]);
    expect(script.pass(1).told).toEqual(['unreachable']);
  });

  test('is counted anew when a new connection brought what was missing', () => {
    const script = start({ giveUpAfterMs: 60 * second })
      .live(5)
      .message(7)
      .pass(200);
    script.refuse(asked(script), 500);
    replayed(script, 6, 8)
      .pass(55 * second)
      .frames([message(10)], 2)
      .pass(200);
    script.refuse(asked(script), 500);
    expect(script.pass(10 * second).told).toEqual([]);
  });

  test('is not for a page that slept: it is counted anew from what fails when it is awake', () => {
    const script = failing({ backoffBaseMs: 500 });
    script.now += 3_600 * second;
    script.enter({ type: 'tick' });
    expect(script.told).toEqual([]);
    script.refuse(asked(script), 500).pass(999);
    expect(script.told).toEqual([]);
    expect(script.pass(1).told).toEqual(['unreachable']);
  });

  test('is for a hidden page, where every timer is late, once it has had its time anew', () => {
    const script = failing({ backoffBaseMs: 500 });
    const late = (): readonly (number | string)[] => {
      script.now += 60 * second;
      script.frames([{ type: 'pong' }]).enter({ type: 'tick' });
      return script.told;
    };
    expect(late()).toEqual([]);
    script.refuse(asked(script), 500);
    expect(late()).toEqual(['unreachable']);
  });

  test('is anew for each outage that a page sleeps in', () => {
    const script = failing({ backoffBaseMs: 500 });
    for (let head = 9; head < 12; head += 1) {
      script.now += 3_600 * second;
      script.enter({ type: 'tick' });
      expect(script.told).toEqual([]);
      script.answer(asked(script), { head, messages: messages(6, head) });
      script
        .heads(head + 1)
        .pass(200)
        .refuse(asked(script), 500);
    }
  });

  test('is not for slow handlers, whom the log waits for', () => {
    const script = failing({ maxQueued: 2, backoffBaseMs: 500 }).message(6, 7);
    expect(script.pass(2 * second).told).toEqual([]);
    script.enter({ type: 'handled', channel: CHANNEL, count: 2 }).refuse(asked(script), 500);
    expect(script.pass(999).told).toEqual([]);
    expect(script.pass(1).told).toEqual(['unreachable']);
  });

  test('is not for a connection that is gone', () => {
    expect(drop(failing()).pass(2 * second).told).toEqual([]);
  });

  test('names nothing when nothing is known to be missing', () => {
    const script = start({
      giveUpAfterMs: second,
      backoffBaseMs: 60 * second,
      backoffCapMs: 60 * second,
    }).live(5);
    script.frames([{ type: 'bad', channel: CHANNEL, reason: 'odd' }]).pass(200);
    expect(script.refuse(asked(script), 500).pass(2 * second).told).toEqual([]);
  });
});

describe('discontinuities', () => {
  const flip = (script: Script, epoch: string): Script => {
    script.frames([{ type: 'heads', heads: [{ channel: CHANNEL, epoch, head: 1 }] }]).pass(200);
    return script.answer(asked(script), { epoch, head: 0 });
  };
  const storms = (script: Script) => script.all('problem').map(({ problem }) => problem);

  test('more than five in a minute slow a channel down, which is reported once', () => {
    const script = start({ backoffBaseMs: 10 * second, backoffCapMs: 60 * second }).live(5);
    for (let i = 1; i <= 5; i += 1) {
      expect(storms(flip(script, `e${i}`))).toEqual([]);
      expect(script.all('channelState')).not.toContainEqual(
        expect.objectContaining({ state: expect.objectContaining({ reason: 'resets' }) }),
      );
    }
    expect(storms(flip(script, 'e6'))).toEqual([{ code: 'reset_storm', channel: CHANNEL }]);
    expect(script.all('channelState')).toMatchObject([
      { state: { name: 'stalled', reason: 'resets' } },
    ]);
    expect(script.heads(9, 'e7').pass(9_999).all('fetch')).toEqual([]);
    expect(storms(script.answer(script.call()?.id ?? 0, { epoch: 'e7', head: 0 }))).toEqual([]);
  });

  test('a few in a minute are no storm', () => {
    const script = start().live(5);
    for (let i = 1; i <= 8; i += 1) {
      expect(storms(flip(script, `e${i}`))).toEqual([]);
      script.frames([{ type: 'pong' }]).pass(15 * second);
      expect(script.all('hangUp')).toEqual([]);
    }
  });

  test('what a log that came back has lost meanwhile is named', () => {
    const script = flip(start().live(5), 'f').heads(12).pass(200);
    script.answer(asked(script), { head: 12, oldest: 10, messages: [] });
    expect(script.items).toMatchObject([{ gap: { epoch: 'f', from: 1, reason: 'epoch' } }]);
    script.answer(asked(script), { head: 12, oldest: 10, messages: messages(10, 12) });
    expect(script.items.slice(0, 1)).toMatchObject([
      { gap: { epoch: 'e', from: 6, to: 9, reason: 'truncated' } },
    ]);
    expect(script.told).toEqual(['truncated', 10, 11, 12]);
  });

  test.each([
    ['a loss', { oldest: 7, messages: messages(7, 9) }, 1],
    ['a hole', { messages: messages(7, 9) }, 3],
  ])('%s that the rest of the page follows ends with that page', (_what, page, answers) => {
    const script = start().live(5).heads(9).pass(200);
    for (let i = 0; i < answers; i += 1) {
      script.answer(script.call()?.id ?? 0, { head: 9, ...page });
    }
    expect(script.told).toEqual([answers === 1 ? 'truncated' : 'hole', 7, 8, 9]);
    expect(script.all('fetch')).toEqual([]);
    expect(script.all('channelState').at(-1)?.state).toEqual({ name: 'live' });
  });

  test('behind which a hole seems to follow: there is time before the next answer', () => {
    const script = start().live(5).heads(9).pass(200);
    script.answer(asked(script), { head: 9, oldest: 7, messages: messages(9, 9) });
    expect(script.told).toEqual(['truncated']);
    expect(script.all('fetch')).toEqual([]);
    expect(script.call()?.request.seq).toBe(6);
  });

  test('do not make us forget what was heard of', () => {
    const script = start().live(5).heads(25).pass(200);
    script.answer(asked(script), { head: 20, oldest: 11, messages: messages(11, 20) });
    expect(script.told).toEqual(['truncated', 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    expect(script.call()?.request.seq).toBe(20);
  });

  test('only eight logs that were left are remembered, the oldest go', () => {
    const script = start().live(5);
    const back = (others: number): unknown => {
      for (let i = 1; i <= others; i += 1) {
        flip(script, `e${i}`)
          .frames([{ type: 'pong' }])
          .pass(15 * second);
      }
      script.heads(5).pass(200).answer(asked(script), { head: 5 });
      return script.session.numbers(CHANNEL)?.last;
    };
    expect(back(8)).toBe(5);
    expect(back(9)).toBe(0);
  });
});

describe('while a snapshot loads', () => {
  const loading = (): Script => start().live(5, SNAPSHOT);
  const taken = (script: Script, position?: { epoch: string; seq: number }): Script =>
    script.enter({ type: 'snapshotTaken', channel: CHANNEL, ...(position ? { position } : {}) });

  test('what the log says of itself is heard, and fetched afterwards', () => {
    const script = drop(loading()).pass(second).enter({ type: 'opened', attempt: 2 });
    script.frames([{ type: 'subscribed', channel: CHANNEL, ...FACTS, head: 9 }], 2);
    expect(taken(script).pass(200).first('fetch').request.seq).toBe(5);
  });

  test('another log outweighs any number', () => {
    const script = loading().heads(3, 'f').heads(9);
    expect(taken(script, { epoch: 'e', seq: 9 }).pass(200).all('fetch')).toHaveLength(1);
    const other = loading().heads(3, 'f');
    expect(taken(other, { epoch: 'f', seq: 3 }).pass(200).all('fetch')).toEqual([]);
  });

  test('what it covers is not asked for', () => {
    expect(
      taken(loading().heads(9).heads(7), { epoch: 'e', seq: 9 }).pass(200).all('fetch'),
    ).toEqual([]);
    expect(taken(loading().heads(9).heads(7)).pass(200).all('fetch')).toHaveLength(1);
    expect(taken(loading()).pass(200).all('fetch')).toEqual([]);
  });

  test('messages without an epoch, before the join reply, say nothing', () => {
    const script = drop(loading()).pass(second).enter({ type: 'opened', attempt: 2 });
    script.frames([{ type: 'message', channel: CHANNEL, seq: 99, data: 1 }], 2);
    expect(script.all('channelState')).toEqual([]);
    script.frames([{ type: 'subscribed', channel: CHANNEL, ...FACTS }], 2);
    expect(taken(script).pass(200).all('fetch')).toEqual([]);
  });

  test('a bad frame changes nothing', () => {
    const script = loading().frames([{ type: 'bad', channel: CHANNEL, reason: 'odd' }]);
    expect(script.all('problem')).toEqual([]);
    expect(taken(script).all('channelState')).toMatchObject([{ state: { name: 'live' } }]);
  });

  test('a state older than what was delivered loses nothing, and changes no owner', () => {
    const script = taken(loading()).message(6);
    const { tok } = script.first('deliver');
    script.heads(20).pass(200).answer(asked(script), { head: 20, oldest: 15 });
    taken(script, { epoch: 'e', seq: 3 });
    expect(script.told).toEqual([]);
    script
      .pass(200)
      .answer(asked(script), { head: 20, oldest: 1, messages: messages(7, 8), more: true });
    expect(script.first('deliver')).toMatchObject({ tok, items: [{ seq: 7 }, { seq: 8 }] });
  });
});

test('a bad frame before there is a position changes nothing', () => {
  const script = start().enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 });
  expect(script.frames([{ type: 'bad', channel: CHANNEL, reason: 'odd' }]).effects).toEqual([]);
});

describe('the join', () => {
  test('tells fresh facts whenever the server likes', () => {
    const script = start().live(5);
    script.frames([{ type: 'subscribed', id: 99, channel: CHANNEL, ...FACTS, head: 9 }]);
    expect(script.all('fetch')).toHaveLength(1);
  });

  test('that is refused again and again is asked for ever more rarely', () => {
    const refuse = (script: Script): Script =>
      script.frames([{ type: 'unsubscribed', channel: CHANNEL, code: 'limit', retry: true }]);
    let longest = 0;
    for (let seed = 0; seed < 20; seed += 1) {
      const script = refuse(start({ seed }).live(5));
      expect(untilNext(script)).toBeLessThan(second);
      for (let i = 0; i < 5; i += 1)
        refuse(script.frames([{ type: 'pong' }]).pass(untilNext(script)));
      longest = Math.max(longest, untilNext(script));
      script
        .frames([{ type: 'pong' }])
        .pass(untilNext(script))
        .subscribed(FACTS);
      expect(untilNext(refuse(script))).toBeLessThan(second);
    }
    expect(longest).toBeGreaterThan(16 * second);
  });

  test('that is refused for now has nothing to leave', () => {
    const script = start().live(5);
    script.frames([{ type: 'unsubscribed', channel: CHANNEL, code: 'limit', retry: true }]);
    const failed = script.frames([
      { type: 'error', channel: CHANNEL, code: 'limit', retry: false },
    ]);
    expect(failed.sent).toEqual([]);
    expect(failed.subscribed(FACTS).effects).toEqual([]);
    expect(failed.enter({ type: 'release', channel: CHANNEL }).pass(second).sent).toEqual([]);
  });
});
