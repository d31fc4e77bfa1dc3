/** Messages one after the other by every path in turn; in the middle, more connections come. */
import type { Bench } from '../bench.js';
import type { LiveScene, Sent, Skipped } from '../findings.js';

/** Messages by each path before the others come, and as many after. */
const ROUNDS = 2;

export async function live(bench: Bench): Promise<LiveScene | Skipped> {
  const { settings, lanes } = bench;
  if (lanes.length === 0) return watch(bench);
  bench.begin();
  const since = bench.end;
  const sent: Sent[] = [];
  const inTurn = async (): Promise<void> => {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const lane of bench.lanes) {
        sent.push(await bench.publish(lane));
        await bench.echo();
      }
    }
  };
  await inTurn();
  for (const instance of settings.instances) await bench.listen(instance);
  await inTurn();
  return { since, sent, heard: bench.heard(), walks: await bench.walks(since) };
}

/** Without a way to publish: what others publish. */
async function watch(bench: Bench): Promise<LiveScene | Skipped> {
  const { watchMs } = bench.settings;
  if (watchMs === undefined) {
    return { skipped: 'there is no sending path: name one with --send, or listen with --watch' };
  }
  bench.begin();
  const since = bench.end;
  await new Promise((resolve) => setTimeout(resolve, watchMs));
  const heard = bench.heard();
  if (heard.every(({ copies }) => copies.length === 0)) {
    return { skipped: `nothing came in ${watchMs / 1_000} s` };
  }
  return { since, sent: [], heard, walks: await bench.walks(since) };
}
