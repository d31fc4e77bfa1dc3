// @vitest-environment node
/** Where there is no position yet, and no facts: what the log's own answers say of the place to start. */
import { expect, test } from 'vitest';
import { Resetting } from '../../src/core/resetting.js';
import { Starting } from '../../src/core/starting.js';
import { messages, pageOf } from '../mutants/script.js';

const cut = pageOf({ head: 3, messages: messages(1, 3), more: true });

test('whoever wants all of it begins at the first page, however much is behind it', () => {
  expect(new Starting().read(cut, 'earliest')).toEqual({ epoch: 'e', seq: 0 });
});

test('a log that names no head is read on until a page brings nothing beyond the last', () => {
  const starting = new Starting();
  expect(starting.read(cut, 'latest')).toBeUndefined();
  expect(starting.since).toBe(3);
  // The same page for ever: the server goes by something else than `since`.
  expect(starting.read(cut, 'latest')).toEqual({ epoch: 'e', seq: 3 });
});

test('a log that says where it ends is read no further', () => {
  const known = pageOf({ head: 9, messages: messages(1, 3), more: true });
  expect(new Starting().read(known, 'latest')).toEqual({ epoch: 'e', seq: 9 });
});

test('while a state is loading the newest place is remembered, and another log above all', () => {
  const resetting = new Resetting({ epoch: 'e', seq: 5 }, undefined, '');
  resetting.hear('e', 4);
  resetting.hear('e', 5);
  expect(resetting.heard?.seq ?? 5).toBe(5);
  for (const seq of [7, 9, 8]) resetting.hear('e', seq);
  expect(resetting.heard).toEqual({ epoch: 'e', seq: 9 });
  resetting.hear('f', 2);
  resetting.hear('e', 12);
  expect(resetting.heard).toEqual({ epoch: 'f', seq: 2 });
});
