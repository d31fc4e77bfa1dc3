// @vitest-environment node
/** Each kind of frame: what is read of it, what is left out, and what makes it a bad one. */
import { describe, expect, test } from 'vitest';
import {
  decodeFrame,
  decodeFrames,
  decodePage,
  encodeFrames,
  MAX_FRAME_CHARS,
  pageAnswer,
} from '../../src/core/codec.js';
import type { BadFrame, DecodedFrame, Page } from '../../src/core/frames.js';

const facts = { epoch: 'e', head: 9, oldest: 3 };
const joined = { type: 'subscribed', channel: 'c', ...facts };
const page = { channel: 'c', ...facts, messages: [{ seq: 5, data: 'x' }], more: true };
const read = { ...page, void: [] };

/** What may stand where a name, a number or a list is meant. */
const ODD = [null, 7, -1, 1.5, 2 ** 53, true, '', 'x', [], {}, undefined];
const notName = ODD.filter((value) => typeof value !== 'string');
const notCount = ODD.filter((value) => value !== 7);
const notList = ODD.filter((value) => !Array.isArray(value));
const notRecord = [null, 7, 'x', [], undefined];

const without = (raw: object, field: string): object =>
  Object.fromEntries(Object.entries(raw).filter(([name]) => name !== field));

describe('what a frame is read as', () => {
  test.each<[what: string, raw: object, frame: object]>([
    ['goaway', { type: 'goaway', spreadMs: 250.5 }, { type: 'goaway', spreadMs: 250.5 }],
    ['goaway without a spread', { type: 'goaway' }, { type: 'goaway', spreadMs: 0 }],
    ['goaway with none', { type: 'goaway', spreadMs: -1 }, { type: 'goaway', spreadMs: 0 }],
    ['goaway for ever', { type: 'goaway', spreadMs: Infinity }, { type: 'goaway', spreadMs: 0 }],
    ['goaway in words', { type: 'goaway', spreadMs: '9' }, { type: 'goaway', spreadMs: 0 }],
    ['pong', { type: 'pong', more: 1 }, { type: 'pong' }],
    ['subscribed', joined, joined],
    ['subscribed with an id', { ...joined, id: 0 }, { ...joined, id: 0 }],
    ['subscribed with no id of ours', { ...joined, id: 'x' }, joined],
    ['subscribed to an empty log', { ...joined, oldest: 10 }, { ...joined, oldest: 10 }],
    ['error', { type: 'error' }, { type: 'error', code: 'internal', retry: false }],
    [
      'error in full',
      { type: 'error', code: 'limit', retry: true, id: 3, channel: 'c', message: 'm' },
      { type: 'error', code: 'limit', retry: true, id: 3, channel: 'c', message: 'm' },
    ],
    [
      'error of odd parts',
      { type: 'error', code: 7, retry: 'yes', id: -3, channel: 7, message: 7 },
      { type: 'error', code: 'internal', retry: false },
    ],
    [
      'unsubscribed',
      { type: 'unsubscribed', channel: 'c', code: 'limit', retry: true },
      { type: 'unsubscribed', channel: 'c', code: 'limit', retry: true },
    ],
    [
      'unsubscribed of odd parts',
      { type: 'unsubscribed', channel: 'c', code: 7, retry: 'yes' },
      { type: 'unsubscribed', channel: 'c', code: 'internal', retry: false },
    ],
    ['welcome', { type: 'welcome' }, { type: 'welcome', caps: [], limits: {} }],
    [
      'welcome in full',
      {
        type: 'welcome',
        caps: ['ping', 7],
        heartbeatMs: 0.5,
        retrySpreadMs: 2.5,
        limits: { batch: 5, page: 0 },
      },
      {
        type: 'welcome',
        caps: ['ping'],
        heartbeatMs: 0.5,
        retrySpreadMs: 2.5,
        limits: { batch: 5 },
      },
    ],
    [
      'welcome of odd parts',
      { type: 'welcome', caps: 'ping', heartbeatMs: 0, retrySpreadMs: -1, limits: [5] },
      { type: 'welcome', caps: [], limits: {} },
    ],
    [
      'ack',
      { type: 'ack', id: 0, channel: 'c', epoch: 'e', seq: 4 },
      { type: 'ack', id: 0, channel: 'c', position: { epoch: 'e', seq: 4 } },
    ],
    [
      'heads',
      { type: 'heads', heads: { a: ['e', 0], b: ['e'], c: [7, 1], d: 'e', f: ['e', -1] } },
      { type: 'heads', heads: [{ channel: 'a', epoch: 'e', head: 0 }] },
    ],
    [
      'heads of which a part is not for this reader',
      { type: 'heads', heads: { a: ['e', 9, 1, 9], b: ['e', 9, 1, 0], c: ['e', 9, 1, 10] } },
      {
        type: 'heads',
        heads: [
          { channel: 'a', epoch: 'e', head: 9, visible: 9 },
          { channel: 'b', epoch: 'e', head: 9, visible: 0 },
          { channel: 'c', epoch: 'e', head: 9 },
        ],
      },
    ],
  ])('%s', (_what, raw, frame) => {
    expect(decodeFrame(raw)).toEqual(frame);
  });

  test('a message is the object that came, with what it carries', () => {
    const raw = {
      type: 'message',
      channel: 'c',
      seq: 1,
      data: {},
      id: 'i',
      ts: 5,
      from: 'f',
      x: 1,
    };
    expect(decodeFrame(raw)).toBe(raw);
    const bare = { type: 'message', channel: 'c', epoch: 'e' };
    expect(decodeFrame(bare)).toBe(bare);
  });

  test.each([
    ['id', 7],
    ['ts', '5'],
    ['from', {}],
  ])('a message whose %s is of another kind comes without such names', (field, odd) => {
    const raw = { type: 'message', channel: 'c', seq: 1, data: 'd', [field]: odd };
    expect(decodeFrame(raw)).toEqual({ type: 'message', channel: 'c', seq: 1, data: 'd' });
  });

  test('answers of a recovery are read one by one, and an odd one is left out', () => {
    const items = [
      { status: 200, ...page },
      { status: 200, ...page, messages: 'none' },
      { status: 429, channel: 'c', retryInMs: 1_500 },
      { status: 503, channel: 'c', retryInMs: -1 },
      { status: 429, channel: 'c', retryInMs: 0 },
      { status: 'odd', channel: 'c' },
      { status: 403 },
      'odd',
      null,
    ];
    const reason = 'the answer lacks messages';
    expect(decodeFrame({ type: 'recovered', id: 0, items })).toEqual({
      type: 'recovered',
      id: 0,
      items: [
        { status: 200, page: read },
        { status: 0, channel: 'c', reason, defect: true },
        { status: 429, channel: 'c', retryInMs: 1_500 },
        { status: 503, channel: 'c' },
        { status: 429, channel: 'c', retryInMs: 0 },
        { status: 500, channel: 'c' },
      ],
    });
    const [, , , unavailable] = items.map((item) =>
      decodeFrame({ type: 'recovered', id: 0, items: [item] }),
    );
    expect(JSON.stringify(unavailable)).not.toContain('retryInMs');
  });
});

