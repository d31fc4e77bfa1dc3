import { describe, expect, it, vi } from 'vitest';
import type { LogMessage, LogPage } from '../../../src/server/index.js';
import { Follower } from '../../../src/server/redis/follower.js';
import { deferred } from '../harness.js';

const message = (seq: number, epoch = 'e1'): LogMessage => ({
  channel: 'room',
  epoch,
  seq,
  ts: 0,
  json: String(seq),
});

/** A follower of a log that is a list, with everything that it did. */
function follow({ pageSize = 100 } = {}) {
  const log = { epoch: 'e1', head: 0, oldest: 1, readable: true };
  const handedOn: string[] = [];
  const reads: string[] = [];
  const caughtUp: number[] = [];
  const failures: unknown[] = [];
  let gate: Promise<void> | undefined;
  const follower = new Follower({
    facts: () => Promise.resolve({ ...log }),
    async read(after): Promise<LogPage> {
      reads.push(`${after.epoch} ${after.seq}`);
      const page = pageAfter(after);
      await gate;
      if (!log.readable) throw new Error('down');
      return page;
    },
    handOn: ({ epoch, seq }) => handedOn.push(`${epoch} ${seq}`),
    caughtUp: (count) => caughtUp.push(count),
    failed: (error) => failures.push(error),
  });
  function pageAfter(after: { readonly epoch: string; readonly seq: number }): LogPage {
    const { epoch, head, oldest } = log;
    const messages: LogMessage[] = [];
    if (after.epoch === epoch) {
      for (let seq = Math.max(after.seq + 1, oldest); seq <= head; seq += 1) {
        if (messages.length < pageSize) messages.push(message(seq, epoch));
      }
    }
    const more = messages.length > 0 && messages.at(-1)!.seq < head;
    return { epoch, head, oldest, messages, more };
  }
  /** Appends and announces. */
  const append = (count: number, heard = true): void => {
    for (let i = 0; i < count; i += 1) {
      log.head += 1;
      if (heard) follower.hear(message(log.head, log.epoch));
    }
  };
  /** Lets reads begin but not end, until the returned function is called. */
  const hold = (): (() => void) => {
    const { promise, resolve } = deferred();
    gate = promise;
    return () => {
      gate = undefined;
      resolve();
    };
  };
  return { log, follower, append, hold, handedOn, reads, caughtUp, failures };
}

