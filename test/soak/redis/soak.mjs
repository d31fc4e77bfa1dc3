// Two hub processes on one Redis, publishers on both, and clients that move between them, while hubs are
// killed and Redis is started again, once with its data and once without. See judge.mjs.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { EVERY_WRITE_SYNCED, startRedis } from '../../support/redis.mjs';
import { dice } from '../soak.mjs';
import { Judge } from './judge.mjs';

const CHANNELS = ['room', 'lobby', 'news:1'];
/** How long everything is left alone in the end, for everybody to come to the head. */
const CALM_MS = 60_000;

/**
 * @typedef {object} Options
 * @property {number} seed
 * @property {number} seconds
 * @property {number} clients
 * @property {number} publishers on each hub
 * @property {boolean} durable whether the hubs are told that every write is synced
 * @property {(line: string) => void} [say]
 */

/**
 * A hub that can be killed and started again on its port.
 * @param {string} redisUrl
 * @param {boolean} durable
 */
async function startHub(redisUrl, durable) {
  let port = 0;
  /** @type {import('node:child_process').ChildProcess} */
  let child;
  const start = async () => {
    const file = fileURLToPath(new URL('hub.mjs', import.meta.url));
    child = fork(file, [String(port), redisUrl, durable ? 'durable' : 'lossy']);
    const [{ port: given }] = /** @type {[{ port: number }]} */ (await once(child, 'message'));
    port = given;
  };
  await start();
  return {
    start,
    url: () => `ws://127.0.0.1:${port}/realtime`,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
    /** @returns {Promise<{ facts: { channel: string, epoch: string, head: number }[], log: object, hub: object }>} */
    async report() {
      child.send(CHANNELS);
      const [answer] = await once(child, 'message');
      return /** @type {any} */ (answer);
    },
  };
}

/**
 * Publishes one message after another, each with its key until it is acked. Returns a function that ends
 * it, with a promise for the last ack.
 * @param {() => string} url
 * @param {(send: (channel: string, id: number) => Promise<{ epoch: string, seq: number }>) => Promise<void>} work
 */
function startPublisher(url, work) {
  /** @type {WebSocket | undefined} */
  let socket;
  const open = async () => {
    if (socket?.readyState === WebSocket.OPEN) return socket;
    socket = new WebSocket(url(), ['lastseq.v1']);
    socket.on('error', () => undefined);
    await once(socket, 'open');
    return socket;
  };
  /** @param {string} channel @param {number} id */
  const attempt = async (channel, id) => {
    const mine = await open();
    const frame = { type: 'publish', id, channel, key: `key-${id}`, data: { id } };
    return new Promise((resolve, reject) => {
      const ended = new AbortController();
      const settle = (/** @type {() => void} */ how) => {
        mine.off('message', read);
        mine.off('close', gone);
        ended.abort();
        how();
      };
      const gone = () => settle(() => reject(new Error('closed')));
      const read = (/** @type {Buffer} */ text) => {
        for (const answer of [JSON.parse(text.toString())].flat()) {
          if (answer.id !== id) continue;
          if (answer.type === 'ack') settle(() => resolve(answer));
          else settle(() => reject(new Error(answer.code)));
          return;
        }
      };
      mine.on('message', read);
      mine.on('close', gone);
      mine.send(JSON.stringify(frame));
      void sleep(5_000, undefined, { signal: ended.signal }).then(gone, () => undefined);
    });
  };
  const done = work(async (channel, id) => {
    for (;;) {
      try {
        return /** @type {{ epoch: string, seq: number }} */ (await attempt(channel, id));
      } catch {
        socket?.terminate();
        await sleep(50);
      }
    }
  });
  return async () => {
    await done;
    socket?.terminate();
  };
}

