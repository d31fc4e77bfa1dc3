import { expect, test } from 'vitest';
import { deferred, outcome, setup } from './harness.js';

/** A joined room at an empty log. */
async function live(channel = {}) {
  const world = setup();
  const room = world.room({ start: 'earliest', ...channel });
  const name = (item: { type: string; seq?: number; from?: unknown }) =>
    item.type === 'gap' ? `gap ${item.from}` : item.seq;
  const stored = async (): Promise<number | undefined> => {
    await world.pass(300);
    return world.store.kept.get('room')?.seq;
  };
  await world.pass();
  return { ...world, room, name, stored };
}

test('a loop has messages and gaps in order, and ends when the handle is closed', async () => {
  const { name, room, server, publishTo, pass } = await live();
  const seen: unknown[] = [];
  const loop = outcome(
    (async () => {
      for await (const item of room) seen.push(name(item));
    })(),
  );
  await pass();
  publishTo(2);
  await pass();
  server.cut();
  publishTo(6);
  server.log.trim('room', 5);
  await pass(5_000);
  expect(seen).toEqual([1, 2, 'gap 3', 5, 6]);
  await room.close();
  await pass();
  expect(loop).toEqual({ done: true, value: undefined });
});

test('a loop ends when the client is closed, and when its signal is aborted', async () => {
  const { client, room, pass } = await live();
  const controller = new AbortController();
  const aborted = outcome(room.items(controller).next());
  const closed = outcome(room.items().next());
  controller.abort();
  await pass();
  expect([aborted, closed]).toEqual([
    { done: true, value: { done: true, value: undefined } },
    { done: false },
  ]);
  await client.close();
  expect(closed).toEqual({ done: true, value: { done: true, value: undefined } });
});

test('an item is committed when the next one is asked for', async () => {
  const { room, stored, publishTo, pass } = await live();
  const items = room.items();
  await stored();
  publishTo(3);
  await items.next();
  expect(await stored()).toBe(0);
  const second = outcome(items.next());
  expect(await stored()).toBe(1);
  expect(second.value).toMatchObject({ value: { seq: 2 } });
  void items.next();
  await pass();
  void items.next();
  expect(await stored()).toBe(3);
});

test.each(['break', 'throw', 'return'])(
  'the item of a loop left by %s is not committed, and not given out again in this page',
  async (how) => {
    const { client, room, name, stored, publishTo, pass } = await live();
    const loop = outcome(
      (async () => {
        for await (const item of room) {
          if (name(item) !== 2) continue;
          if (how === 'break') break;
          if (how === 'throw') throw new Error('loop body');
          return;
        }
      })(),
    );
    await stored();
    publishTo(2);
    await pass();
    expect(loop.done).toBe(true);
    expect(await stored()).toBe(1);
    const again = room.items();
    publishTo(3);
    const next = await again.next();
    expect(name(next.value)).toBe(3);
    await client.close();
  },
);

test('a loop that is left at a gap keeps nothing after it from being stored', async () => {
  const { room, name, server, stored, publishTo, pass } = await live();
  const left = outcome(
    (async () => {
      for await (const item of room) if (item.type === 'gap') break;
    })(),
  );
  publishTo(2);
  await pass(500);
  server.cut();
  publishTo(6);
  server.log.trim('room', 5);
  await pass(5_000);
  expect([left.done, await stored()]).toEqual([true, 2]);
  const seen: unknown[] = [];
  room.subscribe((message) => void seen.push(name(message)));
  await pass();
  publishTo(7);
  expect([await stored(), seen]).toEqual([7, [5, 6, 7]]);
});

test.each(['skip', 'retry'] as const)(
  'nor is it where a handler has failed on that item too (%s)',
  async (onHandlerError) => {
    const { room, name, stored, publishTo, pass } = await live({ onHandlerError });
    let tries = 0;
    room.subscribe(({ seq }) => {
      if (seq === 2 && (tries += 1) === 1) throw new Error('a handler');
    });
    const loop = async (): Promise<void> => {
      for await (const item of room) if (name(item) === 2) throw new Error('loop body');
    };
    const left = outcome(loop());
    publishTo(2);
    await pass(5_000);
    expect([left.done, tries]).toEqual([true, onHandlerError === 'retry' ? 2 : 1]);
    expect(await stored()).toBe(1);
  },
);

test.each(['close', 'abort'])(
  'a loop that %s ends is at work until its body is: nothing overtakes it, and then its item is done',
  async (how) => {
    const { client, room, name, stored, publishTo, pass } = await live();
    const controller = new AbortController();
    const gate = deferred();
    const loop = outcome(
      (async () => {
        for await (const item of room.items(controller)) if (name(item) === 1) await gate.promise;
      })(),
    );
    await pass();
    publishTo(2);
    await pass();
    if (how === 'close') await room.close();
    else controller.abort();
    const seen: unknown[] = [];
    client.channel('room').subscribe((message) => void seen.push(name(message)));
    expect([await stored(), seen, loop.done]).toEqual([0, [], false]);
    gate.resolve();
    expect([await stored(), seen, loop.done]).toEqual([2, [2], true]);
  },
);

test('an item that a loop never asked for waits for whoever comes next', async () => {
  const { room, stored, publishTo } = await live();
  const idle = room.items();
  await stored();
  publishTo(1);
  expect(await stored()).toBe(0);
  await idle.return?.();
  expect(await stored()).toBe(0);
  const next = outcome(room.items().next());
  expect(await stored()).toBe(0);
  expect(next.value).toMatchObject({ value: { seq: 1 } });
});

test('two loops both have every item, and the slower one sets the pace', async () => {
  const { name, room, stored, publishTo } = await live();
  const [a, b] = [room.items(), room.items()];
  await stored();
  publishTo(2);
  const of = async (items: typeof a) => name((await items.next()).value);
  expect([await of(a), await of(b)]).toEqual([1, 1]);
  const ahead = outcome(of(a));
  expect(await stored()).toBe(0);
  expect(ahead.done).toBe(false);
  expect(await of(b)).toBe(2);
  expect(await stored()).toBe(1);
  expect(ahead.value).toBe(2);
});

test('next() may be called again before it has settled: every call has its own item, in order', async () => {
  const { name, room, stored, publishTo, pass } = await live();
  const items = room.items();
  const asked = [1, 2, 3].map(() => outcome(items.next().then(({ value }) => name(value))));
  await stored();
  publishTo(2);
  await pass();
  expect(asked.map(({ value }) => value)).toEqual([1, 2, undefined]);
  expect(await stored()).toBe(2);
  publishTo(4);
  await pass();
  expect(asked[2]?.value).toBe(3);
  expect(await stored()).toBe(2);
  const late = [items.next(), items.next(), items.next()];
  await pass();
  await items.return?.();
  expect(await Promise.all(late)).toMatchObject([{ done: false }, { done: true }, { done: true }]);
  expect(await items.next()).toEqual({ done: true, value: undefined });
});

test('a loop that is never asked holds delivery up; one that is gone does not', async () => {
  const { name, room, publishTo, pass } = await live();
  const idle = room.items();
  const seen: unknown[] = [];
  room.subscribe((message) => void seen.push(name(message)));
  await pass();
  publishTo(3);
  await pass();
  expect(seen).toEqual([1]);
  await idle.return?.();
  await pass();
  expect(seen).toEqual([1, 2, 3]);
});
