/**
 * What every position store must do, whatever it keeps positions in. For any test runner:
 *
 * ```ts
 * for (const { name, run } of positionStoreContract((namespace) => myStore(namespace))) {
 *   test(name, run);
 * }
 * ```
 */
import type { PositionWrite, StoredPosition } from '../core/position.js';
import type { PositionStore } from '../ports/position-store.js';

/** One case. `run` rejects when the store does not do what `name` says. */
export interface ContractCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/**
 * What every position store owes the client, as cases for a test runner: `test(name, run)` for each.
 *
 * @param makeStore makes a store over the namespace given. Two stores of one namespace must see the
 *   same positions, as two tabs do; stores of two namespaces nothing of each other.
 */
export function positionStoreContract(
  makeStore: (namespaceKey: string) => PositionStore | Promise<PositionStore>,
): readonly ContractCase[] {
  const cases: [name: string, body: (open: () => Promise<PositionStore>) => Promise<void>][] = [
    [
      'knows nothing of a channel that was never saved',
      async (open) => {
        const store = await open();
        equal(await store.load('room:1'), undefined);
      },
    ],
    [
      'gives back what was saved, also to a store that is opened later',
      async (open) => {
        const store = await open();
        equal(await store.save([advance('room:1', at(7))]), []);
        equal(await store.load('room:1'), at(7));
        equal(await (await open()).load('room:1'), at(7));
      },
    ],
    [
      'keeps channels apart, whatever they are called',
      async (open) => {
        const store = await open();
        const names = ['__proto__', 'constructor', 'toString', '', ' ', 'a/b', 'é', '\u{1F600}'];
        names.push(...Array.from({ length: 100 }, (_, i) => `room:${i}`));
        await store.save(names.map((channel, i) => advance(channel, at(i + 1))));
        const loaded = await Promise.all(names.map((channel) => store.load(channel)));
        equal(
          loaded,
          names.map((_, i) => at(i + 1)),
        );
        equal(await store.load('hasOwnProperty'), undefined);
      },
    ],
    [
      'moves a position forward and never back',
      async (open) => {
        const store = await open();
        await store.save([advance('room:1', at(5))]);
        equal(await store.save([advance('room:1', at(9))]), []);
        equal(await store.save([advance('room:1', at(6))]), []);
        equal(await store.load('room:1'), at(9));
      },
    ],
    [
      'takes position 0, and the greatest number there is',
      async (open) => {
        const store = await open();
        await store.save([advance('a', at(0)), advance('b', at(Number.MAX_SAFE_INTEGER))]);
        equal(await store.load('a'), at(0));
        equal(await store.load('b'), at(Number.MAX_SAFE_INTEGER));
      },
    ],
    [
      'refuses the advance of another owner, and names the channel',
      async (open) => {
        const store = await open();
        await store.save([advance('room:1', at(5)), advance('room:2', at(5))]);
        const writes = [advance('room:1', at(9, 'e1', 'tok2')), advance('room:2', at(6))];
        equal(await store.save(writes), ['room:1']);
        equal(await store.load('room:1'), at(5));
        equal(await store.load('room:2'), at(6));
      },
    ],
    [
      'refuses an advance in another epoch: epochs change only by a replacement',
      async (open) => {
        const store = await open();
        await store.save([advance('room:1', at(5))]);
        equal(await store.save([advance('room:1', at(9, 'e2'))]), ['room:1']);
        equal(await store.load('room:1'), at(5));
      },
    ],
    [
      'lets a replacement win, backwards too, and refuses the old owner from then on',
      async (open) => {
        const store = await open();
        await store.save([advance('room:1', at(5))]);
        equal(await store.save([replace('room:1', at(2, 'e1', 'tok2'))]), []);
        equal(await store.load('room:1'), at(2, 'e1', 'tok2'));
        equal(await store.save([advance('room:1', at(6))]), ['room:1']);
        equal(await store.load('room:1'), at(2, 'e1', 'tok2'));
      },
    ],
    [
      'merges the writes of one call in their order',
      async (open) => {
        const store = await open();
        const writes = [
          advance('room:1', at(5)),
          replace('room:1', at(1, 'e2', 'tok2')),
          advance('room:1', at(3, 'e2', 'tok2')),
          advance('room:1', at(6)),
        ];
        equal(await store.save(writes), ['room:1']);
        equal(await store.load('room:1'), at(3, 'e2', 'tok2'));
      },
    ],
    [
      'lets no second tab move a position back, in any interleaving',
      async (open) => {
        const [one, two] = [await open(), await open()];
        const order = [3, 9, 1, 8, 2, 7, 6, 5, 4];
        await Promise.all(
          order.map((seq, i) => (i % 2 ? one : two).save([advance('room:1', at(seq))])),
        );
        equal(await one.load('room:1'), at(9));
        equal(await two.load('room:1'), at(9));
      },
    ],
    [
      'loses nothing when tabs save different channels at once',
      async (open) => {
        const [one, two] = [await open(), await open()];
        const names = Array.from({ length: 60 }, (_, i) => `room:${i}`);
        await Promise.all(
          names.map((channel, i) => (i % 2 ? one : two).save([advance(channel, at(i + 1))])),
        );
        const loaded = await Promise.all(names.map((channel) => one.load(channel)));
        equal(
          loaded,
          names.map((_, i) => at(i + 1)),
        );
      },
    ],
    [
      'takes an empty save',
      async (open) => {
        equal(await (await open()).save([]), []);
      },
    ],
    [
      'goes on after a release, which may come at any time and twice',
      async (open) => {
        const store = await open();
        const saving = store.save([advance('room:1', at(5))]);
        store.release();
        store.release();
        await saving;
        equal(await store.load('room:1'), at(5));
        store.release();
        equal(await store.save([advance('room:1', at(6))]), []);
        equal(await store.load('room:1'), at(6));
      },
    ],
    [
      'forgets every position of its namespace, also those that another tab saved',
      async (open) => {
        const [store, other] = [await open(), await open()];
        const names = Array.from({ length: 40 }, (_, i) => `room:${i}`);
        await store.save(names.map((channel) => advance(channel, at(5))));
        await other.save([advance('room:40', at(5))]);
        await store.forget();
        for (const channel of [...names, 'room:40']) equal(await other.load(channel), undefined);
        equal(await other.save([advance('room:1', at(1))]), []);
        equal(await store.load('room:1'), at(1));
      },
    ],
  ];

  const apart: ContractCase = {
    name: 'keeps namespaces apart, also when one is forgotten',
    run: async () => {
      const ann = await cleared('contract/ann');
      const bob = await cleared('contract/ann/1');
      await ann.save([advance('room:1', at(5))]);
      await bob.save([advance('room:1', at(9, 'e9', 'bob'))]);
      equal(await ann.load('room:1'), at(5));
      await ann.forget();
      equal(await ann.load('room:1'), undefined);
      equal(await bob.load('room:1'), at(9, 'e9', 'bob'));
      ann.release();
      bob.release();
    },
  };

  /** What an earlier run left behind must not count. */
  const cleared = async (namespaceKey: string): Promise<PositionStore> => {
    const store = await makeStore(namespaceKey);
    await store.forget();
    return store;
  };

  return [
    ...cases.map(([name, body], i) => ({
      name,
      run: async (): Promise<void> => {
        const namespaceKey = `contract/${i}`;
        const opened = [await cleared(namespaceKey)];
        try {
          await body(async () => {
            const store = await makeStore(namespaceKey);
            opened.push(store);
            return store;
          });
        } finally {
          for (const store of opened) store.release();
        }
      },
    })),
    apart,
  ];
}

const at = (seq: number, epoch = 'e1', tok = 'tok1'): StoredPosition => ({ epoch, seq, tok });

const advance = (channel: string, position: StoredPosition): PositionWrite => ({
  channel,
  position,
  mode: 'advance',
});

const replace = (channel: string, position: StoredPosition): PositionWrite => ({
  channel,
  position,
  mode: 'replace',
});

type Value = StoredPosition | undefined | readonly (string | StoredPosition | undefined)[];

function equal(actual: Value, expected: Value): void {
  if (words(actual) !== words(expected)) {
    throw new Error(`expected ${words(expected)} but got ${words(actual)}`);
  }
}

function words(value: Value | string): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return value;
  if ('epoch' in value) return `${value.epoch}:${value.seq} of ${value.tok}`;
  return `[${value.map(words).join(', ')}]`;
}
