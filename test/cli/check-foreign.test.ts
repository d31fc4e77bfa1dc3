// The checker against servers of other kinds: one that counts globally, and one of Socket.IO.
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { expect, test, vi } from 'vitest';
import { io } from 'socket.io-client';
import type { Given } from '../../src/cli/check/given.js';
import { memoryLog } from '../../src/server/index.js';
import { socketIo } from '../../src/socket-io.js';
import { atEnd } from '../server/harness.js';
import { logOn, ownPrefix, server as redisServer } from '../server/redis/harness.js';
import { startGlobalCounterServer } from '../support/global-counter-server.mjs';
import { startSocketIoServer } from '../support/socketio-server.mjs';
import { check } from './harness.js';

// Each sends hundreds of messages: the limit is for a test that fails, not for a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const redis = await redisServer();

type Options = NonNullable<Parameters<typeof startGlobalCounterServer>[0]>;

async function checkGlobalCounter(options: Options, more: Given = {}) {
  const server = await startGlobalCounterServer({ facts: true, maxLength: 250, ...options });
  atEnd(() => server.close());
  return check({
    urls: [server.socketUrl()],
    recover: [server.recoverUrl],
    channel: 'mine',
    mapped: {
      oneChannel: true,
      joined: 'connected',
      numbering: 'monotonic',
      fields: { seq: 'sequence_number', epoch: 'epoch', data: 'content' },
      heads: 'heartbeat',
    },
    send: [
      'ws {"type":"send","content":"{marker}","to":"alice"}',
      `POST ${server.origin}/messages {"content":"{marker}","to":"alice"}`,
    ],
    token: 'token-alice',
    strangerToken: 'token-bob',
    origin: 'http://app.example',
    overflow: 300,
    restart: server.restart,
    timeoutMs: 2_000,
    ...more,
  });
}

/** Its messages name no epoch, it acknowledges nothing, and its token is in the address. */
const NOT_OF_IT = ['epochs', 'one-log', 'ack-number', 'auth-join'];

test('a server that counts globally and says all of its log', async () => {
  const outcome = await checkGlobalCounter({});
  expect(outcome).toEqual({ failed: [], unchecked: NOT_OF_IT, said: '' });
});

test.each<[NonNullable<Options['defects']>[number], string[], RegExp]>([
  [
    'live-numbers-per-connection',
    ['same-number', 'live-recovered'],
    /live-recovered: m\d+ came live as \d+ .* counted for each connection, the log is counted for all/,
  ],
  [
    'unnumbered-http',
    ['numbered', 'offline', 'concurrent'],
    /^numbered: no usable number on messages by POST [^,]*$/m,
  ],
  [
    'since-inclusive',
    ['since-exclusive', 'nothing-new'],
    /^since-exclusive: since \d+ \S+ gave \d+ \(m\d+\) again$/m,
  ],
  [
    'two-steps',
    ['live-order', 'settled'],
    /^settled: a page since \d+ reached to \d+ without \d+, which came into the log/m,
  ],
  [
    'same-epoch',
    ['restart'],
    /^restart: \d+ was the newest number, then \d is new, and the epoch is still/,
  ],
  ['open-recovery', ['auth-without', 'auth-wrong'], /^auth-without: status 200$/m],
  [
    'silent-overflow',
    ['overflow'],
    /^overflow: since \d+ the answer of .* begins with \d+, .* says that it is complete/,
  ],
  ['numbers-only-when-connected', ['offline'], /^offline: not in the log of .*: m\d+ by POST/],
  ['keeps-only-what-was-sent', ['offline'], /^offline: not in the log of .*: m\d+ by POST/],
  [
    'number-per-recipient',
    ['one-number', 'offline'],
    /^one-number: m1 is 1 and 2 and 3 in the log/m,
  ],
  ['leaks', ['auth-stranger'], /^auth-stranger: status 200, with \d+ of the messages$/],
  [
    'numbers-in-blocks',
    ['rising', 'concurrent', 'overflow'],
    /^rising: m3 is 2 and was published after m2, which is 1000$/m,
  ],
  ['epoch-of-question', ['other-epoch', 'restart'], /^other-epoch: asked .*, from \d+ on$/m],
])('%s', async (defect, rules, words) => {
  const { failed, said } = await checkGlobalCounter({ defects: [defect] });
  expect(failed).toEqual(rules);
  expect(said).toMatch(words);
});

