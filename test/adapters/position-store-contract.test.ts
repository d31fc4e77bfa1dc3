// A contract that no store can fail is worth nothing: here are stores that each break one rule.
import { expect, test } from 'vitest';
import { memoryPositionStore } from '../../src/adapters/memory-position-store.js';
import type { PositionWrite, StoredPosition } from '../../src/core/position.js';
import type { PositionStore } from '../../src/ports/position-store.js';
import { positionStoreContract } from '../../src/testing/position-store-contract.js';

type Kept = Map<string, StoredPosition>;

/** The names of the cases that a store fails. */
async function failures(
  breakIt: (good: PositionStore, kept: Kept, namespaceKey: string) => PositionStore,
): Promise<string[]> {
  const namespaces = new Map<string, Kept>();
  const contract = positionStoreContract((namespaceKey) => {
    const kept: Kept = namespaces.get(namespaceKey) ?? new Map();
    namespaces.set(namespaceKey, kept);
    return breakIt(memoryPositionStore(kept), kept, namespaceKey);
  });
  const failed: string[] = [];
  for (const { name, run } of contract) {
    await run().catch(() => failed.push(name));
  }
  return failed;
}

test('a good store fails nothing', async () => {
  expect(await failures((good) => good)).toEqual([]);
});

test.each<[string, string, Parameters<typeof failures>[0]]>([
  [
    'keeps nothing',
    'gives back what was saved',
    (good) => ({ ...good, load: () => Promise.resolve(undefined) }),
  ],
  [
    'lets the last writer win',
    'moves a position forward and never back',
    (good) => ({
      ...good,
      // By way of another owner: a replacement that comes twice is no replacement.
      save: (writes) =>
        good.save(
          writes.flatMap((write) => [
            { ...write, mode: 'replace', position: { ...write.position, tok: 'nobody' } },
            { ...write, mode: 'replace' },
          ]),
        ),
    }),
  ],
  [
    'refuses in silence',
    'refuses the advance of another owner',
    (good) => ({ ...good, save: (writes) => good.save(writes).then(() => []) }),
  ],
  [
    'never goes back, not for a replacement either',
    'lets a replacement win',
    (good) => ({
      ...good,
      save: (writes) => good.save(writes.map((write) => ({ ...write, mode: 'advance' }))),
    }),
  ],
  [
    'saves in reverse order',
    'merges the writes of one call in their order',
    (good) => ({ ...good, save: (writes) => good.save([...writes].reverse()) }),
  ],
  [
    'reads in one step and writes in another',
    'lets no second tab move a position back',
    (good, kept) => ({
      ...good,
      async save(writes: readonly PositionWrite[]) {
        const before = new Map(kept);
        await Promise.resolve();
        const mine = memoryPositionStore(before);
        const refused = await mine.save(writes);
        for (const [channel, position] of before) kept.set(channel, position);
        return refused;
      },
    }),
  ],
  [
    'keeps channels in a plain object',
    'keeps channels apart',
    (good) => {
      const names: Record<string, string> = {};
      return {
        ...good,
        load: (channel) => good.load(String(names[channel] ?? 'none')),
        save: (writes) => {
          for (const { channel } of writes) names[channel] = channel;
          return good.save(writes);
        },
      };
    },
  ],
  [
    'is of no use after a release',
    'goes on after a release',
    (good) => {
      let released = false;
      return {
        ...good,
        release: () => (released = true),
        load: (channel) =>
          released ? Promise.reject(new Error('InvalidStateError')) : good.load(channel),
      };
    },
  ],
  [
    'forgets nothing',
    'forgets every position of its namespace',
    (good) => ({ ...good, forget: () => Promise.resolve() }),
  ],
])('a store that %s fails "%s ..."', async (_what, name, breakIt) => {
  const failed = await failures(breakIt);
  expect(failed.filter((one) => one.startsWith(name))).toHaveLength(1);
});

test('a store that has one place for all namespaces fails "keeps namespaces apart ..."', async () => {
  const kept: Kept = new Map();
  const failed = await failures(() => memoryPositionStore(kept));
  expect(failed).toEqual(['keeps namespaces apart, also when one is forgotten']);
});
