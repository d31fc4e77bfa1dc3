// Channel names with everything in them that separates paths, keys and fields elsewhere: each is one
// channel of its own, for the log, the sockets, both ways of recovery, the app's rule and the store.
import 'fake-indexeddb/auto';
import { WebSocket } from 'ws';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createClient, type Message } from '../../src/index.js';
import { memoryLog } from '../../src/server/index.js';
import { atEnd, connect, recover, startHub, until } from '../server/harness.js';

/** Pairs that a careless key, path or pattern would take for one another. */
const NAMES = [
  '/',
  '//',
  'a/b',
  'a%2fb',
  'a%2Fb',
  'a\\b',
  '..',
  '../a',
  '../../etc/passwd',
  'a/../b',
  'b',
  'a',
  'a:b',
  'a::b',
  ':',
  '{a}',
  '{}',
  '{a}:b',
  '*',
  'a*',
  'a?since=0',
  'a&since=0',
  'a#b',
  'a b',
  'a+b',
  ' a',
  'a ',
  'a,b',
  '["a","b"]',
  '"',
  "'",
  '<script>',
  'a;b',
  'a=b',
  'room 1',
  '__proto__',
  'constructor',
  'toString',
  '0',
  '00',
  '1e400',
  'null',
  'undefined',
  '\u00e9',
  'e\u0301',
  'A',
  '\u212b',
  '\u{1f600}',
  '\u200b',
  '\u202e',
  '\u2028',
  '\ufeff',
  '\ufeffa',
  'x'.repeat(255),
  '\u{1f600}'.repeat(63),
] as const;

const UNFIT = [
  '',
  '\u0000',
  'a\u0000b',
  'a\nb',
  'a\r\nb',
  '\u007f',
  '\u0085',
  '\ud800',
  'a\udc00',
  'x'.repeat(256),
  '\u00e9'.repeat(128),
  '\u{1f600}'.repeat(64),
] as const;

const UNTYPED = [
  null,
  0,
  1,
  true,
  [],
  ['a'],
  {},
  { toString: 'a' },
  { length: 1, 0: 'a' },
] as const;

afterEach(() => vi.unstubAllGlobals());

