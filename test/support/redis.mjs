// Redis servers for tests, each on a free port with a folder of its own, and a cluster of three. The
// package `redis` is imported only for the cluster, so that this file can say whether there is a Redis
// before the npm packages are there.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { which } from './browsers.mjs';

/** Where `redis-server` is, or undefined. */
export const redisPath = () => which([process.env.REDIS_BIN, 'redis-server']);

/** With these, what Redis has answered, it has on disk. */
export const EVERY_WRITE_SYNCED = ['--appendonly', 'yes', '--appendfsync', 'always'];

/** Below those that the system gives to connections: a server must find its port free again. */
const [FIRST_PORT, LAST_PORT] = [12_000, 32_000];

/**
 * Ended with this process, also when a file of tests does not come to its own end.
 * @type {Set<import('node:child_process').ChildProcess>}
 */
const running = new Set();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A port that nothing listens on. @returns {Promise<number>} */
export async function freePort() {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    const server = createServer();
    const isFree = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/**
 * A server that can be killed and started again on its port, with its data or without.
 * @param {string[]} args
 */
export const startRedis = (args = []) => start(args, false);

/**
 * @param {string[]} args
 * @param {boolean} isNode of a cluster: then it has a second port
 */
async function start(args, isNode) {
  const path = redisPath();
  if (path === undefined) throw new Error('redis-server was not found: run npm test, it says how');
  let [port, bus] = [0, 0];
  /** @type {string} */
  let dir;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child;

  const begin = async () => {
    const node = [
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      bus,
      '--cluster-node-timeout',
      1500,
    ];
    const own = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', dir];
    const all = [...own, ...(isNode ? node : []), ...args];
    const mine = spawn(path, all.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
    child = mine;
    running.add(mine);
    mine.once('exit', () => running.delete(mine));
    let said = '';
    await new Promise((resolve, reject) => {
      mine.stdout.on('data', (text) => {
        said += text;
        if (said.includes('Ready to accept connections')) resolve(undefined);
      });
      mine.once('error', reject);
      mine.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${said}`)));
    });
    mine.stdout.removeAllListeners('data').resume();
  };
  const empty = () => (dir = mkdtempSync(join(tmpdir(), 'redis-')));
  const clear = () => rmSync(dir, { recursive: true, force: true });
  const kill = async () => {
    const victim = child;
    child = undefined;
    if (victim?.kill('SIGKILL')) await once(victim, 'exit');
  };

  empty();
  for (let attempt = 1; ; attempt += 1) {
    [port, bus] = [await freePort(), await freePort()];
    try {
      await begin();
      break;
    } catch (error) {
      // Somebody else was faster.
      if (attempt === 5 || !String(error).includes('Address already in use')) throw error;
    }
  }
  return {
    port,
    bus,
    url: `redis://127.0.0.1:${port}`,
    /** At once, as a crash would. */
    kill,
    /** Starts it again after `kill`, with what is on its disk. */
    start: begin,
    /** Starts it again after `kill`, with an empty disk. */
    startEmpty() {
      clear();
      empty();
      return begin();
    },
    /** Holds the process, so that connections stay and nothing is answered; `thaw` ends it. */
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    async stop() {
      await kill();
      clear();
    },
  };
}

/** Three nodes that share the slots, without replicas. */
export async function startCluster() {
  const { createClient } = await import('redis');
  /** @param {string} url */
  const connect = (url) =>
    createClient({ url })
      .on('error', () => {})
      .connect();
  const nodes = await Promise.all([start([], true), start([], true), start([], true)]);
  for (const [i, node] of nodes.entries()) {
    const client = await connect(node.url);
    const [from, to] = [Math.ceil((i * 16384) / 3), Math.ceil(((i + 1) * 16384) / 3) - 1];
    await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', String(from), String(to)]);
    const peer = [String(nodes[0].port), String(nodes[0].bus)];
    if (i > 0) await client.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', ...peer]);
    client.destroy();
  }
  for (const { url } of nodes) {
    const client = await connect(url);
    while (!String(await client.sendCommand(['CLUSTER', 'INFO'])).includes('cluster_state:ok')) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.destroy();
  }
  return {
    nodes,
    urls: nodes.map(({ url }) => url),
    /**
     * One more node, a replica of the node with this index that has all its data.
     * @param {number} master
     */
    async startReplica(master) {
      const of = nodes[master];
      if (of === undefined) throw new Error(`there is no node ${master}`);
      const node = await start(['--repl-diskless-sync-delay', '0'], true);
      nodes.push(node);
      const [ofClient, client] = [await connect(of.url), await connect(node.url)];
      const id = String(await ofClient.sendCommand(['CLUSTER', 'MYID']));
      const peer = [String(of.port), String(of.bus)];
      await client.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', ...peer]);
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      while (!String(await client.sendCommand(['CLUSTER', 'NODES'])).includes(id)) await turn();
      await client.sendCommand(['CLUSTER', 'REPLICATE', id]);
      while (!(await client.info('replication')).includes('master_link_status:up')) await turn();
      ofClient.destroy();
      client.destroy();
      return node;
    },
    stop: () => Promise.all(nodes.map((node) => node.stop())),
  };
}
