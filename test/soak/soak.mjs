// Pages in a real Chromium read for minutes from hubs that are killed, over a network that breaks. What
// is published is known, so what every page was given can be judged: see oracle.mjs.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { launch } from '../support/browsers.mjs';
import { faultProxy } from '../support/faultproxy.mjs';
import { Oracle } from './oracle.mjs';
import { countTimers, live } from './page.mjs';

const SERVERS = ['north', 'south'];
const CHANNELS = ['room', 'lobby', 'news:1'];
/** Small, so that a page that is away for some seconds finds its place forgotten. */
const MAX_LENGTH = 300;
/** How long the network is left alone in the end, for everybody to come to the head. */
const CALM_MS = 120_000;

/**
 * @typedef {import('puppeteer-core').CDPSession} CDPSession
 * @typedef {Awaited<ReturnType<typeof startHub>>} Hub
 * @typedef {Awaited<ReturnType<import('../support/browsers.mjs').launch>>} Browser
 *
 * @typedef {object} Report
 * @property {number} seed
 * @property {number} seconds
 * @property {string[]} violations
 * @property {Record<string, number>} messages
 * @property {Record<string, number>} gaps by reason
 * @property {Record<string, number>} faults by kind
 * @property {Record<string, number>} errors that pages were told of, by code
 * @property {readonly number[]} heap of the page that lived all the time, in bytes: at the start, now and then, at the end
 * @property {{ listeners: number, timers: number, connections: number }} left after all was closed
 */

/**
 * mulberry32: small, and the same everywhere.
 * @param {number} seed
 */
export function dice(seed) {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (/** @type {number} */ a, /** @type {number} */ b) =>
    a + Math.floor(next() * (b - a + 1));
  return { next, between, pick: (/** @type {any[]} */ list) => list[between(0, list.length - 1)] };
}

/**
 * A hub that can be killed and started again on its port.
 * @param {string} name
 * @param {Oracle} oracle
 */
async function startHub(name, oracle) {
  let port = 0;
  let epoch = '';
  let connections = 0;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child;
  /** @type {Map<number, number>} counts of messages whose numbers are awaited, by the first of them */
  const awaited = new Map();

  const start = async () => {
    const file = fileURLToPath(new URL('hub.mjs', import.meta.url));
    const mine = fork(file, [String(port), String(MAX_LENGTH)]);
    const [began] = await once(mine, 'message');
    ({ port, epoch } = /** @type {{ port: number, epoch: string }} */ (began));
    oracle.began(name, epoch);
    const of = epoch;
    mine.on('message', (message) => {
      if (typeof message === 'object' && 'connections' in message) {
        connections = Number(message.connections);
        return;
      }
      const { first, seq } = /** @type {import('./hub.mjs').Appended} */ (message);
      const count = awaited.get(first) ?? 0;
      awaited.delete(first);
      oracle.appended(of, first, count, seq);
    });
    child = mine;
  };
  await start();

  return {
    name,
    get port() {
      return port;
    },
    get epoch() {
      return epoch;
    },
    get isUp() {
      return child !== undefined;
    },
    get isSettled() {
      return awaited.size === 0;
    },
    /** As it was when it was asked for last. */
    get connections() {
      return connections;
    },
    askConnections() {
      connections = -1;
      child?.send('connections');
    },
    start,
    async kill() {
      const victim = child;
      child = undefined;
      victim?.kill('SIGKILL');
      if (victim) await once(victim, 'exit');
      awaited.clear();
    },
    /**
     * @param {string} channel
     * @param {number} first
     * @param {number} count
     */
    append(channel, first, count) {
      if (child?.connected !== true) return;
      awaited.set(first, count);
      oracle.publishing(name, channel, first, count);
      child.send({ channel, first, count });
    },
  };
}

