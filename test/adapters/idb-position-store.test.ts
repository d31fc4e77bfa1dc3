// "IDB 2" is row 2 in the list of what IndexedDB and idb-keyval 6.3 do on their own.
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { idbPositionStore } from '../../src/adapters/idb-position-store.js';
import type { PositionWrite, StoredPosition } from '../../src/core/position.js';
import type { PositionStore } from '../../src/ports/position-store.js';
import { positionStoreContract } from '../../src/testing/position-store-contract.js';

let store: PositionStore;
/** Every connection opened in this test. */
let opened: IDBDatabase[];

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory());
  opened = [];
  watchOpens();
  store = idbPositionStore('https://server/ ann');
});

afterEach(() => {
  store.release();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function watchOpens(): void {
  const open = indexedDB.open.bind(indexedDB);
  vi.spyOn(indexedDB, 'open').mockImplementation((name, version) => {
    const request = version === undefined ? open(name) : open(name, version);
    request.addEventListener('success', () => opened.push(request.result));
    return request;
  });
}

const at = (seq: number, epoch = 'e1', tok = 't1'): StoredPosition => ({ epoch, seq, tok });
const advance = (channel: string, position = at(5)): PositionWrite => ({
  channel,
  position,
  mode: 'advance',
});
const rooms = (count: number) => Array.from({ length: count }, (_, i) => `room:${i}`);

/** What lies in the database, by a connection of its own. */
async function inDatabase<T>(
  mode: IDBTransactionMode,
  work: (records: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const db = await done(indexedDB.open('lastseq'));
  try {
    return await done(work(db.transaction('positions', mode).objectStore('positions')));
  } finally {
    db.close();
  }
}

const done = <T>(request: IDBRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error as DOMException);
  });

/** Counts the transactions of the store, by mode. */
function countTransactions(): Record<string, number> {
  const counts: Record<string, number> = { readonly: 0, readwrite: 0 };
  const transaction = IDBDatabase.prototype.transaction;
  vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (
    this: IDBDatabase,
    ...args
  ) {
    counts[args[1] ?? 'readonly'] = (counts[args[1] ?? 'readonly'] ?? 0) + 1;
    return transaction.apply(this, args);
  });
  return counts;
}

/** Makes the next `times` transactions throw, as a connection does that died without a word. */
function breakTransactions(name: string, times: number): void {
  const transaction = IDBDatabase.prototype.transaction;
  vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (
    this: IDBDatabase,
    ...args
  ) {
    times -= 1;
    if (times >= 0) throw new DOMException('Connection to Indexed Database server lost', name);
    return transaction.apply(this, args);
  });
}

describe('the contract', () => {
  const contract = positionStoreContract((namespaceKey) => idbPositionStore(namespaceKey));
  for (const { name, run } of contract) test(name, run);
});

