/**
 * Positions in IndexedDB, by way of idb-keyval 6.3.
 *
 * A record per position costs about 0.1 ms each, a record with a thousand positions hardly more than
 * one. So the positions of a namespace share a few records, each a `Map` from channel to position. A
 * position is a text in it: a clone of objects takes twice as long.
 */
import { createStore, delMany, get, promisifyRequest, type UseStore } from 'idb-keyval';
import {
  isStoredPosition,
  mergePosition,
  type PositionWrite,
  type StoredPosition,
} from '../core/position.js';
import type { PositionStore } from '../ports/position-store.js';

/** A database of our own, because idb-keyval can hold one store per database. Never give it a version. */
const DATABASE = 'lastseq';
const STORE = 'positions';

/**
 * How many records a namespace has. Each that is written costs, and each is written whole: by what was
 * measured, four is the best for 200 channels, and no worse for 10,000 unless hardly any of them moves.
 * Part of the format: another number needs another `v1`.
 */
const SHARDS = 4;

/** Positions that nobody wrote for so long are dropped when their record is written next. */
const KEEP_MS = 90 * 24 * 60 * 60 * 1_000;

/** What is in a record: by channel, unless somebody else wrote it. */
type Texts = Map<unknown, unknown>;

/**
 * What a connection that died throws, mostly WebKit's after the page was in the background:
 * https://github.com/jakearchibald/idb-keyval/issues/142, https://bugs.webkit.org/show_bug.cgi?id=197050.
 * `DataError` is WebKit's too (our keys are always strings): https://github.com/dexie/Dexie.js/issues/2296.
 */
const LOST_CONNECTION = new Set([
  'InvalidStateError',
  'UnknownError',
  'AbortError',
  'NotFoundError',
  'TransactionInactiveError',
  'DataError',
]);

/**
 * @param namespaceKey whose positions these are: server, user, consumer. Part of every key, so that
 *   nobody resumes at the position of another user.
 */
export function idbPositionStore(namespaceKey: string): PositionStore {
  const { use, release } = connection();
  const keyOf = (shard: number): string => `v1/${namespaceKey}/${shard}`;
  const reads = new Map<string, Promise<Texts>>();

  /** All loads of one tick share one read of each record. Later ones read anew: they may see a save. */
  const read = (key: string): Promise<Texts> => {
    const shared = reads.get(key);
    if (shared) return shared;
    const reading = get<unknown>(key, use).then(asRecord);
    reads.set(key, reading);
    queueMicrotask(() => reads.delete(key));
    return reading;
  };

  return {
    async load(channel) {
      return decode((await read(keyOf(shardOf(channel)))).get(channel));
    },

    async save(writes) {
      if (writes.length === 0) return [];
      const groups = new Map<string, PositionWrite[]>();
      for (const write of writes) {
        const key = keyOf(shardOf(write.channel));
        const group = groups.get(key);
        if (group) group.push(write);
        else groups.set(key, [write]);
      }
      return await use('readwrite', (store) => mergeInto(store, groups));
    },

    // Not deleteDatabase: another tab may hold the database open, and other namespaces live in it.
    forget: async () => {
      await delMany(
        Array.from({ length: SHARDS }, (_, shard) => keyOf(shard)),
        use,
      );
    },

    release,
  };
}

/** Reads, merges and writes all the records in one transaction, so that no tab can come between. */
function mergeInto(
  store: IDBObjectStore,
  groups: ReadonlyMap<string, readonly PositionWrite[]>,
): Promise<readonly string[]> {
  const refused = new Set<string>();
  const now = Date.now();
  for (const [key, writes] of groups) {
    const request: IDBRequest<unknown> = store.get(key);
    request.onsuccess = () => {
      const record = asRecord(request.result);
      for (const write of writes) {
        const { kept, accepted } = mergePosition(decode(record.get(write.channel)), write);
        if (!accepted) refused.add(write.channel);
        else record.set(write.channel, encode(kept, now));
      }
      for (const [channel, text] of record) {
        // Of garbage it is not a number.
        if (!(now - savedAt(text) <= KEEP_MS)) record.delete(channel);
      }
      store.put(record, key);
    };
  }
  return promisifyRequest(store.transaction).then(() => [...refused]);
}

/** There may be anything: garbage is as good as absent. */
function asRecord(found: unknown): Texts {
  return found instanceof Map ? found : new Map();
}

/** @param now milliseconds since 1970; for the clearing out of old positions only, never a rule. */
function encode({ epoch, seq, tok }: StoredPosition, now: number): string {
  return JSON.stringify([now, seq, tok, epoch]);
}

function decode(text: unknown): StoredPosition | undefined {
  try {
    const [, seq, tok, epoch] = JSON.parse(String(text)) as readonly unknown[];
    const position = { epoch, seq, tok };
    return isStoredPosition(position) ? position : undefined;
  } catch {
    return undefined;
  }
}

/** Read from the beginning of the text: parsing what is not asked for would cost more than the clone. */
const savedAt = (text: unknown): number => Number.parseInt(String(text).slice(1));

/** FNV-1a, folded: by themselves neither its low nor its top bits tell `room:1` from `room:2` well. */
function shardOf(channel: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < channel.length; i += 1) {
    hash = Math.imul(hash ^ channel.charCodeAt(i), 0x01000193);
  }
  hash ^= hash >>> 16;
  return ((hash ^ (hash >>> 8) ^ (hash >>> 4)) >>> 0) % SHARDS;
}

/** A connection that is opened when needed, let go of when asked, and replaced once when it died. */
function connection(): { readonly use: UseStore; readonly release: () => void } {
  /** idb-keyval remembers its connection inside this function: to forget the one, drop the other. */
  let current: UseStore | undefined;
  let open: IDBDatabase | undefined;

  const release = (): void => {
    open?.close();
    open = current = undefined;
  };

  const run = <T>(
    ours: UseStore,
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => T | PromiseLike<T>,
  ): Promise<T> =>
    ours(mode, (store) => {
      const { db } = store.transaction;
      const result = work(store);
      if (ours === current) {
        open = db;
        // Another tab wants to delete the database. idb-keyval would keep it waiting for ever.
        db.onversionchange = release;
      } else {
        // Released while it was being opened. Closing waits for the work that has begun.
        db.close();
      }
      return result;
    });

  // `async`, because a missing or blocked indexedDB throws here and now.
  const use: UseStore = async (mode, work) => {
    const ours = (current ??= createStore(DATABASE, STORE));
    try {
      return await run(ours, mode, work);
    } catch (error) {
      // An aborted transaction may give null for a reason.
      const name = (error as Partial<Error> | null)?.name ?? 'AbortError';
      if (!LOST_CONNECTION.has(name)) throw error;
      // Many calls may fail with one connection: the first of them replaces it for all.
      if (ours === current) release();
      return await run((current ??= createStore(DATABASE, STORE)), mode, work);
    }
  };

  return { use, release };
}