/** The page and the built bundle, on a port that no fault touches. */
async function startSite() {
  const bundle = readFileSync(new URL('../../dist/lastseq.min.js', import.meta.url));
  const page =
    '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>soak</title>' +
    '<script src="/timers.js"></script><script src="/lastseq.min.js"></script>';
  const server = createServer(({ url }, response) => {
    const isScript = url?.endsWith('.js') === true;
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    if (!isScript) response.end(page);
    else response.end(url === '/timers.js' ? `(${countTimers})()` : bundle);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    origin: `http://127.0.0.1:${port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** @param {CDPSession} cdp */
async function heapOf(cdp) {
  await cdp.send('HeapProfiler.collectGarbage');
  return (await cdp.send('Runtime.getHeapUsage')).usedSize;
}

/** @param {CDPSession} cdp */
async function listenersOf(cdp) {
  let count = 0;
  for (const expression of ['window', 'document']) {
    const { result } = await cdp.send('Runtime.evaluate', { expression });
    const { listeners } = await cdp.send('DOMDebugger.getEventListeners', {
      objectId: result.objectId ?? '',
    });
    count += listeners.length;
  }
  return count;
}

/**
 * Runs it.
 * @param {{ seed: number, seconds: number, say?: (line: string) => void }} options
 * @returns {Promise<Report>}
 */
export async function soak({ seed, seconds, say = () => {} }) {
  const { between, next, pick } = dice(seed);
  const oracle = new Oracle(MAX_LENGTH);
  /** @type {Record<string, number>} */
  const faults = {};
  const count = (/** @type {string} */ kind) => (faults[kind] = (faults[kind] ?? 0) + 1);
  /** @type {(() => unknown)[]} */
  const endings = [];

  try {
    const site = await startSite();
    endings.push(site.close);
    const places = await Promise.all(
      SERVERS.map(async (name) => {
        const hub = await startHub(name, oracle);
        endings.push(hub.kill);
        const proxy = await faultProxy(hub.port, { random: next });
        endings.push(proxy.close);
        return { hub, proxy, isBusy: false };
      }),
    );
    const browser = await launch('chromium');
    endings.push(browser.close);

    let lives = 0;
    /** @param {number} index */
    const openTab = async (index) => {
      const place = /** @type {(typeof places)[number]} */ (places[index % places.length]);
      // Two tabs of each server share their positions; the third is alone.
      const namespace = index < 4 ? 'shared' : 'alone';
      const tab = await browser.open('about:blank');
      const { page } = tab;
      const cdp = await page.createCDPSession();
      cdp.on('Runtime.bindingCalled', ({ payload }) => oracle.hear(JSON.parse(payload)));
      await cdp.send('Runtime.enable');
      await cdp.send('Runtime.addBinding', { name: 'tell' });
      await page.goto(site.origin);
      const self = {
        index,
        place,
        namespace,
        page,
        cdp,
        life: 0,
        /** What begins its life. */
        script: '',
        isBusy: false,
        front: tab.front,
        close: tab.close,
        begin: async () => {
          const { port } = place.proxy;
          self.life = lives += 1;
          oracle.born(self.life, place.hub.name, namespace);
          const life = JSON.stringify({
            life: self.life,
            url: `ws://127.0.0.1:${port}/realtime`,
            ...(next() < 0.5 && { recover: `http://127.0.0.1:${port}/recover` }),
            namespace,
            channels: CHANNELS,
            slowEvery: between(10, 60),
          });
          // It begins with its document: to begin it from here would race with the document's end.
          if (self.script) await page.removeScriptToEvaluateOnNewDocument(self.script);
          const { identifier } = await page.evaluateOnNewDocument(
            `addEventListener('DOMContentLoaded', () => (${live})(${life}), { once: true })`,
          );
          self.script = identifier;
          await page.reload();
        },
      };
      return self;
    };
    /** @typedef {Awaited<ReturnType<typeof openTab>>} Tab */

    // A message each, one tab after the other: from here on every namespace has positions to resume.
    let ids = 0;
    /**
     * @param {Hub} hub
     * @param {string} channel
     * @param {number} many
     */
    const publish = (hub, channel, many) => {
      if (!hub.isUp || many === 0) return;
      hub.append(channel, ids + 1, many);
      ids += many;
    };
    const until = async (/** @type {() => boolean} */ holds, ms = CALM_MS) => {
      for (const end = Date.now() + ms; !holds() && Date.now() < end;) await sleep(20);
      return holds();
    };
    /** @type {Tab[]} */
    const tabs = [];
    let listenersBefore = 0;
    for (let index = 0; index < 6; index++) {
      const tab = await openTab(index);
      if (index === 0) listenersBefore = await listenersOf(tab.cdp);
      await tab.begin();
      const { namespace, place } = tab;
      const hasAll = () =>
        CHANNELS.every((channel) => oracle.hasStored(namespace, place.hub.name, channel));
      if (!(await until(hasAll))) throw new Error('a page stored nothing in a network that works');
      tabs.push(tab);
      for (const channel of CHANNELS) publish(place.hub, channel, 1);
    }
    const witness = /** @type {Tab} */ (tabs[0]);
    await until(() => places.every(({ hub }) => hub.isSettled));
    await sleep(500);
    const heap = [await heapOf(witness.cdp)];

    // --- the time of trouble ---

    const end = Date.now() + seconds * 1_000;
    const isOver = () => Date.now() >= end;
    /** @type {Set<Promise<unknown>>} */
    const running = new Set();
    /** @param {{ isBusy: boolean }} target @param {() => Promise<void>} work */
    const busy = (target, work) => {
      target.isBusy = true;
      const done = work().finally(() => {
        target.isBusy = false;
        running.delete(done);
      });
      running.add(done);
    };

    /** @param {(typeof places)[number]} place */
    const breakNetwork = (place) => {
      const { proxy } = place;
      const kind = pick([
        'reset',
        'fin',
        'black hole',
        'black hole up',
        'black hole down',
        'delay',
        'cut in the middle',
        'refuse',
        'stall',
        'throttle',
      ]);
      const during = between(200, 3_000);
      const cutAfter = between(300, 20_000);
      count(kind);
      busy(place, async () => {
        if (kind === 'reset') return proxy.reset();
        if (kind === 'fin') return proxy.fin();
        if (kind === 'black hole') proxy.set({ both: { blackhole: true } });
        if (kind === 'black hole up') proxy.set({ up: { blackhole: true } });
        if (kind === 'black hole down') proxy.set({ down: { blackhole: true } });
        if (kind === 'delay') proxy.set({ both: { latency: 50, jitter: 300 } });
        if (kind === 'cut in the middle') proxy.set({ down: { cutAfter } });
        if (kind === 'throttle') proxy.set({ down: { rate: 10_000 } });
        if (kind === 'refuse') proxy.set({ refuse: true });
        if (kind === 'stall') proxy.set({ stall: true });
        if (kind === 'refuse' || kind === 'stall') proxy.reset();
        await sleep(during);
        proxy.clear();
      });
    };
    /** @param {(typeof places)[number]} place */
    const killServer = (place) => {
      count('server killed');
      const during = between(50, 2_500);
      busy(place, async () => {
        await place.hub.kill();
        await sleep(during);
        await place.hub.start();
      });
    };
    /** @param {Tab} tab */
    const troubleTab = (tab) => {
      const kinds = ['freeze', 'offline'];
      // The witness lives all the time: its heap is compared.
      if (tab !== witness) kinds.push('reload', 'reload', 'close');
      const kind = pick(kinds);
      const during = between(300, 4_000);
      count(kind);
      busy(tab, async () => {
        if (kind === 'freeze') {
          await tab.cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
          await sleep(during);
          await tab.cdp.send('Page.setWebLifecycleState', { state: 'active' });
        } else if (kind === 'offline') {
          await tab.page.setOfflineMode(true);
          await sleep(during);
          await tab.page.setOfflineMode(false);
        } else if (kind === 'reload') {
          await tab.begin();
        } else {
          await tab.close();
          await sleep(during);
          const fresh = await openTab(tab.index);
          await fresh.begin();
          // Not before: a page that is being loaded cannot be frozen.
          tabs[tab.index] = fresh;
        }
      });
    };

    busy({ isBusy: false }, async () => {
      while (!isOver()) {
        const { hub } = pick(places);
        // Now and then more than the log keeps, so that who is away finds itself truncated.
        publish(hub, pick(CHANNELS), next() < 0.02 ? between(200, 900) : between(0, 6));
        await sleep(between(10, 60));
      }
    });
    let spoken = Date.now();
    while (!isOver()) {
      await sleep(between(50, 700));
      const place = pick(places);
      const tab = pick(tabs);
      const what = next();
      if (what < 0.55) {
        if (!place.isBusy) breakNetwork(place);
      } else if (what < 0.62) {
        if (!place.isBusy) killServer(place);
      } else if (!tab.isBusy) troubleTab(tab);
      if (Date.now() - spoken > 30_000) {
        spoken = Date.now();
        const { delivered, sent } = oracle.counts;
        const left = Math.ceil((end - spoken) / 1_000);
        say(`${left} s to go: ${sent} sent, ${delivered} delivered`);
        if (!witness.isBusy) {
          busy(witness, async () => {
            heap.push(await heapOf(witness.cdp));
          });
        }
      }
      if (oracle.violations.length > 0) break;
    }
    while (running.size > 0) await Promise.all(running);

    // --- calm: everybody comes to the head ---

    for (const { proxy } of places) proxy.clear();
    for (const { hub } of places) for (const channel of CHANNELS) publish(hub, channel, 1);
    await until(() => places.every(({ hub }) => hub.isSettled));
    const lagging = () =>
      tabs.flatMap(({ life, place: { hub } }) => [
        ...oracle.owedBy(life),
        ...CHANNELS.filter((channel) => !oracle.isComplete(life, channel, hub.epoch)).map(
          (channel) => `life ${life} stands in ${channel} at ${oracle.standing(life, channel)}`,
        ),
      ]);
    for (const until = Date.now() + CALM_MS; lagging().length > 0 && Date.now() < until;) {
      // A look at each of them: hidden pages have slow timers.
      for (const tab of tabs) await tab.front();
      await sleep(500);
    }
    oracle.violations.push(...lagging().map((who) => `${who}: and it stays so`));
    await sleep(500);
    heap.push(await heapOf(witness.cdp));

    // --- the end ---

    const left = { listeners: 0, timers: 0, connections: 0 };
    for (const tab of tabs) {
      await tab.page.evaluate(() => /** @type {any} */ (window).client.close());
      left.timers += await tab.page.evaluate(() => /** @type {any} */ (window).pendingTimers.size);
      left.listeners += (await listenersOf(tab.cdp)) - listenersBefore;
    }
    // Connections that a black hole has swallowed are found after some heartbeats.
    for (const until = Date.now() + CALM_MS; Date.now() < until;) {
      for (const { hub } of places) hub.askConnections();
      await sleep(500);
      left.connections = places.reduce((sum, { hub }) => sum + Math.abs(hub.connections), 0);
      if (left.connections === 0) break;
    }
    for (const [what, many] of Object.entries(left)) {
      if (many > 0) oracle.violations.push(`${many} ${what} are left after the close`);
    }
    return {
      seed,
      seconds,
      violations: oracle.violations,
      messages: { ...oracle.counts, lostAndNamed: oracle.lost, lives },
      gaps: Object.fromEntries(oracle.gaps),
      faults: Object.fromEntries(Object.entries(faults).sort()),
      errors: Object.fromEntries(oracle.errors),
      heap,
      left,
    };
  } finally {
    for (const close of endings.reverse()) await close();
  }
}
