/** How an app behaves, as far as chance decides: its handlers, its snapshots, its token provider. */
import type { Position } from '../../src/core/position.js';
import { HEALED_MS, type ChannelPlan } from './plan.js';
import type { World } from './world.js';

/** An item that failed this often goes through: a handler that fails for ever is no fault of ours. */
const MOST_FAILURES = 3;

/** What a handler does with an item. `takes`: milliseconds; undefined when it is done at once. */
export function handlerOf(
  world: World,
  failures: number,
): { readonly fails: boolean; readonly takes: number | undefined } {
  const fails = failures < MOST_FAILURES && world.strike('handlerThrow', 0.4);
  if (world.strike('handlerSlow', 0.6)) return { fails, takes: world.dice.between(1, 400) };
  return { fails, takes: world.dice.chance(0.2) ? world.dice.between(0, 4) : undefined };
}

export function snapshotOf(
  world: World,
  failures: number,
): { readonly fails: boolean; readonly takes: number } {
  const takes = world.strike('snapshotSlow', 0.8) ? world.dice.between(1, 400) : 0;
  return { fails: failures < MOST_FAILURES && world.strike('snapshotFail', 0.5), takes };
}

/** The state that a snapshot loads. `told`: what it says of where that is, if it says anything. */
export function loadedState(
  world: World,
  { name, snapshotLags }: ChannelPlan,
): { readonly real: Position; readonly told: Position | undefined } {
  const { log } = world.log(name);
  const drawn = snapshotLags ? Math.min(log.head, world.dice.between(0, 2)) : 0;
  // Behind a hole that nobody fills, a state that lags for ever is loaded for ever.
  const lag = world.agenda.now < HEALED_MS ? drawn : 0;
  const real = { epoch: log.epoch, seq: log.head - lag };
  return { real, told: lag > 0 || world.dice.chance(0.3) ? real : undefined };
}

export class TokenProvider {
  /** When the token in hand was issued; -1 before there is one. */
  issuedAt = -1;

  constructor(private readonly world: World) {}

  /** @param run runs a task of the page. @param done called in it. */
  ask(
    run: (work: () => void) => void,
    done: (outcome: 'ready' | 'failed' | 'refused') => void,
  ): void {
    const { world } = this;
    const takes = world.strike('tokenSlow', 0.7) ? world.dice.between(100, 500) : 3;
    const fails = world.strike('tokenFail', 0.5);
    // The user is logged out: the provider says so itself.
    const final = fails && world.dice.chance(0.2);
    const stale = world.strike('tokenStale', 0.6);
    world.agenda.in(takes, () => {
      run(() => {
        // A provider that caches gives out what was refused a moment ago.
        if (!fails && !(stale && this.issuedAt >= 0)) this.issuedAt = world.agenda.now;
        done(fails ? (final ? 'refused' : 'failed') : 'ready');
      });
    });
  }
}
