import { describe, expect, it } from 'vitest';
import { resolveRedisLogOptions } from '../../../src/server/redis/options.js';

const day = 86_400_000;
const year = 31_536_000_000;

describe('the options of the log on Redis', () => {
  it('have the defaults that their descriptions name', () => {
    expect(resolveRedisLogOptions({})).toEqual({
      prefix: 'lastseq:',
      durable: false,
      onError: undefined,
      maxLength: 10_000,
      ttlMs: day,
      metaTtlMs: 30 * day,
      maxDataBytes: 65_536,
      keyTtlMs: 3_600_000,
      timeoutMs: 5_000,
    });
  });

  it.each([
    ['maxLength', 1, 10_000_000],
    ['ttlMs', 1, year],
    ['maxDataBytes', 1, 4_194_304],
    ['keyTtlMs', 1, year],
    ['timeoutMs', 10, 600_000],
  ])('%s is a whole number from %i to %i', (name, least, most) => {
    for (const value of [least, most]) {
      expect(resolveRedisLogOptions({ [name]: value })).toMatchObject({ [name]: value });
    }
    for (const value of [least - 1, most + 1, least + 0.5, String(least)]) {
      expect(() => resolveRedisLogOptions({ [name]: value })).toThrow(refused(name, value));
    }
  });

  it.each<[string, unknown[]]>([
    ['prefix', ['x'.repeat(101), 'a{', 'a}', 1]],
    ['durable', ['true', 1]],
    ['onError', [null, 'log']],
  ])('%s is refused when it is something else', (name, values) => {
    for (const value of values) {
      expect(() => resolveRedisLogOptions({ [name]: value })).toThrow(refused(name, value));
    }
  });

  it('may be at their ends: any prefix of 100 characters, and none', () => {
    for (const prefix of ['', 'x'.repeat(100)]) {
      expect(resolveRedisLogOptions({ prefix })).toMatchObject({ prefix });
    }
  });

  it('keep the numbers ten times as long as the messages', () => {
    expect(resolveRedisLogOptions({ ttlMs: 4 * day }).metaTtlMs).toBe(40 * day);
  });
});

const refused = (name: string, value: unknown) =>
  expect.objectContaining({
    code: 'bad_option',
    details: expect.objectContaining({ option: name, value }),
  });
