// What the scripts do in Redis itself, where it cannot be seen through the log alone.
import { describe, expect, it, vi } from 'vitest';
import { ServerError } from '../../../src/server/index.js';
import { EVERY_WRITE_SYNCED } from '../../support/redis.mjs';
import { until } from '../harness.js';
import { logOn, ownServer, server } from './harness.js';

const redis = server();
const synced = server(EVERY_WRITE_SYNCED);
const room = 'room:1';
const wide = { limit: 100_000, maxBytes: 1_000_000_000 };
/** A replica does not have to wait for others. */
const AT_ONCE = ['--repl-diskless-sync-delay', '0'];
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('four connections that append at once', () => {
  it('make numbers without holes, in order in the log and at every subscriber', async () => {
    const { log, prefix } = await logOn(redis);
    const writers = await Promise.all(upTo(4).map(() => logOn(redis, { prefix })));
    const fed: number[] = [];
    log.listen(({ seq }) => fed.push(seq));
    await log.follow(room);
    const answers = await Promise.all(
      writers.map(async ({ log: writer }) => {
        const own: number[] = [];
        for (let batch = 0; batch < 10; batch += 1) {
          const all = await Promise.all(upTo(100).map((i) => writer.append(room, i)));
          own.push(...all.map(({ seq }) => seq));
        }
        return own;
      }),
    );
    const expected = upTo(4_000);
    expect(answers.flat().sort((a, b) => a - b)).toEqual(expected);
    for (const own of answers) expect(own).toEqual([...own].sort((a, b) => a - b));
    const { epoch } = await log.facts(room);
    const { messages } = await log.read(room, { epoch, seq: 0 }, wide);
    expect(messages.map(({ seq }) => seq)).toEqual(expected);
    await vi.waitFor(() => expect(fed).toHaveLength(expected.length), 20_000);
    expect(fed).toEqual(expected);
  });
});

describe('an epoch', () => {
  it('is new when the numbers are gone, and has no message of the old one', async () => {
    const { client, keys, log } = await logOn(redis);
    for (let i = 0; i < 3; i += 1) await log.append(room, i);
    const before = await log.facts(room);
    await client.del(keys(room).meta);
    expect(await client.xLen(keys(room).log)).toBe(3);
    const next = await log.append(room, 'new');
    expect(next).toMatchObject({ seq: 1 });
    expect(next.epoch).not.toBe(before.epoch);
    expect(await client.xLen(keys(room).log)).toBe(1);
  });

  it('is new when only the facts are asked for, too', async () => {
    const { client, keys, log } = await logOn(redis);
    await log.append(room, 1);
    await client.del(keys(room).meta);
    const facts = await log.facts(room);
    expect(facts).toMatchObject({ head: 0, oldest: 1 });
    expect(await client.exists(keys(room).log)).toBe(0);
    expect((await log.append(room, 1)).epoch).toBe(facts.epoch);
  });

  it('stays when the messages alone are gone', async () => {
    const { client, keys, log } = await logOn(redis);
    const { epoch } = await log.append(room, 1);
    await client.del(keys(room).log);
    expect(await log.facts(room)).toEqual({ epoch, head: 1, oldest: 2 });
    expect((await log.append(room, 2)).seq).toBe(2);
    expect(await log.facts(room)).toEqual({ epoch, head: 2, oldest: 2 });
  });

  it('is new after a restart of Redis, even with all data, for every process at once', async () => {
    const { client, log, prefix } = await logOn(synced);
    const { client: otherClient, log: other } = await logOn(synced, { prefix });
    const before = await log.append(room, 1);
    await synced.kill();
    await synced.start();
    await until(() => client.isReady && otherClient.isReady);
    const [a, b] = await Promise.all([log.append(room, 2), other.append(room, 3)]);
    expect([a.seq, b.seq].sort()).toEqual([1, 2]);
    expect(a.epoch).toBe(b.epoch);
    expect(a.epoch).not.toBe(before.epoch);
  });

  it('is new when only the last messages are lost, whose numbers would be given again', async () => {
    const own = await ownServer();
    const { client, log } = await logOn(own);
    for (const i of upTo(3)) await log.append(room, i);
    await client.sendCommand(['SAVE']);
    const lost = await log.append(room, 'lost');
    await own.kill();
    await own.start();
    await until(() => client.isReady);
    expect(await client.dbSize()).toBeGreaterThan(0);
    const next = await log.append(room, 'another');
    expect(next).toMatchObject({ seq: 1 });
    expect(next.epoch).not.toBe(lost.epoch);
  });

  it('outlives a restart of Redis where every write is synced and the app says so', async () => {
    const { client, log } = await logOn(synced, { durable: true });
    const { epoch } = await log.append(room, 1, { key: 'k' });
    await synced.kill();
    await synced.start();
    await until(() => client.isReady);
    expect(await log.append(room, 1, { key: 'k' })).toMatchObject({ epoch, seq: 1 });
    expect(await log.append(room, 2)).toMatchObject({ epoch, seq: 2 });
  });

  it('is new when a replica has taken over, and again when the old master is back', async () => {
    const [master, replica] = [await ownServer(AT_ONCE), await ownServer(AT_ONCE)];
    const { client: a, keys, log: onA, prefix } = await logOn(master);
    const { client: b, log: onB } = await logOn(replica, { prefix });
    await b.sendCommand(['REPLICAOF', '127.0.0.1', String(master.port)]);
    await replicates(b);
    const first = await onA.append(room, 1);
    const untouched = await onA.append('untouched', 1);
    await vi.waitFor(async () => expect(await b.exists(keys('untouched').meta)).toBe(1), 20_000);
    await expect(onB.append(room, 2)).rejects.toThrow('READONLY');

    await b.sendCommand(['REPLICAOF', 'NO', 'ONE']);
    const second = await onB.append(room, 2);
    expect(second.seq).toBe(1);
    expect(second.epoch).not.toBe(first.epoch);

    await a.sendCommand(['REPLICAOF', '127.0.0.1', String(replica.port)]);
    await replicates(a);
    await a.sendCommand(['REPLICAOF', 'NO', 'ONE']);
    expect([first.epoch, second.epoch]).not.toContain((await onA.facts(room)).epoch);
    // The same process with the same data as when it made the number, but others came in between.
    expect((await onA.facts('untouched')).epoch).not.toBe(untouched.epoch);
  });
});

