// @vitest-environment node
/** What holds for any input: the gap detector and pages, the merge of positions, time. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fullJitterMs, Random } from '../../src/core/backoff.js';
import { Deadlines } from '../../src/core/deadlines.js';
import type { Page } from '../../src/core/frames.js';
import { GapDetector } from '../../src/core/gap-detector.js';
import { walkPage } from '../../src/core/page-walk.js';
import { mergePosition, type PositionWrite, type StoredPosition } from '../../src/core/position.js';

type Slot = 'message' | 'void' | 'hole';

const slots = fc.array(fc.constantFrom<Slot>('message', 'message', 'message', 'void', 'hole'), {
  minLength: 1,
  maxLength: 30,
});

/** The page that an honest server makes of a log. */
function pageOf(log: readonly Slot[], since: number, limit: number): Page {
  const messages: { seq: number; data: number }[] = [];
  const voids: [number, number][] = [];
  let seq = since + 1;
  for (; seq <= log.length && messages.length < limit; seq += 1) {
    if (log[seq - 1] === 'message') messages.push({ seq, data: seq });
    else if (log[seq - 1] === 'void') voids.push([seq, seq]);
  }
  const more = seq <= log.length;
  const facts = { channel: 'c', epoch: 'e', head: log.length, oldest: 1 };
  return { ...facts, messages, void: voids, more };
}

test('a page is walked in order, once, over voids and up to the first hole, whatever came before', () => {
  fc.assert(
    fc.property(slots, fc.nat(), fc.integer({ min: 1, max: 40 }), fc.nat(), (log, a, limit, b) => {
      const since = a % log.length;
      const detector = new GapDetector(since);
      // Live messages may have brought us further meanwhile.
      const firstHole = log.findIndex((slot, i) => i >= since && slot !== 'message');
      const free = (firstHole < 0 ? log.length : firstHole) - since;
      const start = since + (b % (free + 1));
      detector.skipTo(start);
      const taken: number[] = [];
      const end = walkPage(pageOf(log, since, limit), detector, ({ seq }) => {
        taken.push(seq);
        detector.accept(seq);
        return true;
      });
      const expected: number[] = [];
      let last = start;
      const covered = pageOf(log, since, limit);
      const upto = covered.more ? (covered.messages.at(-1)?.seq ?? 0) : covered.head;
      while (last < upto && log[last] !== 'hole') {
        last += 1;
        if (log[last - 1] === 'message') expected.push(last);
      }
      expect(taken).toEqual(expected);
      if (end.name === 'hole') {
        // A hole holds no message, and ends before the next number that is accounted for.
        expect(detector.last).toBeLessThan(end.to);
        for (let n = detector.last + 1; n <= end.to; n += 1) expect(log[n - 1]).toBe('hole');
      } else expect(detector.last).toBeGreaterThanOrEqual(Math.min(upto, last));
    }),
  );
});

test('whatever order messages come in, they are accepted in order, each once', () => {
  const arrivals = fc.array(fc.integer({ min: 1, max: 25 }), { maxLength: 80 });
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 0, max: 12 }), (seqs, maxHeld) => {
      const detector = new GapDetector(0);
      const taken: number[] = [];
      const accept = (seq: number): void => {
        taken.push(seq);
        detector.accept(seq);
      };
      for (const seq of seqs) {
        const order = detector.order(seq);
        if (order === 'early') detector.hold({ seq, data: seq }, maxHeld);
        if (order !== 'next') continue;
        accept(seq);
        while (detector.takeNext() !== undefined) accept(detector.last + 1);
      }
      expect(taken).toEqual(taken.map((_, i) => i + 1));
      expect(detector.heldCount).toBeLessThanOrEqual(maxHeld);
      expect(detector.want).toBe(Math.max(0, ...seqs));
      expect(detector.behind).toBe(detector.want > taken.length);
    }),
  );
});

const write = fc.record<PositionWrite>({
  channel: fc.constant('c'),
  mode: fc.constantFrom('advance', 'replace'),
  position: fc
    .record({ owner: fc.integer({ min: 0, max: 2 }), seq: fc.nat(20) })
    // The owner token is renewed with the epoch: one token never names two.
    .map(({ owner, seq }) => ({ epoch: `e${owner % 2}`, seq, tok: `t${owner}` })),
});

const merge = (
  stored: StoredPosition | undefined,
  writes: readonly PositionWrite[],
): StoredPosition | undefined =>
  writes.reduce<StoredPosition | undefined>((kept, next) => mergePosition(kept, next).kept, stored);

test('advances of one owner commute, associate and repeat harmlessly', () => {
  const advances = fc.array(fc.nat(50), { minLength: 1 }).map((seqs) =>
    seqs.map<PositionWrite>((seq) => ({
      channel: 'c',
      mode: 'advance',
      position: { epoch: 'e', seq, tok: 't' },
    })),
  );
  fc.assert(
    fc.property(advances, fc.nat(50), fc.func(fc.nat()), (writes, seq, shuffle) => {
      const stored = { epoch: 'e', seq, tok: 't' };
      const shuffled = [...writes].sort((a, b) => shuffle(a) - shuffle(b));
      const kept = merge(stored, writes);
      expect(kept?.seq).toBe(Math.max(seq, ...writes.map(({ position }) => position.seq)));
      expect(merge(stored, shuffled)).toEqual(kept);
      expect(merge(stored, [...writes, ...writes])).toEqual(kept);
      const [first, ...rest] = writes;
      expect(merge(first && merge(stored, [first]), rest)).toEqual(kept);
    }),
  );
});

test('a position never goes back under one owner, and only a replacement changes the owner', () => {
  fc.assert(
    fc.property(fc.array(write), (writes) => {
      let stored: StoredPosition | undefined;
      for (const next of writes) {
        const { accepted, kept } = mergePosition(stored, next);
        if (stored?.tok === kept.tok) expect(kept.seq).toBeGreaterThanOrEqual(stored.seq);
        else if (stored !== undefined) expect(next.mode).toBe('replace');
        expect(accepted).toBe(kept.tok === next.position.tok);
        stored = kept;
      }
    }),
  );
});

test('deadlines come in order of time, each under its last time, and none twice', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const step = fc.oneof(
    fc.record({ set: name, at: fc.nat(100) }),
    fc.record({ clear: name }),
    fc.record({ now: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const deadlines = new Deadlines();
      const model = new Map<string, number>();
      for (const next of steps) {
        if ('set' in next) {
          deadlines.set(next.set, next.at);
          model.set(next.set, next.at);
        } else if ('clear' in next) {
          deadlines.clear(next.clear);
          model.delete(next.clear);
        } else {
          for (let due = deadlines.takeDue(next.now); due; due = deadlines.takeDue(next.now)) {
            expect(due.at).toBe(Math.min(...model.values()));
            expect(model.get(due.name)).toBe(due.at);
            model.delete(due.name);
          }
        }
        expect(deadlines.next()).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
      }
    }),
  );
});

test('jitter is full, capped before it is drawn, and repeats with its seed', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.integer(), (attempt, seed) => {
      const wait = fullJitterMs(attempt, new Random(seed).next(), 1_000, 30_000);
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThan(Math.min(30_000, 1_000 * 2 ** attempt));
      expect(wait).toBe(fullJitterMs(attempt, new Random(seed).next(), 1_000, 30_000));
    }),
  );
});
