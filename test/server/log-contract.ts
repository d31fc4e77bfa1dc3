/** What every log must do, whatever keeps it. Run it against each implementation. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { messageBytes, type Log, type LogMessage } from '../../src/server/index.js';
import { publishKeyContract } from './publish-key-contract.js';

/** Waits for what a log tells when it has heard of it itself. */
export const eventually = (check: () => void): Promise<void> => vi.waitFor(check, 20_000);

/** An empty log and the means to bring about what only time or an accident would. */
export interface LogUnderTest {
  readonly log: Log;
  /** Drops the messages of a channel as if they had aged. */
  expire(channel: string): Promise<void> | void;
  /** Loses the log, as a restart or a failover would. */
  restart(): Promise<void> | void;
}

/** @param makeLog makes a log whose data may have 1,000 bytes of JSON and that keeps 5 messages. */
export function logContract(makeLog: () => Promise<LogUnderTest> | LogUnderTest): void {
  let tested: LogUnderTest;
  let log: Log;
  let epoch: string;
  const room = 'room:1';
  const wide = { limit: 100, maxBytes: 1_000_000 };

  const append = async (count: number, channel = room): Promise<void> => {
    for (let i = 0; i < count; i += 1) await log.append(channel, { i });
  };
  const seqs = (messages: readonly LogMessage[]): number[] => messages.map(({ seq }) => seq);

  beforeEach(async () => {
    tested = await makeLog();
    log = tested.log;
    ({ epoch } = await log.facts(room));
  });

  describe('numbers', () => {
    it('begin at 1 and have no holes, per channel', async () => {
      await append(2);
      const third = await log.append(room, 'x');
      const other = await log.append('room:2', 'y');
      expect([third.seq, other.seq]).toEqual([3, 1]);
    });

    it('are stamped on what was given, with the epoch that the facts had named', async () => {
      const before = Date.now();
      const stamped = await log.append(room, { a: 1 }, { from: 'ann' });
      expect(stamped).toMatchObject({ channel: room, epoch, seq: 1, data: { a: 1 }, from: 'ann' });
      expect(JSON.parse(stamped.json)).toEqual({ a: 1 });
      expect(stamped.ts).toBeGreaterThanOrEqual(before);
      expect(stamped.ts).toBeLessThanOrEqual(Date.now());
    });

    it('are the same in the append, the feed and the page', async () => {
      const fed: LogMessage[] = [];
      log.listen((message) => fed.push(message));
      await log.follow?.(room);
      const { epoch, seq, ts, json } = await log.append(room, [1]);
      const { messages } = await log.read(room, { epoch, seq: 0 }, wide);
      expect(messages).toEqual([{ channel: room, epoch, seq, ts, json }]);
      await eventually(() => expect(fed).toEqual(messages));
    });

    it('are not used up by what is refused', async () => {
      const refused: [unknown, string, object][] = [
        [undefined, 'bad_data', { channel: room, reason: 'a value of type undefined' }],
        [10n, 'bad_data', { channel: room, reason: expect.stringContaining('BigInt') }],
        ['x'.repeat(999), 'too_large', { channel: room, bytes: 1_001, maxDataBytes: 1_000 }],
      ];
      for (const [data, code, details] of refused) {
        await expect(async () => log.append(room, data)).rejects.toMatchObject({ code, details });
      }
      expect((await log.append(room, 'x'.repeat(998))).seq).toBe(1);
    });

    it('are refused to channels and keys that are no names', async () => {
      for (const channel of ['', 'a\nb', '\u0085', 'x'.repeat(256), 'é'.repeat(128), '\ud800']) {
        const refused = { code: 'bad_argument', details: { argument: 'channel' } };
        await expect(async () => log.append(channel, 1)).rejects.toMatchObject(refused);
      }
      for (const key of ['', 'x'.repeat(256)]) {
        const refused = { code: 'bad_argument', details: { argument: 'key' } };
        await expect(async () => log.append(room, 1, { key })).rejects.toMatchObject(refused);
      }
    });

    it.each([42, null, { name: 'ann' }])('are not used up by a sender that is %j', async (from) => {
      const appended = async () => log.append(room, 1, { from: from as never });
      await expect(appended()).rejects.toMatchObject({
        code: 'bad_argument',
        details: { argument: 'from' },
      });
      await append(1);
      const { messages, ...page } = await log.read(room, { epoch, seq: 0 }, wide);
      expect(seqs(messages)).toEqual([1]);
      expect(page).toMatchObject({ head: 1, oldest: 1, more: false });
    });

    it('are given to the longest names of channels and keys that there are', async () => {
      for (const name of ['x'.repeat(255), `${'é'.repeat(127)}x`]) {
        expect(await log.append(name, 1, { key: name })).toMatchObject({ channel: name, seq: 1 });
        expect(await log.facts(name)).toMatchObject({ head: 1 });
      }
    });

    it('stay in order when appended all at once', async () => {
      const fed: number[] = [];
      log.listen(({ seq }) => fed.push(seq));
      await log.follow?.(room);
      const all = await Promise.all(Array.from({ length: 200 }, (_, i) => log.append(room, i)));
      const expected = Array.from({ length: 200 }, (_, i) => i + 1);
      expect(all.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(expected);
      await eventually(() => expect(fed).toEqual(expected));
    });
  });

  describe('facts', () => {
    it('of an empty channel are head 0 and oldest 1, and name the epoch of its first message', async () => {
      expect(await log.facts('never:used')).toEqual({
        epoch: expect.any(String),
        head: 0,
        oldest: 1,
      });
      const before = await log.facts('never:used');
      expect((await log.append('never:used', 1)).epoch).toBe(before.epoch);
    });

    it('follow the head, and the oldest once the length is exceeded', async () => {
      await append(5);
      expect(await log.facts(room)).toEqual({ epoch, head: 5, oldest: 1 });
      await append(2);
      expect(await log.facts(room)).toEqual({ epoch, head: 7, oldest: 3 });
    });

    it('of a log whose messages have aged are oldest = head + 1', async () => {
      await append(3);
      await tested.expire(room);
      expect(await log.facts(room)).toEqual({ epoch, head: 3, oldest: 4 });
      expect((await log.append(room, 1)).seq).toBe(4);
      expect(await log.facts(room)).toEqual({ epoch, head: 4, oldest: 4 });
    });

    it('of what is no name of a channel are refused, and a page of it too', async () => {
      const refused = { code: 'bad_argument', details: { argument: 'channel' } };
      for (const channel of ['', 'a\nb']) {
        await expect(async () => log.facts(channel)).rejects.toMatchObject(refused);
        const read = async () => log.read(channel, { epoch, seq: 0 }, wide);
        await expect(read).rejects.toMatchObject(refused);
      }
    });

    it('name a new epoch after the log was lost, and start over', async () => {
      await append(3);
      await tested.restart();
      const facts = await log.facts(room);
      expect(facts).toMatchObject({ head: 0, oldest: 1 });
      expect(facts.epoch).not.toBe(epoch);
    });
  });

  describe('a page', () => {
    it('excludes the position itself', async () => {
      await append(3);
      const page = await log.read(room, { epoch, seq: 1 }, wide);
      expect(seqs(page.messages)).toEqual([2, 3]);
      expect(page).toMatchObject({ epoch, head: 3, oldest: 1, more: false });
    });

    it('from the head is empty and complete', async () => {
      await append(3);
      const page = await log.read(room, { epoch, seq: 3 }, wide);
      expect(page).toEqual({ epoch, head: 3, oldest: 1, messages: [], more: false });
    });

    it('from just before the oldest has everything that is kept', async () => {
      await append(7);
      const page = await log.read(room, { epoch, seq: 2 }, wide);
      expect(seqs(page.messages)).toEqual([3, 4, 5, 6, 7]);
      expect(page.oldest).toBe(3);
    });

    it('from before that has the same, and its oldest tells the loss', async () => {
      await append(7);
      const page = await log.read(room, { epoch, seq: 1 }, wide);
      expect(seqs(page.messages)).toEqual([3, 4, 5, 6, 7]);
      expect(page.oldest).toBe(3);
    });

    it('from the head of an aged log is up to date', async () => {
      await append(3);
      await tested.expire(room);
      const page = await log.read(room, { epoch, seq: 3 }, wide);
      expect(page).toEqual({ epoch, head: 3, oldest: 4, messages: [], more: false });
    });

    it('from ahead of the head has the facts and nothing else', async () => {
      await append(3);
      for (const seq of [4, Number.MAX_SAFE_INTEGER]) {
        const page = await log.read(room, { epoch, seq }, wide);
        expect(page).toEqual({ epoch, head: 3, oldest: 1, messages: [], more: false });
      }
    });

    it('from another epoch has the facts and nothing else', async () => {
      await append(3);
      const page = await log.read(room, { epoch: 'another', seq: 0 }, wide);
      expect(page).toEqual({ epoch, head: 3, oldest: 1, messages: [], more: false });
    });

    it('from a position of before a restart has nothing of after it', async () => {
      await append(3);
      await tested.restart();
      await append(5);
      const page = await log.read(room, { epoch, seq: 1 }, wide);
      expect(page.messages).toEqual([]);
      expect(page).toMatchObject({ head: 5, oldest: 1, more: false });
      expect(page.epoch).not.toBe(epoch);
    });

    it('of a channel that never had a message is empty', async () => {
      const page = await log.read('never:used', { epoch, seq: 0 }, wide);
      expect(page).toMatchObject({ head: 0, oldest: 1, messages: [], more: false });
    });

    it('that is cut by its length says more, and the next ones lead to the head', async () => {
      await append(5);
      const got: number[] = [];
      const mores: boolean[] = [];
      for (let more = true; more;) {
        const page = await log.read(room, { epoch, seq: got.at(-1) ?? 0 }, { ...wide, limit: 2 });
        got.push(...seqs(page.messages));
        mores.push((more = page.more));
      }
      expect(got).toEqual([1, 2, 3, 4, 5]);
      expect(mores).toEqual([true, true, false]);
    });

    it('that ends exactly at the head does not say more', async () => {
      await append(2);
      const page = await log.read(room, { epoch, seq: 0 }, { ...wide, limit: 2 });
      expect(page.more).toBe(false);
    });

    it('that is cut by its bytes says how far it reaches', async () => {
      for (let i = 0; i < 4; i += 1) await log.append(room, 'x'.repeat(900));
      const page = await log.read(room, { epoch, seq: 1 }, { ...wide, maxBytes: 2_100 });
      expect(seqs(page.messages)).toEqual([2, 3]);
      expect(page).toMatchObject({ more: true, upto: 3 });
    });

    it('that its messages fill to the last byte is not cut before that', async () => {
      const fill = [];
      for (const from of [undefined, 'é']) {
        const { json } = await log.append(room, 'é', { from });
        fill.push(messageBytes(json, from));
      }
      const maxBytes = fill[0]! + fill[1]!;
      const page = await log.read(room, { epoch, seq: 0 }, { ...wide, maxBytes });
      expect(seqs(page.messages)).toEqual([1, 2]);
      expect(page.more).toBe(false);
      const less = await log.read(room, { epoch, seq: 0 }, { ...wide, maxBytes: maxBytes - 1 });
      expect(less).toMatchObject({ more: true, upto: 1 });
    });

    it('has one message even if that is longer than the page', async () => {
      for (let i = 0; i < 2; i += 1) await log.append(room, 'x'.repeat(900));
      const page = await log.read(room, { epoch, seq: 0 }, { ...wide, maxBytes: 10 });
      expect(seqs(page.messages)).toEqual([1]);
      expect(page).toMatchObject({ more: true, upto: 1 });
    });

    it('of no bytes at all covers nothing and says so', async () => {
      await append(2);
      const page = await log.read(room, { epoch, seq: 1 }, { ...wide, maxBytes: 0 });
      expect(page).toEqual({ epoch, head: 2, oldest: 1, messages: [], more: true, upto: 1 });
      const upToDate = await log.read(room, { epoch, seq: 2 }, { ...wide, maxBytes: 0 });
      expect(upToDate).toMatchObject({ messages: [], more: false });
    });

    it('from a number that is none is refused', async () => {
      for (const seq of [-1, 1.5, Number.NaN, 2 ** 53]) {
        const refused = { code: 'bad_argument', details: { argument: 'after.seq' } };
        await expect(async () => log.read(room, { epoch, seq }, wide)).rejects.toMatchObject(
          refused,
        );
      }
    });
  });

  publishKeyContract(makeLog);

  describe('the feed', () => {
    it('ends for one listener without disturbing another, and may be ended twice', async () => {
      const left: number[] = [];
      const stayed: number[] = [];
      const stop = log.listen(({ seq }) => left.push(seq));
      log.listen(({ seq }) => stayed.push(seq));
      await log.follow?.(room);
      await append(1);
      await eventually(() => expect(stayed).toEqual([1]));
      stop();
      stop();
      await append(1);
      await eventually(() => expect(stayed).toEqual([1, 2]));
      expect(left).toEqual([1]);
    });

    it('has every channel, names of objects included', async () => {
      const names = ['__proto__', 'constructor', 'toString'];
      const fed: string[] = [];
      log.listen(({ channel }) => fed.push(channel));
      for (const channel of names) await log.follow?.(channel);
      for (const channel of names) await append(1, channel);
      // No order is promised from channel to channel.
      await eventually(() => expect([...fed].sort()).toEqual(names));
      expect(await log.facts('__proto__')).toMatchObject({ head: 1, oldest: 1 });
    });

    it('begins with what is appended after the channel was followed', async () => {
      await append(3);
      const fed: number[] = [];
      log.listen(({ seq }) => fed.push(seq));
      await log.follow?.(room);
      await append(2);
      await eventually(() => expect(fed).toEqual([4, 5]));
    });

    it('has a channel once that is followed twice, until both have ended', async () => {
      const fed: number[] = [];
      log.listen(({ seq }) => fed.push(seq));
      const first = await log.follow?.(room);
      const second = await log.follow?.(room);
      await append(1);
      await eventually(() => expect(fed).toEqual([1]));
      first?.();
      first?.();
      await append(1);
      await eventually(() => expect(fed).toEqual([1, 2]));
      second?.();
      await log.follow?.(room);
      await append(1);
      await eventually(() => expect(fed).toEqual([1, 2, 3]));
    });

    it('refuses to follow what is no name of a channel', async () => {
      const refused = { code: 'bad_argument', details: { argument: 'channel' } };
      if (log.follow) await expect(log.follow('a\nb')).rejects.toMatchObject(refused);
    });

    it('tells of a new epoch by its messages, after the log was lost', async () => {
      const fed: [string, number][] = [];
      log.listen(({ epoch, seq }) => fed.push([epoch, seq]));
      await log.follow?.(room);
      await append(2);
      await eventually(() => expect(fed).toHaveLength(2));
      await tested.restart();
      await append(2);
      const { epoch: next } = await log.facts(room);
      const expected = [epoch, epoch, next, next].map((of, i) => [of, (i % 2) + 1]);
      await eventually(() => expect(fed).toEqual(expected));
    });
  });
}
