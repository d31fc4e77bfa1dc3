/** The schedules must be bad enough: faults that never strike and branches never reached prove nothing. */
import { Dice } from './dice.js';
import { makeNumbering, type Kind } from './numbering.js';
import { FAULTS } from './plan.js';
import type { Tally } from './world.js';

/** What the client must have been brought to do. */
export const BRANCHES = [
  'gap truncated',
  'gap epoch',
  'gap hole',
  'gap rewind',
  'gap unreachable',
  'gap truncated healed',
  'gap epoch healed',
  'gap hole healed',
  'gap rewind healed',
  'snapshot initial',
  'snapshot truncated',
  'snapshot epoch',
  'snapshot hole',
  'snapshot rewind',
  'late store',
  'stalled recovery',
  'stalled refused',
  'stalled handler',
  'stalled timeout',
  'stalled snapshot',
  'stalled resets',
  'problem token_failed',
  'problem unauthorized',
  'problem connection_refused',
  'problem channel_refused',
  'problem recovery_failed',
  'problem handler_timeout',
  'problem reset_storm',
  'connection open -> waiting',
  'connection open -> unauthorized',
  'connection open -> failed',
  'notice held',
  'notice duplicate',
  'notice dropped',
  'notice positionReplaced',
  'redeliver',
  'ephemeral',
  'published',
  'abort',
  'left',
] as const;

/** What a world of this kind can be made to count: no epoch changes where there are none. */
export function countersOf(kind: Kind): readonly string[] {
  const all = [...FAULTS.map((fault) => `fault ${fault}`), ...BRANCHES];
  const { epochs, numbering } = makeNumbering(kind, new Dice(0));
  return all.filter(
    (name) =>
      (epochs || !/^(gap|snapshot) epoch/.test(name)) &&
      (numbering === 'contiguous' || !/^(gap|snapshot) hole/.test(name)),
  );
}

/** Counters that stay below `least` in 20,000 schedules, each with what it came to. */
export function scarce(
  tally: Tally,
  schedules: number,
  counters: readonly string[],
  least = 50,
): [name: string, count: number][] {
  const wanted = (least * schedules) / 20_000;
  return counters
    .map((name): [string, number] => [name, tally.get(name) ?? 0])
    .filter(([, count]) => count <= wanted);
}