describe('records', () => {
  test('a thousand positions lie in four records of the namespace', async () => {
    await store.save(rooms(1_000).map((channel) => advance(channel)));
    const keys = await inDatabase('readonly', (records) => records.getAllKeys());
    expect(keys.sort()).toEqual(
      Array.from({ length: 4 }, (_, shard) => `v1/https://server/ ann/${shard}`).sort(),
    );
    const all = await inDatabase('readonly', (records) => records.getAll());
    const sizes = all.map((record: Map<string, unknown>) => record.size);
    expect(sizes.reduce((a, b) => a + b)).toBe(1_000);
    expect(Math.max(...sizes)).toBeLessThan(400);
  });

  test('a channel lies where every version of this format looks for it', async () => {
    const shards = [
      ['room:1', '2'],
      ['room:2', '0'],
      ['', '0'],
      ['\u{1F600}', '2'],
    ];
    for (const [channel = '', shard] of shards) {
      await store.forget();
      await store.save([advance(channel)]);
      const [key] = await inDatabase('readonly', (records) => records.getAllKeys());
      expect(key).toBe(`v1/https://server/ ann/${shard}`);
    }
  });

  test('IDB 8: one transaction for all that is saved, and none for nothing', async () => {
    const counts = countTransactions();
    await store.save(rooms(200).map((channel) => advance(channel)));
    await store.save([]);
    expect(counts).toMatchObject({ readonly: 0, readwrite: 1 });
  });

  test('all loads of one tick share a read of each record; a later one sees what was saved', async () => {
    await store.save([advance('room:1')]);
    const counts = countTransactions();
    const loads = Promise.all(rooms(500).map((channel) => store.load(channel)));
    await Promise.resolve();
    const saving = store.save([advance('room:1', at(9))]);
    const later = store.load('room:1');
    expect((await loads)[1]).toEqual(at(5));
    await saving;
    expect(await later).toEqual(at(9));
    expect(counts).toEqual({ readonly: 5, readwrite: 1 });
  });

  test('IDB 10, 12: a position that is gone, or older than what was delivered, is no error', async () => {
    await store.save([advance('room:1', at(9))]);
    await done(indexedDB.deleteDatabase('lastseq'));
    expect(await store.load('room:1')).toBeUndefined();
    expect(await store.save([advance('room:1', at(7))])).toEqual([]);
    expect(await store.load('room:1')).toEqual(at(7));
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['a number', 7],
    ['a plain object', { 'room:1': '[0,5,"t1","e1"]' }],
    ['an array', [['room:1', '[0,5,"t1","e1"]']]],
    [
      'a map of garbage',
      new Map<unknown, unknown>([
        ['room:1', 'x'],
        [7, '[0,1,"t1","e1"]'],
      ]),
    ],
    ['an object instead of a text', new Map([['room:1', at(5)]])],
    ['null instead of a text', new Map([['room:1', null]])],
    ['the text of null', new Map([['room:1', 'null']])],
    ['a position without its epoch', new Map([['room:1', '[0,5,"t1"]']])],
    ['a position without its owner', new Map([['room:1', '[0,5,null,"e1"]']])],
    ['a negative number', new Map([['room:1', '[0,-1,"t1","e1"]']])],
    ['a number in quotes', new Map([['room:1', '[0,"5","t1","e1"]']])],
    ['an empty epoch', new Map([['room:1', '[0,5,"t1",""]']])],
  ])('%s in a record is as good as absent', async (_what, garbage) => {
    await store.save(rooms(100).map((channel) => advance(channel)));
    const keys = await inDatabase('readonly', (records) => records.getAllKeys());
    for (const key of keys) await inDatabase('readwrite', (records) => records.put(garbage, key));
    expect(await store.load('room:1')).toBeUndefined();
    expect(await store.save([advance('room:1', at(2))])).toEqual([]);
    expect(await store.load('room:1')).toEqual(at(2));
  });

  test('one bad position does not harm the others of its record', async () => {
    const channels = rooms(100);
    await store.save(channels.map((channel) => advance(channel)));
    for (const key of await inDatabase('readonly', (records) => records.getAllKeys())) {
      const record = await inDatabase<Map<string, unknown>>('readonly', (all) => all.get(key));
      record.set('intruder', { epoch: 1 });
      await inDatabase('readwrite', (records) => records.put(record, key));
    }
    const loaded = await Promise.all(channels.map((channel) => store.load(channel)));
    expect(loaded).toEqual(channels.map(() => at(5)));
    expect(await store.load('intruder')).toBeUndefined();
  });

  test('garbage goes when its record is written, and a position never does', async () => {
    await store.save(rooms(100).map((channel) => advance(channel)));
    const keys = await inDatabase('readonly', (records) => records.getAllKeys());
    for (const key of keys) {
      const record = await inDatabase<Map<unknown, unknown>>('readonly', (all) => all.get(key));
      for (const garbage of ['x', '[]', 7, null, at(5)]) record.set(`garbage ${garbage}`, garbage);
      record.set(7, 'x');
      await inDatabase('readwrite', (records) => records.put(record, key));
    }
    await store.save(rooms(50).map((channel) => advance(channel, at(6))));
    const all = await inDatabase('readonly', (records) => records.getAll());
    const left = all.flatMap((record: Map<unknown, unknown>) => [...record.keys()]);
    expect(left.sort()).toEqual(rooms(100).sort());
  });

  test('whatever a name or an epoch is, it comes back', async () => {
    const odd = ['', '__proto__', '"', '\\', '\u0000', '\ud800', ' 1,2]', '\u{1F600}'];
    await store.save(odd.map((text) => advance(text, at(1, `e${text}`, `t${text}`))));
    const loaded = await Promise.all(odd.map((text) => store.load(text)));
    expect(loaded).toEqual(odd.map((text) => at(1, `e${text}`, `t${text}`)));
  });

  test('a load gives a position and nothing else', async () => {
    await store.save([advance('room:1')]);
    expect(Object.keys((await store.load('room:1')) ?? {}).sort()).toEqual(['epoch', 'seq', 'tok']);
  });
});

