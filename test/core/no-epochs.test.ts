// @vitest-environment node
/** Servers without epochs, servers whose join says nothing of their log, servers that send no heads. */
import { expect, test } from 'vitest';
import type { ServerFrame } from '../../src/core/frames.js';
import type { Settings } from '../../src/core/settings.js';
import type { Start } from '../../src/core/vocabulary.js';
import { CHANNEL, LATEST, messages, Script } from '../mutants/script.js';

const JOINED: ServerFrame = { type: 'joined', channel: CHANNEL };

const named = (from: number, to: number, life = 'a') =>
  messages(from, to).map((message) => ({ ...message, id: `${life}${message.seq}` }));

/** Joined, and asking the log for the first time. */
function joining(settings: Partial<Settings> = {}, start: Start = 'latest'): Script {
  const script = new Script(settings);
  script.enter({ type: 'join', channel: CHANNEL, intent: { ...LATEST, start } });
  if (start === 'stored') script.enter({ type: 'loaded', channel: CHANNEL });
  return script.enter({ type: 'opened', attempt: 1 }).frames([JOINED]);
}

/** Live at 5 on a server without epochs. */
function live(settings: Partial<Settings> = {}): Script {
  const script = joining({ epochs: false, ...settings });
  return script.answer(script.first('fetch').id, { head: 5, messages: named(1, 5) });
}

let attempt = 1;
function reconnect(script: Script): Script {
  attempt = 2;
  script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
  script.enter({ type: 'connect' }).enter({ type: 'opened', attempt });
  return script.frames([JOINED], attempt);
}

/** Answers every question until the client is content. @returns what the app was told. */
function settle(script: Script, page: (since: number) => object): (number | string)[] {
  const told: (number | string)[] = [];
  for (let i = 0; i < 20; i += 1) {
    for (const { id, request } of script.all('fetch')) {
      told.push(...script.answer(id, page(request.seq)).told);
      if (script.all('fetch').length > 0) break;
    }
    if (script.all('fetch').length === 0) script.frames([{ type: 'pong' }], attempt).pass(900);
  }
  return told;
}

/** A log that names no head: the dialect makes one of what is in the page. */
const bare = (log: readonly { seq: number; data: number; id?: string }[]) => (since: number) => {
  const found = log.filter(({ seq }) => seq > since);
  return { head: found.at(-1)?.seq ?? since, messages: found };
};

// --- a join that says nothing ---

test.each<[Start, (number | string)[], number]>([
  ['latest', [], 9],
  ['stored', [], 9],
  ['earliest', [4, 5, 6, 7, 8, 9], 9],
  [{ last: 2 }, [8, 9], 9],
  [{ last: 50 }, [4, 5, 6, 7, 8, 9], 9],
])(
  'without facts the first answer of the log says where reading starts (%j)',
  (start, told, last) => {
    const script = joining({}, start);
    expect(script.first('fetch').request).toEqual({ channel: CHANNEL, epoch: '', seq: 0 });
    const page = { head: 9, oldest: 4, messages: messages(4, 9) };
    expect(script.answer(script.first('fetch').id, page).told).toEqual(told);
    expect(script.session.numbers(CHANNEL)).toMatchObject({ epoch: 'e', last });
    expect(script.message(10).told).toEqual([10]);
  },
);

test('a log of many pages that names no head is read to its end, and nothing of it is delivered', () => {
  const script = joining();
  script.answer(script.first('fetch').id, { head: 3, messages: messages(1, 3), more: true });
  expect(script.first('fetch').request.seq).toBe(3);
  script.answer(script.first('fetch').id, { head: 5, messages: messages(4, 5) });
  expect(script.told).toEqual([]);
  expect(script.message(6).told).toEqual([6]);
});

test('{ last: n } reaches back over the pages of a log that names no head', () => {
  const script = joining({}, { last: 3 });
  script.answer(script.first('fetch').id, { head: 3, messages: messages(1, 3), more: true });
  script.answer(script.first('fetch').id, { head: 5, messages: messages(4, 5) });
  expect(script.first('channelState').state).toEqual({ name: 'recovering', since: 2, head: 5 });
  expect(script.first('fetch').request.seq).toBe(2);
  script.answer(script.first('fetch').id, { head: 5, messages: messages(3, 5) });
  expect(script.told).toEqual([3, 4, 5]);
});

