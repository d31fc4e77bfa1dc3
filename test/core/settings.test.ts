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

test('the times and bounds are those that are promised', () => {
  expect(DEFAULT_SETTINGS).toMatchObject({
    backoffCapMs: 30_000,
    minUptimeMs: 5_000,
    connectTimeoutMs: 10_000,
    tokenTimeoutMs: 10_000,
    heartbeatMs: 25_000,
    probeTimeoutMs: 3_000,
    reorderWindowMs: 50,
    maxQueued: 2_000,
    maxCalls: 4,
    flushMs: 250,
    storageTimeoutMs: 2_000,
    leaveDelayMs: 1_000,
    handlerTimeoutMs: 60_000,
  });
});

test('what stands on the wire and in stores is what it always was', () => {
  expect(SUBPROTOCOL).toBe('lastseq.v1');
  expect(NO_EPOCH).toBe('-');
});
