/** The server restarts, and a client comes back with the position that it had. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.js';
import type { RestartScene, Sent, Skipped } from '../findings.js';
import { inTime } from '../in-time.js';
import { runCommand } from '../lanes.js';
import type { Recovery } from '../recovery.js';

/** For the server to be there again. */
const RETURN_MS = 60_000;
const AGAIN_MS = 100;

export async function restart(bench: Bench): Promise<RestartScene | Skipped> {
  const { settings } = bench;
  const command = settings.restart;
  if (command === undefined) return { skipped: 'give --restart with the command that does it' };
  const before = await bench.mark();
  // One that could not be read before is no sign of a server that is away.
  const readable: Recovery[] = [];
  for (const recovery of bench.recoveries) {
    if ((await recovery.ask(before)).page !== undefined) readable.push(recovery);
  }
  const nothing = { before, sent: [], heard: [], after: [], whole: [] };
  try {
    await (typeof command === 'string' ? runCommand(command) : inTime(command));
  } catch (error) {
    const failed = `--restart: ${error instanceof Error ? error.message : String(error)}`;
    return { ...nothing, outcome: { failed } };
  }
  // A command may return before the old server is gone.
  await bench.until(() => bench.listeners.every(({ isOpen }) => !isOpen));
  await bench.close();
  if (!(await cameBack(bench, readable))) return { ...nothing, outcome: 'away' };
  // What a server replays to whoever joins is not what it sends now.
  bench.begin();
  const sent: Sent[] = [];
  for (const lane of bench.lanes) sent.push(await bench.publish(lane));
  await bench.echo();
  const after = await bench.walks(before);
  const whole = await bench.walks({ epoch: before.epoch, seq: 0 });
  return { before, outcome: 'back', sent, heard: bench.heard(), after, whole };
}

async function cameBack(bench: Bench, readable: readonly Recovery[]): Promise<boolean> {
  const { instances, connections } = bench.settings;
  // By the clock: a server that takes connections and answers nobody makes every try a long one.
  const until = performance.now() + RETURN_MS;
  while (performance.now() < until) {
    const missed = bench.refused.length;
    const joined = await bench.listenAll();
    const answers = await Promise.all(readable.map((recovery) => recovery.ask(bench.end)));
    if (joined.length === instances.length * connections) {
      if (answers.every(({ page }) => page !== undefined)) return true;
    }
    // It is the server's right to be away for a while.
    bench.refused.length = missed;
    await bench.close();
    await sleep(AGAIN_MS);
  }
  return false;
}