test('{ last: n } of a log that names its head is asked there, and no failure', () => {
  const script = joining({}, { last: 3 });
  script.answer(script.first('fetch').id, { head: 9, messages: messages(1, 3), more: true });
  expect(script.first('channelState').state).toEqual({ name: 'recovering', since: 6, head: 9 });
  expect(script.first('fetch').request.seq).toBe(6);
  script.answer(script.first('fetch').id, { head: 9, messages: messages(7, 9) });
  expect(script.told).toEqual([7, 8, 9]);
});

test('what came live before the first answer is fetched when that one does not hold it', () => {
  const script = joining();
  const { id } = script.first('fetch');
  expect(script.message(6).told).toEqual([]);
  script.answer(id, { head: 5, messages: messages(1, 5) }).pass(200);
  script.answer(script.first('fetch').id, { head: 6, messages: messages(6, 6) });
  expect(script.told).toEqual([6]);
});

test('a first question that fails is asked again', () => {
  const script = joining();
  script.refuse(script.first('fetch').id, 503);
  const { state } = script.first('channelState');
  expect(state).toMatchObject({ name: 'stalled', reason: 'recovery' });
  expect(script.call()?.request.seq).toBe(0);
});

test('a join without facts asks the log from our position, and is live when it has answered', () => {
  const script = reconnect(new Script().live(5));
  expect(script.all('channelState').at(-1)?.state).toMatchObject({ name: 'recovering' });
  expect(script.first('fetch').request).toEqual({ channel: CHANNEL, epoch: 'e', seq: 5 });
  script.answer(script.first('fetch').id, { head: 7, messages: messages(6, 7) });
  expect(script.told).toEqual([6, 7]);
  expect(script.all('channelState').at(-1)?.state).toEqual({ name: 'live' });
});

test('with a snapshot the state comes first, and the log is asked behind it', () => {
  const script = new Script();
  script.enter({ type: 'join', channel: CHANNEL, intent: { ...LATEST, snapshot: true } });
  script.enter({ type: 'opened', attempt: 1 }).frames([JOINED]);
  script.answer(script.first('fetch').id, { head: 5, messages: messages(1, 5) });
  expect(script.told).toEqual(['snapshot']);
  script.frames([JOINED]).enter({ type: 'snapshotTaken', channel: CHANNEL }).pass(200);
  expect(script.first('fetch').request.seq).toBe(5);
});

test('a server that serves every channel serves those too that are wanted later', () => {
  const script = new Script();
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 }).frames([{ type: 'joined' }]);
  expect(script.all('fetch').map(({ request }) => request.channel)).toEqual([CHANNEL]);
  script.enter({ type: 'join', channel: 'other', intent: LATEST });
  expect(script.all('fetch').map(({ request }) => request.channel)).toEqual(['other']);
  // The next server may be another kind.
  script.reconnected();
  expect(script.all('fetch')).toEqual([]);
});

// --- no epochs ---

test('the log is asked with one message of overlap, and what it shows comes once', () => {
  const script = reconnect(live().message(6));
  expect(script.first('fetch').request.seq).toBe(5);
  expect(settle(script, bare(named(1, 9)))).toEqual([7, 8, 9]);
  expect(script.session.counters.gaps).toBe(0);
});

