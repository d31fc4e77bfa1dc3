import { expect, test } from 'vitest';
import type { StoredPosition } from '../../src/core/position.js';
import type { PageSignal } from '../../src/core/vocabulary.js';
import type { PositionStore } from '../../src/testing/index.js';
import { deferred, outcome, setup, SpyStore, type SetupOptions } from './harness.js';

const at = (seq: number, tok = 'old', epoch = 'e1'): StoredPosition => ({ epoch, seq, tok });

/** A client with a room that reads on from where the store says. */
function resuming(store: PositionStore, options: SetupOptions = {}) {
  const world = setup({ ...options, ports: { ...options.ports, store } });
  const seen: number[] = [];
  const storage: string[] = [];
  world.client.on('storage', (state) => void storage.push(state));
  const room = world.room({ start: 'stored' });
  room.subscribe(({ seq }) => void seen.push(seq));
  return { ...world, room, seen, storage };
}

test('a position is stored after its handler, never ahead of it', async () => {
  const { client, room, store, publishTo, pass } = setup();
  const gates = [deferred(), deferred(), deferred()];
  room({ start: 'earliest' }).subscribe(({ seq }) => gates[seq - 1]?.promise);
  await pass(1_000);
  publishTo(3);
  await pass(1_000);
  expect(store.kept.get('room')?.seq).toBe(0);
  gates[0]?.resolve();
  await pass(1_000);
  expect(store.kept.get('room')?.seq).toBe(1);
  gates[1]?.resolve();
  await pass();
  await client.close();
  expect(store.kept.get('room')?.seq).toBe(2);
});

test('many channels are stored by one save per flush', async () => {
  const { room, store, publishTo, pass } = setup();
  const names = Array.from({ length: 50 }, (_, i) => `c${i}`);
  for (const name of names) room({ start: 'latest' }, name).subscribe(() => undefined);
  await pass(1_000);
  store.saves.length = 0;
  for (const name of names) publishTo(3, name);
  await pass(250);
  expect(store.saves).toHaveLength(1);
  expect(store.saves[0]).toHaveLength(50);
  expect([...store.kept.values()].map(({ seq }) => seq)).toEqual(names.map(() => 3));
});

test('a reload goes on where the handlers stopped', async () => {
  const first = setup();
  first.room().subscribe(() => undefined);
  await first.pass(1_000);
  first.publishTo(5);
  await first.pass(1_000);
  await first.client.close();
  first.publishTo(8);
  const { seen, pass } = resuming(first.store, { like: first });
  await pass(1_000);
  expect(seen).toEqual([6, 7, 8]);
});

test.each<[PageSignal, number]>([
  ['pagehide', 1],
  ['freeze', 1],
  ['hidden', 0],
])('at %s all is stored at once, and the storage let go of %i times', async (signal, releases) => {
  const { room, page, store, publishTo, pass } = setup();
  room({ start: 'latest' }).subscribe(() => undefined);
  await pass(1_000);
  publishTo(4);
  page.tell(signal);
  await pass();
  expect(store.kept.get('room')?.seq).toBe(4);
  expect(store.releases).toBe(releases);
});

test('closing stores what was handled while a save was under way', async () => {
  const store = new SpyStore();
  const [gate, last] = [deferred(), deferred()];
  const save = store.save.bind(store);
  let saves = 0;
  store.save = async (writes) => {
    saves += 1;
    if (saves === 2) await gate.promise;
    if (saves === 3) await last.promise;
    return save(writes);
  };
  const { client, room, publishTo, pass } = setup({ ports: { store } });
  room({ start: 'latest' }).subscribe(() => undefined);
  await pass(1_000);
  publishTo(1);
  await pass(300);
  publishTo(2);
  const closed = outcome(client.close());
  await pass(100);
  expect([saves, closed.done]).toEqual([2, false]);
  gate.resolve();
  await pass();
  expect([saves, closed.done, store.releases]).toEqual([3, false, 0]);
  last.resolve();
  await pass();
  expect(closed.done).toBe(true);
  expect(store.kept.get('room')?.seq).toBe(2);
  expect(store.releases).toBe(1);
});

