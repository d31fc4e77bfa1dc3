// What a client costs per message inside the page: the time from the WebSocket's event to the app's
// handler and back, with nothing of the network in it.
import { threadTime } from './cpu.mjs';
import { openPage, withBrowser } from './page.mjs';
import { versionOf } from './peers.mjs';
import { profile } from './profile.mjs';
import { comparison } from './report.mjs';
import { takeTurns } from './rounds.mjs';
import { WIRES } from './wire.mjs';

const OWN = ['lastseq', 'envelope'];
const PEERS = ['phoenix', 'anycable', 'socket.io', 'centrifuge', 'pusher', 'ably'];
/** Where the package has another name. @type {Record<string, string>} */
const PACKAGES = {
  anycable: '@anycable/web',
  'socket.io': 'socket.io-client',
  pusher: 'pusher-js',
};
const FRAME_SIZES = [1, 50];
/** Messages that are written before they are handed over: more would fill the memory. */
const CHUNK = 50_000;

/** @typedef {{ name: string, page: Awaited<ReturnType<typeof openPage>> }} Client */

/** @type {import('./benchmarks.mjs').Benchmark} */
export default function dispatch({ peers, rounds = 5, smoke }) {
  const messages = smoke ? 1_000 : 1_000_000;
  return withBrowser(async (browser) => {
    /** @type {Client[]} */
    const clients = [];
    for (const name of peers ? [...OWN, ...PEERS] : OWN) {
      clients.push({ name, page: await openPage(browser, codeOf(name)) });
    }
    /** @type {import('./benchmarks.mjs').Table[]} */
    const tables = [];
    /** @type {Record<string, unknown>} */
    const raw = { browser: browser.version };
    for (const perFrame of FRAME_SIZES) {
      const able = clients.filter(({ name }) => perFrame === 1 || WIRES[name]?.many);
      // Whole frames in every round.
      const count = Math.ceil(messages / rounds / perFrame) * perFrame;
      const samples = await compare(able, count, perFrame, rounds);
      raw[`${perFrame} per frame`] = samples;
      const title = `dispatch: ${messages.toLocaleString('en-US')} messages of about 200 bytes, ${perFrame} per frame`;
      const notes = [
        `${browser.version}; ${rounds} rounds. Processor time of the main thread. Every client has a page of its own`,
        'and takes turns there with a bare handler of one message per frame, which is the 1.',
        able
          .filter(({ name }) => name !== 'envelope')
          .map(versionOfClient)
          .join(', '),
      ];
      const what = { figure: 'us', unit: 'us a message', baseline: 'raw' };
      tables.push(comparison({ title, samples, notes, ...what }));
    }
    const [ours] = clients;
    if (ours !== undefined)
      tables.push(await whereTimeGoes(ours.page, Math.min(messages, 200_000)));
    for (const { page } of clients) await page.close();
    return { tables, raw };
  });
}

/** @param {string} name */
const codeOf = (name) => `import { contender } from './pages/dispatch.js';
  import * as raw from './clients/raw.js';
  import * as client from './clients/${name}.js';
  export const contenders = contender('raw', raw.open).then(async (bare) => [
    bare,
    await contender('${name}', client.open),
  ]);`;

/**
 * @param {readonly Client[]} clients
 * @param {number} count messages in a round
 * @param {number} perFrame
 * @param {number} rounds
 */
async function compare(clients, count, perFrame, rounds) {
  const contenders = clients.map(({ name, page }) => ({
    name,
    round: async () => {
      await page.page.bringToFront();
      const cpu = await threadTime(page.page);
      const times = [0, 0];
      for (let left = count; left > 0; left -= CHUNK) {
        for (const [i, each] of [1, perFrame].entries()) {
          await page.run(prepare, i, Math.min(CHUNK, left), each);
          const before = await cpu();
          await page.run(handOver, i);
          times[i] = (times[i] ?? 0) + (await cpu()) - before;
        }
      }
      const [rawUs = NaN, us = NaN] = times.map((ms) => (ms / count) * 1_000);
      return { us, rawUs };
    },
  }));
  const measured = await takeTurns(contenders, rounds);
  // As if there were one bare handler for all: its time is the mean of the pages' own, and every
  // client's is in the same proportion to it as it was in its page.
  const bare = Array.from({ length: rounds }, (_, i) => {
    const times = [...measured.values()].map((figures) => figures[i]?.rawUs ?? NaN);
    return { us: times.reduce((a, b) => a + b, 0) / times.length };
  });
  /** @type {import('./rounds.mjs').Samples} */
  const samples = new Map([['raw', bare]]);
  for (const [name, figures] of measured) {
    const scaled = figures.map(
      ({ rawUs = NaN, us = NaN }, i) => (us / rawUs) * (bare[i]?.us ?? NaN),
    );
    samples.set(
      name,
      scaled.map((us) => ({ us })),
    );
  }
  return samples;
}

/**
 * @param {Client['page']} page
 * @param {number} count
 * @returns {Promise<import('./benchmarks.mjs').Table>}
 */
async function whereTimeGoes(page, count) {
  await page.run(prepare, 1, count, 1);
  const shares = await profile(page.page, () => page.run(handOver, 1));
  return {
    title: 'dispatch: where the time of lastseq goes, 1 message per frame',
    columns: ['', '% of it'],
    rows: shares.slice(0, 20).map(({ name, share }) => [name, (share * 100).toFixed(1)]),
  };
}

// These run in the page. `which`: 0 is the bare handler, 1 the client.
/** @type {(which: number, count: number, perFrame: number) => Promise<void>} */
const prepare = async (which, count, perFrame) =>
  (await /** @type {any} */ (window).Entry.contenders)[which].prepare(count, perFrame);
/** @type {(which: number) => Promise<void>} */
const handOver = async (which) => (await /** @type {any} */ (window).Entry.contenders)[which].run();

/** @param {Client} client */
const versionOfClient = ({ name }) => `${name} ${versionOf(PACKAGES[name] ?? name)}`;
