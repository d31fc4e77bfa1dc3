import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HeadEntry } from '../../src/server/heads.js';
import { Heartbeat } from '../../src/server/heartbeat.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a heartbeat', () => {
  /** A heartbeat each 1,000 ms whose trace is what it sent when. */
  function start() {
    const trace: string[] = [];
    const began = Date.now();
    const answers: ((entries: ReadonlyMap<string, HeadEntry>) => void)[] = [];
    const entry = { text: '', facts: { epoch: 'e', head: 0, oldest: 1 } };
    const heartbeat = new Heartbeat({
      heartbeatMs: 1_000,
      probe: () => trace.push(`${Date.now() - began} probe`),
      readHeads: () => new Promise((resolve) => answers.push(resolve)),
      send: (entries) => trace.push(`${Date.now() - began} send ${[...entries.keys()].join()}`),
    });
    return { trace, heartbeat, answer: () => answers.shift()?.(new Map([['room', entry]])) };
  }

  it('sends heads as soon as the log has answered, and nothing else', async () => {
    const { trace, heartbeat, answer } = start();
    await vi.advanceTimersByTimeAsync(1_100);
    answer();
    await vi.advanceTimersByTimeAsync(890);
    expect(trace).toEqual(['1000 probe', '1100 send room']);
    heartbeat.stop();
  });

  it('goes out empty after a quarter of its time, and full when the log comes back', async () => {
    const { trace, heartbeat, answer } = start();
    await vi.advanceTimersByTimeAsync(3_100);
    answer();
    await vi.advanceTimersByTimeAsync(1_000);
    answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(trace).toEqual([
      '1000 probe',
      '1250 send ',
      '2000 probe',
      '2000 send ',
      '3000 probe',
      '3000 send ',
      '3100 send room',
      '4000 probe',
      '4100 send room',
    ]);
    heartbeat.stop();
  });

  it('that is stopped sends nothing, not even what the log answers later', async () => {
    const { trace, heartbeat, answer } = start();
    await vi.advanceTimersByTimeAsync(1_100);
    heartbeat.stop();
    answer();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(trace).toEqual(['1000 probe']);
    expect(vi.getTimerCount()).toBe(0);
  });
});
