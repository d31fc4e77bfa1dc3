// What an error says, and where it goes when nobody listens.
import { afterEach, expect, test, vi } from 'vitest';
import { LastseqError, type Channel, type Client, type ErrorCode } from '../../src/index.js';
import { setup } from './harness.js';

afterEach(() => {
  vi.restoreAllMocks();
});

test.each<[ErrorCode, object, string]>([
  ['unauthorized', {}, 'unauthorized'],
  ['connection_refused', { closeCode: 4403 }, 'connection refused: closeCode 4403'],
  ['handler_timeout', { channel: 'room' }, 'handler timeout: channel "room"'],
  [
    'gap_unhandled',
    { channel: 'room', from: 3, to: undefined, reason: 'epoch' },
    'gap unhandled: channel "room", from 3, reason "epoch"',
  ],
  [
    'schema',
    { channel: 'room', seq: 2, issues: ['not 5'] },
    // Issues may quote the data, and messages are logged.
    'schema: channel "room", seq 2',
  ],
])('%s is worded from its details: %j', (code, details, text) => {
  expect(new LastseqError(code, details as never).message).toBe(text);
});

const cycle: unknown[] = [];
cycle.push(cycle);

test.each<[unknown, string]>([
  ['it is "5"', '"it is \\"5\\""'],
  ['x'.repeat(201), `"${'x'.repeat(200)}"`],
  [NaN, 'NaN'],
  [5n, '5'],
  [null, 'null'],
  [undefined, 'undefined'],
  [() => 'secret', 'a function'],
  [Symbol('s'), 'Symbol(s)'],
  [{ a: [1] }, '{"a":[1]}'],
  [{ a: 'x'.repeat(300) }, `{"a":"${'x'.repeat(194)}`],
  [cycle, '[object Array]'],
])('a value of any kind is quoted so that it is recognised, and not at length', (value, quoted) => {
  const { message } = new LastseqError('bad_option', { option: 'o', value, expected: 'x' });
  expect(message).toBe(`bad option: option "o", value ${quoted}, expected "x"`);
});

test('without reportError, as in Node, the console has what nobody listens for', async () => {
  vi.stubGlobal('reportError', undefined);
  const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const { room, publishTo, pass } = setup({ deaf: true });
  room({ start: 'earliest' }).subscribe(() => {
    throw new Error('bug in the app');
  });
  await pass();
  publishTo(1);
  await pass();
  expect(printed.mock.calls).toMatchObject([[{ code: 'handler_failed' }]]);
});

test('who closes the client at the first error is not told the others of that moment as uncaught', async () => {
  const { client, errors, network, room, pass } = setup();
  const names = ['one', 'two', 'three'];
  for (const name of names) room({}, name).subscribe(() => undefined);
  await pass();
  client.on('error', () => void client.close());
  const refusal = { type: 'unsubscribed', code: 'forbidden', retry: false };
  network.socket.receive(names.map((channel) => ({ ...refusal, channel })));
  // That nothing was reported as uncaught is asked after every test.
  expect(errors).toEqual(['channel_refused']);
});

test.each<[(channel: Channel, client: Client) => unknown, string]>([
  [
    (_, client) => client.channel(''),
    'bad option: option "channel", value "", expected "a channel name of 1 to 255 bytes of UTF-8 without control characters"',
  ],
  [
    (_, client) => client.on('gap' as never, () => undefined),
    'bad option: option "event", value "gap", expected "one of state, error, storage"',
  ],
  [
    (channel) => channel.on('state', 5 as never),
    'bad option: option "handler", value 5, expected "a function"',
  ],
  [
    (channel) => channel.subscribe({ message: 5 } as never),
    'bad option: option "handlers", value {"message":5}, expected "a function, or { message, gap? } of functions"',
  ],
  [
    (channel) => channel.publish(1, { timeoutMs: 0 }),
    'bad option: option "timeoutMs", value 0, expected "a number >= 1"',
  ],
  [
    (channel) => channel.publish(1, { key: '' }),
    'bad option: option "key", value "", expected "a string of 1 to 255 bytes of UTF-8"',
  ],
  [
    (channel) => channel.publish(() => 1),
    'bad option: option "data", value a function, expected "a value that JSON can carry"',
  ],
  [
    (channel) => channel.close().then(() => channel.items()),
    'closed: what "the handle of channel room"',
  ],
])('what is given with a call is named, with what it has to be: %s', async (call, message) => {
  const { client, room } = setup();
  const result = Promise.resolve().then(() => call(room(), client));
  await expect(result).rejects.toMatchObject({ message });
});