describe('clearing out', () => {
  const day = 86_400_000;

  test('what nobody wrote for 90 days goes when its record is written, and not before', async () => {
    const now = vi.spyOn(Date, 'now').mockReturnValue(1_000 * day);
    await store.save(rooms(100).map((channel) => advance(channel)));
    now.mockReturnValue(1_090 * day);
    await store.save(rooms(50).map((channel) => advance(channel)));
    now.mockReturnValue(1_091 * day);
    expect(await store.load('room:99')).toEqual(at(5));
    // One channel of each record is written, so that every record is.
    const more = rooms(300).slice(200);
    expect(await store.save(more.map((channel) => advance(channel)))).toEqual([]);
    const left = await Promise.all(rooms(100).map((channel) => store.load(channel)));
    expect(left.map((position) => position !== undefined)).toEqual(
      rooms(100).map((_, i) => i < 50),
    );
  });

  test('an old position is still a position: it can be advanced, and it refuses others', async () => {
    const now = vi.spyOn(Date, 'now').mockReturnValue(1_000 * day);
    await store.save([advance('room:1')]);
    now.mockReturnValue(2_000 * day);
    expect(await store.save([advance('room:1', at(9, 'e1', 'other'))])).toEqual(['room:1']);
    now.mockReturnValue(1_000 * day);
    await store.save([advance('room:2')]);
    now.mockReturnValue(2_000 * day);
    expect(await store.save([advance('room:2', at(6))])).toEqual([]);
    expect(await store.load('room:2')).toEqual(at(6));
  });

  test('a wall clock that was set back drops nothing', async () => {
    const now = vi.spyOn(Date, 'now').mockReturnValue(2_000 * day);
    await store.save(rooms(40).map((channel) => advance(channel)));
    now.mockReturnValue(1_000 * day);
    await store.save(
      rooms(80)
        .slice(40)
        .map((channel) => advance(channel)),
    );
    expect(await store.load('room:1')).toEqual(at(5));
  });
});

describe('a database that is missing or broken', () => {
  const everyCall: [string, (store: PositionStore) => Promise<unknown>][] = [
    ['load', (store) => store.load('room:1')],
    ['save', (store) => store.save([advance('room:1')])],
    ['forget', (store) => store.forget()],
  ];

  test.each(everyCall)(
    'IDB 1: no indexedDB: %s rejects and does not throw',
    async (_name, call) => {
      vi.stubGlobal('indexedDB', undefined);
      const result = call(store);
      await expect(result).rejects.toThrow();
      store.release();
    },
  );

  test.each(everyCall)('IDB 1: an open that throws at once: %s rejects', async (_name, call) => {
    vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw new DOMException('blocked by the user', 'SecurityError');
    });
    const result = call(store);
    await expect(result).rejects.toMatchObject({ name: 'SecurityError' });
    expect(indexedDB.open).toHaveBeenCalledTimes(1);
  });

  test('importing and making a store touches no indexedDB', () => {
    idbPositionStore('x');
    expect(indexedDB.open).not.toHaveBeenCalled();
  });

  test('it works once storage is allowed', async () => {
    const allowed = indexedDB;
    vi.stubGlobal('indexedDB', undefined);
    await expect(store.load('room:1')).rejects.toThrow();
    vi.stubGlobal('indexedDB', allowed);
    await store.save([advance('room:1')]);
    expect(await store.load('room:1')).toEqual(at(5));
  });

  test.each([
    'InvalidStateError',
    'UnknownError',
    'AbortError',
    'NotFoundError',
    'TransactionInactiveError',
    'DataError',
  ])('IDB 2, 3, 14: after %s a new connection, once', async (name) => {
    await store.save([advance('room:1')]);
    breakTransactions(name, 1);
    expect(await store.load('room:1')).toEqual(at(5));
    expect(opened.length).toBe(2);
    expect(await store.save([advance('room:1', at(6))])).toEqual([]);
    expect(opened.length).toBe(2);
    // One that is only thought to be dead would keep other tabs from deleting the database.
    expect(() => opened[0]?.transaction('positions')).toThrow();
  });

  test('IDB 3: so it is after an abort that names no reason', async () => {
    const put = IDBObjectStore.prototype.put;
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(function (
      this: IDBObjectStore,
      ...args
    ) {
      const request = put.apply(this, args);
      this.transaction.abort();
      return request;
    });
    expect(await store.save([advance('room:1')])).toEqual([]);
    expect(opened.length).toBe(2);
    expect(await store.load('room:1')).toEqual(at(5));
  });

  test('IDB 3: dead for longer: every call rejects, and the first that can works again', async () => {
    await store.save([advance('room:1')]);
    breakTransactions('UnknownError', 4);
    await expect(store.load('room:1')).rejects.toMatchObject({ name: 'UnknownError' });
    await expect(store.save([advance('room:1')])).rejects.toMatchObject({ name: 'UnknownError' });
    expect(await store.load('room:1')).toEqual(at(5));
  });

  test('many calls that fail together share the new connection', async () => {
    const channels = rooms(200);
    await store.save(channels.map((channel) => advance(channel)));
    breakTransactions('InvalidStateError', 4);
    const loaded = await Promise.all(channels.map((channel) => store.load(channel)));
    expect(loaded).toEqual(channels.map(() => at(5)));
    expect(opened.length).toBe(2);
  });

  test('IDB 2: a connection that closed without a word, for real', async () => {
    await store.save([advance('room:1')]);
    opened[0]?.close();
    expect(await store.load('room:1')).toEqual(at(5));
  });

  test('an open that fails is tried once more, and the next call opens anew', async () => {
    const failing = () => {
      const request = new EventTarget() as IDBOpenDBRequest;
      Object.defineProperty(request, 'error', { value: new DOMException('', 'UnknownError') });
      setTimeout(() => request.onerror?.(new Event('error')));
      return request;
    };
    const good = vi.mocked(indexedDB.open).getMockImplementation();
    vi.mocked(indexedDB.open).mockImplementation(failing);
    await expect(store.load('room:1')).rejects.toMatchObject({ name: 'UnknownError' });
    expect(indexedDB.open).toHaveBeenCalledTimes(2);
    if (good) vi.mocked(indexedDB.open).mockImplementation(good);
    expect(await store.load('room:1')).toBeUndefined();
  });

  test('IDB 4: an open that hangs is let go of by release', async () => {
    const good = vi.mocked(indexedDB.open).getMockImplementation();
    vi.mocked(indexedDB.open).mockImplementation(() => new EventTarget() as IDBOpenDBRequest);
    let settled = false;
    void store.load('room:1').finally(() => (settled = true));
    await new Promise((resolve) => setTimeout(resolve));
    if (good) vi.mocked(indexedDB.open).mockImplementation(good);
    store.release();
    expect(await store.load('room:1')).toBeUndefined();
    expect(settled).toBe(false);
  });

  test('IDB 5: a database without our store rejects, and does no harm to it', async () => {
    const foreign = indexedDB.open('lastseq');
    foreign.onupgradeneeded = () => foreign.result.createObjectStore('other');
    (await done(foreign)).close();
    await expect(store.load('room:1')).rejects.toMatchObject({ name: 'NotFoundError' });
    const db = await done(indexedDB.open('lastseq'));
    expect([...db.objectStoreNames]).toEqual(['other']);
    db.close();
  });

  test('a full disk is not tried twice', async () => {
    await store.save([advance('room:1')]);
    breakTransactions('QuotaExceededError', 1);
    await expect(store.save([advance('room:1', at(9))])).rejects.toMatchObject({
      name: 'QuotaExceededError',
    });
    expect(await store.load('room:1')).toEqual(at(5));
  });

  test('IDB 7: all or nothing: a record that cannot be put undoes the others of its save', async () => {
    const writes = rooms(50).map((channel) => advance(channel));
    const put = IDBObjectStore.prototype.put;
    let puts = 0;
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
      this: IDBObjectStore,
      ...args
    ) {
      puts += 1;
      if (puts >= 3) throw new DOMException('could not be cloned', 'DataCloneError');
      return put.apply(this, args);
    });
    await expect(store.save(writes)).rejects.toBeDefined();
    const loaded = await Promise.all(rooms(50).map((channel) => store.load(channel)));
    expect(loaded.every((position) => position === undefined)).toBe(true);
  });
});

