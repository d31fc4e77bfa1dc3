// @vitest-environment node
/** Numbers that only rise: what is missing does not show, and only the log can say what is complete. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Page } from '../../src/core/frames.js';
import type { Settings } from '../../src/core/settings.js';
import { monotonic } from '../../src/core/monotonic.js';
import { mappedDialect } from '../../src/dialects/mapped.js';
import { CHANNEL, LATEST, messages, pageOf, Script } from '../mutants/script.js';
import { ops, ReaderWorld, run } from './reader-world.js';

const rising = (settings: Partial<Settings> = {}): Script =>
  new Script({ numbering: 'monotonic', ...settings });

const sorted = (list: readonly (number | string)[]) =>
  [...list].sort((a, b) => Number(a) - Number(b));

const of = (...seqs: readonly number[]) => seqs.map((seq) => ({ seq, data: seq }));

/** Joined at 40, where the log's first answer said so. */
function live(settings: Partial<Settings> = {}): Script {
  const script = rising(settings);
  script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
  script.enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'joined', channel: CHANNEL }]);
  return script.answer(script.first('fetch').id, { head: 40, messages: of(3, 40) });
}

const reconnect = (script: Script): Script => {
  script.reconnected();
  return script.frames([{ type: 'joined', channel: CHANNEL }], 2);
};

const message = (script: Script, ...seqs: readonly number[]): Script =>
  script.frames(
    seqs.map((seq) => ({ type: 'message', channel: CHANNEL, epoch: 'e', seq, data: seq })),
    2,
  );

test('a number that is left out is no gap, and one below the last is no duplicate', () => {
  const script = live().message(44, 50, 47);
  expect(script.told).toEqual([44, 50, 47]);
  expect(script.message(47, 44, 39).told).toEqual([]);
  expect(script.session.counters.duplicates).toBe(3);
  expect(script.pass(5_000).all('fetch')).toEqual([]);
});

test('live messages move no position; the answer of the log does, behind all that it brought', () => {
  const script = live().message(44, 50);
  expect(script.first('deliver').tok).toBeUndefined();
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 40, head: 40 });
  script.heads(60).pass(200);
  expect(script.first('fetch').request.seq).toBe(40);
  script.answer(script.first('fetch').id, { head: 60, messages: of(44, 47, 50, 60) });
  expect(script.told).toEqual([47, 60, 'position']);
  expect(script.items[2]).toMatchObject({ after: { position: { epoch: 'e', seq: 60 } } });
});

test('every join asks the log, and what was missed comes before what is new', () => {
  const script = reconnect(live().message(44));
  expect(script.first('fetch').request.seq).toBe(40);
  const { id } = script.first('fetch');
  // The socket is faster than the log.
  expect(message(script, 150).told).toEqual([]);
  script.answer(id, { head: 149, messages: of(44, 70, 149) });
  expect(script.told).toEqual([70, 149, 'position', 150]);
  expect(message(script, 151).told).toEqual([151]);
});

test('so it does when what is new is faster than the answer to the join', () => {
  const script = live();
  script.reconnected();
  // Servers let a connection in first, and answer it after.
  expect(message(script, 50).told).toEqual([]);
  script.frames([{ type: 'joined', channel: CHANNEL }], 2);
  script.answer(script.first('fetch').id, { head: 52, messages: of(45, 50, 52) });
  expect(script.told).toEqual([45, 50, 52, 'position']);
});

test('what came live and waits is delivered, also where the page passes it: appended late, it is true', () => {
  const script = reconnect(live());
  const { id } = script.first('fetch');
  // Numbered before 52, appended after it: the answer was made in between.
  message(script, 50, 60);
  script.answer(id, { head: 52, messages: of(45, 52) });
  expect(script.told).toEqual([45, 50, 52, 'position', 60]);
  expect(message(script, 50).told).toEqual([]);
  // And where it is the last one that the page covers.
  const last = reconnect(live());
  const asked = last.first('fetch').id;
  message(last, 52).answer(asked, { head: 52, messages: of(45) });
  expect(last.told).toEqual([45, 52, 'position']);
});

test('of what waits a full queue takes what there is room for, and the rest is asked for again', () => {
  const script = reconnect(live({ maxQueued: 4 }));
  const { id } = script.first('fetch');
  message(script, 50, 60);
  script.answer(id, { head: 90, messages: of(45, 55, 70, 90) });
  expect(script.told).toEqual([45, 50, 55, 60, 'position']);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 60, held: 0 });
});

test('pages follow each other before anything live goes on', () => {
  const script = reconnect(live());
  const { id } = script.first('fetch');
  message(script, 150);
  // This log names no head: only `more` says that there is more.
  script.answer(id, { head: 70, messages: of(60, 70), more: true });
  expect(script.told).toEqual([60, 70, 'position']);
  expect(script.first('fetch').request.seq).toBe(70);
  script.answer(script.first('fetch').id, { head: 150, messages: of(100, 150) });
  expect(script.told).toEqual([100, 150, 'position']);
});

