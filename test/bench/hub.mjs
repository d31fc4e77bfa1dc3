// What the server costs: one message to 1,000 subscribers, and a connection that does nothing.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { redisPath, startRedis } from '../support/redis.mjs';
import { versionOf } from './peers.mjs';
import { comparison } from './report.mjs';
import { takeTurns } from './rounds.mjs';

const SUBSCRIBE = JSON.stringify({ type: 'subscribe', id: 1, channel: 'room:42' });
const HELLOS = {
  ws: { path: '/', hello: '' },
  lastseq: { path: '/realtime', hello: SUBSCRIBE },
  redis: { path: '/realtime', hello: SUBSCRIBE },
  'socket.io': { path: '/socket.io/?EIO=4&transport=websocket', hello: '40' },
};
/** @typedef {keyof typeof HELLOS} Kind */
/** @type {Record<Kind, string>} */
const TITLES = { ws: 'ws', lastseq: 'lastseq', redis: 'lastseq, Redis', 'socket.io': 'socket.io' };

/** @type {import('./benchmarks.mjs').Benchmark} */
export default async function hub({ rounds = 7, smoke }) {
  const subscribers = smoke ? 20 : 1_000;
  const publishes = smoke ? 50 : 300;
  const redis = redisPath() === undefined ? undefined : await startRedis();
  const kinds = /** @type {Kind[]} */ (Object.keys(HELLOS));
  /** @type {Awaited<ReturnType<typeof start>>[]} */
  const servers = [];
  for (const kind of kinds.filter((each) => each !== 'redis' || redis !== undefined)) {
    servers.push(await start(kind, redis?.url ?? '', subscribers));
  }
  /** @param {number} perTick */
  const measure = (perTick) => {
    const contenders = servers.map(({ ask, kind }) => ({
      name: TITLES[kind],
      round: async () => {
        const { cpuMs, ms } = await ask({ publish: publishes, perTick });
        return { perCpu: publishes / (cpuMs / 1_000), perSecond: publishes / (ms / 1_000) };
      },
    }));
    return takeTurns(contenders, rounds);
  };
  const single = await measure(1);
  const batches = await measure(50);
  for (const { stop } of servers) await stop();
  await redis?.stop();

  /** @type {import('./rounds.mjs').Samples} */
  const idle = new Map(servers.map(({ kind, weight }) => [TITLES[kind], [weight]]));
  const notes = [
    `${rounds} rounds. A second of the server's own processor time; perSecond: of the clock, on this machine.`,
    `lastseq ${versionOf('lastseq')}, ws ${versionOf('ws')} with the same text, socket.io ${versionOf('socket.io')}.`,
  ];
  const fanout = (/** @type {number} */ perTick, /** @type {typeof single} */ samples) =>
    comparison({
      title: `hub: messages to ${subscribers.toLocaleString('en-US')} subscribers each, ${perTick} per tick`,
      figure: 'perCpu',
      unit: 'per s of CPU',
      baseline: 'ws',
      more: ['perSecond'],
      samples,
      notes,
    });
  const memory = comparison({
    title: `hub: memory of an idle connection with one subscription, of ${subscribers.toLocaleString('en-US')}`,
    figure: 'heap',
    unit: 'heap bytes',
    baseline: 'ws',
    more: ['rss'],
    samples: idle,
    notes: [
      'heap: with array buffers, after garbage collection. rss: what the process has of the system.',
    ],
  });
  return {
    tables: [fanout(1, single), fanout(50, batches), memory],
    raw: { single, batches, idle },
  };
}

/**
 * A server process and its readers.
 * @param {Kind} kind
 * @param {string} redisUrl
 * @param {number} count
 */
async function start(kind, redisUrl, count) {
  const server = run('hub-server.mjs', [kind, redisUrl]);
  const readers = run('hub-readers.mjs', []);
  const [{ port }] = await once(server, 'message');
  const ask = (/** @type {object} */ order, child = server) => {
    const answer = once(child, 'message');
    child.send(order);
    return answer.then(([figures]) => figures);
  };
  const before = await ask({ weigh: true });
  await ask({ port, count, ...HELLOS[kind] }, readers);
  const after = await ask({ weigh: true });
  if (after.connections !== count)
    throw new Error(`${kind}: ${after.connections} of ${count} connected`);
  const weight = {
    heap: (after.heap - before.heap) / count,
    rss: (after.rss - before.rss) / count,
  };
  const stop = async () => {
    const exits = [server, readers].map((child) => once(child, 'exit'));
    for (const child of [server, readers]) child.disconnect();
    await Promise.all(exits);
  };
  return { kind, ask, weight, stop };
}

/** @param {string} file @param {string[]} args */
const run = (file, args) =>
  fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ['--expose-gc'] });
