import cluster from 'node:cluster';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { memoryLog, messageBytes, ServerError } from '../../src/server/index.js';
import { logContract } from './log-contract.js';

const room = 'room:1';
const wide = { limit: 100, maxBytes: 1_000_000 };

describe('the log in memory keeps the contract: ', () => {
  logContract(() => {
    const log = memoryLog({ maxLength: 5, maxDataBytes: 1_000 });
    return { log, expire: (channel) => log.expire(channel), restart: () => log.reset() };
  });
});

describe('what the log in memory keeps', () => {
  it('is bounded by count', () => {
    const log = memoryLog({ maxLength: 3 });
    for (let i = 0; i < 5_000; i += 1) log.append(room, i);
    expect(log.facts(room)).toMatchObject({ head: 5_000, oldest: 4_998 });
    const { epoch } = log.facts(room);
    const { messages } = log.read(room, { epoch, seq: 0 }, wide);
    expect(messages.map(({ seq, json }) => [seq, json])).toEqual([
      [4_998, '4997'],
      [4_999, '4998'],
      [5_000, '4999'],
    ]);
  });

  it('is bounded by bytes, counted in UTF-8 and not in characters', () => {
    const data = 'é'.repeat(200);
    const each = messageBytes(JSON.stringify(data), undefined);
    expect(each).toBeGreaterThan(400);
    const log = memoryLog({ maxDataBytes: 500, maxBytes: 4 * each });
    for (let i = 0; i < 9; i += 1) log.append(room, data);
    expect(log.facts(room)).toMatchObject({ head: 9, oldest: 6 });
  });

  it('keeps the last message whatever the length of its sender', () => {
    const log = memoryLog({ maxDataBytes: 1, maxBytes: 1_025 });
    const from = 'x'.repeat(2_000);
    for (const data of [1, 2]) log.append('a', data, { from });
    const { epoch, ...facts } = log.facts('a');
    expect(facts).toEqual({ head: 2, oldest: 2 });
    const { messages } = log.read('a', { epoch, seq: 1 }, wide);
    expect(messages).toMatchObject([{ seq: 2, from }]);
  });

  it('is bounded by age, by the clock it is given', () => {
    let now = 1_000;
    const log = memoryLog({ ttlMs: 100, now: () => now });
    const { epoch } = log.append(room, 'a');
    now = 1_050;
    log.append(room, 'b');
    now = 1_100;
    expect(log.facts(room)).toMatchObject({ head: 2, oldest: 1 });
    now = 1_101;
    expect(log.facts(room)).toMatchObject({ head: 2, oldest: 2 });
    now = 1_151;
    expect(log.read(room, { epoch, seq: 0 }, wide)).toMatchObject({ messages: [], oldest: 3 });
  });

  it('is bounded by age, by a clock of its own when it is given none', () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000);
    const log = memoryLog({ ttlMs: 100 });
    log.append(room, 'a');
    clock.mockReturnValue(1_100);
    expect(log.facts(room).oldest).toBe(1);
    clock.mockReturnValue(1_101);
    expect(log.facts(room).oldest).toBe(2);
  });

  it('does not age when the wall clock is set back', () => {
    const log = memoryLog({ ttlMs: 1_000 });
    vi.useFakeTimers({ toFake: ['Date'], now: 5_000_000 });
    log.append(room, 'a');
    vi.setSystemTime(0);
    log.append(room, 'b');
    vi.setSystemTime(50_000_000);
    expect(log.facts(room)).toMatchObject({ head: 2, oldest: 1 });
  });

  it('ages in channels that nobody asks for, while others go on', () => {
    let now = 0;
    const log = memoryLog({ ttlMs: 100, now: () => now });
    const { epoch } = log.append('quiet', 'a');
    now = 1_000;
    for (let i = 0; i < 10; i += 1) log.append(room, i);
    now = 0; // Back in time, so that asking does not do the dropping.
    expect(log.read('quiet', { epoch, seq: 0 }, wide)).toMatchObject({ messages: [], oldest: 2 });
  });

  it('is forgotten by expire in one channel or in all, numbers excepted', () => {
    const log = memoryLog();
    log.append('a', 1);
    log.append('b', 1);
    log.expire('never:used');
    log.expire('a');
    expect([log.facts('a').oldest, log.facts('b').oldest]).toEqual([2, 1]);
    log.expire();
    expect([log.facts('a').oldest, log.facts('b').oldest]).toEqual([2, 2]);
    expect(log.append('b', 1).seq).toBe(2);
  });

  it('does not change when the app changes an object after the append', () => {
    const log = memoryLog();
    const data = { text: 'as published' };
    const { epoch } = log.append(room, data);
    data.text = 'changed';
    const { messages } = log.read(room, { epoch, seq: 0 }, wide);
    expect(messages[0]?.json).toBe('{"text":"as published"}');
  });
});