describe('what makes a frame a bad one', () => {
  const cases: [frame: object, field: string, odd: readonly unknown[]][] = [
    [{ type: 'message', channel: 'c', seq: 1 }, 'channel', notName],
    [{ type: 'message', channel: 'c', seq: 1 }, 'epoch', notName.filter((v) => v !== undefined)],
    [{ type: 'message', channel: 'c', seq: 7, prev: 0 }, 'prev', [null, 7, 8, -1, 1.5, 'x', []]],
    [{ type: 'message', channel: 'c', seq: 7, prev: 6 }, 'seq', [6, undefined]],
    [{ type: 'heads', heads: {} }, 'heads', notRecord],
    [joined, 'channel', notName],
    [joined, 'epoch', [...notName, '']],
    [joined, 'head', notCount],
    [joined, 'oldest', [...notCount, 0, 11]],
    [{ type: 'recovered', id: 1, items: [] }, 'id', notCount],
    [{ type: 'recovered', id: 1, items: [] }, 'items', notList],
    [{ type: 'ack', id: 0, channel: 'c', epoch: 'e', seq: 4 }, 'id', notCount],
    [{ type: 'ack', id: 0, channel: 'c', epoch: 'e', seq: 4 }, 'channel', notName],
    [{ type: 'ack', id: 0, channel: 'c', epoch: 'e', seq: 4 }, 'epoch', notName],
    [{ type: 'ack', id: 0, channel: 'c', epoch: 'e', seq: 4 }, 'seq', [...notCount, 0]],
    [{ type: 'unsubscribed', channel: 'c' }, 'channel', notName],
  ];
  test.each(cases)('%j with an odd %s', (frame, field, odd) => {
    expect(decodeFrame(frame).type).not.toBe('bad');
    for (const value of odd) expect(decodeFrame({ ...frame, [field]: value }).type).toBe('bad');
    const lacks = decodeFrame(without(frame, field));
    const isOptional = ['epoch', 'prev'].includes(field) && frame !== joined && !('id' in frame);
    if (!isOptional) expect(lacks.type).toBe('bad');
  });

  test('a frame is an object of a known type', () => {
    for (const raw of [null, 7, 'pong', undefined, [{ type: 'pong' }], {}, { type: 'pongs' }]) {
      expect(decodeFrame(raw).type).toBe('bad');
    }
  });

  test('whoever sent it is told why, and of which channel, each time in other words', () => {
    const ack = { type: 'ack', id: 0, channel: 'c', epoch: 'e' };
    const bad: (DecodedFrame | Page | BadFrame | undefined)[] = [
      decodeFrame('x'),
      decodeFrame({}),
      decodeFrame({ type: 'heads' }),
      decodeFrame({ type: 'message' }),
      decodeFrame({ type: 'subscribed' }),
      decodeFrame({ type: 'recovered' }),
      decodeFrame({ type: 'unsubscribed' }),
      decodeFrame(ack),
      decodeFrames(7)[0],
      decodeFrames('{')[0],
      decodeFrames(' '.repeat(MAX_FRAME_CHARS + 1))[0],
    ];
    const ofChannel = [
      decodeFrame({ type: 'message', channel: 'c', seq: 0 }),
      decodeFrame({ type: 'message', channel: 'c', seq: 1, prev: 1 }),
      decodeFrame({ type: 'message', channel: 'c', epoch: 7 }),
      decodeFrame({ type: 'subscribed', channel: 'c' }),
      decodePage(7, 'c'),
      decodePage({}, 'c'),
      decodePage({ channel: 'c' }, 'c'),
      decodePage({ channel: 'c', ...facts }, 'c'),
    ];
    for (const frame of bad) expect(frame).toMatchObject({ channel: undefined });
    for (const frame of ofChannel) expect(frame).toMatchObject({ channel: 'c' });
    const why = [...bad, ...ofChannel].map((frame) =>
      frame && 'type' in frame && frame.type === 'bad' ? frame.reason : '',
    );
    expect(new Set(why).size).toBe(why.length);
    expect(why).not.toContain('');
  });
});

