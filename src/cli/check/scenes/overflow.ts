/** More messages than the log keeps, and then the question for all of them. */
import type { Bench } from '../bench.js';
import type { OverflowScene, Sent, Skipped } from '../findings.js';

const AT_ONCE = 8;

export async function overflow(bench: Bench): Promise<OverflowScene | Skipped> {
  const count = bench.settings.overflow;
  if (count === undefined) return { skipped: 'give --overflow N, more than the log keeps' };
  const [lane] = [...bench.lanes].sort((a, b) => Number(a.slow) - Number(b.slow));
  if (lane === undefined) return { skipped: 'there is no sending path that works' };
  bench.begin();
  const since = await bench.mark();
  const sent: Sent[] = [];
  let next = 0;
  const publishers = Array.from({ length: AT_ONCE }, async () => {
    while (next < count) {
      next += 1;
      sent.push(await bench.publish(lane));
    }
  });
  await Promise.all(publishers);
  await bench.echo();
  return { since, sent, walks: await bench.walks(since) };
}