/** Waits until a replica has all that its master has. */
async function replicates(client: { info(section: string): Promise<string> }): Promise<void> {
  await vi.waitFor(async () => {
    expect(await client.info('replication')).toContain('master_link_status:up');
  }, 20_000);
}

describe('an append that fails in Redis', () => {
  it('at the log itself takes no number and keeps no key', async () => {
    const { client, keys, log } = await logOn(redis);
    await log.append(room, 1);
    // The log has gone beyond the counter: it takes no lower number.
    await client.xAdd(keys(room).log, '9-9', { d: '1' });
    await expect(log.append(room, 2, { key: 'k' })).rejects.toThrow('equal or smaller');
    expect(await client.hGet(keys(room).meta, 'head')).toBe('1');
    await client.del(keys(room).log);
    expect(await log.append(room, 2, { key: 'k' })).toMatchObject({ seq: 2, repeated: false });
  });

  it('because of what stands in its place takes no number', async () => {
    const { client, keys, log } = await logOn(redis);
    await log.append(room, 1);
    await client.rename(keys(room).log, `${keys(room).log}:aside`);
    await client.set(keys(room).log, 'not a log');
    const failed = log.append(room, 2, { key: 'k' });
    await expect(failed).rejects.toThrow(ServerError);
    await expect(failed).rejects.toMatchObject({
      code: 'unavailable',
      details: { call: 'append', reason: expect.stringContaining('WRONGTYPE') },
    });
    expect(await client.hGet(keys(room).meta, 'head')).toBe('1');
    await client.rename(`${keys(room).log}:aside`, keys(room).log);
    expect(await log.append(room, 2, { key: 'k' })).toMatchObject({ seq: 2, repeated: false });
  });

  it('is not tried a second time: for all that is known, it may have been done', async () => {
    const { client, keys, log } = await logOn(redis);
    await log.append(room, 1);
    await log.append(room, 2);
    await client.del(keys(room).log);
    await client.set(keys(room).log, 'not a log');
    await client.sendCommand(['CONFIG', 'RESETSTAT']);
    await expect(log.append(room, 3)).rejects.toThrow('WRONGTYPE');
    expect(await client.info('commandstats')).toContain('cmdstat_evalsha:calls=1,');
    expect(await client.info('commandstats')).not.toContain('cmdstat_eval:');
  });

  it('because its user may not announce, takes no number', async () => {
    const { client, keys, log: others, prefix } = await logOn(redis);
    await others.append(room, 1);
    // As Redis 7 makes one: everything is allowed, and no channel.
    await client.sendCommand(['ACL', 'SETUSER', 'mute', 'reset', 'on', '>word', '+@all', '~*']);
    const url = new URL(redis.url);
    [url.username, url.password] = ['mute', 'word'];
    const { log } = await logOn({ url: url.href }, { prefix });
    await expect(log.append(room, 2)).rejects.toThrow(`may not PUBLISH to ${keys(room).log}`);
    expect(await others.facts(room)).toMatchObject({ head: 1 });
    expect(await others.append(room, 2)).toMatchObject({ seq: 2 });
  });

  it('for want of memory takes no number either', async () => {
    const full = await ownServer();
    const { client, log } = await logOn(full);
    await log.append(room, 1);
    await client.configSet('maxmemory', '1');
    await expect(log.append(room, 2)).rejects.toThrow('OOM');
    expect(await log.facts(room)).toMatchObject({ head: 1 });
    await client.configSet('maxmemory', '0');
    expect((await log.append(room, 2)).seq).toBe(2);
  });
});