test('a gap and the messages behind it are stored as the replacement that they are', async () => {
  const { clock, client, room, server, store, publishTo, pass } = setup();
  const gate = deferred();
  room({ start: 'earliest' }).subscribe({ message: () => gate.promise, gap: () => undefined });
  await pass(1_000);
  publishTo(1);
  await pass(1_000);
  server.cut();
  publishTo(9);
  server.log.trim('room', 6);
  await pass(10_000);
  gate.resolve();
  await clock.advance(5_000);
  publishTo(12);
  await pass(1_000);
  expect(store.kept.get('room')).toMatchObject({ epoch: 'e1', seq: 12 });
  await client.close();
});

test('a replacement stays one until its write is confirmed', async () => {
  const store = new SpyStore();
  store.kept.set('room', at(7, 'somebody'));
  const save = store.save.bind(store);
  let fail = true;
  store.save = (writes) => (fail ? Promise.reject(new Error('full')) : save(writes));
  const { room, publishTo, pass } = setup({ ports: { store } });
  publishTo(3);
  room({ start: { epoch: 'e1', seq: 1 } }).subscribe(() => undefined);
  await pass(5_000);
  expect(store.kept.get('room')).toEqual(at(7, 'somebody'));
  fail = false;
  await pass(60_000);
  expect(store.kept.get('room')).toMatchObject({ seq: 3 });
});

test('an advance that is refused stops the writing: somebody else has replaced the position', async () => {
  const { room, store, publishTo, pass } = setup({ options: { logger: (e) => log.push(e.event) } });
  const log: string[] = [];
  room({ start: 'latest' }).subscribe(() => undefined);
  await pass(1_000);
  store.kept.set('room', at(1, 'another tab'));
  publishTo(5);
  await pass(1_000);
  expect(log).toContain('positionReplaced');
  store.saves.length = 0;
  publishTo(9);
  await pass(1_000);
  expect(store.saves).toEqual([]);
  expect(store.kept.get('room')).toEqual(at(1, 'another tab'));
});

test('forget wipes the positions, and stores none of the open channels any more', async () => {
  const { client, room, store, publishTo, pass } = setup();
  room({ start: 'latest' }).subscribe(() => undefined);
  await pass(1_000);
  publishTo(2);
  await client.forget();
  expect(store.kept.size).toBe(0);
  publishTo(4);
  await pass(1_000);
  await client.close();
  expect(store.kept.size).toBe(0);
});

test('a read that was under way when all was forgotten brings nothing back, joined anew or not', async () => {
  const store = new SpyStore();
  const load = store.load.bind(store);
  const first = deferred<StoredPosition | undefined>();
  store.load = () => {
    store.load = load;
    return first.promise;
  };
  const { client, room, server, publishTo, pass } = setup({ ports: { store } });
  publishTo(5);
  const { epoch } = server.log.facts('room');
  const channel = room();
  channel.subscribe(() => undefined);
  await pass();
  await client.forget();
  await channel.close();
  store.load = () => new Promise(() => undefined);
  await pass(1_200);
  const seen: number[] = [];
  room().subscribe(({ seq }) => void seen.push(seq));
  await pass();
  first.resolve({ epoch, seq: 2, tok: 'of the one who logged out' });
  await pass(5_000);
  publishTo(6);
  await pass();
  expect(seen).toEqual([6]);
});

test('a write that was under way when all was forgotten, and fails, is not tried again', async () => {
  const store = new SpyStore();
  const save = store.save.bind(store);
  const first = deferred<readonly string[]>();
  store.save = () => {
    store.save = save;
    return first.promise;
  };
  const { client, room, publishTo, pass } = setup({ ports: { store } });
  const channel = room({ start: 'earliest' });
  channel.subscribe(() => undefined);
  await pass();
  publishTo(2);
  await pass(300);
  await channel.close();
  await pass(1_200);
  await client.forget();
  first.reject(new Error('full'));
  await pass(60_000);
  expect([...store.kept.keys()]).toEqual([]);
});

