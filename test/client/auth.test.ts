import { expect, test, vi } from 'vitest';
import { LastseqError, type ConnectionState } from '../../src/index.js';
import type { HistoryQuestion } from '../../src/testing/index.js';
import { deferred, outcome, setup, type SetupOptions } from './harness.js';

/** A client whose token provider is scripted. */
function withToken(
  token: (n: number, refresh: boolean) => string | Promise<string>,
  more: SetupOptions = {},
) {
  const asked: boolean[] = [];
  const states: ConnectionState[] = [];
  const log: string[] = [];
  const world = setup({
    ...more,
    options: {
      token: ({ refresh }) => token(asked.push(refresh), refresh),
      logger: (entry) => log.push(JSON.stringify(entry)),
      ...more.options,
    },
  });
  world.client.on('state', (state) => void states.push(state));
  const room = world.room({ start: 'earliest' });
  room.subscribe(() => undefined);
  return { ...world, room, asked, states, log };
}

test('the token is asked for at every attempt, and shown first on the socket', async () => {
  const { asked, client, network, server, pass } = withToken((n) => `token-${n}`);
  await pass(1_000);
  expect(network.socket.sent.map((text) => JSON.parse(text).type)).toEqual(['auth', 'subscribe']);
  server.cut();
  await pass(5_000);
  expect(asked).toEqual([false, false]);
  expect(network.sockets.map(({ sent }) => JSON.parse(sent[0] ?? ''))).toEqual([
    { type: 'auth', token: 'token-1' },
    { type: 'auth', token: 'token-2' },
  ]);
  await client.close();
});

test('a question for the token is asked once, however many wait for it', async () => {
  const gate = deferred<string>();
  const { asked, client, page, room, network, pass } = withToken(() => gate.promise);
  client.connect();
  room.subscribe(() => undefined);
  page.tell('visible');
  await pass(5_000);
  expect(asked).toEqual([false]);
  gate.resolve('t');
  await pass();
  expect(network.sockets).toHaveLength(1);
});

test.each<[string, (n: number) => string | Promise<string>]>([
  ['throws', () => Promise.reject(new Error('auth server down'))],
  [
    'throws at once',
    () => {
      throw new Error('auth server down');
    },
  ],
  ['is empty', () => ''],
  ['is no string', () => 5 as never],
  ['is undefined', () => undefined as never],
])('a provider that %s is asked again with backoff, and told', async (_, fails) => {
  const { asked, client, errors, network, states, pass } = withToken((n) =>
    n < 4 ? fails(n) : 'token',
  );
  await pass(60_000);
  expect(errors).toEqual(Array(3).fill('token_failed'));
  expect(asked).toHaveLength(4);
  expect(network.sockets).toHaveLength(1);
  expect(states.filter(({ name }) => name === 'waiting')).toEqual(
    Array(3).fill({ name: 'waiting', reason: 'token', retryInMs: expect.any(Number) }),
  );
  await client.close();
});

test('a provider that hangs times out; its late answer does not replace a newer token', async () => {
  const late = deferred<string>();
  const shown: unknown[] = [];
  const world = withToken((n) => (n === 1 ? late.promise : `token-${n}`), {
    options: { recover: 'https://example.test/recover' },
    ports: {
      history: {
        fetch: (question) => {
          shown.push(question.token);
          return world.server.history.fetch(question);
        },
      },
    },
  });
  const { errors, publishTo, room, server, pass } = world;
  await pass(10_000);
  expect(errors).toEqual(['token_failed']);
  await pass(2_000);
  late.resolve('token-1');
  await pass();
  server.dropNext(1);
  publishTo(2);
  await pass(1_000);
  expect(shown).toEqual(['token-2']);
  expect(room.position?.seq).toBe(2);
});

test.each([
  ['a close code', (world: ReturnType<typeof withToken>) => world.server.cut(4401)],
  [
    'an error frame',
    (world: ReturnType<typeof withToken>) =>
      world.server.send({ type: 'error', code: 'unauthorized', retry: false }),
  ],
])(
  'trap 8: a token refused by %s is refreshed once, and refused again is final',
  async (_, refuse) => {
    const world = withToken((n) => `token-${n}`);
    const { asked, client, errors, network, page, pass } = world;
    await pass();
    refuse(world);
    expect(client.state.name).toBe('connecting');
    // The second is refused before the server has served us.
    network.onSend = () => undefined;
    await pass();
    expect(asked).toEqual([false, true]);
    network.onSend = () => undefined;
    network.socket.receive({ type: 'error', code: 'unauthorized', retry: false });
    expect(client.state).toEqual({ name: 'unauthorized' });
    expect(errors).toEqual(['unauthorized']);
    for (const signal of ['visible', 'online', 'pageshow', 'resume'] as const) page.tell(signal);
    await pass(600_000);
    expect([asked.length, network.sockets.length]).toEqual([2, 2]);
    client.connect();
    await pass();
    expect([asked.length, client.state.name]).toEqual([3, 'open']);
  },
);

test('a refresh that is accepted is forgotten: the next refusal is a first one', async () => {
  const { asked, client, server, pass } = withToken((n) => `token-${n}`);
  await pass();
  for (let i = 0; i < 5; i += 1) {
    server.cut(4401);
    await pass(60_000);
    server.beat();
  }
  expect(client.state.name).toBe('open');
  expect(asked[0]).toBe(false);
  expect(asked.slice(1).every(Boolean)).toBe(true);
});

