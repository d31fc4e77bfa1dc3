import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { COMMAND_MS, inTime } from '../../src/cli/check/in-time.js';
import { makeLanes } from '../../src/cli/check/lanes.js';
import { restart } from '../../src/cli/check/scenes/restart.js';

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
  expect(await scene).toEqual({ skipped: '--restart: no answer within 120000 ms' });
});

test.each([
  ['nothing', undefined, 'undefined'],
  ['a text', 'port in use', 'port in use'],
])('a restart that rejects with %s ends no run', async (_, reason, told) => {
  // As in `child.on('exit', (code) => (code ? reject() : resolve()))`.
  const settings = { restart: () => Promise.reject(reason) };
  const mark = () => Promise.resolve({ epoch: 'e', seq: 0 });
  const scene = restart({ settings, mark, recoveries: [] } as never);
  expect(await scene).toEqual({ skipped: `--restart: ${told}` });
});
