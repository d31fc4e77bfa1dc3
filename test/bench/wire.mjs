// What the servers of the clients here say, as far as a benchmark needs it: the same message in
// everybody's words. Runs in pages and in Node.

/**
 * @typedef {object} Wire
 * @property {readonly string[]} greets sent when a socket opens
 * @property {(text: string) => readonly string[]} answers to one WebSocket message of the client
 * @property {(seq: number, json: string) => string} one a message, as one WebSocket message
 * @property {(first: number, jsons: readonly string[]) => string} [many] several as one, where there is a way
 */

/** Texts are joined from an array: one that is added up would be flattened in the time of its reader. */
const join = (/** @type {readonly (string | number)[]} */ ...parts) => parts.join('');
const J = JSON.stringify;

/** What an app publishes: about 200 bytes as JSON. @param {number} id */
export const data = (id) => ({
  id,
  content:
    'The quick brown fox jumps over the lazy dog, and then it does it once more, for luck and measure.',
  userId: `user-${id % 1_000}`,
  timestamp: 1_700_000_000_000 + id,
});

/** The same as JSON. @param {number} id */
export const payload = (id) => J(data(id));

/** @type {(seq: number, json: string) => string} */
const envelope = (seq, json) => join('{"channel":"room:42","seq":', seq, ',"data":', json, '}');
/** @type {(seq: number, json: string) => string} */
const message = (seq, json) =>
  join(
    '{"type":"message","channel":"room:42","epoch":"k3f9","seq":',
    seq,
    ',"ts":1700000000000,"data":',
    json,
    '}',
  );
/** @type {(seq: number, json: string) => string} */
const publication = (seq, json) =>
  join('{"push":{"channel":"room:42","pub":{"data":', json, ',"offset":', seq, '}}}');
/** @type {(seq: number, json: string) => string} */
const ablyMessage = (_seq, json) => J({ name: 'message', data: json, encoding: 'json' });
/** @type {(first: number, messages: readonly string[]) => string} */
const ablyFrame = (seq, messages) =>
  join(
    ...[
      '{"action":15,"channel":"room:42","id":"c:',
      seq,
      ':0","connectionId":"c","channelSerial":"s',
      seq,
    ],
    ...['","timestamp":1700000000000,"messages":[', messages.join(','), ']}'],
  );
/** @type {(one: (seq: number, json: string) => string) => (first: number, jsons: readonly string[]) => string[]} */
const each = (one) => (first, jsons) => jsons.map((json, i) => one(first + i, json));
/** @type {(one: (seq: number, json: string) => string) => (first: number, jsons: readonly string[]) => string} */
const array = (one) => (first, jsons) => join('[', each(one)(first, jsons).join(','), ']');

const silent = { greets: [], answers: () => [] };

/** By the names of the files in `clients`. @type {Record<string, Wire>} */
export const WIRES = {
  raw: { ...silent, one: (_seq, json) => json },
  envelope: {
    greets: [],
    answers: (text) => [J({ subscribed: JSON.parse(text).subscribe })],
    one: envelope,
    many: array(envelope),
  },
  lastseq: {
    greets: [J({ type: 'welcome', caps: ['recover', 'arrays', 'ping'], heartbeatMs: 3_600_000 })],
    answers(text) {
      const facts = { epoch: 'k3f9', head: 0, oldest: 1 };
      return [JSON.parse(text)].flat().flatMap(({ channel, id, type }) => {
        if (type === 'ping') return [J({ type: 'pong' })];
        return type === 'subscribe' ? [J({ type: 'subscribed', id, channel, ...facts })] : [];
      });
    },
    one: message,
    many: array(message),
  },
  phoenix: {
    greets: [],
    answers(text) {
      const [joinRef, ref, topic, event] = JSON.parse(text);
      if (event !== 'phx_join' && event !== 'heartbeat') return [];
      return [J([joinRef, ref, topic, 'phx_reply', { status: 'ok', response: {} }])];
    },
    one: (_seq, json) => join('[null,null,"room:42","message",', json, ']'),
  },
  anycable: {
    greets: [J({ type: 'welcome', sid: 's1' })],
    answers(text) {
      const { command, identifier } = JSON.parse(text);
      const type = { subscribe: 'confirm_subscription', history: 'confirm_history' }[
        /** @type {string} */ (command)
      ];
      return type === undefined ? [] : [J({ type, identifier })];
    },
    one: (seq, json) =>
      join(
        ...[
          '{"identifier":"{\\"channel\\":\\"$pubsub\\",\\"stream_name\\":\\"room:42\\"}","message":',
          json,
        ],
        ...[',"stream_id":"room:42","epoch":"k3f9","offset":', seq, '}'],
      ),
  },
  'socket.io': {
    greets: [
      `0${J({ sid: 's', upgrades: [], pingInterval: 1e8, pingTimeout: 1e8, maxPayload: 1e6 })}`,
    ],
    answers: (text) => (text.startsWith('40') ? [`40${J({ sid: 's', pid: 'p' })}`] : []),
    // The last argument is what its recovery asks from.
    one: (seq, json) => join('42["message",', json, ',"', seq, '"]'),
  },
  centrifuge: {
    greets: [],
    answers: (text) =>
      text
        .split('\n')
        .map((line) => JSON.parse(line))
        .map(({ connect, id }) =>
          connect
            ? J({ id, connect: { client: 'c', version: '1' } })
            : J({
                id,
                subscribe: { recoverable: true, positioned: true, epoch: 'k3f9', offset: 0 },
              }),
        ),
    one: publication,
    many: (first, jsons) => each(publication)(first, jsons).join('\n'),
  },
  pusher: {
    greets: [
      J({
        event: 'pusher:connection_established',
        data: J({ socket_id: '1.1', activity_timeout: 120 }),
      }),
    ],
    answers(text) {
      const { data, event } = JSON.parse(text);
      if (event !== 'pusher:subscribe') return [];
      return [
        J({ event: 'pusher_internal:subscription_succeeded', channel: data.channel, data: '{}' }),
      ];
    },
    one: (_seq, json) => join('{"event":"message","channel":"room-42","data":', J(json), '}'),
  },
  ably: {
    greets: [
      J({
        action: 4,
        connectionId: 'c',
        connectionKey: 'k',
        connectionDetails: {
          connectionKey: 'k',
          clientId: 'bench',
          connectionStateTtl: 120_000,
          maxIdleInterval: 0,
        },
      }),
    ],
    answers(text) {
      const { action, channel } = JSON.parse(text);
      return action === 10 ? [J({ action: 11, channel, channelSerial: 's0', flags: 0 })] : [];
    },
    one: (seq, json) => ablyFrame(seq, [ablyMessage(seq, json)]),
    many: (first, jsons) =>
      ablyFrame(
        first,
        jsons.map((json, i) => ablyMessage(first + i, json)),
      ),
  },
};
