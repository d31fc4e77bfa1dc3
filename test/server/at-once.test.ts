import { expect, it } from 'vitest';
import { memoryLog, type Log } from '../../src/server/index.js';
import { connect, logWith, startHub, until } from './harness.js';

/** What `await` takes for a promise, as libraries of promises make them. */
const thenable = <T>(value: T): Promise<T> =>
  ({
    then: (...told: Parameters<Promise<T>['then']>) => Promise.resolve(value).then(...told),
  }) as Promise<T>;

const JOINS = ['a', 'b', 'c'].map((channel, id) => ({ type: 'subscribe', id, channel }));

it('an app and a log that answer at once are asked for one join after the other', async () => {
  const asked: string[] = [];
  const log = memoryLog();
  const { url } = await startHub({
    authorize: ({ action, channel = '' }) => {
      asked.push(`${action} ${channel}`);
      return {};
    },
    log: logWith({
      facts: (channel) => {
        asked.push(`facts ${channel}`);
        return log.facts(channel);
      },
    }),
  });
  const client = await connect(url);
  client.send(JOINS);
  for (const { id } of JOINS) expect(await client.next('subscribed')).toMatchObject({ id });
  const joins = ['a', 'b', 'c'].flatMap((channel) => [`subscribe ${channel}`, `facts ${channel}`]);
  expect(asked).toEqual(['connect ', ...joins]);
});

it('an app that takes its time is asked for many joins at the same time', async () => {
  const waiting: (() => void)[] = [];
  const { url } = await startHub({
    authorize: async ({ action }) => {
      if (action === 'connect') return {};
      // Nobody is let in before all have asked.
      await new Promise<void>((resolve) => waiting.push(resolve));
      return {};
    },
  });
  const client = await connect(url);
  client.send(JOINS);
  await expect.poll(() => waiting.length).toBe(JOINS.length);
  for (const letIn of waiting.reverse()) letIn();
  for (const { id } of JOINS) expect(await client.next('subscribed')).toMatchObject({ id });
});

it('answers that are promises of another library are waited for', async () => {
  const inner = memoryLog();
  for (const channel of ['a', 'b']) inner.append(channel, { channel });
  const { url } = await startHub({
    authorize: () => thenable({}),
    log: logWith({
      facts: (channel) => thenable(inner.facts(channel)),
      read: (...request) => thenable(inner.read(...request)),
    }),
  });
  const client = await connect(url);
  client.send(JOINS);
  const { epoch } = await client.next('subscribed');
  const items = ['a', 'b', 'a'].map((channel) => ({ channel, epoch, since: 0 }));
  client.send({ type: 'recover', id: 9, items });
  const { items: pages } = await client.next('recovered');
  expect(pages).toMatchObject(
    ['a', 'b', 'a'].map((channel) => ({ status: 200, channel, messages: [{ data: { channel } }] })),
  );
});

const failures: readonly (readonly [string, () => never | Promise<never>])[] = [
  [
    'at once',
    () => {
      throw new Error('the log is away');
    },
  ],
  ['later', () => Promise.reject(new Error('the log is away'))],
];

it.each(failures)('a log that fails %s fails that request, and no other', async (_, fail) => {
  const log = memoryLog();
  const failing =
    <Rest extends readonly unknown[], T>(works: (channel: string, ...rest: Rest) => T) =>
    (channel: string, ...rest: Rest) =>
      channel === 'b' ? fail() : works(channel, ...rest);
  const changes: Partial<Log> = {
    facts: failing(log.facts.bind(log)),
    read: failing(log.read.bind(log)),
  };
  const errors: unknown[] = [];
  const { url, hub } = await startHub({
    log: logWith(changes),
    onError: (...failure) => void errors.push(failure),
  });
  const client = await connect(url);
  client.send(JOINS);
  expect(await client.next('subscribed')).toMatchObject({ id: 0 });
  expect(await client.next('error')).toMatchObject({ id: 1, code: 'internal', retry: true });
  const { epoch, id } = await client.next('subscribed');
  expect(id).toBe(2);
  expect(hub.stats().subscriptions).toBe(2);
  const items = ['a', 'b', 'c'].map((channel) => ({ channel, epoch, since: 0 }));
  client.send({ type: 'recover', id: 9, items });
  const { items: pages } = await client.next('recovered');
  expect(pages.map(({ status }: { status: number }) => status)).toEqual([200, 503, 200]);
  expect(errors).toHaveLength(2);
});

it.each(failures)(
  'a log that fails %s to follow fails that join, and no other',
  async (_, fail) => {
    const errors: unknown[] = [];
    const { url, hub } = await startHub({
      log: logWith({
        follow: (channel) => (channel === 'b' ? fail() : Promise.resolve(() => undefined)),
      }),
      onError: (...failure) => void errors.push(failure),
    });
    const client = await connect(url);
    client.send(JOINS);
    expect(await client.next('subscribed')).toMatchObject({ id: 0 });
    expect(await client.next('error')).toMatchObject({ id: 1, code: 'internal', retry: true });
    expect(await client.next('subscribed')).toMatchObject({ id: 2 });
    expect(hub.stats()).toMatchObject({ subscriptions: 2, channels: 2 });
    expect(errors).toHaveLength(1);
  },
);

it.each(failures)(
  'a log that fails %s to end a follow is told of, and no more',
  async (_, fail) => {
    const errors: unknown[] = [];
    const { url, hub, log } = await startHub({
      log: logWith({ follow: () => Promise.resolve(() => fail() as never) }),
      onError: (...failure) => void errors.push(failure),
    });
    const client = await connect(url);
    await client.subscribe('a');
    client.send({ type: 'unsubscribe', channel: 'a' });
    await until(() => errors.length > 0);
    expect(errors).toEqual([[new Error('the log is away'), 'log']]);
    await client.subscribe('a');
    await log.append('a', 1);
    expect(await client.next('message')).toMatchObject({ data: 1 });
    expect(hub.stats().subscriptions).toBe(1);
  },
);
