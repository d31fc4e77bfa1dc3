// What a client costs per message inside the page: the time from the WebSocket's event to the app's
// handler and back, with nothing of the network in it.
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
        `${browser.version}; ${rounds} rounds. Every client has a page of its own and takes turns there with`,
        'a bare handler of one message per frame, which is the 1.',
        able
          .filter(({ name }) => name !== 'envelope')
          .map(versionOfClient)
          .join(', '),
      ];
      const what = { figure: 'us', unit: 'us a message', baseline: 'raw' };
      tables.push(comparison({ title, samples, notes, ...what }));
    }
    const [ours] = clients;
    if (ours !== undefined) tables.push(await whereTimeGoes(ours.page, messages / 5));
    for (const { page } of clients) await page.close();
    return { tables, raw };
  });
}

/** @param {string} name */
const codeOf = (name) => `import { compare, contender } from './pages/dispatch.js';
  import * as raw from './clients/raw.js';
  import * as client from './clients/${name}.js';
  export { compare };
  /** The client without the bare handler beside it. */
  export const alone = async (count) => (await contenders)[1](count, 1);
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
      const [rawMs, ms] = await page.run(inPage, count, perFrame);
      return { us: (ms / count) * 1_000, rawUs: (rawMs / count) * 1_000 };
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
  const shares = await profile(page.page, () =>
    page.run((n) => /** @type {any} */ (window).Entry.alone(n), count),
  );
  return {
    title: 'dispatch: where the time of lastseq goes, 1 message per frame',
    columns: ['', '% of it'],
    rows: shares.slice(0, 20).map(({ name, share }) => [name, (share * 100).toFixed(1)]),
  };
}

/** Runs in the page. @type {(count: number, perFrame: number) => Promise<readonly [number, number]>} */
const inPage = async (count, perFrame) => {
  const { compare, contenders } = /** @type {any} */ (window).Entry;
  return compare(await contenders, count, perFrame);
};

/** @param {Client} client */
const versionOfClient = ({ name }) => `${name} ${versionOf(PACKAGES[name] ?? name)}`;