describe('great numbers', () => {
  it.each([99_999_999_999_998, 4_503_599_627_370_495, Number.MAX_SAFE_INTEGER - 4])(
    'are exact after %i',
    async (head) => {
      const { client, keys, log } = await logOn(redis);
      const { epoch } = await log.facts(room);
      await client.hSet(keys(room).meta, 'head', String(head));
      const fed: number[] = [];
      log.listen(({ seq }) => fed.push(seq));
      await log.follow(room);
      const expected = [head + 1, head + 2, head + 3];
      for (const seq of expected) expect(await log.append(room, 1)).toMatchObject({ epoch, seq });
      expect(await log.facts(room)).toEqual({ epoch, head: head + 3, oldest: head + 1 });
      const { messages } = await log.read(room, { epoch, seq: head + 1 }, wide);
      expect(messages.map(({ seq }) => seq)).toEqual([head + 2, head + 3]);
      await vi.waitFor(() => expect(fed).toEqual(expected), 20_000);
    },
  );

  it('end where JavaScript can no longer count, with an error', async () => {
    const { client, keys, log } = await logOn(redis);
    await log.facts(room);
    const last = Number.MAX_SAFE_INTEGER - 1;
    await client.hSet(keys(room).meta, 'head', String(last));
    await expect(log.append(room, 1)).rejects.toThrow('used up');
    expect((await log.facts(room)).head).toBe(last);
  });
});

describe('a publish key', () => {
  it('that races with itself on four connections is one message', async () => {
    const { log, prefix } = await logOn(redis);
    const writers = await Promise.all(upTo(4).map(() => logOn(redis, { prefix })));
    const answers = await Promise.all(
      upTo(200).map((i) => writers[i % 4]!.log.append(room, i, { key: `k${i % 10}` })),
    );
    expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(10);
    expect(new Set(answers.map(({ seq }) => seq))).toEqual(new Set(upTo(10)));
    expect(await log.facts(room)).toMatchObject({ head: 10 });
  });

  it('is forgotten in time', async () => {
    const { client, log, prefix } = await logOn(redis, { keyTtlMs: 60_000 });
    await log.append(room, 1, { key: 'k' });
    const [key] = await client.keys(`${prefix}*:key:*`);
    const ttl = await client.pTTL(key!);
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(60_000);
  });

  it('answers with the time and the sender of the first', async () => {
    const { log } = await logOn(redis);
    const from = 'a "b" é\n\ud83d\ude00';
    const first = await log.append(room, 1, { key: 'k', from });
    const again = await log.append(room, 2, { key: 'k', from: 'someone else' });
    expect(again).toMatchObject({ seq: 1, ts: first.ts, from, repeated: true });
  });
});

