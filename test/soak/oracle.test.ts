// The judge itself: it lets a true story pass, and notices every lie.
import { describe, expect, test } from 'vitest';
import { Oracle } from './oracle.mjs';
import type { Told } from './page.mjs';

const MAX_LENGTH = 5;
const channel = 'room';
type Line = Told extends infer One ? (One extends Told ? Omit<One, 'channel'> : never) : never;

/** Ten messages in e1, then a new server with three. Life 1 began at 0, and its namespace goes on. */
function world(): Oracle {
  const oracle = new Oracle(MAX_LENGTH);
  oracle.began('north', 'e1');
  oracle.publishing('north', channel, 1, 10);
  oracle.appended('e1', 1, 10, 1);
  oracle.born(1, 'north', 'ann');
  oracle.born(2, 'north', 'ann');
  oracle.hear({ kind: 'stored', life: 1, channel, epoch: 'e1', seq: 0 });
  return oracle;
}
function restart(oracle: Oracle): void {
  oracle.began('north', 'e2');
  oracle.publishing('north', channel, 11, 3);
  oracle.appended('e2', 11, 3, 1);
}

const got = (seq: number, life = 1, epoch = 'e1', id = epoch === 'e1' ? seq : seq + 10): Line[] => [
  { kind: 'message', life, epoch, seq, id, recovered: false },
  { kind: 'done', life, epoch, seq },
];
const gap = (from: number, to: number | undefined, reason: string, life = 1, epoch = 'e1'): Line =>
  ({ kind: 'gap', life, epoch, from, ...(to !== undefined && { to }), reason }) as Line;
const stored = (seq: number, life = 1, epoch = 'e1'): Line => ({
  kind: 'stored',
  life,
  epoch,
  seq,
});

/** A life that passed over 3 to 5, and its gap. */
const late = (from: number, to: number): Line[] => [
  ...[...got(1), ...got(2), stored(2), ...got(6, 2)],
  gap(from, to, 'unreachable', 2),
];

const judge = (oracle: Oracle, ...lines: Line[]): string[] => {
  for (const line of lines) oracle.hear({ ...line, channel } as Told);
  return oracle.violations;
};

describe('the judge lets pass', () => {
  test('messages in order, a true gap, a new epoch, and a life that goes on', () => {
    const oracle = world();
    judge(oracle, ...got(1), stored(1), gap(2, 5, 'truncated'), stored(5), ...got(6), ...got(7));
    expect(oracle.isComplete(1, channel, 'e1')).toBe(false);
    restart(oracle);
    judge(oracle, gap(8, undefined, 'epoch'), stored(0, 1, 'e2'), ...got(1, 1, 'e2'));
    judge(oracle, ...got(2, 1, 'e2'), stored(1, 1, 'e2'));
    judge(oracle, ...got(2, 2, 'e2'), ...got(3, 2, 'e2'), stored(3, 2, 'e2'));
    expect(oracle.violations).toEqual([]);
    expect(oracle.isComplete(2, channel, 'e2')).toBe(true);
    expect(oracle.counts).toMatchObject({ sent: 13, delivered: 7, repeated: 1, stored: 6 });
    expect(oracle.lost).toBe(4);
  });

  test('a message whose server died before it could tell its number', () => {
    const oracle = world();
    oracle.publishing('north', channel, 11, 1);
    judge(oracle, ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].flatMap((seq) => got(seq)));
    expect(oracle.violations).toEqual([]);
  });
});

test('the judge takes the word of a tab that was closed before it was heard', () => {
  const oracle = world();
  const had = { kind: 'had', life: 1, handled: { e1: 3 }, late: false } as const;
  judge(oracle, ...got(1), stored(1), { ...had, left: [] }, ...got(4, 2));
  expect([oracle.violations, oracle.counts.unheard]).toEqual([[], 1]);
});

test('the judge waits for a page with slow storage to name what it passed over', () => {
  const oracle = world();
  judge(oracle, ...got(1), ...got(2), stored(2), ...got(6, 2), ...got(7, 2));
  expect(oracle.owedBy(2)).toHaveLength(1);
  judge(oracle, gap(3, 5, 'unreachable', 2), ...got(8, 2), stored(8, 2));
  expect([oracle.owedBy(2), oracle.violations]).toEqual([[], []]);
});

test('the judge lets a page with slow storage name what another page of its namespace has had', () => {
  const oracle = world();
  const others = [1, 2, 3, 4, 5, 6].flatMap((seq) => got(seq));
  judge(oracle, ...others, ...got(6, 2), gap(3, 5, 'unreachable', 2), ...got(7, 2));
  expect(oracle.violations).toEqual([]);
  expect(judge(oracle, gap(3, 5, 'unreachable', 2))).toHaveLength(2);
});

describe('the judge notices', () => {
  test.each<[string, Line[]]>([
    ['a number left out', [...got(1), ...got(3)]],
    ['a number twice', [...got(1), ...got(1)]],
    ['numbers swapped', [...got(2), ...got(1)]],
    ['a first message left out', got(2)],
    ['other data', [...got(1), ...got(2, 1, 'e1', 3)]],
    ['what was never published', got(1, 1, 'e1', 99)],
    ['a gap over what the log has', [...got(1), gap(2, 6, 'truncated')]],
    ['a gap over what was had', [...got(1), gap(1, 3, 'truncated')]],
    ['a gap that begins too late', [...got(1), gap(3, 4, 'truncated')]],
    ['two gaps over the same', [gap(1, 4, 'truncated'), gap(1, 4, 'truncated')]],
    ['a gap that nothing causes', [...got(1), gap(2, 2, 'hole')]],
    ['an epoch gap of a log that lives', [...got(1), gap(2, undefined, 'epoch')]],
    ['a position ahead of the handlers', [...got(1), stored(2)]],
    ['a position while the handler works', [got(1)[0]!, ...got(2), stored(3)]],
    ['a gap of a slow storage that leaves something out', late(4, 5)],
    ['a gap of a slow storage over too little', late(3, 4)],
    ['a gap of a slow storage over too much', late(3, 6)],
  ])('%s', (_, lines) => {
    expect(judge(world(), ...lines)).not.toEqual([]);
  });

  test('a later life that begins too far on, or in an epoch nobody was told of', () => {
    const oracle = world();
    judge(oracle, ...got(1), stored(1), ...got(3, 2));
    expect(oracle.owedBy(2)).toHaveLength(1);
    restart(oracle);
    oracle.born(3, 'north', 'ann');
    judge(oracle, ...got(1, 3, 'e2'));
    expect(oracle.owedBy(3)).toHaveLength(1);
  });

  test.each<[string, Line[]]>([
    ['a new epoch without a gap', [...got(1), ...got(1, 1, 'e2')]],
    ['an old epoch after it', [gap(1, undefined, 'epoch'), ...got(1, 1, 'e2'), ...got(1)]],
    ['a new epoch from its middle', [gap(1, undefined, 'epoch'), ...got(2, 1, 'e2')]],
    ['a position ahead in a new epoch', [gap(1, undefined, 'epoch'), stored(1, 1, 'e2')]],
  ])('%s', (_, lines) => {
    const oracle = world();
    restart(oracle);
    expect(judge(oracle, ...lines)).not.toEqual([]);
  });
});
