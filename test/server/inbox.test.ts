import { describe, expect, it } from 'vitest';
import { Inbox } from '../../src/server/inbox.js';
import { deferred, until } from './harness.js';

const bounds = { maxQueuedFrames: 10_000, maxQueuedBytes: 1_000 };

describe('an inbox', () => {
  it('handles a long queue in order, one frame at a time, and none twice', async () => {
    const handled: number[] = [];
    let atOnce = 0;
    const inbox = new Inbox<number>(bounds, async (frame) => {
      atOnce += 1;
      await Promise.resolve();
      expect(atOnce).toBe(1);
      atOnce -= 1;
      handled.push(frame);
    });
    const frames = Array.from({ length: 5_000 }, (_, i) => i);
    inbox.push(frames.slice(0, 4_000), 500);
    inbox.push(frames.slice(4_000), 500);
    await until(() => handled.length >= 5_000);
    expect(handled).toEqual(frames);
  });

  it('has room again for the bytes of what was handled, even if it is never empty', async () => {
    const gates = [deferred(), deferred(), deferred(), deferred()];
    const handled: number[] = [];
    const inbox = new Inbox<number>(bounds, async (frame) => {
      await gates[frame]!.promise;
      handled.push(frame);
    });
    // The first is being handled and waits no more; the second fills the queue.
    expect(inbox.push([0], 600)).toBe(true);
    expect(inbox.push([1], 600)).toBe(true);
    expect(inbox.push([2], 600)).toBe(false);
    gates[0]!.resolve();
    await until(() => handled.length === 1);
    expect(inbox.push([2], 600)).toBe(true);
    expect(inbox.push([3], 600)).toBe(false);
    gates[1]!.resolve();
    await until(() => handled.length === 2);
    expect(inbox.push([3], 600)).toBe(true);
    gates[2]!.resolve();
    gates[3]!.resolve();
    await until(() => handled.length === 4);
    expect(handled).toEqual([0, 1, 2, 3]);
  });

  it('has as many bytes to spare after a WebSocket message of many frames as before it', async () => {
    const gates = Array.from({ length: 4 }, () => deferred());
    let handled = 0;
    const inbox = new Inbox<number>(bounds, async (frame) => {
      await gates[frame]!.promise;
      handled += 1;
    });
    inbox.push([0], 1);
    expect(inbox.push([1, 2, 3], 900)).toBe(true);
    // 300 of the 900 are free when the first of the three is being handled.
    gates[0]!.resolve();
    await until(() => handled === 1);
    expect(inbox.push([4], 401)).toBe(false);
    expect(inbox.push([4], 400)).toBe(true);
  });

  it('keeps no room for what holds no frames', () => {
    const { promise } = deferred();
    const inbox = new Inbox<number>(bounds, () => promise);
    inbox.push([0], 1);
    for (let i = 0; i < 3; i += 1) expect(inbox.push([], 600)).toBe(true);
    expect(inbox.push([1], 1_000)).toBe(true);
  });

  it('takes all of a WebSocket message or nothing of it', () => {
    const handled: number[] = [];
    const { promise } = deferred();
    const inbox = new Inbox<number>({ ...bounds, maxQueuedFrames: 3 }, (frame) => {
      handled.push(frame);
      return promise;
    });
    expect(inbox.push([0], 1)).toBe(true);
    expect(inbox.push([1, 2, 3, 4], 1)).toBe(false);
    expect([...inbox.waiting()]).toEqual([]);
    expect(inbox.push([1, 2, 3], 1)).toBe(true);
    expect([...inbox.waiting()]).toEqual([1, 2, 3]);
    expect(handled).toEqual([0]);
  });

  it('that is cleared handles nothing more', async () => {
    const gate = deferred();
    const handled: number[] = [];
    const inbox = new Inbox<number>(bounds, async (frame) => {
      handled.push(frame);
      await gate.promise;
    });
    inbox.push([0, 1, 2], 10);
    inbox.clear();
    gate.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(handled).toEqual([0]);
  });
});
