// A hundred thousand frames that are almost right: valid ones with a field changed, lost, doubled or
// swapped, and some with a byte of their text changed. Frames of pure rubbish are in test/server.
import { connect as connectTcp, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { connect, recover, startHub, until, type Client, type Frame } from '../server/harness.js';
import { dice } from './dice.js';

const FRAMES = 100_000;
const CONNECTIONS = 8;
const PER_MESSAGE = 50;
const seed = Number(process.env.TEST_SEED ?? 20_261_121);

const VALID: readonly Frame[] = [
  { type: 'subscribe', id: 1, channel: 'room:1' },
  { type: 'subscribe', id: 2, channel: 'b' },
  { type: 'unsubscribe', channel: 'b' },
  { type: 'publish', id: 3, channel: 'room:1', key: 'k', data: { text: 'hi' } },
  { type: 'publish', id: 4, channel: 'b', data: [1] },
  {
    type: 'recover',
    id: 5,
    limit: 3,
    items: [
      { channel: 'room:1', epoch: 'e', since: 0 },
      { channel: 'b', epoch: 'e', since: 3 },
    ],
  },
  { type: 'auth', token: 'ann' },
  { type: 'ping' },
];

const ODD: readonly unknown[] = [
  undefined,
  null,
  false,
  0,
  -0,
  -1,
  0.1,
  2 ** 53 - 1,
  2 ** 53,
  1e308,
  '',
  '0',
  '1e400',
  'room:1 ',
  '__proto__',
  'constructor',
  'a/../b',
  'a\u0000b',
  '\ud800',
  '\u{1f600}'.repeat(70),
  'x'.repeat(256),
  [],
  [[1]],
  {},
  { length: 2 ** 31 },
  { toString: null, valueOf: null },
  { toJSON: 'x' },
  Array(600).fill({ channel: 'b', epoch: 'e', since: 0 }),
];

it(`${FRAMES} mutated frames leave no trace in the hub (seed ${seed})`, async () => {
  const { url, port, hub, log, server } = await startHub({
    authorize: async ({ channel, token }) => {
      await Promise.resolve();
      if (channel === '0') return 'forbidden';
      return { principal: token };
    },
    heartbeatMs: 100,
  });
  const { epoch } = log.facts('room:1');
  const { below, chance, next, pick } = dice(seed);

  const mutateFields = (frame: Frame): Frame => {
    const fields: Frame = { ...frame };
    for (let times = 1 + below(3); times > 0; times -= 1) {
      const field = pick(Object.keys(fields));
      switch (below(5)) {
        case 0:
          delete fields[field];
          break;
        case 1:
          fields[pick(['type', 'id', 'channel', 'key', 'data', 'items', 'token', 'limit'])] =
            pick(ODD);
          break;
        case 2:
          fields[field] = pick(Object.values(pick(VALID)));
          break;
        case 3:
          if (Array.isArray(fields.items)) {
            fields.items = fields.items.map((item) =>
              chance(0.5)
                ? pick(ODD)
                : { ...item, [pick(['channel', 'epoch', 'since'])]: pick(ODD) },
            );
          } else fields[field] = pick(ODD);
          break;
        default:
          fields[field] = [fields[field]];
      }
      if (Object.keys(fields).length === 0) fields.type = pick(ODD);
    }
    return fields;
  };
  const mutateText = (text: string): string => {
    const at = below(text.length);
    const replacement = pick(['"', '{', ']', ',', '\\', '\u0000', '\u2028', '9', '', text]);
    return text.slice(0, at) + replacement + text.slice(at + below(3));
  };

  const witness = await connect(url);
  await witness.subscribe('room:1');
  let sent = 0;
  let published = 0;

  const attack = async (): Promise<void> => {
    let client: Client | undefined;
    while (sent < FRAMES) {
      if (client?.socket.readyState !== 1) client = await connect(url);
      const count = Math.min(chance(0.1) ? 1 : PER_MESSAGE, FRAMES - sent);
      sent += count;
      const frames = Array.from({ length: count }, () => mutateFields(pick(VALID)));
      const text = JSON.stringify(count === 1 ? frames[0] : frames);
      client.socket.send(chance(0.1) ? mutateText(text) : text);
      if (chance(0.02)) client.socket.terminate();
      if (chance(0.1)) {
        published += 1;
        log.append('room:1', { mark: published });
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Everything that was sent is handled before the end is counted.
    if (client?.socket.readyState === 1) {
      client.send({ type: 'ping' });
      await Promise.race([client.next('pong'), client.closed]);
    }
    client?.socket.terminate();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, attack));

  // Bytes that are no WebSocket frames, after a handshake that was one.
  const sockets: Socket[] = [];
  const { accepted } = hub.stats();
  for (let i = 0; i < 200; i += 1) {
    const socket = connectTcp({ port, host: '127.0.0.1' });
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(
      'GET /realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    socket.write(
      Buffer.from(Array.from({ length: 1 + below(200) }, () => Math.floor(next() * 256))),
    );
    if (chance(0.5)) socket.end();
  }
  await until(() => hub.stats().accepted === accepted + 200);
  for (const socket of sockets) socket.destroy();

  await until(() => hub.stats().connections === 1);
  expect(hub.stats()).toMatchObject({
    subscriptions: 1,
    channels: 1,
    errors: 0,
    slowConsumers: 0,
    floods: 0,
  });
  expect(hub.stats().badFrames).toBeGreaterThan(FRAMES / 4);
  const open = promisify(server.getConnections.bind(server)) as () => Promise<number>;
  let left = await open();
  while (left > 1) left = await open();

  const { seq } = log.append('room:1', 'end');
  while ((await witness.next('message')).data !== 'end');
  const messages = witness.frames.filter(({ type }) => type === 'message');
  expect(messages.map((message) => message.seq)).toEqual(
    Array.from({ length: seq }, (_, i) => i + 1),
  );
  const marks = messages.map(({ data }) => data?.mark).filter((mark) => mark !== undefined);
  expect(marks).toEqual(Array.from({ length: published }, (_, i) => i + 1));
  expect(new Set(witness.frames.map(({ type }) => type))).toEqual(
    new Set(['welcome', 'subscribed', 'message', 'heads']),
  );
  expect((await recover(port, { channel: 'room:1', epoch, since: seq })).status).toBe(200);
}, 120_000);
