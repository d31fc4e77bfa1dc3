// A process that keeps messages. Started with `fork`; the argument says how. Told how many, it tells what
// they cost.
import { data } from './wire.mjs';

const [, , kind = ''] = process.argv;

/** @type {Record<string, () => Promise<(channel: string, data: object) => unknown>>} */
const kinds = {
  /** The least that a server of one's own would do. */
  async list() {
    /** @type {Map<string, { seq: number, ts: number, json: string }[]>} */
    const lists = new Map();
    return (channel, data) => {
      const list = lists.get(channel) ?? [];
      lists.set(channel, list);
      return list.push({ seq: list.length + 1, ts: Date.now(), json: JSON.stringify(data) });
    };
  },

  async lastseq() {
    const { memoryLog } = await import(new URL('../../dist/server.js', import.meta.url).href);
    const log = memoryLog();
    return (channel, data) => log.append(channel, data);
  },
};

const gc = /** @type {() => void} */ (/** @type {any} */ (globalThis).gc);

function weigh() {
  gc();
  gc();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return { heap: heapUsed, outside: arrayBuffers };
}

process.on('message', async (/** @type {{ channels: number, each: number }} */ order) => {
  const append = await /** @type {NonNullable<typeof kinds[string]>} */ (kinds[kind])();
  const before = weigh();
  const cpu = process.cpuUsage();
  for (let i = 0; i < order.each; i += 1) {
    for (let room = 0; room < order.channels; room += 1) append(`room:${room}`, data(i));
  }
  const { system, user } = process.cpuUsage(cpu);
  const after = weigh();
  const from = performance.now();
  gc();
  const fullMs = performance.now() - from;
  const count = order.channels * order.each;
  process.send?.({
    us: (user + system) / count,
    heap: Math.round((after.heap - before.heap) / count),
    outside: Math.round((after.outside - before.outside) / count),
    fullMs,
  });
  // It must outlive the weighing.
  append('room:0', data(0));
});
process.on('disconnect', () => process.exit());
