import { expect, test, vi } from 'vitest';
import {
  createClient,
  LastseqError,
  mappedDialect,
  type ChannelOptions,
  type ClientOptions,
} from '../../src/index.js';
import { DEFAULT_SETTINGS } from '../../src/core/settings.js';
import {
  resolveChannelOptions,
  resolveOptions,
  settingsOf,
  traceLimitsOf,
} from '../../src/options.js';
import { setup, thrown } from './harness.js';

const url = 'wss://example.test/realtime';

/** What an option has to be, as the error says it. */
const CLIENT = new Map([
  ['url', 'an address, a URL, or a function'],
  ['recover', 'an address, a URL, or a function'],
  ['token', 'a function'],
  ['namespace', 'a string'],
  ['dialect', 'a dialect'],
  ['logger', 'a function'],
  ['reorderWindowMs', 'a number from 0 to 5000'],
  ['handlerTimeoutMs', 'a number from 1 to Infinity, or false'],
  ['giveUpAfterMs', 'a number from 1 to Infinity, or false'],
  ['connectTimeoutMs', 'a number from 100 to 120000'],
  ['maxBackoffMs', 'a number from 1000 to 3600000'],
  ['flushMs', 'a number from 20 to 60000'],
  ['maxQueued', 'a number from 2 to 100000'],
  ['trace', 'a boolean, or { inputs: 1 to 1,000,000, payloads: a boolean }'],
]);
const CHANNEL = new Map([
  ['start', "'stored', 'latest', 'earliest', { last: n } or a Position"],
  ['snapshot', 'a function'],
  ['onHandlerError', "'skip' or 'retry'"],
  ['maxAttempts', 'a number from 1 to 1000'],
  ['commit', "'after' or 'manual'"],
  ['schema', 'a Standard Schema validator'],
]);
const expectedOf = (rules: ReadonlyMap<string, string>, option: string): string =>
  rules.get(option) ?? `one of ${[...rules.keys()].join(', ')}`;

test.each<[string, unknown]>([
  ['url', 5],
  ['url', ''],
  ['url', null],
  ['recover', 5],
  ['recover', null],
  ['token', 'a token'],
  ['namespace', 7],
  ['dialect', {}],
  ['dialect', 'socketIo'],
  ['logger', console],
  ['reorderWindowMs', -1],
  ['reorderWindowMs', 5_001],
  ['handlerTimeoutMs', 0],
  ['handlerTimeoutMs', true],
  ['giveUpAfterMs', 0],
  ['connectTimeoutMs', 99],
  ['connectTimeoutMs', NaN],
  ['connectTimeoutMs', '5000'],
  ['connectTimeoutMs', false],
  ['maxBackoffMs', 999],
  ['flushMs', 19],
  ['maxQueued', 1],
  ['trace', { inputs: 1_000_001 }],
  ['trace', { payload: true }],
  ['maxQueue', 100],
  ['constructor', 1],
])('createClient refuses a bad %s, and says so: %j', (option, value) => {
  const error = thrown(() => createClient({ url, [option]: value } as never));
  expect(error).toBeInstanceOf(LastseqError);
  expect(error).toMatchObject({ name: 'LastseqError', code: 'bad_option' });
  expect(error.details).toEqual({ option, value, expected: expectedOf(CLIENT, option) });
  expect(error.message).toContain(`option "${option}"`);
  if (typeof value === 'number') expect(error.message).toContain(`value ${value}`);
});

test('a missing url, and options that are none, are refused', () => {
  for (const options of [{}, { url: undefined }]) {
    expect(thrown(() => createClient(options as never)).details).toMatchObject({ option: 'url' });
  }
  for (const options of [undefined, null, 'wss://example.test']) {
    const { details } = thrown(() => createClient(options as never));
    expect(details).toEqual({ option: 'options', value: options, expected: 'an object' });
  }
  const { details } = thrown(() => setup().client.channel('room', 'latest' as never));
  expect(details).toMatchObject({ option: 'channel options', value: 'latest' });
});

test('a value that is missing is quoted as well', () => {
  expect(thrown(() => createClient({} as never)).message).toContain('"url", value undefined,');
  const { client } = setup();
  const error = thrown(() => client.channel(undefined as never));
  expect(error.message).toContain('"channel", value undefined,');
});

test('options that are undefined are left out', () => {
  const options = { url, token: undefined, maxQueued: undefined, recover: undefined };
  expect(createClient(options).state).toEqual({ name: 'idle' });
});

test.each<[string, unknown]>([
  ['start', 'newest'],
  ['start', { last: 0 }],
  ['start', { last: 1.5 }],
  ['start', { epoch: '', seq: 1 }],
  ['start', { epoch: 'e', seq: -1 }],
  ['start', 5],
  ['snapshot', 'yes'],
  ['onHandlerError', 'ignore'],
  ['maxAttempts', 0],
  ['commit', 'before'],
  ['schema', { parse: () => undefined }],
  ['strat', 'latest'],
])('channel refuses a bad %s: %j', (option, value) => {
  const { client } = setup();
  const error = thrown(() => client.channel('room', { [option]: value } as never));
  const expected = expectedOf(CHANNEL, option);
  expect(error).toMatchObject({ code: 'bad_option', details: { option, value, expected } });
  expect(client.channel('room').state).toEqual({ name: 'idle' });
});

