import { expect, test } from 'vitest';
import { CommitLog } from '../../src/commit-log.js';
import type { PositionWrite } from '../../src/core/position.js';
import type { Committable } from '../../src/recipients.js';
import { setup } from './harness.js';

test('items that nobody commits make the queue wait, which is told once; a commit lets it go on', async () => {
  const world = setup();
  const room = world.room({ start: 'earliest', commit: 'manual' });
  const items: Partial<Committable>[] = [];
  const codes: string[] = [];
  world.client.on('error', ({ code }) => void codes.push(code));
  room.subscribe((message) => void items.push(message));
  await world.pass(300);
  world.publishTo(10_050);
  await world.pass(1_000);
  expect(items).toHaveLength(10_000);
  expect(codes).toEqual(['uncommitted']);
  for (const item of items.slice(0, 50)) item.commit?.();
  await world.pass(1_000);
  expect(items).toHaveLength(10_050);
});

test('it is not told again for every item while commits come one by one, but when it comes to it anew', async () => {
  const world = setup();
  const room = world.room({ start: 'earliest', commit: 'manual' });
  const items: Partial<Committable>[] = [];
  room.subscribe((message) => void items.push(message));
  await world.pass(300);
  world.publishTo(10_200);
  await world.pass(1_000);
  for (let i = 0; i < 100; i += 1) {
    items[i]?.commit?.();
    await world.pass(1);
  }
  expect(items).toHaveLength(10_100);
  expect(world.errors).toEqual(['uncommitted']);
  for (const item of items) item.commit?.();
  await world.pass(1_000);
  world.publishTo(21_000);
  await world.pass(1_000);
  expect(world.errors).toEqual(['uncommitted', 'uncommitted']);
});

test('a commit log that nobody commits to is full at its bound, not before', () => {
  let told = 0;
  const write: PositionWrite = {
    channel: 'c',
    mode: 'advance',
    position: { epoch: 'e', seq: 1, tok: 't' },
  };
  const log = new CommitLog(
    true,
    () => undefined,
    () => (told += 1),
  );
  const commits = Array.from({ length: 10_000 }, () => {
    expect(log.isFull).toBe(false);
    const commit = log.committer();
    log.finished(write, 'handled');
    return commit;
  });
  expect([log.isFull, told]).toEqual([true, 1]);
  commits[0]?.();
  expect(log.isFull).toBe(false);
});
