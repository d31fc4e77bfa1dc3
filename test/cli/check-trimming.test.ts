// @vitest-environment node
/** A busy channel with a short log, which drops its oldest while the checker reads, and says so. */
import { expect, test } from 'vitest';
import type { RecoverFunction } from '../../src/cli/check/settings.js';
import { memoryLog } from '../../src/server/index.js';
import { startHub } from '../server/harness.js';
import { check } from './harness.js';

// Three at a time come faster than pages of two can be read.
test.each([
  ['some of what was published before', 12, 3],
  ['all that was published before', 4, 5],
])(
  'at every question it drops %s',
  async (_, maxLength, strangers) => {
    const { log, url } = await startHub({ log: memoryLog({ maxLength }) });
    let others = 0;
    const recover: RecoverFunction = ({ channel, epoch, limit, since }) => {
      for (let i = 0; i < strangers; i += 1) log.append(channel, { others: (others += 1) });
      const page = log.read(channel, { epoch, seq: since }, { limit, maxBytes: 1_048_576 });
      const messages = page.messages.map(({ json, seq }) => ({ seq, data: JSON.parse(json) }));
      return Promise.resolve({ ...page, channel, messages });
    };
    const append = ({ channel, marker }: { channel: string; marker: string }) =>
      log.append(channel, marker);
    const { said } = await check({
      urls: [url, url],
      recover: [recover],
      send: ['publish', { name: 'append', send: append }],
      restart: () => undefined,
      timeoutMs: 2_000,
    });
    expect(said).toBe('');
  },
  30_000,
);