test('a publish that is acknowledged is an acceptance: a client that joins nothing has no other', async () => {
  const asked: boolean[] = [];
  const { client, room, server, pass } = setup({
    options: { token: ({ refresh }) => `token-${asked.push(refresh)}` },
  });
  for (let i = 1; i <= 4; i += 1) {
    const sent = outcome(room().publish(i, { timeoutMs: 60_000 }));
    await pass(20_000);
    expect(sent.value).toEqual({ epoch: 'e1', seq: i });
    // The token has run out.
    server.cut(4401);
    await pass(20_000);
    server.beat();
  }
  expect(client.state.name).toBe('open');
  expect(asked).toEqual([false, true, true, true, true]);
});

test('a provider that says `unauthorized` is final', async () => {
  const { client, errors, network, asked, pass } = withToken(() =>
    Promise.reject(new LastseqError('unauthorized', {})),
  );
  await pass(600_000);
  expect(client.state).toEqual({ name: 'unauthorized' });
  expect([errors, asked.length, network.sockets.length]).toEqual([['unauthorized'], 1, 0]);
});

test('one that says it with the class of another copy of the package is final as well', async () => {
  vi.resetModules();
  const copy = await import('../../src/index.js');
  expect(copy.LastseqError).not.toBe(LastseqError);
  const { client, errors, pass } = withToken(() =>
    Promise.reject(new copy.LastseqError('unauthorized', {})),
  );
  await pass(60_000);
  expect([client.state, errors]).toEqual([{ name: 'unauthorized' }, ['unauthorized']]);
});

test.each([
  ['a LastseqError of another code', new LastseqError('timeout', { detail: 'slow' })],
  ['an error of another class', Object.assign(new Error('no'), { code: 'unauthorized' })],
  ['nothing', undefined],
  ['what has no text', Object.create(null)],
])('a provider that fails with %s is asked again', async (_, error) => {
  const { client, errors, pass } = withToken((n) => (n === 1 ? Promise.reject(error) : 'token'));
  await pass(10_000);
  expect(client.state).toEqual({ name: 'open' });
  expect(errors).toEqual(['token_failed']);
});

test('without a provider a refusal is final at once', async () => {
  const { client, errors, network, room, server, pass } = setup();
  room().subscribe(() => undefined);
  await pass();
  server.cut(4401);
  await pass(600_000);
  expect(client.state).toEqual({ name: 'unauthorized' });
  expect([errors, network.sockets.length]).toEqual([['unauthorized'], 1]);
});

test('401 of the recovery call refreshes once, and the recovery goes on with the new token', async () => {
  const questions: HistoryQuestion[] = [];
  const world = withToken((n) => `token-${n}`, {
    options: { recover: 'https://example.test/recover' },
    ports: {
      history: {
        fetch: (question) => {
          questions.push(question);
          return question.token === 'token-1'
            ? Promise.resolve({ status: 401 })
            : world.server.history.fetch(question);
        },
      },
    },
  });
  const { asked, client, room, publishTo, pass } = world;
  publishTo(3);
  await pass(10_000);
  expect(asked).toEqual([false, true]);
  expect(questions.map(({ token }) => token)).toEqual(['token-1', 'token-2']);
  expect(client.state).toEqual({ name: 'open' });
  expect(room.position?.seq).toBe(3);
});

test('403 of the recovery call fails that channel alone', async () => {
  const world = setup({
    options: { recover: 'https://example.test/recover' },
    ports: {
      history: {
        fetch: (question) =>
          question.channel === 'secret'
            ? Promise.resolve({ status: 403 })
            : world.server.history.fetch(question),
      },
    },
  });
  const { client, errors, publishTo, room, sent, pass } = world;
  publishTo(2, 'secret');
  publishTo(2, 'open');
  const [secret, open] = [
    room({ start: 'earliest' }, 'secret'),
    room({ start: 'earliest' }, 'open'),
  ];
  secret.subscribe(() => undefined);
  open.subscribe(() => undefined);
  await pass(60_000);
  expect(secret.state).toEqual({ name: 'failed', code: 'forbidden' });
  expect(open.state).toEqual({ name: 'live' });
  expect(errors).toEqual(['channel_refused']);
  expect(client.state).toEqual({ name: 'open' });
  expect(sent('unsubscribe')).toEqual([{ type: 'unsubscribe', channel: 'secret' }]);
});

test('the token is in no log entry, no error and no address', async () => {
  const secret = 's3cr3t';
  const { network, log, reports, server, publishTo, pass } = withToken((n) => `${secret}-${n}`, {
    options: { recover: 'https://example.test/recover' },
    ports: { history: { fetch: () => Promise.reject(new Error('network')) } },
  });
  publishTo(3);
  await pass(10_000);
  server.cut(4401);
  await pass(10_000);
  expect(log.length).toBeGreaterThan(5);
  expect(log.join()).not.toContain(secret);
  expect(reports.map(String).join()).not.toContain(secret);
  expect(network.sockets.map((socket) => socket.url).join()).not.toContain(secret);
});