describe('names', () => {
  it('that look alike are channels of their own, everywhere', async () => {
    const asked: (string | undefined)[] = [];
    const { url, port, log } = await startHub({
      authorize: ({ channel }) => {
        if (channel !== undefined) asked.push(channel);
        return {};
      },
      heartbeatMs: 50,
    });
    const client = await connect(url);
    for (const [id, channel] of NAMES.entries()) {
      const facts = await client.subscribe(channel, id);
      expect(facts).toMatchObject({ id, channel, head: 0, oldest: 1 });
    }
    expect(asked).toEqual(NAMES);
    for (const channel of NAMES) log.append(channel, { is: channel });
    const got = await client.messages(NAMES.length);
    expect(got.map(({ channel, data, seq }) => [channel, data.is, seq])).toEqual(
      NAMES.map((channel) => [channel, channel, 1]),
    );

    const { epoch } = log.facts('a');
    const items = NAMES.map((channel) => ({ channel, epoch, since: 0 }));
    client.send({ type: 'recover', id: 99, items });
    const { items: pages } = await client.next('recovered');
    const read = ({ channel, messages }: any) => [channel, messages.length, messages[0].data.is];
    expect(pages.map(read)).toEqual(NAMES.map((channel) => [channel, 1, channel]));
    for (const channel of NAMES) {
      const { body } = await recover(port, { channel, epoch, since: 0 });
      expect(read(body)).toEqual([channel, 1, channel]);
    }
    // Only the last text is what the client saw: an object of JavaScript has no own `__proto__`.
    await client.next('heads');
    await client.next('heads');
    const heads = JSON.parse(client.texts.filter((text) => text.includes('"heads"')).at(-1)!);
    const of = [heads].flat().find(({ type }: any) => type === 'heads').heads;
    expect(Object.keys(of).sort()).toEqual([...NAMES].sort());
    expect(Object.values(of)).toEqual(NAMES.map(() => [epoch, 1]));
  });

  it.each([...UNFIT, ...UNTYPED])('such as %j are refused everywhere', async (channel) => {
    const asked: unknown[] = [];
    const { url, port, hub } = await startHub({
      authorize: (question) => {
        if (question.channel !== undefined) asked.push(question.channel);
        return {};
      },
    });
    expect(() => memoryLog().append(channel as string, 1)).toThrow(/channel must be/);
    const client = await connect(url);
    client.send(
      { type: 'subscribe', id: 1, channel },
      { type: 'unsubscribe', channel },
      { type: 'publish', id: 2, channel, data: 1 },
      { type: 'recover', id: 3, items: [{ channel, epoch: 'e', since: 0 }] },
    );
    for (let i = 0; i < 3; i += 1) expect(await client.next('error')).not.toHaveProperty('channel');
    const { items } = await client.next('recovered');
    expect(items).toEqual([{ status: 400, code: 'bad_request' }]);
    if (typeof channel === 'string') {
      // A lone surrogate has no form in an address: what arrives is U+FFFD, another name and a fit one.
      const alone = /\p{Cs}/u.test(channel);
      const { status } = await recover(port, { channel, epoch: 'e', since: 0 });
      expect(status).toBe(alone ? 200 : 400);
    }
    expect(asked.filter((name) => name === channel)).toEqual([]);
    expect(hub.stats()).toMatchObject({ subscriptions: 0, channels: 0, errors: 0 });
  });

  it('of the client go their way to the hub and back, also by GET and out of the store', async () => {
    vi.stubGlobal('WebSocket', WebSocket);
    const { url, port, log } = await startHub({ heartbeatMs: 50 });
    for (const channel of NAMES) log.append(channel, { is: channel });
    for (const life of [1, 2]) {
      const client = createClient({
        url,
        recover: `http://127.0.0.1:${port}/recover`,
        flushMs: 20,
      });
      atEnd(() => client.close());
      const seen = new Map<string, unknown[]>();
      for (const name of NAMES) {
        const channel = client.channel<any>(name, { start: life === 1 ? 'earliest' : 'stored' });
        channel.subscribe(({ data, seq }: Message<any>) => {
          seen.set(name, [...(seen.get(name) ?? []), seq, data.is]);
        });
      }
      await until(() => seen.size === NAMES.length);
      expect([...seen].sort()).toEqual(NAMES.map((name) => [name, [life, name]]).sort());
      await client.close();
      for (const channel of NAMES) log.append(channel, { is: channel });
    }
  });

  it('of namespaces and channels do not run into one another in the store', async () => {
    vi.stubGlobal('WebSocket', WebSocket);
    const { url, log } = await startHub({ heartbeatMs: 50 });
    const owners = [
      ['', 'a/0'],
      ['a', '0'],
      ['a/0', ''],
      ['a","b', 'c'],
      ['a', 'b","c'],
      ['__proto__', 'constructor'],
      ['v1/', '/'],
    ].map(([namespace = '', channel = '']) => ({ namespace, channel: `${channel}!` }));
    for (const [i, { channel }] of owners.entries()) {
      while (log.facts(channel).head < 20) log.append(channel, i);
    }
    // Each owner stops at another number.
    const read = async (upTo: (i: number) => number): Promise<number[]> =>
      Promise.all(
        owners.map(async ({ namespace, channel }, i) => {
          const client = createClient({ url, namespace, flushMs: 20 });
          const position = { epoch: log.facts(channel).epoch, seq: upTo(i) };
          let first = 0;
          client
            .channel(channel, upTo(i) > 0 ? { start: position } : {})
            .subscribe(({ seq }) => void (first ||= seq));
          await until(() => first > 0);
          if (upTo(i) > 0) await client.channel(channel).ready();
          await client.close();
          return first;
        }),
      );
    expect(await read((i) => i + 1)).toEqual(owners.map((_, i) => i + 2));
    for (const [i, { channel }] of owners.entries()) log.append(channel, i);
    expect(await read(() => 0)).toEqual(owners.map(() => 21));
  });
});