describe('age', () => {
  it('drops what is older than the limit, with no more reading than a search takes', async () => {
    const { client, keys, log } = await logOn(redis, { ttlMs: 60_000 });
    const { epoch } = await log.facts(room);
    const now = Date.now();
    const batch = client.multi();
    for (let seq = 1; seq <= 5_000; seq += 1) {
      const time = seq <= 3_210 ? now - 3_600_000 : now;
      batch.xAdd(keys(room).log, `${seq}-${time}`, { d: `${seq}` });
    }
    batch.hSet(keys(room).meta, 'head', '5000');
    await batch.exec();
    await client.sendCommand(['CONFIG', 'RESETSTAT']);
    expect(await log.facts(room)).toEqual({ epoch, head: 5_000, oldest: 3_211 });
    const stats = await client.info('commandstats');
    expect(Number(/cmdstat_xrange:calls=(\d+)/.exec(stats)?.[1])).toBeLessThan(20);
    expect(await client.xLen(keys(room).log)).toBe(1_790);
    expect((await log.append(room, 1)).seq).toBe(5_001);
  });

  it('drops everything, and the numbers go on', async () => {
    const { client, keys, log } = await logOn(redis, { ttlMs: 60_000 });
    const { epoch } = await log.facts(room);
    for (let seq = 1; seq <= 10; seq += 1)
      await client.xAdd(keys(room).log, `${seq}-5`, { d: '1' });
    await client.hSet(keys(room).meta, 'head', '10');
    expect(await log.facts(room)).toEqual({ epoch, head: 10, oldest: 11 });
    expect(await log.append(room, 'young')).toMatchObject({ epoch, seq: 11 });
    expect(await log.facts(room)).toEqual({ epoch, head: 11, oldest: 11 });
  });

  it('of the key is that of its newest message, and the numbers live much longer', async () => {
    const { client, keys, log } = await logOn(redis, { ttlMs: 60_000 });
    await log.append(room, 1);
    const [messages, numbers] = [keys(room).log, keys(room).meta];
    const left = await client.pTTL(messages);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(60_000);
    expect(await client.pTTL(numbers)).toBeGreaterThan(86_400_000);
    // Thirty days from every use, not from the last time that the age was written.
    const month = 30 * 86_400_000;
    for (const rest of [1_000, month - 60_000]) {
      await client.pExpire(numbers, rest);
      await log.facts(room);
      expect(await client.pTTL(numbers)).toBeGreaterThanOrEqual(month);
    }
  });
});

describe('a page', () => {
  it('comes in one piece however many messages it has', async () => {
    const { log } = await logOn(redis);
    const { epoch } = await log.facts(room);
    await Promise.all(upTo(300).map((i) => log.append(room, i, { from: 'ann' })));
    const page = await log.read(room, { epoch, seq: 10 }, { limit: 200, maxBytes: 1_000_000 });
    expect(page.messages.map(({ seq }) => seq)).toEqual(upTo(210).slice(10));
    expect(page).toMatchObject({ head: 300, more: true });
    expect(page.messages[0]).toMatchObject({ from: 'ann', json: '11' });
  });

  it('does not need the script to be known', async () => {
    const { client, log } = await logOn(redis);
    await client.scriptFlush();
    expect((await log.append(room, 1)).seq).toBe(1);
    await client.scriptFlush();
    expect(await log.facts(room)).toMatchObject({ head: 1 });
  });
});

describe('the length of a log', () => {
  it.each([undefined, 'ann'])('is bounded for messages whose sender is %s', async (from) => {
    const { client, keys, log } = await logOn(redis, { maxLength: 3 });
    for (const i of upTo(5)) await log.append(room, i, { from });
    expect(await log.facts(room)).toMatchObject({ head: 5, oldest: 3 });
    expect(await client.xLen(keys(room).log)).toBe(3);
  });
});

describe('names of channels', () => {
  it.each(['{', '}', '{}', '{a}', 'a{b}c', '}{', '%7B', '%', 'a b', 'ü\u{1f600}', 'x'.repeat(255)])(
    '%s has keys of its own',
    async (channel) => {
      const { log } = await logOn(redis);
      const others = ['{', '}', '{}', '{a}', 'a{b}c', '}{', '%7B', '%'].filter(
        (n) => n !== channel,
      );
      for (const other of others) await log.append(other, 1);
      const fed: string[] = [];
      log.listen(({ channel: of }) => fed.push(of));
      await log.follow(channel);
      for (const other of others) await log.append(other, 1);
      expect(await log.append(channel, 1)).toMatchObject({ seq: 1 });
      await vi.waitFor(() => expect(fed).toEqual([channel]), 20_000);
    },
  );
});
