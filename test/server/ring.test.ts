// The ring against the simplest thing that could be right: a list.
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { messageBytes, type LogMessage } from '../../src/server/index.js';
import { Ring, type RingBounds } from '../../src/server/ring.js';

/** A list, and what is left of it. */
class Model {
  kept: { readonly message: LogMessage; readonly at: number }[] = [];
  head = 0;

  constructor(private readonly bounds: RingBounds) {}

  push(message: LogMessage, at: number): void {
    this.kept.push({ message, at });
    this.head = message.seq;
    this.trim(at);
  }

  trim(now: number): void {
    const { maxBytes, maxLength, ttlMs } = this.bounds;
    for (;;) {
      const [first] = this.kept;
      if (first === undefined) return;
      const aged = ttlMs !== false && now - first.at > ttlMs;
      if (!aged && this.bytes <= maxBytes && this.kept.length <= maxLength) return;
      this.kept.shift();
    }
  }

  get bytes(): number {
    return this.kept.reduce((sum, { message }) => sum + bytesOf(message), 0);
  }

  after(since: number, limit: number, maxBytes: number): ReturnType<Ring['after']> {
    const messages: LogMessage[] = [];
    let bytes = 0;
    for (const { message } of this.kept.filter(({ message: { seq } }) => seq > since)) {
      if (messages.length >= limit) return { messages, cut: 'limit' };
      bytes += bytesOf(message);
      if (bytes > maxBytes && (messages.length > 0 || maxBytes === 0))
        return { messages, cut: 'bytes' };
      messages.push(message);
    }
    return { messages };
  }
}

const bytesOf = ({ from, json }: LogMessage): number => messageBytes(json, from);

/** The same numbers for the same seed. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const TEXTS = ['x', 'héllo', '日本', '😀', '\ud800', '"\\\n', ''];
const SENDERS = [undefined, undefined, 'ann', 'bé\udc00'];
const BOUNDS: readonly RingBounds[] = [
  { maxLength: 50, maxBytes: 1e9, ttlMs: false },
  { maxLength: 1e9, maxBytes: 400_000, ttlMs: false },
  { maxLength: 1e9, maxBytes: 1e9, ttlMs: 40 },
  { maxLength: 1, maxBytes: 1e9, ttlMs: false },
  { maxLength: 3_000, maxBytes: 1_000_000, ttlMs: 500 },
];

describe('a ring keeps what a list would keep', () => {
  test.each(BOUNDS.flatMap((bounds) => [1, 2, 3].map((seed) => ({ bounds, seed }))))(
    '$bounds, seed $seed',
    ({ bounds, seed }) => {
      const roll = dice(seed);
      const ring = new Ring('room', 'e1', bounds);
      const model = new Model(bounds);
      let now = 0;
      for (let step = 0; step < 1_500; step += 1) {
        now += roll(3);
        const kind = roll(400);
        if (kind === 0) {
          ring.expire();
          model.kept = [];
        } else if (kind < 20) {
          now += roll(60);
          ring.trim(now);
          model.trim(now);
        } else {
          const text = (TEXTS[roll(TEXTS.length)] ?? '').repeat(roll(kind < 30 ? 60_000 : 40));
          const [ts, json] = [1_700_000_000_000 + step, JSON.stringify(text)];
          const from = SENDERS[roll(SENDERS.length)];
          const seq = model.head + 1;
          const message = { channel: 'room', epoch: 'e1', seq, ts, from, json };
          ring.push(message, now);
          model.push(message, now);
        }
        expect(ring.head).toBe(model.head);
        expect(ring.oldest).toBe(model.head - model.kept.length + 1);
        if (roll(10) > 0) continue;
        const question = [roll(model.head + 2), 1 + roll(100), roll(4) * roll(30_000)] as const;
        expect(ring.after(...question)).toEqual(model.after(...question));
      }
    },
  );
});

test('what is read stays what it was when its room has been used again', () => {
  const ring = new Ring('room', 'e1', { maxLength: 300, maxBytes: 1e9, ttlMs: false });
  const push = (seq: number, letter: string): void => {
    const json = JSON.stringify(letter.repeat(1_000));
    ring.push({ channel: 'room', epoch: 'e1', seq, ts: 0, from: undefined, json }, 0);
  };
  for (let seq = 1; seq <= 300; seq += 1) push(seq, 'a');
  const { messages } = ring.after(0, 300, 1e9);
  for (let seq = 301; seq <= 1_000; seq += 1) push(seq, 'b');
  expect(new Set(messages.map(({ json }) => json))).toEqual(
    new Set([JSON.stringify('a'.repeat(1_000))]),
  );
  expect(ring.after(700, 300, 1e9).messages.map(({ seq }) => seq)).toEqual(
    Array.from({ length: 300 }, (_, i) => 701 + i),
  );
});

describe('what was dropped takes no more memory than what is kept', () => {
  /** @returns the size of each room for texts that is asked for, and a function that pushes a text. */
  function setup(bounds: Partial<RingBounds>, json: string) {
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow');
    onTestFinished(() => {
      allocate.mockRestore();
    });
    const ring = new Ring('room', 'e1', { maxLength: 1e9, maxBytes: 1e9, ttlMs: false, ...bounds });
    const push = (count: number, at = 0): void => {
      for (let i = 0; i < count; i += 1) {
        const message = { channel: 'room', epoch: 'e1', ts: 0, from: undefined, json };
        ring.push({ ...message, seq: ring.head + 1 }, at);
      }
    };
    const rooms = (): readonly number[] => allocate.mock.calls.map(([size]) => size);
    return { push, ring, rooms };
  }
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

  test('a small log asks for little, and for nothing any more once it is full', () => {
    const json = JSON.stringify('x'.repeat(200));
    const { push, rooms } = setup({ maxLength: 10 }, json);
    push(30);
    const asked = sum(rooms());
    expect(asked).toBeGreaterThanOrEqual(10 * json.length);
    expect(asked).toBeLessThan(30 * json.length);
    push(1_000);
    expect(sum(rooms())).toBe(asked);
  });

  test('of short texts a block holds few as well, should few be kept', () => {
    const { push, rooms } = setup({ maxLength: 10 }, '7');
    push(1_000);
    expect(Math.max(...rooms())).toBeLessThan(10);
  });

  test('a channel that has gone quiet leaves the large block of its busy days', () => {
    const { push, ring, rooms } = setup({ ttlMs: 1_000 }, '7');
    push(30_000);
    // One is always kept, so that the block would be for as long as it has room.
    for (const at of [900, 1_800, 2_700]) push(1, at);
    expect([ring.head - ring.oldest, rooms().at(-1)]).toEqual([1, 1]);
  });

  test('a long text has a room for itself', () => {
    const { push, rooms } = setup({}, JSON.stringify('x'.repeat(40_000)));
    push(20);
    expect(rooms()).toEqual(Array.from({ length: 20 }, () => 40_002));
  });
});
