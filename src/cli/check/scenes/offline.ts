/** Messages that are published while nobody listens. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Position } from '../../../core/position.js';
import type { Bench } from '../bench.js';
import { lostFrom, type OfflineScene, type Sent, type Skipped } from '../findings.js';
import type { Walk } from '../recovery.js';

/** Between two looks into the log. */
const AGAIN_MS = 100;

export async function offline(bench: Bench): Promise<OfflineScene | Skipped> {
  const joins = joinsByFrame(bench);
  // Where there is no join, whoever has a connection to send by is a reader as well.
  const lanes = bench.lanes.filter(({ bySocket }) => joins || !bySocket);
  if (lanes.length === 0) {
    return { skipped: 'no sending path works without a connection: add one by HTTP or a command' };
  }
  await bench.close();
  const since = await bench.mark();
  // Once more, so that the server has had its time to see that they are gone.
  await bench.mark();
  const sent: Sent[] = [];
  for (const lane of lanes) sent.push(await bench.publish(lane));
  const walks = await whenKept(bench, since, sent);
  await bench.listenAll();
  return { since, sent, walks };
}

/** Nothing tells when a path hands on what it has taken: it has the time of an answer to do so. */
async function whenKept(
  bench: Bench,
  since: Position,
  sent: readonly Sent[],
): Promise<readonly Walk[]> {
  for (let waitedMs = 0; ; waitedMs += AGAIN_MS) {
    const walks = await bench.walks(since);
    const isOver = walks.every(
      (walk) => walk.problem !== undefined || lostFrom(walk, sent).length === 0,
    );
    if (isOver || waitedMs >= bench.settings.timeoutMs) return walks;
    await sleep(AGAIN_MS);
  }
}

function joinsByFrame({ settings }: Bench): boolean {
  const frame = { type: 'subscribe', id: 1, channel: settings.channel } as const;
  return settings.dialect.encode([frame]) !== undefined;
}