test('what is left out of the options has its default', () => {
  const defaults = { onHandlerError: 'skip', commit: 'after', schema: undefined };
  const resolved = { snapshot: undefined, ...defaults };
  const given = { ...resolved, start: 'stored', maxAttempts: 5 };
  const intent = { start: 'stored', snapshot: false, maxAttempts: 5 };
  expect(resolveChannelOptions({})).toEqual({ ...resolved, intent });
  expect(resolveChannelOptions(given as ChannelOptions)).toEqual({ ...resolved, intent });
  const snapshot = (): undefined => undefined;
  const latest = { ...intent, start: 'latest', snapshot: true };
  expect(resolveChannelOptions({ snapshot })).toEqual({
    ...defaults,
    snapshot,
    intent: latest,
  });
  const traced = traceLimitsOf(resolveOptions({ url, trace: true }));
  expect(traced).toEqual({ inputs: 10_000, payloads: false });
});

test('a dialect says by what rules the client goes; the one of the protocol offers it by name', () => {
  const native = resolveOptions({ url });
  expect(native.dialect.protocols).toEqual(['lastseq.v1']);
  expect(settingsOf(native)).toEqual(DEFAULT_SETTINGS);
  const mapped = mappedDialect({ numbering: 'monotonic', pollMs: 5_000 });
  const foreign = resolveOptions({ url, recover: url, dialect: mapped });
  expect(settingsOf(foreign)).toEqual({
    ...DEFAULT_SETTINGS,
    numbering: 'monotonic',
    epochs: false,
    pollMs: 5_000,
    carrier: 'fetch',
  });
});

test('an event that there is not, and a handler that is none, are refused', () => {
  const { client } = setup();
  const channel = client.channel('room');
  for (const target of [client, channel] as { on: (...args: unknown[]) => unknown }[]) {
    for (const event of ['message', 'gap', 'toString', '', undefined, ['state']]) {
      const error = thrown(() => target.on(event, () => undefined));
      expect(error).toMatchObject({
        code: 'bad_option',
        details: { option: 'event', value: event },
      });
    }
    for (const handler of [undefined, null, {}]) {
      const error = thrown(() => target.on('state', handler));
      expect(error).toMatchObject({
        code: 'bad_option',
        details: { option: 'handler', value: handler },
      });
    }
  }
  expect(thrown(() => channel.on('storage' as never, () => undefined)).code).toBe('bad_option');
  expect(() => client.on('storage', () => undefined)).not.toThrow();
});

test('numbers of any kind are quoted', () => {
  expect(thrown(() => createClient({ url, namespace: 5n as never })).message).toContain('value 5,');
});

test.each(['', 'a\nb', '\u007f', 'x'.repeat(256), 'ü'.repeat(128), undefined, 5, null])(
  'a channel name that no server takes is refused: %j',
  (name) => {
    const { client } = setup();
    const error = thrown(() => client.channel(name as never));
    expect(error).toMatchObject({
      code: 'bad_option',
      details: { option: 'channel', value: name },
    });
  },
);

test.each(['x'.repeat(255), `${'ü'.repeat(127)}x`, '€'.repeat(85)])(
  'a channel name of 255 bytes is taken: %s',
  (name) => {
    expect(setup().client.channel(name).name).toBe(name);
  },
);

test('a message of an error is short, whatever the value', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const value of [cycle, Symbol('s'), () => 1, 5n, { a: 'x'.repeat(9_999) }]) {
    const { message } = thrown(() => createClient({ url, namespace: value } as never));
    expect(message.length).toBeLessThan(400);
  }
});

test('trap 22: a client that is only made is inert', () => {
  const touched: string[] = [];
  const spies = [
    vi.spyOn(globalThis, 'setTimeout'),
    vi.spyOn(globalThis, 'setInterval'),
    vi.spyOn(globalThis, 'addEventListener'),
    vi.spyOn(globalThis, 'fetch'),
    vi.spyOn(document, 'addEventListener'),
    vi.spyOn(indexedDB, 'open'),
  ];
  vi.stubGlobal('WebSocket', function WebSocket() {
    touched.push('WebSocket');
  });
  const client = createClient({ url, token: () => (touched.push('token'), 't') });
  const channel = client.channel('room', { start: 'stored' });
  channel.on('state', () => undefined);
  client.on('error', () => undefined);
  expect([channel.position, channel.state, client.stats().delivered]).toEqual([
    undefined,
    { name: 'idle' },
    0,
  ]);
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  expect(touched).toEqual([]);
  vi.restoreAllMocks();
});

test('nothing happens before connect() or the first subscription', async () => {
  const { client, clock, network, page, room, store, pass } = setup();
  room().on('state', () => undefined);
  await pass(60_000);
  expect([network.sockets.length, page.listeners.size, store.loads, clock.pending]).toEqual([
    0, 0, 0, 0,
  ]);
  client.connect();
  expect([network.sockets.length, page.listeners.size]).toEqual([1, 1]);
});

test.each<Partial<ClientOptions>>([
  { maxQueued: 2 },
  { handlerTimeoutMs: false },
  { giveUpAfterMs: false },
  { flushMs: 20 },
  { trace: { inputs: 1_000_000 } },
])('the bounds themselves are fine: %j', (options) => {
  expect(createClient({ url, ...options }).state.name).toBe('idle');
});
