// What Redis answers is read once: what is not as the scripts write it becomes an error, not a message.
import { describe, expect, it } from 'vitest';
import { readAnnouncement, readNumbered, readPage } from '../../../src/server/redis/codec.js';

describe('an answer to an append', () => {
  it('is read as the script writes it', () => {
    const number = { epoch: 'e', seq: 4, ts: 5 };
    expect(readNumbered(['e', '4', '5', '"ann"', 1])).toEqual({
      ...number,
      from: 'ann',
      repeated: true,
    });
    expect(readNumbered(['e', '4', '5', '', 0])).toEqual({
      ...number,
      from: undefined,
      repeated: false,
    });
  });

  it.each([
    [null],
    ['OK'],
    [[]],
    [[1, '4', '5', '', 0]],
    [['e', 'x', '5', '', 0]],
    [['e', '-1', '5', '', 0]],
    [['e', '4', '1.5', '', 0]],
    [['e', '4', '5', '7', 0]],
    [['e', '4', '5', undefined, 0]],
  ])('%j is none', (reply) => {
    expect(() => readNumbered(reply)).toThrow(/^Redis answered/);
  });
});

describe('a page', () => {
  const entry = ['3-9', '{}', '"ann"'];

  it('goes up to its last message, and where it has none, to what was asked for', () => {
    const message = { channel: 'c', epoch: 'e', seq: 3, ts: 9, from: 'ann', json: '{}' };
    const facts = { epoch: 'e', head: 7, oldest: 2 };
    const all = ['e', '7', '2', 0, [entry]];
    expect(readPage('c', 2, all)).toEqual({ ...facts, messages: [message], more: true });
    // Of another epoch.
    expect(readPage('c', 2, ['e', '7', '2', 0, []])).toEqual({
      ...facts,
      messages: [],
      more: false,
    });
    // Cut before its first message, which is too long.
    const cut = { messages: [], more: true, upto: 2 };
    expect(readPage('c', 2, ['e', '7', '2', 1, []])).toEqual({ ...facts, ...cut });
  });

  it.each([
    [['e', '7', '2', 0, null]],
    [['e', '7', '2', 0, ['3-9']]],
    [['e', '7', '2', 0, [['3', '{}', '']]]],
    [['e', '7', '2', 0, [['3-9', null, '']]]],
    [['e', '7', '2', 0, [['3-9', '{}', null]]]],
    [['e', '7', 'x', 0, []]],
    [[null, '7', '2', 0, []]],
  ])('%j is none', (reply) => {
    expect(() => readPage('c', 2, reply)).toThrow(/^Redis answered/);
  });
});

describe('an announcement', () => {
  it.each([
    '',
    'e 1',
    'e 1 1\n\n',
    'e x 1\n\n{}',
    `e ${2 ** 53} 1\n\n{}`,
    'e 1 1\n{\n1',
    'e 1 1\n7\n1',
  ])('%j is none', (text) => {
    expect(readAnnouncement('c', text)).toBeUndefined();
  });
});
