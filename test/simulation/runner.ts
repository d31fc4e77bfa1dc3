/** Runs one schedule. */
import type { Session } from '../../src/core/session.js';
import type { Settings } from '../../src/core/settings.js';
import type { Plan } from './plan.js';
import { World, type Result, type Tally, type Tracer } from './world.js';

export type Runner = (
  plan: Plan,
  tally: Tally,
  tracer?: Tracer,
  /** Makes the cores. */
  session?: (settings: Settings) => Session,
) => Result | Promise<Result>;

/** The core that ships, in a model of what is around it. */
export const runCore: Runner = (plan, tally, tracer, session) =>
  new World(plan, tally, tracer, session).run();