const named = (from: number, to: number, epoch = 'e1'): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${epoch} ${from + i}`);

describe('a follower', () => {
  it('begins behind the head, and hands on what is announced without asking the log', async () => {
    const { append, follower, handedOn, log, reads } = follow();
    log.head = 7;
    await follower.join();
    append(3);
    expect(handedOn).toEqual(named(8, 10));
    expect(reads).toEqual([]);
  });

  it('hands on nothing twice', async () => {
    const { append, follower, handedOn, reads } = follow();
    await follower.join();
    append(3);
    for (const seq of [1, 3, 2]) follower.hear(message(seq));
    expect(handedOn).toEqual(named(1, 3));
    expect(reads).toEqual([]);
  });

  it('takes from the log what it did not hear of, before it goes on', async () => {
    const { append, caughtUp, follower, handedOn } = follow({ pageSize: 2 });
    await follower.join();
    append(1);
    append(5, false);
    append(1);
    await follower.suspect({ epoch: 'e1', seq: 7 });
    append(1);
    expect(handedOn).toEqual(named(1, 8));
    expect(caughtUp).toEqual([6]);
  });

  it('finds what came between the subscription and the first reading of the facts', async () => {
    const { append, follower, handedOn, log } = follow();
    log.head = 3;
    const joined = follower.join();
    append(2);
    await joined;
    // Nothing else tells of them.
    await vi.waitFor(() => expect(handedOn).toEqual(named(4, 5)));
  });

  it('reads once more for what was announced while it was reading, and only then', async () => {
    const { append, follower, handedOn, hold, reads } = follow();
    await follower.join();
    append(2, false);
    const release = hold();
    const done = follower.suspect();
    append(3);
    follower.hear(message(2));
    follower.hear(message(5));
    release();
    await done;
    expect(handedOn).toEqual(named(1, 5));
    expect(reads).toEqual(['e1 0', 'e1 2']);
  });

  it('reads once more for what was announced, also when older facts come in after that', async () => {
    const { append, follower, handedOn, hold } = follow();
    await follower.join();
    append(3, false);
    const release = hold();
    const done = follower.suspect();
    append(1);
    void follower.suspect({ epoch: 'e1', seq: 3 });
    release();
    await done;
    await vi.waitFor(() => expect(handedOn).toEqual(named(1, 4)));
  });

  it('finds what was announced while it joined, also when older facts come in after that', async () => {
    const { append, follower, handedOn, log } = follow();
    log.head = 3;
    const joined = follower.join();
    append(1);
    await follower.suspect({ epoch: 'e1', seq: 3 });
    await joined;
    await vi.waitFor(() => expect(handedOn).toEqual(named(4, 4)));
  });

  it('goes over to a new epoch, and lets no late message of the old one take it back', async () => {
    const { append, follower, handedOn, log } = follow();
    await follower.join();
    append(2);
    Object.assign(log, { epoch: 'e2', head: 0 });
    append(2);
    await follower.suspect();
    follower.hear(message(3, 'e1'));
    await follower.suspect();
    append(1);
    expect(handedOn).toEqual([...named(1, 2), ...named(1, 3, 'e2')]);
  });

  it('learns of a new epoch that has no message yet', async () => {
    const { append, follower, handedOn, log, reads } = follow();
    await follower.join();
    append(1);
    Object.assign(log, { epoch: 'e2', head: 0 });
    await follower.suspect({ epoch: 'e2', seq: 0 });
    expect(reads).toEqual(['e1 1']);
    append(1);
    expect(handedOn).toEqual(['e1 1', 'e2 1']);
  });

  it('reads a new epoch once more when its first message came while it was read as empty', async () => {
    const { append, follower, handedOn, hold, log } = follow();
    await follower.join();
    Object.assign(log, { epoch: 'e2', head: 0 });
    const release = hold();
    const done = follower.suspect();
    append(1);
    release();
    await done;
    await vi.waitFor(() => expect(handedOn).toEqual(named(1, 1, 'e2')));
  });

  it('passes over what the log has dropped', async () => {
    const { append, follower, handedOn, log } = follow();
    await follower.join();
    append(10, false);
    log.oldest = 8;
    await follower.suspect();
    log.oldest = 11;
    append(1);
    log.oldest = 13;
    append(1, false);
    await follower.suspect();
    append(1);
    expect(handedOn).toEqual([...named(8, 11), ...named(13, 13)]);
  });

  it('asks the log about an announcement that cannot be true, and believes the log', async () => {
    const { append, follower, handedOn, reads } = follow();
    await follower.join();
    append(1);
    follower.hear(message(900));
    await follower.suspect();
    expect(reads.length).toBeLessThanOrEqual(2);
    append(1);
    expect(handedOn).toEqual(named(1, 2));
  });

  it('in a channel that never rests, waits for what was asked for and no longer', async () => {
    const { append, follower, handedOn, log, reads } = follow();
    await follower.join();
    append(3, false);
    const to = { epoch: log.epoch, seq: 3 };
    let isReached = false;
    const reached = follower.suspect(to).then(() => (isReached = true));
    const alsoReached = follower.suspect(to);
    // During every page one more is announced.
    for (let page = 0; page < 100 && !isReached; page += 1) {
      append(1);
      const before = reads.length;
      for (let turn = 0; turn < 20 && reads.length === before; turn += 1) await Promise.resolve();
    }
    expect(handedOn).toEqual(expect.arrayContaining(named(1, 3)));
    expect(reads.length).toBeLessThan(10);
    await Promise.all([reached, alsoReached]);
  });

  it('reads again by itself when the log could not be read', async () => {
    const { append, failures, follower, handedOn, log } = follow();
    vi.useFakeTimers();
    try {
      await follower.join();
      append(3, false);
      log.readable = false;
      await follower.suspect();
      expect(failures).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(500);
      expect(failures).toHaveLength(2);
      log.readable = true;
      await vi.advanceTimersByTimeAsync(500);
      expect(handedOn).toEqual(named(1, 3));
      await vi.advanceTimersByTimeAsync(5_000);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('does not read again by itself when it was told to in the meantime', async () => {
    const { append, follower, handedOn, log, reads } = follow();
    vi.useFakeTimers();
    try {
      await follower.join();
      append(3, false);
      log.readable = false;
      await follower.suspect();
      log.readable = true;
      await follower.suspect();
      expect(handedOn).toEqual(named(1, 3));
      expect(vi.getTimerCount()).toBe(0);
      expect(reads).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that has ended while it joined or read stays so, whatever comes of that', async () => {
    const joining = follow();
    const joined = joining.follower.join();
    joining.follower.end();
    await joined;
    joining.append(1);
    await joining.follower.suspect();

    const reading = follow();
    await reading.follower.join();
    reading.append(1, false);
    const release = reading.hold();
    const done = reading.follower.suspect();
    reading.follower.end();
    reading.log.readable = false;
    release();
    await done;
    reading.log.readable = true;
    await reading.follower.suspect();
    expect([...joining.handedOn, ...reading.handedOn]).toEqual([]);
    expect(reading.failures).toEqual([]);
    expect(reading.reads).toHaveLength(1);
  });

  it('that has ended hands on nothing more and leaves no timer', async () => {
    const { append, follower, handedOn, log } = follow();
    vi.useFakeTimers();
    try {
      await follower.join();
      log.readable = false;
      append(1, false);
      await follower.suspect();
      follower.end();
      expect(vi.getTimerCount()).toBe(0);
      const other = follow();
      await other.follower.join();
      other.append(1, false);
      const release = other.hold();
      const done = other.follower.suspect();
      other.follower.end();
      release();
      await done;
      other.append(1);
      await other.follower.suspect();
      expect([...handedOn, ...other.handedOn]).toEqual([]);
      expect(other.caughtUp).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });
});
