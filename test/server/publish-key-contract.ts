/** What every log must do with publish keys: the part of the contract that is about repetition. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../../src/server/index.js';
import { eventually, type LogUnderTest } from './log-contract.js';

/** Run by `logContract`. */
export function publishKeyContract(makeLog: () => Promise<LogUnderTest> | LogUnderTest): void {
  let tested: LogUnderTest;
  let log: Log;
  let epoch: string;
  const room = 'room:1';

  beforeEach(async () => {
    tested = await makeLog();
    log = tested.log;
    ({ epoch } = await log.facts(room));
  });

  describe('a publish key', () => {
    it('that comes again appends nothing and answers the first number', async () => {
      const first = await log.append(room, 'a', { key: 'k', from: 'ann', principal: 'ann' });
      await log.append(room, 'other');
      const second = await log.append(room, 'b', { key: 'k', from: 'ann', principal: 'ann' });
      expect(first.repeated).toBe(false);
      expect(second).toMatchObject({ epoch, seq: 1, repeated: true });
      expect((await log.facts(room)).head).toBe(2);
    });

    it('that races with itself is one message', async () => {
      const fed: number[] = [];
      log.listen(({ seq }) => fed.push(seq));
      await log.follow?.(room);
      const twins = Array.from({ length: 20 }, () => log.append(room, 'a', { key: 'k' }));
      const answers = await Promise.all(twins);
      expect(new Set(answers.map(({ seq }) => seq))).toEqual(new Set([1]));
      expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(1);
      await log.append(room, 'after');
      await eventually(() => expect(fed).toEqual([1, 2]));
    });

    it('of another principal or channel is another key', async () => {
      await log.append(room, 'a', { key: 'k', principal: 'ann' });
      expect((await log.append(room, 'a', { key: 'k', principal: 'bob' })).seq).toBe(2);
      expect((await log.append(room, 'a', { key: 'k' })).seq).toBe(3);
      expect((await log.append('room:2', 'a', { key: 'k', principal: 'ann' })).seq).toBe(1);
    });

    it('of another epoch is a new publish', async () => {
      await log.append(room, 'other');
      await log.append(room, 'a', { key: 'k' });
      await tested.restart();
      expect(await log.append(room, 'a', { key: 'k' })).toMatchObject({ seq: 1, repeated: false });
    });

    it('is not remembered for what was refused', async () => {
      const tooLong = 'x'.repeat(1_000);
      await expect(async () => log.append(room, tooLong, { key: 'k' })).rejects.toThrow(
        'maxDataBytes',
      );
      expect(await log.append(room, 'a', { key: 'k' })).toMatchObject({ seq: 1, repeated: false });
    });
  });
}
