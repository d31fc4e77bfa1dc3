/** Runs one schedule with all that ships: promises settle between any two of its steps. */
import type { Runner } from '../runner.js';
import { World, type Result } from '../world.js';
import { withGlobals } from './ports.js';
import { socketTransport, withSockets } from './sim-socket.js';
import { WholeClient } from './whole-client.js';

export const runWhole: Runner = (plan, tally, tracer, session) => {
  const newTab = (world: World, id: number): WholeClient => new WholeClient(world, id);
  return settling(new World(plan, tally, tracer, session, newTab));
};

/** The same with the transport for WebSockets that ships, and the library in it, over sockets of the world. */
export const runSockets: Runner = (plan, tally, tracer, session) => {
  const newTab = (world: World, id: number): WholeClient =>
    new WholeClient(world, id, socketTransport);
  const world = new World(plan, tally, tracer, session, newTab);
  return withSockets(world, () => settling(world));
};

/** What a client that is closed has to say, it says to the page. */
function settling(world: World): Promise<Result> {
  const reportError = (): void => world.count('error told to the page');
  return withGlobals({ reportError }, () => world.runSettling(settled));
}

/** A task of its own: every promise that can settle has settled by then. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