test.each([
  ['that says where it ends', { more: undefined, head: 13 }],
  ['that says only when it is cut', {}],
])('a log of all channels is read past a page that has nothing of ours (%s)', (_, said) => {
  const log = ['room', 'other', 'other', 'other', 'other', 'room', 'other'].map((channel, i) => {
    return { channel, seq: 7 + i };
  });
  const { decodePage } = mappedDialect({ numbering: 'monotonic', fields: { epoch: 'epoch' } });
  const script = rising();
  const intent = { ...LATEST, start: { epoch: 'e', seq: 6 } };
  script.enter({ type: 'join', channel: CHANNEL, intent }).enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'joined', channel: CHANNEL }]);
  const told: (number | string)[] = [];
  for (let call = script.call(); call !== undefined; call = script.call()) {
    const above = log.filter(({ seq }) => seq > (call?.request.seq ?? 0));
    const body = { epoch: 'e', messages: above.slice(0, 2), more: above.length > 2, ...said };
    script.answer(call.id, decodePage(body, call.request) as Page);
    told.push(...script.told.filter((item) => item !== 'position'));
    if (script.now > 60_000) break;
  }
  expect(told).toEqual([7, 12]);
  expect(script.session.numbers(CHANNEL)?.last).toBeGreaterThanOrEqual(12);
});

test('when too many wait for the word of the log it is asked, and the rest waits for its answer', () => {
  const script = live();
  const many = Array.from({ length: 1_200 }, (_, i) => 41 + i);
  script.message(...many);
  expect(script.told).toEqual(many.slice(0, 1_000));
  script.pass(200).answer(script.first('fetch').id, { head: 1_300, messages: of(...many, 1_300) });
  expect(script.told).toEqual([...many.slice(1_000), 1_300, 'position']);
});

test('with full queues a page confirms what was taken of it, and the rest is asked for again', () => {
  const script = reconnect(live({ maxQueued: 4 }));
  const page = of(50, 60, 70, 80, 90, 95);
  script.answer(script.first('fetch').id, { head: 95, messages: page });
  expect(script.told).toEqual([50, 60, 70, 80, 'position']);
  expect(script.items[4]).toMatchObject({ after: { position: { epoch: 'e', seq: 80 } } });
  script.enter({ type: 'handled', channel: CHANNEL, count: 5 });
  expect(script.first('fetch').request.seq).toBe(80);
  script.answer(script.first('fetch').id, { head: 95, messages: of(90, 95) });
  expect(script.told).toEqual([90, 95, 'position']);
});

test('a head that the log never confirms keeps nothing waiting that came live', () => {
  const script = live().heads(70).pass(200);
  const { id } = script.first('fetch');
  expect(script.message(50).told).toEqual([]);
  script.answer(id, { head: 40 });
  script.answer(script.call()?.id ?? 0, { head: 40 });
  script.answer(script.call()?.id ?? 0, { head: 40 });
  expect(script.told).toEqual([50]);
});

test('what there is no room to hold leaves its number, and is fetched', () => {
  const script = reconnect(live({ maxHeld: 1 }));
  const { id } = script.first('fetch');
  message(script, 50, 60);
  // This answer was made before either was appended.
  expect(script.answer(id, { head: 40 }).told).toEqual([]);
  script.answer(script.call()?.id ?? 0, { head: 60, messages: of(50, 60) });
  expect(script.told).toEqual([50, 60, 'position']);
});

test('a position that the store tells late is gone back to only while nothing was delivered', () => {
  const script = rising({ storageTimeoutMs: 100 });
  const intent = { ...LATEST, start: 'stored' } as const;
  script.enter({ type: 'join', channel: CHANNEL, intent }).enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'joined', channel: CHANNEL }]).pass(150);
  script.answer(script.first('fetch').id, { head: 40, messages: of(40) });
  expect(script.message(44).told).toEqual([44]);
  script.enter({ type: 'loaded', channel: CHANNEL, position: { epoch: 'e', seq: 30, tok: 't' } });
  expect(script.told).toEqual(['unreachable']);
  script
    .heads(50)
    .pass(200)
    .answer(script.first('fetch').id, { head: 50, messages: of(44, 50) });
  expect(script.told).toEqual([50, 'position']);
});

test('a buffer that no longer reaches back is told, and nothing comes twice', () => {
  const script = reconnect(live().message(150));
  script.answer(script.first('fetch').id, { head: 160, oldest: 100, messages: of(100, 150, 160) });
  expect(script.told).toEqual(['truncated', 100, 160, 'position']);
  expect(script.items[0]).toMatchObject({ gap: { from: 41, to: 99 } });
});

