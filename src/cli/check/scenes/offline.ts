/** Messages that are published while nobody listens. */
import type { Bench } from '../bench.js';
import type { OfflineScene, Sent, Skipped } from '../findings.js';

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
  const walks = await bench.walks(since);
  await bench.listenAll();
  return { since, sent, walks };
}

function joinsByFrame({ settings }: Bench): boolean {
  const frame = { type: 'subscribe', id: 1, channel: settings.channel } as const;
  return settings.dialect.encode([frame]) !== undefined;
}
