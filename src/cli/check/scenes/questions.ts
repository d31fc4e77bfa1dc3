/** Questions whose answers are known, because nothing is published meanwhile. */
import type { Bench } from '../bench.js';
import type { Connection } from '../connection.js';
import type { Arrival, QuestionScene, Skipped } from '../findings.js';
import type { Walk } from '../recovery.js';

export async function questions(bench: Bench): Promise<QuestionScene | Skipped> {
  const { recoveries, settings, start } = bench;
  const whole = await bench.walks(start);
  const numbers = numbersOf(whole);
  const [last, lastButOne] = [...new Set(numbers)].sort((a, b) => b - a);
  if (last === undefined || lastButOne === undefined) {
    return { skipped: 'the log holds no two messages of this run to ask about' };
  }
  const epoch = whole.find(({ copies }) => copies.length > 0)?.pages[0]?.epoch ?? start.epoch;
  const asked: QuestionScene['asked'][number][] = [];
  for (const recovery of recoveries) {
    for (const since of [lastButOne, last]) {
      const answer = await recovery.ask({ epoch, seq: since });
      const copies = answer.page === undefined ? [] : recovery.copiesOf(answer.page);
      asked.push({ instance: recovery.instance.name, since, answer, copies });
    }
  }
  const inPages = await bench.walks(start, 2, last);
  const arrivals: Arrival[] = [];
  const heads: QuestionScene['heads'][number][] = [];
  for (const instance of settings.instances) {
    const answer = await bench.listen(instance);
    const connection = bench.listeners.at(-1);
    if (answer === undefined || connection === undefined) continue;
    const facts = answer.type === 'subscribed' ? answer : undefined;
    arrivals.push({ connection: connection.name, facts });
    await pingForHeads(connection);
    heads.push(...headsOf(connection, settings.channel, connection.has('ping')));
  }
  for (const connection of bench.listeners) {
    if (!arrivals.some((arrival) => arrival.connection === connection.name)) {
      heads.push(...headsOf(connection, settings.channel, false));
    }
  }
  // The last number may be hidden from us; that a page reaches to it is judged by other rules.
  const later = await bench.walks({ epoch, seq: last });
  const tops = later.flatMap(({ pages }) => pages.map((page) => page.head));
  const atMost = Math.max(last, ...numbersOf(later), ...tops);
  return { asked, arrivals, heads, last, atMost, whole, inPages };
}

async function pingForHeads(connection: Connection): Promise<void> {
  if (!connection.has('ping')) return;
  const from = connection.frames.length;
  connection.send({ type: 'ping' });
  await connection.wait(() => connection.frames.slice(from).some(({ type }) => type === 'heads'));
}

function headsOf(
  { frames, name }: Connection,
  channel: string,
  asked: boolean,
): QuestionScene['heads'][number][] {
  return frames.flatMap((frame) =>
    frame.type === 'heads'
      ? frame.heads
          .filter((head) => head.channel === channel)
          .map(({ epoch, head }) => ({ connection: name, head, epoch, asked }))
      : [],
  );
}

const numbersOf = (walks: readonly Walk[]): number[] =>
  walks.flatMap(({ copies }) => copies.map(({ seq }) => seq ?? 0));