test('an app that prefers fresh to complete gets what waits, and is told what may be missing', () => {
  const script = reconnect(live({ giveUpAfterMs: 5_000 }));
  const { id: first } = script.first('fetch');
  message(script, 150);
  script.refuse(first, 503);
  const told: unknown[] = [];
  for (let i = 0; i < 40; i += 1) {
    const calls = script
      .frames([{ type: 'pong' }], 2)
      .pass(500)
      .all('fetch');
    told.push(...script.told);
    for (const { id } of calls) script.refuse(id, 503);
  }
  expect(told).toEqual(['unreachable', 150]);
});

test.each([
  [41, []],
  [48, ['unreachable']],
])(
  'also while a head is ahead of what waits (%i), and nothing that is there is lost',
  (seq, gap) => {
    const script = live({ giveUpAfterMs: 5_000 }).heads(50).message(seq);
    const told: unknown[] = [];
    const wait = (refused: boolean) => {
      for (let i = 0; i < 40; i += 1) {
        const calls = script
          .frames([{ type: 'pong' }])
          .pass(500)
          .all('fetch');
        told.push(...script.told);
        if (refused) for (const { id } of calls) script.refuse(id, 503);
        else if (calls[0])
          told.push(...script.answer(calls[0].id, { head: 50, messages: of(seq, 50) }).told);
      }
    };
    wait(true);
    expect(told).toEqual([...gap, seq]);
    script.heads(50);
    wait(false);
    expect(told).toEqual([...gap, seq, 50, 'position']);
  },
);

test('{ last: n } counts messages, not numbers, where the log tells them all', () => {
  const script = rising();
  const intent = { ...LATEST, start: { last: 2 } };
  script.enter({ type: 'join', channel: CHANNEL, intent }).enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'joined', channel: CHANNEL }]);
  script.answer(script.first('fetch').id, { head: 900, messages: of(3, 40, 600, 900) });
  expect(script.told).toEqual([600, 900, 'position']);
});

test('so it does over several pages, and what lies in those before the last is not passed over', () => {
  const script = rising();
  const intent = { ...LATEST, start: { last: 3 } };
  script.enter({ type: 'join', channel: CHANNEL, intent }).enter({ type: 'opened', attempt: 1 });
  script.frames([{ type: 'joined', channel: CHANNEL }]);
  script.answer(script.first('fetch').id, { head: 600, messages: of(3, 40, 600), more: true });
  script.answer(script.first('fetch').id, { head: 900, messages: of(900) });
  expect(script.first('fetch').request.seq).toBe(3);
  script.answer(script.first('fetch').id, { head: 900, messages: of(40, 600, 900) });
  expect(script.told).toEqual([40, 600, 900, 'position']);
});

test.each<[string, Partial<Settings>, boolean]>([
  ['heads', {}, true],
  ['polls', { pollMs: 1_000 }, false],
  ['polls and no epochs', { pollMs: 1_000, epochs: false }, false],
])('whatever is lost, repeated and reordered, all comes once (%s)', (_, settings, namesHead) => {
  const page = (world: ReaderWorld, since: number, limit: number): Partial<Page> => {
    const found = world.messages.filter(({ seq }) => seq > since);
    const messages = found.slice(0, limit).map(({ data, seq }) => ({ data, seq, id: `m${seq}` }));
    const head = namesHead ? world.head : (messages.at(-1)?.seq ?? since);
    return { epoch: 'e', head, messages, more: found.length > limit };
  };
  fc.assert(
    fc.property(ops, (steps) => {
      const world = new ReaderWorld({ numbering: 'monotonic', ...settings }, page);
      const able = namesHead ? steps : steps.filter((op) => op !== 'heads');
      run(world, able, () => world.head);
      world.heal(() => {
        if (namesHead) world.heads();
      });
      const all = world.messages.map(({ seq }) => seq);
      expect(sorted(world.told)).toEqual(all);
      expect(world.positions).toEqual(sorted(world.positions));
      expect(world.positions.at(-1) ?? 0).toBeLessThanOrEqual(world.confirmed);
      const last = namesHead ? world.head : (all.at(-1) ?? 0);
      expect(world.script.session.numbers(CHANNEL)).toMatchObject({ last, held: 0 });
    }),
    { numRuns: 300 },
  );
});

test('what the log has confirmed waits for its word no longer', () => {
  const tracker = monotonic(0);
  for (let seq = 1; seq <= 1_500; seq += 1) {
    tracker.accept(seq);
    tracker.skipTo(seq);
  }
  tracker.accept(1_501);
  expect(tracker.behind).toBe(false);
  expect(tracker.isStillAt(1_500)).toBe(false);
  tracker.skipTo(1_501);
  expect(tracker.isStillAt(1_501)).toBe(true);
});

test('a page is read through, or as far as there was room', () => {
  const walk = (room: number) => {
    const tracker = monotonic(5);
    const end = tracker.walk(pageOf({ head: 9, messages: messages(6, 8) }), () => room-- > 0);
    return [end, tracker.last];
  };
  expect(walk(3)).toEqual([{ name: 'through' }, 9]);
  expect(walk(2)).toEqual([{ name: 'full' }, 7]);
});
