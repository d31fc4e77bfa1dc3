/** One schedule: of the core alone, or with all that ships around it. */
import type { Session } from '../../../src/core/session.js';
import type { Settings } from '../../../src/core/settings.js';
import type { Plan } from '../plan.js';
import { World, type Result, type Tally, type Tracer } from '../world.js';
import { WholeClient } from './whole-client.js';

export type Runner = (
  plan: Plan,
  tally: Tally,
  tracer?: Tracer,
  /** Makes the cores. */
  session?: (settings: Settings) => Session,
) => Result | Promise<Result>;

export const runCore: Runner = (plan, tally, tracer, session) =>
  new World(plan, tally, tracer, session).run();

export const runWhole: Runner = (plan, tally, tracer, session) => {
  const newTab = (world: World, id: number): WholeClient => new WholeClient(world, id);
  return new World(plan, tally, tracer, session, newTab).runSettling(settled);
};

/** A task of its own: every promise that can settle has settled by then. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
