// The checker against our own hub, which must pass whatever the machine is busy with.
import { expect, test, vi } from 'vitest';
import type { Given } from '../../src/cli/check/given.js';
import type { RecoverFunction } from '../../src/cli/check/settings.js';
import { memoryLog, type Log } from '../../src/server/index.js';
import { atEnd, startHub } from '../server/harness.js';
import { logOn, ownPrefix, server } from '../server/redis/harness.js';
import { check } from './harness.js';

// Each sends hundreds of messages: the limit is for a test that fails, not for a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const redis = await server();

/** A hub with a log that overflows at 250 messages, and what the checker has to know of it. */
async function hub(log: Log) {
  const { port, url } = await startHub({
    log,
    origins: '*',
    authorize: ({ token }) => {
      if (token === undefined) return 'unauthorized';
      return token === 'good' ? {} : 'forbidden';
    },
  });
  return { url, recover: `http://127.0.0.1:${port}/recover`, log };
}

async function checkHubs(hubs: readonly Awaited<ReturnType<typeof hub>>[], more: Given = {}) {
  return check({
    ...more,
    urls: hubs.map(({ url }) => url),
    recover: hubs.map(({ recover }) => recover),
    send: [
      'publish',
      ...hubs.map(({ log }, i) => ({
        name: `log.append ${i}`,
        send: ({ channel, marker }: { channel: string; marker: string }) =>
          log.append(channel, marker),
      })),
    ],
    token: 'good',
    strangerToken: 'stranger',
    origin: 'http://app.example',
    overflow: 300,
  });
}

test('the hub with a log in memory', async () => {
  const outcome = await checkHubs([await hub(memoryLog({ maxLength: 250 }))]);
  expect(outcome).toEqual({ failed: [], unchecked: ['one-log', 'restart'], said: '' });
});

test('the hub with a log in Redis', async () => {
  const { log } = await logOn(redis, { maxLength: 250 });
  const outcome = await checkHubs([await hub(log)]);
  expect(outcome).toEqual({ failed: [], unchecked: ['one-log', 'restart'], said: '' });
});

test('two hubs with one log in Redis', async () => {
  const prefix = ownPrefix();
  const logs = [
    await logOn(redis, { maxLength: 250, prefix }),
    await logOn(redis, { maxLength: 250, prefix }),
  ];
  const outcome = await checkHubs(await Promise.all(logs.map(({ log }) => hub(log))));
  expect(outcome).toEqual({ failed: [], unchecked: ['restart'], said: '' });
});

test('two hubs, each with a log of its own, are found out', async () => {
  const hubs = [await hub(memoryLog()), await hub(memoryLog())];
  const { failed, said } = await checkHubs(hubs, { timeoutMs: 1_000 });
  expect(failed).toEqual(expect.arrayContaining(['delivered', 'one-log']));
  expect(said).toMatch(/^delivered: #1 .* did not get m2, m4/m);
});

test.each([0, 1])('of two logs, the one of instance %i has lost a message', async (which) => {
  const { recover, url } = await hub(memoryLog());
  const lossy = async ({ token, signal, ...question }: Parameters<RecoverFunction>[0]) => {
    const query = new URLSearchParams(Object.entries(question).map(([k, v]) => [k, String(v)]));
    const headers = { Authorization: `Bearer ${token ?? ''}` };
    const page = await (await fetch(`${recover}?${query}`, { headers, signal })).json();
    return { ...page, messages: page.messages.filter(({ seq }: { seq: number }) => seq !== 2) };
  };
  const { failed, said } = await check({
    urls: [url, url],
    recover: which === 0 ? [lossy, recover] : [recover, lossy],
    send: ['publish'],
    token: 'good',
  });
  expect(failed).toContain('one-log');
  expect(said).toMatch(
    which === 0 ? /^one-log: m2 is not in/m : /^one-log: m2 is 2 in .* is not in/m,
  );
});

test('a command that ends with another status than 0 has sent nothing', async () => {
  const { url } = await startHub();
  const { failed, said } = await check({ urls: [url], send: ['publish', 'sh exit 3'] });
  expect(failed).toEqual(['paths']);
  expect(said).toMatch(/^paths: sh exit …: the command ended with status 3 /);
});

test('a restart that fails is no rule that could not be checked: a CI must not be green with it', async () => {
  const { url } = await startHub();
  const { failed, said } = await check({ urls: [url], send: ['publish'], restart: 'exit 3' });
  expect(failed).toEqual(['restart']);
  expect(said).toMatch(/^restart: --restart: the command ended with status 3/);
});

test('a channel in which strangers say the same again and again, listened to', async () => {
  const { url, log } = await startHub({ log: memoryLog() });
  const strangers = setInterval(() => log.append('busy', 'tick'), 10);
  atEnd(() => clearInterval(strangers));
  const { failed, said } = await check({ urls: [url], channel: 'busy', watchMs: 200 });
  expect({ failed, said }).toEqual({ failed: [], said: '' });
});

test('a hub that hides messages of others between ours', async () => {
  const log = memoryLog();
  const { port, url } = await startHub({
    log,
    filter: () => (message) => message.data !== 'not for us',
  });
  const { failed, said } = await check({
    urls: [url],
    recover: [`http://127.0.0.1:${port}/recover`],
    send: [
      {
        name: 'log.append',
        send: ({ channel, marker }) => {
          log.append(channel, 'not for us');
          log.append(channel, marker);
          log.append(channel, 'not for us');
        },
      },
    ],
  });
  expect({ failed, said }).toEqual({ failed: [], said: '' });
});

test('a recovery over the socket', async () => {
  const { url } = await startHub();
  const { failed, said } = await check({ urls: [url], send: ['publish'] });
  expect({ failed, said }).toEqual({ failed: [], said: '' });
});

test('a sending path that takes a message and hands it on a moment later', async () => {
  const log = memoryLog();
  const { port, url } = await startHub({ log });
  const { failed, said } = await check({
    urls: [url],
    recover: [`http://127.0.0.1:${port}/recover`],
    send: [
      {
        name: 'queue',
        send: ({ channel, marker }) => void setTimeout(() => log.append(channel, marker), 250),
      },
    ],
  });
  expect({ failed, said }).toEqual({ failed: [], said: '' });
});

test('a path that loses messages is found although heartbeats and strangers are heard', async () => {
  const { url, log } = await startHub({ log: memoryLog(), heartbeatMs: 50 });
  const channel = 'busy';
  const strangers = setInterval(() => log.append(channel, 'stranger'), 50);
  atEnd(() => clearInterval(strangers));
  const { failed } = await check({
    urls: [url],
    channel,
    send: ['publish', { name: 'lost', send: () => undefined }],
    timeoutMs: 300,
  });
  expect(failed).toContain('delivered');
});
