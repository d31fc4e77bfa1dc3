// @vitest-environment node
import { expect, test } from 'vitest';
import { SUBPROTOCOL } from '../../src/core/frames.js';
import { NO_EPOCH } from '../../src/core/position.js';
import { DEFAULT_SETTINGS } from '../../src/core/settings.js';

test('without a word about it the server is a native one, and nothing is given up', () => {
  expect(DEFAULT_SETTINGS).toMatchObject({
    hasToken: false,
    carrier: 'socket',
    numbering: 'contiguous',
    epochs: true,
    pollMs: false,
    persistent: true,
    verbose: false,
    giveUpAfterMs: false,
  });
});

test('what stands on the wire and in stores is what it always was', () => {
  expect(SUBPROTOCOL).toBe('lastseq.v1');
  expect(NO_EPOCH).toBe('-');
});
