// The store that a client takes when it is given none: whose positions it holds, and what it is without a database.
import { expect, test, vi } from 'vitest';
import { nativeDialect, type ClientOptions } from '../../src/index.js';
import { FakeNetwork } from '../../src/testing/index.js';
import { outcome, setup } from './harness.js';

const ports = { store: undefined as never };
const host = 'wss://example.test/realtime';
const dialect = { ...nativeDialect, transport: new FakeNetwork().transport };

test.each<[string, Partial<ClientOptions>, readonly string[]]>([
  ['the address and the namespace', { url: host, namespace: 'ann' }, [host, 'ann']],
  ['no namespace', { url: host }, [host, '']],
  ['no parameters, which may be a token', { url: `${host}?token=a?b` }, [host, '']],
  ['no fragment', { url: new URL(`${host}#top`) }, [host, '']],
  ['no address that a function gives', { url: () => `${host}?a`, namespace: 'ann' }, ['', 'ann']],
  ["no address of the app's own socket", { url: undefined, dialect }, ['', '']],
])('positions are known by their server and user: %s', async (_, options, key) => {
  const get = vi.spyOn(IDBObjectStore.prototype, 'get');
  const { client, room, pass } = setup({ options, ports });
  room().subscribe(() => undefined);
  await vi.waitFor(async () => {
    await pass();
    expect(get).toHaveBeenCalledOnce();
  });
  expect(get.mock.calls[0]?.[0]).toMatch(/^v1\/.+\/\d$/);
  expect(JSON.parse(String(get.mock.calls[0]?.[0]).slice(3, -2))).toEqual(key);
  get.mockRestore();
  await client.close();
});

test('without a database the memory of the page keeps the positions, and the client says so', async () => {
  vi.stubGlobal('indexedDB', undefined);
  Reflect.deleteProperty(globalThis, 'indexedDB');
  const { client, errors, room, publishTo, pass } = setup({ ports });
  const storage: string[] = [];
  client.on('storage', (state) => void storage.push(state));
  const seen: number[] = [];
  const first = room();
  first.subscribe(({ seq }) => void seen.push(seq));
  await pass();
  publishTo(1);
  await pass(1_000);
  await first.close();
  await pass(2_000);
  publishTo(3);
  room().subscribe(({ seq }) => void seen.push(seq));
  await pass(1_000);
  expect([seen, storage, errors]).toEqual([[1, 2, 3], ['memory'], []]);
  const forgotten = outcome(client.forget());
  await pass();
  expect(forgotten).toEqual({ done: true, value: undefined });
});