describe('a text', () => {
  test('holds one frame, or an array of them of which each stands for itself', () => {
    expect(decodeFrames('{"type":"pong"}')).toEqual([{ type: 'pong' }]);
    expect(decodeFrames('[{"type":"pong"},7,{"type":"pong"}]').map(({ type }) => type)).toEqual([
      'pong',
      'bad',
      'pong',
    ]);
    expect(decodeFrames('[]')).toEqual([]);
  });

  test('is read up to 8 Mi characters', () => {
    expect(MAX_FRAME_CHARS).toBe(8 * 1024 * 1024);
    const pong = '{"type":"pong"}';
    expect(decodeFrames(pong.padEnd(MAX_FRAME_CHARS))).toEqual([{ type: 'pong' }]);
    expect(decodeFrames(pong.padEnd(MAX_FRAME_CHARS + 1))).toMatchObject([{ type: 'bad' }]);
  });

  test('with several questions asks each since its own position', () => {
    const items = [
      { channel: 'a', epoch: 'e', seq: 4 },
      { channel: 'b', epoch: 'f', seq: 0 },
    ];
    const text = encodeFrames([{ type: 'recover', id: 1, items, limit: 50 }, { type: 'ping' }]);
    expect(JSON.parse(text)).toEqual([
      {
        type: 'recover',
        id: 1,
        limit: 50,
        items: [
          { channel: 'a', epoch: 'e', since: 4 },
          { channel: 'b', epoch: 'f', since: 0 },
        ],
      },
      { type: 'ping' },
    ]);
    expect(encodeFrames([])).toBe('[]');
  });
});