describe('letting go of the database', () => {
  test('IDB 6: another tab may delete it: the delete is not blocked, and we go on', async () => {
    await store.save([advance('room:1')]);
    const deletion = indexedDB.deleteDatabase('lastseq');
    const blocked = vi.fn();
    deletion.onblocked = blocked;
    await done(deletion);
    expect(blocked).not.toHaveBeenCalled();
    expect(await store.load('room:1')).toBeUndefined();
    await store.save([advance('room:1')]);
    expect(await store.load('room:1')).toEqual(at(5));
  });

  test('IDB 6: after release nothing is open, also when it came while opening', async () => {
    const loading = store.load('room:1');
    store.release();
    await loading;
    await store.save([advance('room:1')]);
    store.release();
    expect(opened.length).toBe(2);
    for (const db of opened) expect(() => db.transaction('positions')).toThrow();
  });

  test('IDB 9: a release in the middle of a save loses nothing', async () => {
    await store.load('x');
    const saving = store.save([advance('room:1')]);
    store.release();
    expect(await saving).toEqual([]);
    expect(await store.load('room:1')).toEqual(at(5));
  });

  test('one connection serves all calls', async () => {
    await Promise.all([store.load('a'), store.load('b'), store.save([advance('c')])]);
    await store.forget();
    expect(opened.length).toBe(1);
  });

  test('forget leaves other namespaces and the database alone', async () => {
    const bob = idbPositionStore('https://server/ bob');
    await bob.save([advance('room:1')]);
    await store.save(rooms(100).map((channel) => advance(channel)));
    await store.forget();
    const keys = await inDatabase('readonly', (records) => records.getAllKeys());
    expect(keys.every((key) => String(key).startsWith('v1/https://server/ bob/'))).toBe(true);
    expect(await bob.load('room:1')).toEqual(at(5));
    bob.release();
  });
});
