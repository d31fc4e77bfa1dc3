import { expect, test } from 'vitest';
import type { Delivered, Gap, Message } from '../../src/index.js';
import { setup, type SetupOptions } from './harness.js';

/** A room with manual commits; its items wait in `items` to be committed. */
async function manual(options: SetupOptions = {}, channel = {}) {
  const world = setup(options);
  const room = world.room({ start: 'earliest', commit: 'manual', ...channel });
  const items: Delivered<Message<any> | Gap>[] = [];
  await world.pass();
  const stored = async (): Promise<number | undefined> => {
    await world.pass(300);
    return world.store.kept.get('room')?.seq;
  };
  return { ...world, room, items, stored };
}

test('nothing is committed but what the app commits', async () => {
  const { items, room, stored, publishTo } = await manual();
  room.subscribe((message) => void items.push(message));
  await stored();
  publishTo(3);
  expect(await stored()).toBe(0);
  items[0]?.commit?.();
  expect(await stored()).toBe(1);
});

test('the end of the unbroken run of committed items is stored, whatever the order of commits', async () => {
  const { items, room, stored, publishTo } = await manual();
  room.subscribe((message) => void items.push(message));
  await stored();
  publishTo(4);
  items[3]?.commit?.();
  items[1]?.commit?.();
  expect(await stored()).toBe(0);
  items[0]?.commit?.();
  expect(await stored()).toBe(2);
  items[2]?.commit?.();
  expect(await stored()).toBe(4);
  items[2]?.commit?.();
  expect(await stored()).toBe(4);
});

test('a commit before the handler has finished waits for it', async () => {
  const { room, stored, publishTo } = await manual();
  let finish = (): void => undefined;
  room.subscribe(({ commit }) => {
    commit?.();
    return new Promise<void>((resolve) => (finish = resolve));
  });
  await stored();
  publishTo(1);
  expect(await stored()).toBe(0);
  finish();
  expect(await stored()).toBe(1);
});

test('gaps commit too: an open one holds back what follows it', async () => {
  const { items, room, server, stored, publishTo, pass } = await manual();
  room.subscribe({ message: (m) => void items.push(m), gap: (gap) => void items.push(gap) });
  await stored();
  publishTo(1);
  items[0]?.commit?.();
  server.cut();
  publishTo(9);
  server.log.trim('room', 8);
  await pass(10_000);
  expect(items.map((item) => (item.type === 'gap' ? item.from : item.seq))).toEqual([1, 2, 8, 9]);
  items[2]?.commit?.();
  items[3]?.commit?.();
  expect(await stored()).toBe(1);
  items[1]?.commit?.();
  expect(await stored()).toBe(9);
});

test('a gap without a handler holds nothing back', async () => {
  const { errors, items, room, server, stored, publishTo, pass } = await manual();
  room.subscribe((message) => void items.push(message));
  await stored();
  server.cut();
  publishTo(9);
  server.log.trim('room', 9);
  await pass(10_000);
  expect(errors).toEqual(['gap_unhandled']);
  items[0]?.commit?.();
  expect(await stored()).toBe(9);
});

test('an item that is committed late is no handler that hangs', async () => {
  const { errors, items, room, stored, publishTo, pass } = await manual();
  room.subscribe(async (message) => {
    items.push(message);
    await Promise.resolve();
  });
  await stored();
  publishTo(2);
  await pass(20_000);
  await pass(20_000);
  await pass(20_000);
  expect([errors, items.length]).toEqual([[], 2]);
  items[0]?.commit?.();
  items[1]?.commit?.();
  expect(await stored()).toBe(2);
});

test('items that wait for their commit take no room in the queue: commits may come in batches', async () => {
  const { items, room, stored, publishTo, pass } = await manual({ options: { maxQueued: 4 } });
  room.subscribe((message) => void items.push(message));
  await stored();
  publishTo(20);
  await pass(1_000);
  expect(items).toHaveLength(20);
  for (const { commit } of items) commit?.();
  expect(await stored()).toBe(20);
});

test('an item that is passed over with skip() is committed', async () => {
  const channel = { onHandlerError: 'retry', maxAttempts: 1 } as const;
  const { items, room, stored, publishTo } = await manual({}, channel);
  room.subscribe((message) => {
    if (message.seq === 1) throw new Error('poison');
    items.push(message);
  });
  await stored();
  publishTo(2);
  await stored();
  expect(room.state).toEqual({ name: 'stalled', reason: 'handler' });
  room.skip();
  expect(await stored()).toBe(1);
  items[0]?.commit?.();
  expect(await stored()).toBe(2);
});

test('an item that a handler failed on is tried again under the same commit', async () => {
  const { room, stored, publishTo, pass } = await manual({}, { onHandlerError: 'retry' });
  let tries = 0;
  room.subscribe((message) => {
    tries += 1;
    if (tries < 3) throw new Error('not yet');
    message.commit?.();
  });
  await stored();
  publishTo(1);
  await pass(10_000);
  expect(tries).toBe(3);
  expect(await stored()).toBe(1);
});

test('an item that was committed before its loop was left is stored', async () => {
  const { room, stored, publishTo } = await manual();
  const loop = (async () => {
    for await (const item of room) {
      item.commit?.();
      break;
    }
  })();
  await stored();
  publishTo(2);
  await loop;
  expect(await stored()).toBe(1);
});

test('a commit after the channel was left, or the client closed, changes nothing', async () => {
  const { client, items, room, store, stored, publishTo, pass } = await manual();
  room.subscribe((message) => void items.push(message));
  await stored();
  publishTo(2);
  await room.close();
  await pass(2_000);
  items[0]?.commit?.();
  expect(await stored()).toBe(0);
  await client.close();
  items[1]?.commit?.();
  expect(store.kept.get('room')?.seq).toBe(0);
});

test('a commit from before the channel was left says nothing about the channel joined anew', async () => {
  const { client, items, room, store, stored, publishTo, pass } = await manual();
  room.subscribe((message) => void items.push(message));
  await stored();
  publishTo(2);
  await room.close();
  await pass(2_000);
  const again = client.channel('room', { start: 'latest', commit: 'manual' });
  again.subscribe(() => undefined);
  await stored();
  const before = store.kept.get('room');
  store.saves.length = 0;
  items[0]?.commit?.();
  await stored();
  expect([store.kept.get('room'), store.saves]).toEqual([before, []]);
});

test('an item that goes to another handler, because the first failed and left, is one item', async () => {
  const { room, stored, publishTo, pass } = await manual({}, { onHandlerError: 'retry' });
  const stop = room.subscribe(() => {
    throw new Error('no');
  });
  await stored();
  publishTo(1);
  stop();
  room.subscribe(({ commit }) => commit?.());
  await pass(5_000);
  publishTo(2);
  expect(await stored()).toBe(2);
});

test("with commit 'after' an item has no commit()", async () => {
  const { items, room, pass, publishTo } = await manual({}, { commit: 'after' });
  room.subscribe((message) => void items.push(message));
  await pass();
  publishTo(1);
  expect(items).toEqual([expect.not.objectContaining({ commit: expect.anything() })]);
});
