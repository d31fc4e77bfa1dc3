import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { COMMAND_MS, inTime } from '../../src/cli/check/in-time.js';
import { makeLanes } from '../../src/cli/check/lanes.js';
import { restart } from '../../src/cli/check/scenes/restart.js';

// These are not faked with the others.
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<object>()),
  setTimeout: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
}));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = (): Promise<never> => new Promise(() => undefined);

test('what settles in time is the outcome, and leaves no timer', async () => {
  await expect(inTime(() => 7, 1_000)).resolves.toBe(7);
  await expect(inTime(() => Promise.reject(new Error('no')), 1_000)).rejects.toThrow('no');
  const thrown = inTime(() => {
    throw new Error('at once');
  }, 1_000);
  await expect(thrown).rejects.toThrow('at once');
  expect(vi.getTimerCount()).toBe(0);
});

test('functions of a config file that never settle are given up', async () => {
  const send = { kind: 'function', name: 'mine', send: never } as const;
  const settings = { channel: 'room', senders: [send], instances: [], restart: never };
  const [lane] = makeLanes({ settings } as never);
  const position = { epoch: 'e', seq: 0 };
  const mark = () => Promise.resolve(position);
  const scene = restart({ settings, mark, recoveries: [] } as never);
  const sent = lane?.send('m1').catch(String);
  await vi.advanceTimersByTimeAsync(COMMAND_MS);
  expect(await sent).toBe('Error: no answer within 120000 ms');
  expect(await scene).toMatchObject({
    outcome: { failed: '--restart: no answer within 120000 ms' },
  });
});

test.each([
  ['nothing', undefined, 'undefined'],
  ['a text', 'port in use', 'port in use'],
])('a restart that rejects with %s ends no run', async (_, reason, told) => {
  // As in `child.on('exit', (code) => (code ? reject() : resolve()))`.
  const settings = { restart: () => Promise.reject(reason) };
  const mark = () => Promise.resolve({ epoch: 'e', seq: 0 });
  const scene = restart({ settings, mark, recoveries: [] } as never);
  expect(await scene).toMatchObject({ outcome: { failed: `--restart: ${told}` } });
});

test('a server that is there again and answers nobody is waited for a minute, and no longer', async () => {
  const settings = { restart: () => undefined, instances: [{}], connections: 2 };
  const position = { epoch: 'e', seq: 0 };
  let joins = 0;
  const bench = {
    settings,
    recoveries: [],
    listeners: [],
    refused: [],
    end: position,
    mark: () => Promise.resolve(position),
    until: () => Promise.resolve(true),
    close: () => Promise.resolve(),
    listenAll: async () => {
      joins += 1;
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      return [];
    },
  };
  const scene = restart(bench as never);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(joins).toBe(6);
  expect(await scene).toMatchObject({ outcome: 'away' });
});