test('our number under another id is another log: a rewind, at once, and all of it is read', () => {
  const script = reconnect(live());
  script.answer(script.first('fetch').id, bare(named(1, 8, 'b'))(4));
  expect(script.told).toEqual(['rewind']);
  expect(settle(script, bare(named(1, 8, 'b')))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

/** What comes live, as messages of this life. */
const heard = (from: number, to: number, life: string) =>
  named(from, to, life).map((one): ServerFrame => {
    return { type: 'message', channel: CHANNEL, epoch: 'e', ...one };
  });

test('what comes live before the log has answered may be of another one, and waits', () => {
  const script = reconnect(live());
  const { id } = script.first('fetch');
  expect(script.frames(heard(6, 6, 'a'), attempt).told).toEqual([]);
  expect(script.answer(id, bare(named(1, 5))(4)).told).toEqual([6]);
  const other = reconnect(live());
  const call = other.first('fetch');
  expect(other.frames(heard(6, 6, 'b'), attempt).told).toEqual([]);
  expect(other.answer(call.id, bare(named(1, 6, 'b'))(4)).told).toEqual(['rewind']);
  expect(other.items[0]).toMatchObject({ gap: { from: 6 } });
  expect(settle(other, bare(named(1, 6, 'b')))).toEqual([1, 2, 3, 4, 5, 6]);
});

/** A log that cannot be asked any more. @returns what the app was told meanwhile. */
function outage(script: Script, ms: number): (number | string)[] {
  const told: (number | string)[] = [...script.told];
  for (let passed = 0; passed < ms; passed += 500) {
    for (const { id } of script.all('fetch')) script.refuse(id, 503);
    script.frames([{ type: 'pong' }], attempt).pass(500);
    told.push(...script.told);
  }
  return told;
}

test('an app that prefers fresh to complete gets what waits, although nothing is missing', () => {
  const script = reconnect(live({ giveUpAfterMs: 5_000 }));
  const { id } = script.first('fetch');
  script.frames(heard(6, 7, 'a'), attempt).refuse(id, 503);
  expect(outage(script, 4_000)).toEqual([]);
  expect(outage(script, 6_000)).toEqual([6, 7]);
});

test('and gets it from a log that has never answered in this page', () => {
  attempt = 1;
  const start = { epoch: '-', seq: 5 };
  const script = joining({ epochs: false, giveUpAfterMs: 5_000 }, start);
  const { id } = script.first('fetch');
  const frames = heard(7, 8, 'a').map((frame) => ({ ...frame, epoch: '-' }));
  script.frames(frames).refuse(id, 503);
  expect(outage(script, 10_000)).toEqual(['unreachable', 7, 8]);
});

test('a counter that passes ours while the log is asked from its beginning is seen by an id', () => {
  const script = reconnect(live());
  script.answer(script.first('fetch').id, bare([])(4));
  script.answer(script.first('fetch').id, bare(named(1, 3, 'b'))(0));
  const early = script.frames(heard(4, 8, 'b'), attempt).told;
  expect([...early, ...settle(script.pass(5_000), bare(named(1, 8, 'b')))]).toEqual([
    ...['rewind', 1, 2, 3, 4, 5, 6, 7, 8],
  ]);
});

test('what waits is not handed on before the log has shown our place, although it reaches that far', () => {
  const script = reconnect(live());
  const { id } = script.first('fetch');
  script.frames([...heard(2, 2, 'b'), ...heard(6, 7, 'b')], attempt).refuse(id, 503);
  const part = { head: 9, messages: named(2, 2, 'b'), more: true, upto: 2 };
  while (script.all('fetch').length === 0) script.pass(500);
  expect(script.first('fetch').request.seq).toBe(1);
  expect(script.answer(script.first('fetch').id, part).told).toEqual([]);
  expect(settle(script, bare(named(1, 9, 'b')))).toEqual(['rewind', 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('without ids our number is taken for ours', () => {
  const script = reconnect(live());
  expect(settle(script, bare(messages(1, 8)))).toEqual([6, 7, 8]);
});

test('a log that begins behind our number has lost what lies between', () => {
  const script = reconnect(live());
  script.answer(script.first('fetch').id, bare(named(9, 11))(4));
  expect(script.told).toEqual(['truncated', 9, 10, 11]);
  expect(script.items[0]).toMatchObject({ gap: { from: 6, to: 8 } });
});

test('a log that lost our own message, and no other, has lost nothing of ours', () => {
  const script = reconnect(live());
  expect(settle(script, bare(named(6, 8)))).toEqual([6, 7, 8]);
  expect(script.session.counters.gaps).toBe(0);
});

test('an empty answer proves nothing; the whole log is asked for once', () => {
  const script = reconnect(live());
  const asked: number[] = [];
  const told = settle(script, (since) => {
    asked.push(since);
    return bare([])(since);
  });
  expect(told).toEqual([]);
  expect(asked).toEqual([4, 0]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 5 });
  expect(script.enter({ type: 'tick' }).all('fetch')).toEqual([]);
});

test('a counter that began anew behind ours is found in what is left of the log', () => {
  const script = reconnect(live());
  expect(settle(script, bare(named(1, 3, 'b')))).toEqual(['rewind', 1, 2, 3]);
});

test('a counter that began anew shows in the first number that comes, which is no duplicate', () => {
  const script = reconnect(live());
  // Nothing was published yet: both answers are empty.
  expect(settle(script, bare([]))).toEqual([]);
  const one = { type: 'message', channel: CHANNEL, epoch: 'e', seq: 1, data: 1, id: 'b1' } as const;
  script.frames([one], 2).pass(200);
  expect(script.first('fetch').request.seq).toBe(0);
  expect(settle(script, bare(named(1, 1, 'b')))).toEqual(['rewind', 1]);
  expect(script.frames([{ ...one, seq: 2, id: 'b2' }], 2).told).toEqual([2]);
});

test('a message that comes again after a reconnect is a duplicate once the log has said so', () => {
  const script = reconnect(live());
  const again = { type: 'message', channel: CHANNEL, epoch: 'e', seq: 5, data: 5 } as const;
  settle(script, bare(named(1, 5)));
  script.frames([again], 2).pass(200);
  expect(settle(script, bare(named(1, 5)))).toEqual([]);
  expect(script.session.counters.gaps).toBe(0);
  // The next one is not worth a question.
  expect(script.frames([again], 2).pass(1_000).all('fetch')).toEqual([]);
});

test('one answer that lacks our numbers is no rewind', () => {
  const script = reconnect(live());
  script.answer(script.first('fetch').id, { head: 2, messages: [] });
  expect(script.told).toEqual([]);
  expect(settle(script, bare(named(1, 5)))).toEqual([]);
  expect(script.session.counters.gaps).toBe(0);
});

test('a head behind ours is a rewind when enough answers agree, though they hold no message', () => {
  const script = reconnect(live());
  expect(settle(script, () => ({ head: 2, oldest: 3, messages: [] }))).toEqual(['rewind']);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 2 });
});

test('a quiet channel whose log expired has lost nothing when the next message comes', () => {
  const script = live({ pollMs: 1_000, numbering: 'monotonic' });
  attempt = 1;
  expect(settle(script, bare([]))).toEqual([]);
  const late = { type: 'message', channel: CHANNEL, epoch: 'e', seq: 50, data: 50 } as const;
  expect(script.frames([late]).told).toEqual([50]);
  expect(settle(script, bare(named(50, 50)))).toEqual(['position']);
  expect(script.session.counters.gaps).toBe(0);
});

test('one message a page, and a position that void numbers moved beyond the last of them', () => {
  const script = reconnect(live());
  const log = [...named(1, 5), ...named(9, 11)];
  const page = (since: number) => {
    const [found] = log.filter(({ seq }) => seq > since);
    const void1: [number, number][] = since < 6 && (found?.seq ?? 0) > 5 ? [[6, 6]] : [];
    const more = (found?.seq ?? 11) < 11;
    return { head: found?.seq ?? since, messages: found ? [found] : [], more, void: void1 };
  };
  // Numbers 7 and 8 are nowhere: a hole, which is named when enough answers agree.
  expect(settle(script, page)).toEqual(['position', 'hole', 9, 10, 11]);
});

test('while a log holds nothing of ours, a counter that began anew is found in what it has', () => {
  const script = live({ pollMs: 1_000 });
  attempt = 1;
  const log: ReturnType<typeof named> = [];
  expect(settle(script, (since) => bare(log)(since))).toEqual([]);
  // What is published now reaches nobody live.
  log.push(...named(1, 2, 'b'));
  expect(settle(script, (since) => bare(log)(since))).toEqual(['rewind', 1, 2]);
});

test('a counter that began anew and passed ours shows, also when its next message comes while the log is asked', () => {
  const script = live({ pollMs: 1_000 }).pass(1_200);
  attempt = 1;
  const { id } = script.first('fetch');
  const next = { type: 'message', channel: CHANNEL, epoch: 'e', ...named(6, 6, 'b')[0] } as const;
  expect(script.frames([next as ServerFrame]).told).toEqual([6]);
  script.answer(id, { head: 6, messages: named(5, 6, 'b') });
  expect(script.told).toEqual(['rewind']);
  expect(settle(script, bare(named(1, 6, 'b')))).toEqual([1, 2, 3, 4, 5, 6]);
});

test('a log that was empty and is back is read from where we are, not from its beginning', () => {
  const script = reconnect(live());
  script.answer(script.first('fetch').id, bare([])(4));
  const asked: number[] = [];
  const all = named(1, 9);
  const told = settle(script, (since) => {
    asked.push(since);
    const messages = all.filter(({ seq }) => seq > since).slice(0, 2);
    return { head: 9, messages, more: (messages.at(-1)?.seq ?? 9) < 9 };
  });
  expect(told).toEqual([6, 7, 8, 9]);
  expect(asked.slice(0, 2)).toEqual([0, 4]);
});

// --- no heads ---

test('a server that sends no heads is asked, again and again, and the channel stays live', () => {
  const script = live({ pollMs: 10_000 });
  const states: unknown[] = [];
  let asked = 0;
  for (let i = 0; i < 60; i += 1) {
    script.pass(1_000);
    states.push(...script.all('channelState'));
    for (const { id } of script.all('fetch')) {
      asked += 1;
      states.push(...script.answer(id, { head: 5, messages: named(5, 5) }).all('channelState'));
    }
  }
  expect(states).toEqual([]);
  expect(asked).toBeGreaterThanOrEqual(5);
  expect(asked).toBeLessThanOrEqual(6);
});

test('a poll finds what the socket kept back, and one that fails shows and is tried again', () => {
  const script = live({ pollMs: 10_000 }).pass(11_500);
  script.refuse(script.first('fetch').id, 503);
  expect(script.first('channelState').state).toMatchObject({ name: 'stalled', reason: 'recovery' });
  attempt = 1;
  expect(settle(script, bare(named(1, 7)))).toEqual([6, 7]);
});

test('silence is no sign of death where nothing has to come', () => {
  const script = live({ pollMs: 300_000 });
  expect(script.pass(200_000).all('hangUp')).toEqual([]);
  // Waking asks the log rather than the socket.
  script.enter({ type: 'page', signal: 'visible' });
  expect(script.sent).toEqual([]);
  script.answer(script.first('fetch').id, { head: 5, messages: named(5, 5) });
  expect(script.pass(60_000).all('hangUp')).toEqual([]);
});

test('polls end with the connection, and with the channel', () => {
  const script = live({ pollMs: 1_000 });
  script.enter({ type: 'dropped', attempt: 1, code: 4403, reason: '' });
  expect(script.pass(60_000).all('fetch')).toEqual([]);
  const left = live({ pollMs: 5_000 });
  left.enter({ type: 'release', channel: CHANNEL });
  expect(left.pass(60_000).all('fetch')).toEqual([]);
});

test('a message that is faster than the answer to the join waits: it may be of a log that began anew', () => {
  const script = live();
  script.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
  script.enter({ type: 'connect' }).enter({ type: 'opened', attempt: 2 });
  attempt = 2;
  const [sixth] = named(6, 6, 'b');
  script.frames([{ type: 'message', channel: CHANNEL, epoch: 'e', ...sixth! }], 2);
  expect(script.told).toEqual([]);
  script.frames([JOINED], 2);
  expect(settle(script, bare(named(1, 6, 'b')))).toEqual(['rewind', 1, 2, 3, 4, 5, 6]);
});

test('the first answer of a log is handed out, and not asked for again', () => {
  const script = joining({}, 'earliest');
  const page = { head: 3, messages: named(1, 3) };
  expect(script.answer(script.first('fetch').id, page).told).toEqual([1, 2, 3]);
  expect(script.all('fetch')).toEqual([]);
});

test('with room for one message a page, the next question is asked at once', () => {
  const script = reconnect(live());
  const { id, request } = script.first('fetch');
  expect(request.seq).toBe(4);
  script.answer(id, { head: 9, messages: named(5, 5), more: true });
  expect(script.first('fetch').request.seq).toBe(5);
});