/** @param {Options} options */
export async function soakRedis({ clients, durable, publishers, seconds, seed, say = () => {} }) {
  const { between, next, pick } = dice(seed);
  const judge = new Judge();
  const faults = { drops: 0, hubKills: 0, redisWithData: 0, redisEmpty: 0 };
  /** @type {(() => unknown)[]} */
  const endings = [];
  /** @type {Set<WebSocket>} */
  const sockets = new Set();
  class Dropped extends WebSocket {
    /** @param {ConstructorParameters<typeof WebSocket>} args */
    constructor(...args) {
      super(...args);
      sockets.add(this);
      this.on('close', () => sockets.delete(this));
    }
  }
  const before = globalThis.WebSocket;
  globalThis.WebSocket = /** @type {any} */ (Dropped);
  endings.push(() => (globalThis.WebSocket = before));

  try {
    const { createClient } = /** @type {typeof import('../../../src/index.js')} */ (
      await import(new URL('../../../dist/index.js', import.meta.url).href)
    );
    const redis = await startRedis(EVERY_WRITE_SYNCED);
    endings.push(redis.stop);
    const hubs = await Promise.all([startHub(redis.url, durable), startHub(redis.url, durable)]);
    for (const hub of hubs) endings.push(hub.kill);

    const names = Array.from({ length: clients }, (_, i) => `client ${i + 1}`);
    for (const name of names) {
      const client = createClient({
        url: () => pick(hubs).url(),
        maxBackoffMs: 1_000,
        connectTimeoutMs: 5_000,
      });
      endings.push(() => client.close());
      for (const channel of CHANNELS) {
        client.channel(channel, { start: 'earliest' }).subscribe({
          message: (message) => judge.message(name, /** @type {any} */ (message)),
          gap: (gap) => judge.gap(name, gap),
        });
      }
    }

    let isOver = false;
    let lastId = 0;
    const ends = hubs.flatMap((hub) =>
      Array.from({ length: publishers }, () =>
        startPublisher(hub.url, async (send) => {
          while (!isOver) {
            const id = (lastId += 1);
            const channel = pick(CHANNELS);
            judge.counts.published += 1;
            const { epoch, seq } = await send(channel, id);
            judge.acked(channel, epoch, seq, id);
            await sleep(between(5, 40));
          }
        }),
      ),
    );
    const dropping = (async () => {
      while (!isOver) {
        await sleep(between(20, 400));
        const victim = pick([...sockets]);
        if (victim === undefined) continue;
        faults.drops += 1;
        victim.terminate();
      }
    })();

    const stretch = (seconds * 1_000) / 4;
    await sleep(stretch);
    say('a hub is killed');
    faults.hubKills += 1;
    const victim = pick(hubs);
    await victim.kill();
    await sleep(Math.min(1_000, stretch / 2));
    await victim.start();

    await sleep(stretch);
    say('Redis is killed, and has its data again');
    faults.redisWithData += 1;
    if (!durable) judge.losses += 1;
    await redis.kill();
    await sleep(Math.min(1_000, stretch / 2));
    await redis.start();

    await sleep(stretch);
    say('Redis is killed, and has lost its data');
    faults.redisEmpty += 1;
    judge.losses += 1;
    await redis.kill();
    await sleep(Math.min(1_000, stretch / 2) * next());
    await redis.startEmpty();

    await sleep(stretch);
    isOver = true;
    say('no more faults, and no more messages');
    await Promise.all([dropping, ...ends.map((end) => end())]);

    const [last] = hubs;
    const deadline = Date.now() + CALM_MS;
    let report = await last.report();
    const isComplete = () =>
      report.facts.every((facts) => names.every((name) => judge.isComplete(name, facts)));
    while (!isComplete() && Date.now() < deadline) {
      await sleep(50);
      report = await last.report();
    }
    judge.finish(names, report.facts);
    return {
      seed,
      seconds,
      violations: judge.violations,
      messages: judge.counts,
      faults,
      hubs: (await Promise.all(hubs.map((hub) => hub.report()))).map(({ hub, log }) => ({
        hub,
        log,
      })),
    };
  } finally {
    for (const end of endings.reverse()) await end();
  }
}