test('forget rejects when the storage fails, and when it does not answer in time', async () => {
  const store = new SpyStore();
  const { client, pass } = setup({ ports: { store } });
  store.forget = () => Promise.reject(new Error('blocked'));
  await expect(client.forget()).rejects.toThrow('blocked');
  store.forget = () => {
    throw new Error('no storage');
  };
  await expect(client.forget()).rejects.toThrow('no storage');
  store.forget = () => new Promise(() => undefined);
  const hanging = outcome(client.forget());
  await pass(2_000);
  expect(hanging.error).toMatchObject({ code: 'timeout' });
  await client.close();
  await expect(client.forget()).rejects.toMatchObject({ code: 'closed' });
});

const garbage: unknown[] = [null, 5, 'e1', [], {}, { epoch: 5, seq: 1, tok: 'a' }];
garbage.push({ epoch: 'e1', seq: -1, tok: 'a' }, { epoch: 'e1', seq: 1.5, tok: 'a' }, at(2 ** 53));
garbage.push({ epoch: 'e1', seq: 1 });

test.each(garbage.map((value) => [JSON.stringify(value), value]))(
  'a store that gives garbage has no position: %s',
  async (_, value) => {
    const store = new SpyStore();
    store.load = () => Promise.resolve(value as StoredPosition);
    store.save = () => Promise.resolve(value as string[]);
    const { errors, room, seen, publishTo, pass } = resuming(store);
    await pass(1_000);
    publishTo(2);
    await pass(1_000);
    expect(seen).toEqual([1, 2]);
    expect(room.state).toEqual({ name: 'live' });
    expect(errors).toEqual([]);
  },
);

const broken: Record<string, () => Promise<never>> = {
  hangs: () => new Promise(() => undefined),
  rejects: () => Promise.reject(new DOMException('no', 'UnknownError')),
  'throws at once': () => {
    throw new DOMException('no', 'SecurityError');
  },
};

test.each(Object.entries(broken))(
  'trap 17: storage that %s costs the position, one event, and nothing else',
  async (how, fails) => {
    const store = new SpyStore();
    store.load = store.save = fails;
    let calls = 0;
    store.save = () => {
      calls += 1;
      return fails();
    };
    const { client, errors, seen, storage, publishTo, pass } = resuming(store);
    // What fails is known to have failed; only what hangs is waited for.
    await pass(how === 'hangs' ? 3_000 : 0);
    publishTo(3);
    await pass();
    expect([seen, storage]).toEqual([[1, 2, 3], ['memory']]);
    await pass(200_000);
    expect(storage).toEqual(['memory']);
    expect(errors).toEqual([]);
    const closed = outcome(client.close());
    await pass(2_000);
    expect(closed.done).toBe(true);
    // Nothing is written over a position that is not known.
    expect(calls).toBe(0);
  },
);

test('a store that is full is tried again, and says when it works', async () => {
  const store = new SpyStore();
  const save = store.save.bind(store);
  let full = true;
  let tries = 0;
  store.save = (writes) => {
    tries += 1;
    return full ? Promise.reject(new DOMException('', 'QuotaExceededError')) : save(writes);
  };
  const { seen, storage, publishTo, pass } = resuming(store);
  await pass(1_000);
  publishTo(2);
  await pass(20_000);
  expect(seen).toEqual([1, 2]);
  expect(storage).toEqual(['persistent', 'memory']);
  expect(tries).toBeGreaterThan(2);
  expect(tries).toBeLessThan(25);
  full = false;
  await pass(120_000);
  expect(storage).toEqual(['persistent', 'memory', 'persistent']);
  expect(store.kept.get('room')?.seq).toBe(2);
});

