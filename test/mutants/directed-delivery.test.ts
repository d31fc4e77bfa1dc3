/** Rules of handlers that need the whole client. */
import { expect, test } from 'vitest';
import { setup } from '../client/harness.js';

test('what is finished is said before a handler takes its time, and does not end that time', async () => {
  const { clock, room, errors, publishTo, pass, store } = setup({
    options: { handlerTimeoutMs: 5_000 },
  });
  publishTo(3);
  const channel = room({ start: 'earliest' });
  channel.subscribe(({ seq }) => (seq === 3 ? new Promise<void>(() => undefined) : undefined));
  await pass(4_999);
  expect(store.kept.get('room')?.seq).toBe(2);
  expect(errors).toEqual([]);
  await clock.advance(1_001);
  expect(errors).toEqual(['handler_timeout']);
});
