// How long a page is behind after the world has come back: from the server's return, from `online` and
// from `visible` to live and complete.
import { createServer } from 'node:http';
import { openPage, withBrowser } from './page.mjs';
import { versionOf } from './peers.mjs';
import { median, short, spread, takeTurns } from './rounds.mjs';
import { serveHub } from './servers.mjs';

/** @typedef {Awaited<ReturnType<typeof openPage>>} Page */

/** Messages that are missed every time. */
const MISSED = 10;

const OFFLINE_AT_WILL = { networkEnabled: true };

/** @type {import('./benchmarks.mjs').Benchmark} */
export default function wake({ rounds = 9, smoke }) {
  const awayMs = smoke ? 100 : 1_500;
  // Only a connection of more than 5 s counts as one that works, and resets the backoff.
  const steadyMs = smoke ? 0 : 5_500;
  return withBrowser(async (browser) => {
    const server = createServer();
    let isAway = false;
    // Before the hub's own listener, which finds the socket gone.
    server.on('upgrade', (_request, socket) => isAway && socket.destroy());
    const { cut, log } = serveHub(server);
    const page = await openPage(browser, `export * from './pages/wake.js';`, server);
    await page.run(() => /** @type {any} */ (window).Entry.ready());
    // Pages of which one hides the other.
    const other = await browser.open('about:blank');

    const publish = () => {
      for (let i = 0; i < MISSED; i += 1) log.append('room:42', i);
    };
    const complete = () => page.run((n) => /** @type {any} */ (window).Entry.complete(n), MISSED);
    const leave = () => {
      isAway = true;
      cut();
      publish();
    };

    const contenders = [
      {
        name: 'the server returns',
        round: async () => {
          await page.page.bringToFront();
          await sleep(steadyMs);
          const completed = complete();
          leave();
          await sleep(awayMs);
          isAway = false;
          const returned = Date.now();
          return { ms: (await completed).at - returned };
        },
      },
      {
        name: 'visible',
        round: async () => {
          await other.front();
          const completed = complete();
          leave();
          await until(page, 'waiting');
          isAway = false;
          await page.page.bringToFront();
          return { ms: (await completed).visible };
        },
      },
      {
        name: 'online',
        round: async () => {
          await page.page.bringToFront();
          const completed = complete();
          await page.page.setOfflineMode(true);
          cut();
          await until(page, 'waiting');
          publish();
          await page.page.setOfflineMode(false);
          return { ms: (await completed).online };
        },
      },
    ];
    const samples = await takeTurns(contenders, rounds);
    const trips = [];
    for (let i = 0; i < 20; i += 1) {
      trips.push(await page.run(() => /** @type {any} */ (window).Entry.roundTrip()));
    }
    await other.close();
    await page.close();

    const times = (/** @type {string} */ name) =>
      (samples.get(name) ?? []).map(({ ms = NaN }) => ms);
    const table = {
      title: `wake: from the world's return to live and complete, ${MISSED} messages behind (ms)`,
      columns: ['', 'median', 'spread'],
      rows: [
        ...contenders.map(({ name }) => [name, short(median(times(name))), spread(times(name))]),
        ['a round trip, for comparison', short(median(trips)), spread(trips)],
      ],
      notes: [
        `${browser.version}; ${rounds} rounds; lastseq ${versionOf('lastseq')}. The server was away for ${awayMs} ms: how long the`,
        'client then waits is chance below its backoff. At `online` it waits 0 to 300 ms, so that not all dial at once.',
      ],
    };
    return { tables: [table], raw: { browser: browser.version, samples, trips } };
  }, OFFLINE_AT_WILL);
}

/** @param {Page} page @param {string} name of a state of the connection */
async function until(page, name) {
  const look = () => page.run(() => /** @type {any} */ (window).Entry.state());
  while ((await look()) !== name) await sleep(10);
}

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