test('the answer of a read that timed out is honoured: what was passed over is fetched', async () => {
  const store = new SpyStore();
  const answer = deferred<StoredPosition>();
  store.load = () => answer.promise;
  const { seen, publishTo, pass } = resuming(store);
  publishTo(5);
  await pass(3_000);
  expect(seen).toEqual([]);
  answer.resolve(at(2));
  await pass(1_000);
  expect(seen).toEqual([3, 4, 5]);
  expect(store.kept.get('room')).toEqual(at(5));
});

test('a late answer behind messages that were delivered names what was passed over', async () => {
  const store = new SpyStore();
  const answer = deferred<StoredPosition>();
  store.load = () => answer.promise;
  const gaps: unknown[] = [];
  const { room, seen, publishTo, pass } = resuming(store);
  room.subscribe({
    message: () => undefined,
    gap: ({ from, to, reason }) => gaps.push([from, to, reason]),
  });
  publishTo(5);
  await pass(3_000);
  publishTo(6);
  await pass();
  answer.resolve(at(2));
  await pass(1_000);
  expect(seen).toEqual([6]);
  expect(gaps).toEqual([[3, 5, 'unreachable']]);
  expect(store.kept.get('room')).toMatchObject({ seq: 6 });
});

test('a client without a database says so once', async () => {
  const { storage, pass } = resuming(new SpyStore());
  await pass(1_000);
  expect(storage).toEqual(['persistent']);
});

test('a write that fails is known to have failed at once, and is no stored position', async () => {
  const store = new SpyStore();
  const { client, room, publishTo, pass } = setup({ ports: { store } });
  const storage: string[] = [];
  client.on('storage', (state) => void storage.push(state));
  const channel = room({ start: 'latest' });
  channel.subscribe(() => undefined);
  await pass(1_000);
  store.save = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));
  publishTo(1);
  await pass(250);
  expect(storage).toEqual(['persistent', 'memory']);
  expect(channel.inspect().stored).toEqual({ epoch: 'e1', seq: 0 });
});

test('an advance that was refused is no stored position', async () => {
  const store = new SpyStore();
  const { room, publishTo, pass } = setup({ ports: { store } });
  const channel = room({ start: 'latest' });
  channel.subscribe(() => undefined);
  await pass(1_000);
  store.save = () => Promise.resolve(['room']);
  publishTo(1);
  await pass(1_000);
  expect(channel.inspect().stored).toEqual({ epoch: 'e1', seq: 0 });
});

test('a write that hangs is given up in time, and its connection with it', async () => {
  const store = new SpyStore();
  const { room, publishTo, pass } = setup({ ports: { store } });
  room({ start: 'latest' }).subscribe(() => undefined);
  await pass(1_000);
  store.save = () => new Promise(() => undefined);
  publishTo(1);
  await pass(2_249);
  expect(store.releases).toBe(0);
  await pass(1);
  expect(store.releases).toBe(1);
});

test('a write that was given up and settles late takes no stored position back', async () => {
  const store = new SpyStore();
  const save = store.save.bind(store);
  const { room, publishTo, pass } = setup({ ports: { store } });
  const channel = room({ start: 'latest' });
  channel.subscribe(() => undefined);
  await pass(1_000);
  const late = deferred<readonly string[]>();
  store.save = () => {
    store.save = save;
    return late.promise;
  };
  publishTo(1);
  await pass(250);
  publishTo(2);
  await pass(10_000);
  expect(channel.inspect().stored?.seq).toBe(2);
  late.resolve([]);
  await pass();
  expect(channel.inspect().stored?.seq).toBe(2);
});

test('a client that is closed while a write hangs leaves no timer behind', async () => {
  const store = new SpyStore();
  const { client, clock, room, publishTo, pass } = setup({ ports: { store } });
  room({ start: 'latest' }).subscribe(() => undefined);
  await pass(1_000);
  const gate = deferred<readonly string[]>();
  store.save = () => gate.promise;
  publishTo(1);
  await pass(250);
  publishTo(2);
  const closed = outcome(client.close());
  gate.resolve([]);
  await pass();
  expect([closed.done, clock.pending]).toEqual([true, 0]);
});
