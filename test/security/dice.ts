/** Chance out of a seed: mulberry32, small, and the same everywhere. */
export interface Dice {
  /** A number in [0, 1). */
  readonly next: () => number;
  /** A whole number below `n`. */
  readonly below: (n: number) => number;
  readonly pick: <Value>(list: readonly Value[]) => Value;
  readonly chance: (p: number) => boolean;
}

export function dice(seed: number): Dice {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    next,
    below,
    pick: (list) => list[below(list.length)]!,
    chance: (p) => next() < p,
  };
}
