/** Several publishers at once, over all paths, while somebody reads the log again and again. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Bench } from '../bench.js';
import type { ConcurrentScene, Glance, Sent, Skipped } from '../findings.js';
import type { Lane } from '../lanes.js';
import { coverOf, type Recovery } from '../recovery.js';

const PUBLISHERS = 4;
const EACH = 50;
/** By a path that starts a process for every message. */
const EACH_SLOWLY = 2;

/** A reader in a hurry asks this often at most. */
const MAX_GLANCES = 1_000;

export async function concurrent(bench: Bench): Promise<ConcurrentScene | Skipped> {
  const { lanes } = bench;
  if (lanes.length === 0) return { skipped: 'there is no sending path that works' };
  bench.begin();
  const since = await bench.mark();
  let done = false;
  const looking = Promise.all(
    bench.recoveries.map((recovery) => glance(recovery, since, () => done)),
  );
  const sent: Sent[] = [];
  const publishers = Array.from({ length: PUBLISHERS }, async (_, publisher) => {
    for (let i = 0; i < EACH; i += 1) {
      const lane = laneOf(lanes, publisher, i);
      if (lane !== undefined) sent.push(await bench.publish(lane));
    }
  });
  await Promise.all(publishers);
  await bench.echo();
  done = true;
  const glances = (await looking).flat();
  return { since, sent, heard: bench.heard(), glances, walks: await bench.walks(since) };
}

/** Every publisher uses every path, so that every path is used by several at once. */
function laneOf(lanes: readonly Lane[], publisher: number, i: number): Lane | undefined {
  const usable = i < EACH_SLOWLY ? lanes : lanes.filter(({ slow }) => !slow);
  return usable[(publisher + i) % usable.length];
}

/** Reads as a client would: from where the last page ended. */
async function glance(
  recovery: Recovery,
  since: { readonly epoch: string; readonly seq: number },
  done: () => boolean,
): Promise<Glance[]> {
  const glances: Glance[] = [];
  let { seq } = since;
  while (!done() && glances.length < MAX_GLANCES) {
    const { page } = await recovery.ask({ epoch: since.epoch, seq });
    if (page === undefined) break;
    const numbers = page.messages.map((message) => message.seq);
    const upto = coverOf(page);
    glances.push({ instance: recovery.instance.name, since: seq, upto, numbers });
    seq = Math.max(seq, upto);
    await turn();
  }
  return glances;
}
