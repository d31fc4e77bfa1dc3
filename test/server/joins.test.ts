// Joins of one connection at an app and a log that are far away: side by side, and answered in order.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Facts } from '../../src/core/frames.js';
import { memoryLog } from '../../src/server/index.js';
import { atEnd, connect, logWith, startHub, until, type Frame } from './harness.js';

const join = (id: number, channel = `room:${id}`): Frame => ({ type: 'subscribe', id, channel });
const many = (count: number): Frame[] => Array.from({ length: count }, (_, i) => join(i + 1));

/** A hub whose log answers when the test says so. */
async function distant() {
  const inner = memoryLog();
  /** By channel, the answers that are awaited. */
  const asked = new Map<string, { answer(): void; fail(): void }[]>();
  const order: string[] = [];
  const log = logWith({
    append: (channel, data) => inner.append(channel, data),
    listen: (listener) => inner.listen(listener),
    facts: (channel) =>
      new Promise<Facts>((resolve, reject) => {
        order.push(channel);
        const waiting = asked.get(channel) ?? [];
        asked.set(channel, waiting);
        const answer = (): void => resolve(inner.facts(channel));
        waiting.push({ answer, fail: () => reject(new Error('away')) });
      }),
  });
  const { url } = await startHub({ log, onError: () => undefined });
  const client = await connect(url);
  const take = (channel: string) => {
    const next = asked.get(channel)?.shift();
    if (next === undefined) throw new Error(`nobody asked for ${channel}`);
    return next;
  };
  return { inner, order, take, client };
}

/** Types, ids and channels of the answers so far. */
const answers = (frames: readonly Frame[]) =>
  frames
    .filter(({ type }) => type !== 'welcome')
    .map(({ channel, id, type }) => [type, channel ?? id]);

// On a busy machine an answer may take so long that others are begun besides it.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  atEnd(() => void vi.useRealTimers());
});

describe('joins in a row', () => {
  it('of which many hang do not hold up all others until each of them is given up', async () => {
    const { client, order, take } = await distant();
    client.send(...many(100));
    await until(() => order.length === 32);
    // Every third hangs, and the rest is answered at once.
    const isFrozen = (channel: string) => Number(channel.slice(5)) % 3 === 1;
    let answered = 0;
    const answerWell = () => {
      for (; answered < order.length; answered += 1) {
        const channel = order[answered]!;
        if (!isFrozen(channel)) take(channel).answer();
      }
    };
    for (const asked of [64, 96, 100]) {
      answerWell();
      vi.advanceTimersByTime(500);
      await until(() => order.length === asked);
    }
    answerWell();
    for (const channel of order.filter(isFrozen)) take(channel).fail();
    await until(() => client.frames.length === 101);
    expect(answers(client.frames)).toEqual(
      many(100).map(({ channel }) => [isFrozen(channel) ? 'error' : 'subscribed', channel]),
    );
  });

  it('are no longer begun when the client has left', async () => {
    const { client, order, take } = await distant();
    const timers = vi.getTimerCount();
    client.send(...many(40));
    await until(() => order.length === 32);
    expect(vi.getTimerCount()).toBe(timers + 1);
    client.socket.terminate();
    await until(() => vi.getTimerCount() === timers);
    for (const channel of [...order]) take(channel).answer();
    await new Promise((resolve) => setImmediate(resolve));
    expect([vi.getTimerCount(), order.length]).toEqual([timers, 32]);
  });

  it('ask a distant log side by side, so many at most, and are answered in order', async () => {
    const { client, order, take } = await distant();
    client.send(...many(40));
    await until(() => order.length === 32);
    expect(order).toEqual(many(32).map(({ channel }) => channel));
    for (const channel of order.slice(1)) take(channel).answer();
    take('room:1').answer();
    await until(() => order.length === 40);
    for (const channel of order.slice(32)) take(channel).answer();
    await until(() => client.frames.length === 41);
    expect(answers(client.frames)).toEqual(many(40).map(({ channel }) => ['subscribed', channel]));
  });

  it('of one channel wait for each other: the failure of the first is not that of the second', async () => {
    const { client, inner, order, take } = await distant();
    client.send(join(1, 'a'), join(2, 'b'), join(3, 'a'), join(4, 'c'));
    await until(() => order.length === 2);
    take('b').answer();
    take('a').fail();
    await until(() => order.length === 4);
    expect(order).toEqual(['a', 'b', 'a', 'c']);
    take('c').answer();
    take('a').answer();
    await until(() => client.frames.length === 5);
    expect(answers(client.frames)).toEqual([
      ['error', 'a'],
      ['subscribed', 'b'],
      ['subscribed', 'a'],
      ['subscribed', 'c'],
    ]);
    inner.append('a', 1);
    expect(await client.next('message')).toMatchObject({ channel: 'a', seq: 1 });
  });

  it('are not begun before a frame of another kind that came between them', async () => {
    const { client, order, take } = await distant();
    client.send(join(1, 'a'), { type: 'unsubscribe', channel: 'b' }, join(2, 'b'));
    await until(() => order.length === 1);
    expect(order).toEqual(['a']);
    take('a').answer();
    await until(() => order.length === 2);
    take('b').answer();
    await until(() => client.frames.length === 3);
    expect(answers(client.frames)).toEqual([
      ['subscribed', 'a'],
      ['subscribed', 'b'],
    ]);
  });
});

describe('channels whose rights are looked at again', () => {
  it.each([
    ['of another principal', (token?: string) => ({ principal: token })],
    ['of one whom the app does not name', () => ({})],
  ])('for a token %s, are asked for side by side, so many at most', async (_, allowed) => {
    let asking = 0;
    let most = 0;
    const { url, log } = await startHub({
      authorize: async ({ channel, token }) => {
        if (channel === undefined || token === 'ann') return allowed(token);
        most = Math.max(most, (asking += 1));
        await new Promise((resolve) => setTimeout(resolve, 1));
        asking -= 1;
        return channel === 'room:7' ? false : allowed(token);
      },
    });
    const client = await connect(url);
    client.send({ type: 'auth', token: 'ann' }, ...many(40));
    for (let i = 0; i < 40; i += 1) await client.next('subscribed');
    client.send({ type: 'auth', token: 'bob' }, join(41));
    expect(await client.next('unsubscribed')).toMatchObject({ channel: 'room:7' });
    let answered: Frame;
    do answered = await client.next('subscribed');
    while (answered.id !== 41);
    expect(most).toBe(32);
    for (const { channel } of many(40)) log.append(channel, 1);
    expect(new Set((await client.messages(39)).map(({ channel }) => channel)).size).toBe(39);
    expect(await client.untilPong()).toEqual([]);
  });
});