describe('a page', () => {
  const decoded = (raw: object) => decodePage(raw, 'c');
  const bodies = (...seqs: readonly number[]) => seqs.map((seq) => ({ seq, data: seq }));
  const seqsOf = (raw: object) => {
    const found = decoded(raw);
    return 'messages' in found ? found.messages.map(({ seq }) => seq) : found;
  };

  test('is read with what it covers', () => {
    expect(decoded(page)).toEqual(read);
    for (const upto of [0, page.head])
      expect(decoded({ ...page, upto })).toEqual({ ...read, upto });
    for (const upto of notCount)
      expect(decoded({ ...page, upto })).toMatchObject({ upto: undefined });
    for (const more of [undefined, 1, 'true'])
      expect(decoded({ ...page, more })).toMatchObject({ more: false });
  });

  test('that is for another channel, or lacks its facts or messages, is none', () => {
    expect(decodePage(page, 'd')).toMatchObject({ type: 'bad', channel: 'd' });
    for (const field of ['channel', 'epoch', 'head', 'oldest', 'messages']) {
      expect(decoded(without(page, field))).toMatchObject({ type: 'bad', channel: 'c' });
    }
    expect(pageAnswer(decodePage(page, 'c'), 'c')).toEqual({ status: 200, page: read });
    expect(pageAnswer(decodePage('<html>', 'c'), 'c')).toMatchObject({
      status: 0,
      channel: 'c',
      defect: true,
    });
  });

  test('has its messages by their numbers, and leaves out what has none', () => {
    expect(seqsOf({ ...page, messages: bodies(7, 5, 6) })).toEqual([5, 6, 7]);
    expect(seqsOf({ ...page, messages: bodies(5, 7, 6) })).toEqual([5, 6, 7]);
    expect(
      seqsOf({ ...page, messages: [...bodies(5), null, { seq: 0 }, 'x', ...bodies(6)] }),
    ).toEqual([5, 6]);
  });

  test('has messages that name the one before them, and leaves out those that name a later one', () => {
    const named = [
      { seq: 5, prev: 4 },
      { seq: 6, prev: 6 },
      { seq: 7, prev: 8 },
      { seq: 8, prev: 'x' },
      { seq: 9, prev: 0 },
    ];
    expect(seqsOf({ ...page, messages: named })).toEqual([5, 9]);
  });

  test.each([
    ['id', 7],
    ['ts', '5'],
    ['from', null],
  ])(
    'has a message whose %s is of another kind without such names, as a live one',
    (field, odd) => {
      const messages = [{ seq: 5, data: 'd', id: 'i', ts: 5, from: 'f', [field]: odd }];
      expect(decoded({ ...page, messages })).toMatchObject({
        messages: [{ seq: 5, data: 'd', id: undefined, ts: undefined, from: undefined }],
      });
    },
  );

  test('does not reorder what the server was given', () => {
    const messages = bodies(7, 5);
    decoded({ ...page, messages });
    expect(messages).toEqual(bodies(7, 5));
  });

  test('has its void ranges by their numbers, and leaves out what is none', () => {
    const odd = [[7, 6], [0, 1], ['1', 2], [1, '2'], [3], 'x', null, 7];
    const raw = { ...page, void: [[8, 9], ...odd, [4, 4], [5, 6]] };
    expect(decoded(raw)).toMatchObject({
      void: [
        [4, 4],
        [5, 6],
        [8, 9],
      ],
    });
    for (const none of notList)
      expect(decoded({ ...page, void: none })).toMatchObject({ void: [] });
  });
});