describe('the epochs of two logs', () => {
  it('differ, although both begin at 1', () => {
    expect(memoryLog().facts(room).epoch).not.toBe(memoryLog().facts(room).epoch);
  });
});

describe('publish keys', () => {
  it('are forgotten oldest first when there are too many', () => {
    const log = memoryLog({ maxKeys: 2 });
    for (const key of ['a', 'b', 'c']) log.append(room, 1, { key });
    expect(log.append(room, 1, { key: 'b' })).toMatchObject({ seq: 2, repeated: true });
    expect(log.append(room, 1, { key: 'a' })).toMatchObject({ seq: 4, repeated: false });
  });

  it('cannot be forged across the border of channel, principal and key', () => {
    const log = memoryLog();
    log.append('a', 1, { key: 'k', principal: 'x","y' });
    expect(log.append('a', 1, { key: 'y","k', principal: 'x' }).repeated).toBe(false);
  });
});

describe('the feed of the log in memory', () => {
  it('keeps the order for everybody when a listener appends', () => {
    const log = memoryLog();
    log.listen(({ seq }) => {
      if (seq === 1) log.append(room, 'reply');
    });
    const seen: number[] = [];
    log.listen(({ seq }) => seen.push(seq));
    log.append(room, 'first');
    expect(seen).toEqual([1, 2]);
  });

  it('goes on when a listener throws, and the error is not swallowed', async () => {
    const log = memoryLog();
    const uncaught = new Promise((resolve) => {
      const others = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (error) => {
        for (const other of others) process.on('uncaughtException', other);
        resolve(error);
      });
    });
    const oops = new Error('a listener of the app');
    log.listen(() => {
      throw oops;
    });
    const seen: number[] = [];
    log.listen(({ seq }) => seen.push(seq));
    expect(log.append(room, 1).seq).toBe(1);
    expect(seen).toEqual([1]);
    expect(await uncaught).toBe(oops);
  });
});

describe('options of the log in memory', () => {
  it.each([
    ['maxLength', 0],
    ['maxLength', 1.5],
    ['maxBytes', 100],
    ['ttlMs', 0],
    ['ttlMs', Number.NaN],
    ['maxDataBytes', '64k'],
    ['maxKeys', -1],
    ['now', 5],
  ])('%s: %s is refused by name and value', (option, value) => {
    const make = () => memoryLog({ [option]: value });
    expect(make).toThrow(ServerError);
    expect(make).toThrow(option);
    expect(make).toThrow(String(value));
    expect(make).toThrow(
      expect.objectContaining({
        code: 'bad_option',
        details: expect.objectContaining({ option, value }),
      }),
    );
  });
});

describe('a log in memory in a worker of a cluster', () => {
  it('is told of on the console: every other worker has a log of its own', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    memoryLog();
    expect(warn).not.toHaveBeenCalled();
    vi.spyOn(cluster, 'isWorker', 'get').mockReturnValue(true);
    const log = memoryLog();
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/memoryLog.*redisLog/s));
    // It is correct all the same.
    expect(log.append(room, 'm').seq).toBe(1);
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});
