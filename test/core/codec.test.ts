// @vitest-environment node
/** I7, A10, H4: whatever comes is a frame or a value that says what is wrong with it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFrame, decodeFrames, decodePage, encodeFrames } from '../../src/core/codec.js';
import type { ClientFrame } from '../../src/core/frames.js';

test('any text at all gives frames or bad frames, never a throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.anything()), (data) => {
      for (const frame of decodeFrames(data)) expect(typeof frame.type).toBe('string');
    }),
  );
});

const types = ['message', 'heads', 'subscribed', 'recovered', 'ack', 'error', 'unsubscribed'];
const fields = ['channel', 'epoch', 'seq', 'head', 'oldest', 'id', 'items', 'messages', 'status'];
const raw = fc
  .tuple(
    fc.constantFrom(...types, 'welcome', 'goaway', 'pong', 'unknown'),
    fc.dictionary(
      fc.constantFrom(...fields, 'heads', 'caps', 'limits', 'void', 'more', 'upto', '__proto__'),
      fc.oneof(fc.jsonValue(), fc.nat(), fc.constant('c'), fc.constant(2 ** 53), fc.constant(-1)),
    ),
  )
  .map(([type, rest]) => ({ ...rest, type }));

test('what is let through has the numbers and names that the core counts on', () => {
  const safe = (n: unknown, least: number): void => {
    expect(Number.isSafeInteger(n)).toBe(true);
    expect(n).toBeGreaterThanOrEqual(least);
  };
  fc.assert(
    fc.property(raw, (value) => {
      const frame = decodeFrame(JSON.parse(JSON.stringify(value)));
      if (frame.type === 'message') {
        expect(typeof frame.channel).toBe('string');
        if (frame.seq !== undefined) safe(frame.seq, 1);
      } else if (frame.type === 'subscribed') {
        safe(frame.head, 0);
        safe(frame.oldest, 1);
        expect(frame.oldest).toBeLessThanOrEqual(frame.head + 1);
        expect(frame.epoch).not.toBe('');
      } else if (frame.type === 'heads') {
        for (const { epoch, head } of frame.heads) {
          expect(typeof epoch).toBe('string');
          safe(head, 0);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a page that is let through is sorted, and its numbers are whole', () => {
  const numbers = fc.oneof(fc.nat(30), fc.constant('5'), fc.constant(1.5), fc.constant(-3));
  const body = fc.record({
    channel: fc.constant('c'),
    epoch: fc.constantFrom('e', '', 7),
    head: numbers,
    oldest: numbers,
    messages: fc.array(fc.record({ seq: numbers, data: fc.jsonValue() })),
    void: fc.array(fc.tuple(numbers, numbers)),
    more: fc.boolean(),
  });
  fc.assert(
    fc.property(body, (value) => {
      const page = decodePage(value, 'c');
      if ('type' in page) return;
      const seqs = page.messages.map(({ seq }) => seq);
      expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
      for (const seq of seqs) expect(Number.isSafeInteger(seq) && seq >= 1).toBe(true);
      const from = (page.void ?? []).map(([first]) => first);
      expect(from).toEqual([...from].sort((a, b) => a - b));
      for (const [first, last] of page.void ?? []) expect(first).toBeLessThanOrEqual(last);
    }),
    { numRuns: 1_000 },
  );
});

test('A10 numbers that JSON cannot carry exactly are no numbers', () => {
  for (const seq of [0, -1, 1.5, '5', 2 ** 53, Number.NaN, null, true, [1]]) {
    expect(decodeFrame({ type: 'message', channel: 'c', epoch: 'e', seq }).type).toBe('bad');
  }
  const largest = Number.MAX_SAFE_INTEGER;
  expect(decodeFrame({ type: 'message', channel: 'c', seq: largest })).toMatchObject({
    seq: largest,
  });
});

test('H4 a channel may be called anything, __proto__ too', () => {
  const [frame] = decodeFrames(
    '{"type":"heads","heads":{"__proto__":["e",1],"constructor":["e",2]}}',
  );
  expect(frame).toEqual({
    type: 'heads',
    heads: [
      { channel: '__proto__', epoch: 'e', head: 1 },
      { channel: 'constructor', epoch: 'e', head: 2 },
    ],
  });
});

test('an entry of heads that is no list is left out', () => {
  const [frame] = decodeFrames('{"type":"heads","heads":{"a":5,"b":null,"c":["e",2]}}');
  expect(frame).toEqual({ type: 'heads', heads: [{ channel: 'c', epoch: 'e', head: 2 }] });
});

test('what the client writes is JSON that says the same', () => {
  const name = fc.string({ minLength: 1 });
  const frame = fc.oneof(
    fc.record({ type: fc.constant('subscribe' as const), id: fc.nat(), channel: name }),
    fc.record({ type: fc.constant('unsubscribe' as const), channel: name }),
    fc.record({
      type: fc.constant('publish' as const),
      id: fc.nat(),
      channel: name,
      key: name,
      data: fc.jsonValue(),
    }),
    fc.record({ type: fc.constant('ping' as const) }),
  );
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 5 }), (frames: ClientFrame[]) => {
      const read: unknown = JSON.parse(encodeFrames(frames));
      const expected: unknown = JSON.parse(JSON.stringify(frames));
      expect(Array.isArray(read) ? read : [read]).toEqual(expected);
      expect(Array.isArray(read)).toBe(frames.length > 1);
    }),
  );
  const recover = {
    type: 'recover',
    id: 9,
    items: [{ channel: 'c', epoch: 'e', seq: 4 }],
  } as const;
  expect(JSON.parse(encodeFrames([recover]))).toEqual({
    type: 'recover',
    id: 9,
    items: [{ channel: 'c', epoch: 'e', since: 4 }],
  });
});
