// @vitest-environment node
/** Protocol 4.6: streams of which this reader sees a part. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PageMessage } from '../../src/core/frames.js';
import { CHANNEL, Script } from '../mutants/script.js';
import { ops, ReaderWorld, run } from './reader-world.js';

/** A live message whose predecessor is `prev`. */
const live = (script: Script, seq: number, prev: number): Script =>
  script.frames([{ type: 'message', channel: CHANNEL, epoch: 'e', seq, prev, data: seq }]);

const heads = (script: Script, head: number, visible: number): Script =>
  script.frames([{ type: 'heads', heads: [{ channel: CHANNEL, epoch: 'e', head, visible }] }]);

test('L2 a message is next when its predecessor was had, however far the numbers jump', () => {
  const script = new Script().live(5);
  expect(live(script, 9, 5).told).toEqual([9]);
  expect(live(script, 20, 7).told).toEqual([20]);
  expect(live(script, 20, 9).told).toEqual([]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 20, head: 20, held: 0 });
  expect(script.pass(5_000).all('fetch')).toEqual([]);
});

test('messages that swapped places settle inside the window, whatever lies between them', () => {
  const script = new Script().live(5);
  expect(live(script, 30, 20).told).toEqual([]);
  expect(live(script, 20, 9).told).toEqual([]);
  expect(live(script, 9, 5).told).toEqual([9, 20, 30]);
  expect(script.pass(5_000).all('fetch')).toEqual([]);
});

test('a missing predecessor is asked for; what the page passes over by prev is no hole', () => {
  const script = live(new Script().live(5), 30, 20).pass(200);
  const page = [
    { seq: 9, prev: 5, data: 9 },
    { seq: 20, prev: 9, data: 20 },
    { seq: 30, prev: 20, data: 30 },
  ];
  script.answer(script.first('fetch').id, { head: 30, messages: page });
  expect(script.told).toEqual([9, 20, 30]);
});

test('a hole in a page ends before the numbers that are not for this reader', () => {
  const script = live(new Script().live(5), 30, 20).pass(200);
  const page = { head: 30, messages: [{ seq: 30, prev: 20, data: 30 }] };
  for (let id: number | undefined = script.first('fetch').id, i = 0; i < 3; i += 1) {
    script.answer(id ?? 0, page);
    if (i < 2) id = script.call()?.id;
  }
  expect(script.told).toEqual(['hole', 30]);
  expect(script.items[0]).toMatchObject({ gap: { from: 6, to: 20 } });
});

test('a head with nothing for this reader moves the position, behind all that is queued', () => {
  const script = live(new Script().live(5), 9, 5);
  const { tok } = script;
  expect(heads(script, 40, 9).items).toEqual([
    {
      type: 'position',
      after: { channel: CHANNEL, mode: 'advance', position: { epoch: 'e', seq: 40, tok } },
    },
  ]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 40, head: 40 });
  // The next one names the last that this reader could see, which lies before the position.
  expect(live(script, 50, 9).told).toEqual([50]);
  expect(heads(script, 50, 50).items).toEqual([]);
});

test('a head with something for this reader is asked for, and moves nothing', () => {
  const script = heads(new Script().live(5), 40, 9);
  expect(script.items).toEqual([]);
  expect(script.session.numbers(CHANNEL)).toMatchObject({ last: 5, head: 9 });
  expect(script.pass(200).first('fetch').request.seq).toBe(5);
});

test('while anything is pending a head moves nothing', () => {
  const behind = live(new Script().live(5), 30, 20);
  expect(heads(behind, 40, 5).items).toEqual([]);
  const asking = new Script().live(5).heads(5, 'strange');
  expect(heads(asking, 40, 5).items).toEqual([]);
  // The gap has closed by itself, and the answer is still on its way.
  const closed = live(live(new Script().live(5), 9, 7).pass(200), 7, 5);
  expect(closed.told).toEqual([7, 9]);
  expect(heads(closed, 40, 9).items).toEqual([]);
  const strange = new Script().live(5);
  strange.frames([
    { type: 'heads', heads: [{ channel: CHANNEL, epoch: 'other', head: 40, visible: 5 }] },
  ]);
  expect(strange.items).toEqual([]);
  const full = live(new Script({ maxQueued: 2 }).live(5), 9, 5);
  live(full, 12, 9);
  expect(heads(full, 40, 12).items).toEqual([]);
});

test('what a page ends with moves the position although no message does', () => {
  const script = heads(new Script().live(5), 9, 9).pass(200);
  const { id } = script.first('fetch');
  script.answer(id, { head: 40, messages: [{ seq: 9, prev: 5, data: 9 }], void: [[10, 40]] });
  expect(script.told).toEqual([9, 'position']);
  expect(script.items[1]).toMatchObject({ after: { position: { epoch: 'e', seq: 40 } } });
});

test.each(['prev', 'void'] as const)(
  'whatever is lost, repeated and reordered, what is visible comes once and in order (%s)',
  (how) => {
    const page = (world: ReaderWorld, since: number, limit: number) => {
      const found = world.messages.filter(({ seq }) => seq > since);
      const cut = found.slice(0, limit);
      const more = found.length > limit;
      const upto = more ? (cut.at(-1)?.seq ?? since) : world.head;
      const bare = cut.map(({ data, seq }): PageMessage => ({ data, seq }));
      const skipped: [number, number][] = [];
      let from = since + 1;
      for (const { seq } of [...cut, { seq: upto + 1 }]) {
        if (from < seq) skipped.push([from, seq - 1]);
        from = seq + 1;
      }
      return {
        head: world.head,
        more,
        messages: how === 'prev' ? cut : bare,
        void: how === 'prev' ? skipped.slice(-1) : skipped,
      };
    };
    fc.assert(
      fc.property(ops, (steps) => {
        const world = new ReaderWorld({ numbering: 'sparse' }, page);
        const visible = () => world.messages.at(-1)?.seq ?? 0;
        run(world, steps, visible);
        world.heal(() => {
          world.heads(visible());
        });
        expect(world.told).toEqual(world.messages.map(({ seq }) => seq));
        expect(world.script.session.numbers(CHANNEL)).toMatchObject({
          last: world.head,
          head: world.head,
          held: 0,
        });
        expect(world.positions).toEqual([...world.positions].sort((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  },
);
