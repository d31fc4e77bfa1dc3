// @vitest-environment node
/** A scope that is searched in seconds; `npm run simulate -- --exhaustive` searches the whole one. */
import { expect, test } from 'vitest';
import { withBundle } from '../bundle.mjs';
import type { Effect, Input, Item } from '../../../src/core/vocabulary.js';
import type { Scope } from './scope.js';
import type { Outcome, Options } from './search.js';

interface Bundle {
  readonly SCOPE: Scope;
  readonly search: (scope: Scope, options?: Options) => Outcome;
  readonly Session: typeof import('../../../src/core/session.js').Session;
}

const { SCOPE, Session, search } = await withBundle(
  'exhaustive/main.ts',
  { isOpen: true },
  (bundle: Bundle) => bundle,
);

test('one message, with a loss, a cut, a crash and another epoch: no rule is broken', () => {
  const { finding, states } = search({ ...SCOPE, messages: 1 });
  expect(finding).toBeUndefined();
  expect(states).toBeGreaterThan(10_000);
}, 120_000);

test('handlers and a store that take as long as they like: no rule is broken', () => {
  const scope: Scope = { ...SCOPE, messages: 2, losses: 0, cuts: 0, epochs: 0, pace: 'any' };
  const { finding, states } = search(scope);
  expect(finding).toBeUndefined();
  expect(states).toBeGreaterThan(1_000);
}, 120_000);

/** What a broken client does with what it is about to say. */
const BROKEN: readonly [string, string, (items: readonly Item[]) => readonly Item[]][] = [
  [
    'drops a message',
    'L3 moved in silence',
    (items) => items.filter((item) => !isMessage(item, 2)),
  ],
  ['gives a message twice', 'I1 order', (items) => items.flatMap((item) => [item, item])],
  ['swallows a gap', 'L3 moved in silence', (items) => items.filter(({ type }) => type !== 'gap')],
];

test.each(BROKEN)(
  'a client that %s is found',
  (_, rule, broken) => {
    class Broken extends Session {
      override handle(input: Input, now: number): readonly Effect[] {
        const effects = super.handle(input, now);
        return effects.map((effect) =>
          effect.type === 'deliver' ? { ...effect, items: broken(effect.items) } : effect,
        );
      }
    }
    const scope = { ...SCOPE, messages: 2, losses: 0, cuts: 0, crashes: 0 };
    const { finding } = search(scope, { session: (settings) => new Broken(settings) });
    expect(finding?.rule).toBe(rule);
    expect(finding?.path.length).toBeGreaterThan(0);
  },
  120_000,
);

test('a client that stores what it has not handled is found', () => {
  class Hasty extends Session {
    override handle(input: Input, now: number): readonly Effect[] {
      return super.handle(input, now).flatMap((effect) => {
        if (effect.type !== 'deliver') return [effect];
        return [effect, ...effect.items.flatMap((item) => this.#commit(item, effect.tok, now))];
      });
    }

    #commit(item: Item, tok: string | undefined, now: number): readonly Effect[] {
      if (item.type !== 'message' || tok === undefined) return [];
      const { channel, epoch, seq } = item;
      const mark = { channel, mode: 'advance', position: { epoch, seq, tok } } as const;
      return super.handle({ type: 'committed', channel, mark }, now);
    }
  }
  const scope: Scope = { ...SCOPE, messages: 1, losses: 0, cuts: 0, epochs: 0, pace: 'any' };
  const { finding } = search(scope, { session: (settings) => new Hasty(settings) });
  expect(finding?.rule).toBe('I3 a stored position is ahead');
}, 120_000);

function isMessage(item: Item, seq: number): boolean {
  return item.type === 'message' && item.seq === seq;
}
