import { describe, expect, it } from 'vitest';
import { Outbox } from '../../src/server/outbox.js';
import { newCounters } from '../../src/server/stats.js';
import { Tick } from '../../src/server/tick.js';

/** A socket whose network takes nothing until the test says so. */
class StuckSocket {
  bufferedAmount = 0;
  readonly sent: string[] = [];
  readonly #callbacks: (() => void)[] = [];

  readonly send = (bytes: Buffer, { binary }: { binary: boolean }, written?: () => void): void => {
    expect(binary).toBe(false);
    this.sent.push(bytes.toString());
    this.bufferedAmount += bytes.length + 4;
    if (written !== undefined) this.#callbacks.push(written);
  };

  /** How many of its writes it will tell of. */
  get owed(): number {
    return this.#callbacks.length;
  }

  /** The network takes all that was sent so far. */
  write(): void {
    this.bufferedAmount = 0;
    for (const written of this.#callbacks.splice(0)) written();
  }
}

function makeOutbox(maxBufferedBytes = 1_000_000) {
  const socket = new StuckSocket();
  let overflows = 0;
  let isDue = false;
  const outbox = new Outbox(socket as never, {
    maxBufferedBytes,
    schedule: () => (isDue = true),
    join: new Tick().join,
    onOverflow: () => (overflows += 1),
    counters: newCounters(),
  });
  return {
    socket,
    outbox,
    overflows: () => overflows,
    /** The end of a tick. */
    tick: () => {
      const wasDue = isDue;
      isDue = false;
      if (wasDue) outbox.flush();
      return wasDue;
    },
  };
}

describe('an outbox', () => {
  const text = 'x'.repeat(50_000);

  it('gives a stuck socket little, keeps the rest in order, and goes on when it is written', () => {
    const { socket, outbox, tick } = makeOutbox();
    for (let i = 0; i < 15; i += 1) outbox.push(`${i}${text}`);
    tick();
    expect(socket.bufferedAmount).toBeLessThan(65_536 + 262_144 + 100);
    const stuck = socket.sent.length;
    outbox.push('16');
    tick();
    expect(socket.sent.length).toBe(stuck);
    for (let round = 0; round < 10; round += 1) {
      socket.write();
      tick();
    }
    const frames = socket.sent.join(',').replaceAll(/[[\]]/g, '').split(',');
    expect(frames).toEqual([...Array.from({ length: 15 }, (_, i) => `${i}${text}`), '16']);
  });

  it('wants to be told of much that was written, and not of a little', () => {
    const { socket, outbox, tick } = makeOutbox();
    const small = 'x'.repeat(30_000);
    outbox.push(small);
    tick();
    expect(socket.owed).toBe(0);
    outbox.push(small);
    tick();
    expect(socket.owed).toBe(1);
  });

  it.each([1, 1_000, 32_000, 65_531, 65_532, 65_536, 100_000])(
    'never waits for nobody: frames of %i bytes',
    async (length) => {
      for (const bound of [1_024, 100_000, 1_000_000]) {
        const { socket, outbox, tick, overflows } = makeOutbox(bound);
        for (let i = 0; i < 30; i += 1) {
          outbox.push(`${i % 10}`.repeat(length));
          tick();
          if (i % 7 === 6) socket.write();
        }
        let isDrained = false;
        void outbox.drained().then(() => (isDrained = true));
        for (let i = 0; i < 60 && socket.owed > 0; i += 1) {
          socket.write();
          tick();
        }
        await new Promise((resolve) => setImmediate(resolve));
        const sent = socket.sent.reduce((sum, { length }) => sum + length, 0);
        expect([isDrained, sent >= 30 * length || overflows() === 1]).toEqual([true, true]);
      }
    },
  );

  it('is not held up for ever by what others have put into the socket', () => {
    const { socket, outbox, tick } = makeOutbox();
    socket.bufferedAmount = 70_000;
    outbox.push('one');
    tick();
    expect(socket.sent).toEqual(['one']);
    outbox.push('two');
    tick();
    expect(socket.sent).toEqual(['one']);
    socket.write();
    tick();
    expect(socket.sent).toEqual(['one', 'two']);
  });

  it('is not held up by that either after it was told of what it had sent itself', () => {
    const { socket, outbox, tick } = makeOutbox();
    outbox.push(text);
    tick();
    expect(socket.owed).toBe(1);
    socket.write();
    tick();
    socket.bufferedAmount = 70_000;
    outbox.push('one');
    tick();
    expect(socket.sent).toEqual([text, 'one']);
  });

  it('does not wait to be told while the socket has room', () => {
    const { socket, outbox, tick } = makeOutbox();
    outbox.push(text);
    tick();
    expect(socket.owed).toBe(1);
    outbox.push('one');
    tick();
    expect(socket.sent).toEqual([text, 'one']);
  });

  it('does nothing any more when it is empty', () => {
    const { socket, outbox, tick } = makeOutbox();
    outbox.push('one');
    tick();
    socket.write();
    expect(tick()).toBe(false);
    expect(socket.sent).toEqual(['one']);
  });

  it('that overflows drops what waits, takes no more, and says so once', () => {
    const { socket, outbox, tick, overflows } = makeOutbox();
    for (let i = 0; i < 30; i += 1) outbox.push(text);
    expect(overflows()).toBe(1);
    tick();
    outbox.finish();
    expect(socket.sent).toEqual([]);
  });

  it('counts what the socket holds against its bound', () => {
    const { socket, outbox, tick, overflows } = makeOutbox();
    outbox.push('y'.repeat(599_996));
    tick();
    expect(socket.sent).toHaveLength(1);
    outbox.push('z'.repeat(400_000));
    outbox.push('z');
    expect(overflows()).toBe(0);
    outbox.push('z');
    expect(overflows()).toBe(1);
  });

  it('lets a frame through that is longer than its bound', () => {
    const { socket, outbox, tick, overflows } = makeOutbox();
    outbox.push('y'.repeat(2_000_000));
    tick();
    expect(socket.sent).toHaveLength(1);
    socket.write();
    outbox.push('z');
    tick();
    expect([socket.sent.length, overflows()]).toEqual([2, 0]);
  });

  it('is drained when the network has taken it, or when it is closed', async () => {
    const { socket, outbox, tick } = makeOutbox();
    let drained = 0;
    const wait = () => void outbox.drained().then(() => (drained += 1));
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    outbox.push('y'.repeat(600_000));
    wait();
    tick();
    await settle();
    expect(drained).toBe(0);
    socket.write();
    await settle();
    expect(drained).toBe(1);
    outbox.push('y'.repeat(600_000));
    wait();
    outbox.close();
    await settle();
    expect(drained).toBe(2);
  });
});

describe('a tick', () => {
  it('writes each list of frames as its own, however alike they are', () => {
    const tick = new Tick();
    const join = (texts: string[]) => tick.join(texts).toString();
    expect(join(['a'])).toBe('a');
    expect(join(['b'])).toBe('b');
    expect(join(['a', 'b'])).toBe('[a,b]');
    expect(join(['a', 'b'])).toBe('[a,b]');
    expect(join(['a', 'c'])).toBe('[a,c]');
    expect(join(['a', 'c', 'd'])).toBe('[a,c,d]');
    expect(join(['a', 'c'])).toBe('[a,c]');
  });

  it('makes what many are to get once', () => {
    const { join } = new Tick();
    for (const texts of [['a'], ['a', '\u{1F600}']]) {
      expect(join([...texts])).toBe(join([...texts]));
    }
  });
});
