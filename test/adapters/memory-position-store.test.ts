import { expect, test } from 'vitest';
import { memoryPositionStore } from '../../src/adapters/memory-position-store.js';
import type { StoredPosition } from '../../src/core/position.js';
import { positionStoreContract } from '../../src/testing/position-store-contract.js';

const namespaces = new Map<string, Map<string, StoredPosition>>();
const contract = positionStoreContract((namespaceKey) => {
  const kept = namespaces.get(namespaceKey) ?? new Map<string, StoredPosition>();
  namespaces.set(namespaceKey, kept);
  return memoryPositionStore(kept);
});

for (const { name, run } of contract) test(name, run);

test('each store has a memory of its own unless it is given one', async () => {
  const position = { epoch: 'e1', seq: 1, tok: 't1' };
  await memoryPositionStore().save([{ channel: 'room:1', position, mode: 'replace' }]);
  expect(await memoryPositionStore().load('room:1')).toBeUndefined();
});
