// The store over the real IndexedDB of each browser.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commands } from 'vitest/browser';
import { idbPositionStore } from '../../src/adapters/idb-position-store.js';
import type { PositionWrite, StoredPosition } from '../../src/core/position.js';
import type { PositionStore } from '../../src/ports/position-store.js';
import { positionStoreContract } from '../../src/testing/position-store-contract.js';

let store: PositionStore;

beforeEach(async () => {
  store = idbPositionStore('ann');
  await store.forget();
});

afterEach(() => {
  store.release();
});

const at = (seq: number, epoch = 'e1', tok = 't1'): StoredPosition => ({ epoch, seq, tok });
const advance = (channel: string, position: StoredPosition): PositionWrite => ({
  channel,
  position,
  mode: 'advance',
});

/** Deletes the database, as another tab or the user would. */
const deleteDatabase = () =>
  new Promise<'deleted' | 'blocked'>((resolve, reject) => {
    const request = indexedDB.deleteDatabase('lastseq');
    request.onsuccess = () => resolve('deleted');
    request.onblocked = () => resolve('blocked');
    request.onerror = () => reject(request.error as DOMException);
  });

describe('the contract', () => {
  for (const { name, run } of positionStoreContract(idbPositionStore)) test(name, run);
});

test('two connections write at once: no position moves back, none is lost', async () => {
  const other = idbPositionStore('ann');
  const channels = Array.from({ length: 50 }, (_, i) => `room:${i}`);
  const seqs = [5, 1, 4, 2, 3];
  await Promise.all(
    seqs.flatMap((seq, i) =>
      channels.map((channel, j) => ((i + j) % 2 ? store : other).save([advance(channel, at(seq))])),
    ),
  );
  const loaded = await Promise.all(channels.map((channel) => other.load(channel)));
  expect(loaded).toEqual(channels.map(() => at(5)));
  other.release();
});

test('IDB 6: deleting the database from elsewhere is not blocked, and we go on', async () => {
  await store.save([advance('room:1', at(5))]);
  expect(await deleteDatabase()).toBe('deleted');
  expect(await store.load('room:1')).toBeUndefined();
  await store.save([advance('room:1', at(1))]);
  expect(await store.load('room:1')).toEqual(at(1));
});

test('deleted in the middle of our work', async () => {
  const saves = Array.from({ length: 10 }, (_, i) => store.save([advance('room:1', at(i + 1))]));
  const deletion = deleteDatabase();
  expect(await Promise.all(saves)).toEqual(saves.map(() => []));
  expect(await deletion).toBe('deleted');
  await store.save([advance('room:1', at(20))]);
  expect(await store.load('room:1')).toEqual(at(20));
});

test('a thousand positions in one save, back from a new connection', async () => {
  const channels = Array.from({ length: 1_000 }, (_, i) => `room:${i}`);
  await store.save(channels.map((channel, i) => advance(channel, at(i + 1))));
  store.release();
  const later = idbPositionStore('ann');
  const loaded = await Promise.all(channels.map((channel) => later.load(channel)));
  expect(loaded).toEqual(channels.map((_, i) => at(i + 1)));
  later.release();
});

test('garbage in every record is as good as absent', async () => {
  await store.save(Array.from({ length: 100 }, (_, i) => advance(`room:${i}`, at(5))));
  await new Promise<void>((resolve, reject) => {
    const request = indexedDB.open('lastseq');
    request.onsuccess = () => {
      const transaction = request.result.transaction('positions', 'readwrite');
      const records = transaction.objectStore('positions');
      records.openCursor().onsuccess = (event) => {
        const cursor = (event.target as IDBRequest<IDBCursorWithValue | null>).result;
        cursor?.update('garbage');
        cursor?.continue();
      };
      transaction.oncomplete = () => {
        request.result.close();
        resolve();
      };
      transaction.onerror = () => reject(transaction.error as DOMException);
    };
  });
  expect(await store.load('room:1')).toBeUndefined();
  expect(await store.save([advance('room:1', at(2))])).toEqual([]);
  expect(await store.load('room:1')).toEqual(at(2));
});

describe('a second tab', () => {
  async function withTab(run: (tab: number) => Promise<void>): Promise<void> {
    const tab = await commands.openTab(new URL('./blank.html', import.meta.url).href);
    try {
      await run(tab);
    } finally {
      await commands.closeTab(tab);
    }
  }

  test('deletes the database while ours is idle', async () => {
    await store.save([advance('room:1', at(5))]);
    await withTab(async (tab) => {
      const outcome = await commands.runInTab(
        tab,
        `await new Promise((resolve, reject) => {
          const request = indexedDB.deleteDatabase('lastseq')
          request.onsuccess = () => resolve('deleted')
          request.onblocked = () => resolve('blocked')
          request.onerror = () => reject(request.error)
        })`,
      );
      expect(outcome).toBe('deleted');
    });
    expect(await store.load('room:1')).toBeUndefined();
  });

  test('with the same store writes a lower and a higher position', async () => {
    await store.save([advance('room:1', at(5))]);
    const source = new URL('../../src/adapters/idb-position-store.ts', import.meta.url).href;
    await withTab(async (tab) => {
      const save = (seq: number) =>
        commands.runInTab(
          tab,
          `await import(${JSON.stringify(source)}).then(async ({ idbPositionStore }) => {
            const store = idbPositionStore('ann')
            const position = { epoch: 'e1', seq: ${seq}, tok: 't1' }
            const refused = await store.save([{ channel: 'room:1', position, mode: 'advance' }])
            store.release()
            return refused
          })`,
        );
      expect(await save(3)).toEqual([]);
      expect(await store.load('room:1')).toEqual(at(5));
      expect(await save(9)).toEqual([]);
    });
    expect(await store.load('room:1')).toEqual(at(9));
    expect(await store.save([advance('room:1', at(7))])).toEqual([]);
    expect(await store.load('room:1')).toEqual(at(9));
  });
});
