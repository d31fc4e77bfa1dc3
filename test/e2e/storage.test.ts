// A database that is missing, broken, blocked or deleted costs the position, and nothing else.
import { expect, test } from 'vitest';
import { eventually, openTab, startSite, upTo } from './harness.js';

const broken: Record<string, () => void> = {
  'is not there': () => {
    Object.defineProperty(window, 'indexedDB', { value: undefined });
  },
  'throws as soon as it is looked at': () => {
    Object.defineProperty(window, 'indexedDB', {
      get: () => {
        throw new DOMException('denied', 'SecurityError');
      },
    });
  },
  'throws when it is opened': () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('denied', 'SecurityError');
    };
  },
  'cannot be opened': () => {
    IDBFactory.prototype.open = () => {
      const request = Object.assign(new EventTarget(), {
        error: new DOMException('disk', 'UnknownError'),
        onerror: () => undefined,
      });
      setTimeout(() => request.onerror());
      return request as unknown as IDBOpenDBRequest;
    };
  },
  'never answers': () => {
    IDBFactory.prototype.open = () => new EventTarget() as IDBOpenDBRequest;
  },
  'cannot be written': () => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (...given) {
      const request = put.apply(this, given);
      this.transaction.abort();
      return request;
    };
  },
};

test.each(Object.entries(broken))(
  'with a database that %s messages arrive, and the app is told once',
  async (_how, breakIt) => {
    const site = await startSite();
    const tab = await openTab(site.origin, breakIt);
    await tab.start();
    await tab.ready();
    site.publish(3);
    await eventually(tab.items).toEqual([1, 2, 3]);
    await eventually(async () => (await tab.seen()).storage.at(-1)).toBe('memory');
    // Broken is broken after the next flush, too.
    site.publish(3);
    await eventually(tab.items).toEqual(upTo(6));
    const { errors, storage, uncaught } = await tab.seen();
    expect(storage.filter((state) => state === 'memory')).toEqual(['memory']);
    expect([...errors, ...uncaught]).toEqual([]);
  },
);

test('a database that can be written again is written again, and the app is told', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(1);
  await eventually(tab.stored).toBe(1);
  await tab.run(() => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (...given) {
      const request = put.apply(this, given);
      this.transaction.abort();
      return request;
    };
    Object.assign(window, { repair: () => (IDBObjectStore.prototype.put = put) });
  });
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2, 3]);
  await eventually(async () => (await tab.seen()).storage).toEqual(['persistent', 'memory']);
  await tab.run(() => void (window as unknown as { repair(): void }).repair());
  await eventually(tab.stored).toBe(3);
  expect((await tab.seen()).storage).toEqual(['persistent', 'memory', 'persistent']);
});

test('a database of the same name that somebody else made is left alone', async () => {
  const site = await startSite();
  const tab = await openTab(`${site.origin}/elsewhere`);
  await tab.run(
    () =>
      new Promise<void>((resolve) => {
        const request = indexedDB.open('lastseq', 7);
        request.onupgradeneeded = () => void request.result.createObjectStore('theirs');
        request.onsuccess = () => {
          request.result.close();
          resolve();
        };
      }),
  );
  await tab.goto(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2]);
  expect((await tab.seen()).storage).toEqual(['memory']);
});

test('a database that another tab deletes is let go, and made anew', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(2);
  await eventually(tab.stored).toBe(2);

  const other = await openTab(`${site.origin}/elsewhere`);
  const outcome = await other.run(
    () =>
      new Promise<string>((resolve) => {
        const request = indexedDB.deleteDatabase('lastseq');
        for (const type of ['success', 'error', 'blocked'] as const) {
          request.addEventListener(type, () => resolve(type));
        }
      }),
  );
  expect(outcome).toBe('success');
  site.publish(2);
  await eventually(tab.items).toEqual(upTo(4));
  await eventually(tab.stored).toBe(4);
  expect((await tab.seen()).storage).toEqual(['persistent']);

  await tab.reload();
  await tab.start();
  await tab.ready();
  site.publish(1);
  await eventually(tab.items).toEqual([5]);
});

test('a database that another tab blocks is not waited for, and used when it comes', async () => {
  const site = await startSite();
  const blocker = await openTab(`${site.origin}/elsewhere`);
  // A connection that ignores the request to close, and a delete that waits for it: whoever opens
  // the database now waits behind both.
  await blocker.run(
    () =>
      new Promise<void>((resolve) => {
        const request = indexedDB.open('lastseq');
        request.onsuccess = () => {
          const deleting = indexedDB.deleteDatabase('lastseq');
          deleting.onblocked = () => resolve();
          Object.assign(window, { unblock: () => request.result.close() });
        };
      }),
  );
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2]);
  expect((await tab.seen()).storage).toEqual(['memory']);
  await blocker.run(() => (window as unknown as { unblock(): void }).unblock());
  await eventually(tab.stored).toBe(2);
  expect((await tab.seen()).storage).toEqual(['memory', 'persistent']);
  expect(await tab.items()).toEqual([1, 2]);
});

test('a page that logs out forgets where it was', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(2);
  await eventually(tab.stored).toBe(2);
  await tab.run(() => window.app.client.forget());
  await tab.goto(`${site.origin}/elsewhere`);
  site.publish(2);
  await tab.goto(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(1);
  await eventually(tab.items).toEqual([5]);
});