test('heartbeats that are ahead of the log', async () => {
  const options: Options = { defects: ['heartbeat-ahead'], heartbeatMs: 2 };
  const { failed, said } = await checkGlobalCounter(options);
  expect(failed).toEqual(['head']);
  expect(said).toMatch(/^head: heads on #\d .* says \d+, the log ends at \d+$/);
});

test('the same server as it is commonly found', async () => {
  const mapped = {
    oneChannel: true,
    joined: 'connected',
    numbering: 'monotonic',
    fields: { seq: 'sequence_number', data: 'content' },
  };
  const { failed, said } = await checkGlobalCounter({ facts: false }, { mapped });
  expect(failed).toEqual(['control-frames', 'overflow', 'restart']);
  expect(said).toMatch(/^control-frames: 'connected' carries sequence_number 0$/m);
  expect(said).toMatch(
    /^restart: \d+ was the newest number, then \d is new, and there is no epoch$/m,
  );
});

type SocketIoOptions = NonNullable<Parameters<typeof startSocketIoServer>[0]>;

async function socketIoServer(options: SocketIoOptions) {
  const server = await startSocketIoServer({ tokens: { good: 'ada' }, ...options });
  atEnd(() => server.close());
  return server;
}

function checkSocketIo(
  servers: readonly Awaited<ReturnType<typeof socketIoServer>>[],
  { mended, ...more }: Given & { readonly mended: boolean },
) {
  return check({
    urls: servers.map(({ origin }) => origin),
    recover: servers.map(({ recoverUrl }) => recoverUrl),
    dialect: (url, end) => {
      const socket = io(url, { autoConnect: false, forceNew: true, transports: ['websocket'] });
      end(() => socket.disconnect());
      return socketIo(socket, {
        acknowledges: mended,
        fields: mended ? { data: 'content', epoch: 'epoch' } : { data: 'content' },
        ...(mended && { events: { heads: 'heads' } }),
      });
    },
    send: [
      ...(mended ? ['publish'] : []),
      ...servers.map((server, i) => ({
        name: `publish() ${i}`,
        send: ({ channel, marker }: { channel: string; marker: string }) =>
          server.publish(channel, marker),
      })),
    ],
    token: 'good',
    origin: 'http://app.example',
    timeoutMs: 2_000,
    ...more,
  });
}

test('Socket.IO with a log', async () => {
  const server = await socketIoServer({ log: memoryLog({ maxLength: 250 }) });
  const restart = () => server.restart();
  const outcome = await checkSocketIo([server], { mended: true, overflow: 300, restart });
  expect(outcome).toEqual({
    failed: [],
    unchecked: ['one-log', 'auth-stranger', 'auth-join'],
    said: '',
  });
});

test('two of Socket.IO with one log in Redis', async () => {
  const prefix = ownPrefix();
  const start = async () => {
    const { client, log } = await logOn(redis, { prefix, maxLength: 250 });
    const adapter = createAdapter(client, { streamName: `${prefix}io` });
    return socketIoServer({ log, io: { adapter } });
  };
  const servers = [await start(), await start()];
  const outcome = await checkSocketIo(servers, { mended: true, overflow: 300 });
  expect(outcome).toEqual({
    failed: [],
    unchecked: ['restart', 'auth-stranger', 'auth-join'],
    said: '',
  });
});

test('Socket.IO with a Map', async () => {
  const server = await socketIoServer({});
  const restart = () => server.restart();
  const { failed, said } = await checkSocketIo([server], { mended: false, restart });
  expect({ failed, said }).toEqual({
    failed: ['restart'],
    said: expect.stringMatching(
      /^restart: \d+ was the newest number, then \d is new, and there is no epoch$/,
    ),
  });
});
