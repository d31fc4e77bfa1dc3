// What it costs to keep positions in IndexedDB while messages come: main thread and transactions.
import { threadTime } from './cpu.mjs';
import { openPage, withBrowser } from './page.mjs';
import { versionOf } from './peers.mjs';
import { median, short, spread, takeTurns } from './rounds.mjs';

/** @typedef {Parameters<Parameters<typeof withBrowser>[0]>[0]} Browser */

const PER_SECOND = 1_000;
const WAYS = {
  lastseq: 'lastseq',
  none: 'no database',
  setMany: 'a record per channel',
  oneRecord: 'one record for all',
};

/** @type {import('./benchmarks.mjs').Benchmark} */
export default function store({ rounds = 3, smoke }) {
  const ms = smoke ? 300 : 4_000;
  return withBrowser(async (browser) => {
    const contenders = Object.keys(WAYS).map((way) => ({
      name: way,
      round: () => keep(browser, way, ms),
    }));
    const samples = await takeTurns(contenders, rounds);
    const of = (/** @type {string} */ way, /** @type {string} */ key) =>
      (samples.get(way) ?? []).map((figures) => figures[key] ?? NaN);
    const without = of('none', 'busyMs');
    const rows = Object.entries(WAYS).map(([way, name]) => {
      const more = of(way, 'busyMs').map((busy, i) => busy - (without[i] ?? NaN));
      const busy = of(way, 'busyMs');
      return [
        name,
        ...[median(busy), median(more), median(of(way, 'transactions'))].map(short),
        spread(more),
      ];
    });
    const table = {
      title: `store: ${PER_SECOND.toLocaleString('en-US')} messages/s over 200 channels, a flush each 250 ms`,
      columns: [
        '',
        'ms of main thread/s',
        'of it the store',
        'transactions/s',
        'spread of the store',
      ],
      rows,
      notes: [
        `${browser.version}; ${rounds} rounds of ${ms} ms, each in a new page. The store's part is the difference`,
        `to the same work without a database. lastseq ${versionOf('lastseq')}, idb-keyval ${versionOf('idb-keyval')}.`,
      ],
    };
    return { tables: [table], raw: { browser: browser.version, samples } };
  });
}

/**
 * @param {Browser} browser
 * @param {string} way
 * @param {number} ms
 */
async function keep(browser, way, ms) {
  const { close, page, run } = await openPage(browser, `export * from './pages/store.js';`);
  const busy = await threadTime(page);
  await run((which) => /** @type {any} */ (window).Entry.start(which), way);
  // For a while uncounted: code is compiled, the database is opened.
  await run(inPage, PER_SECOND, ms / 4);
  const before = await busy();
  const { seconds, transactions } = await run(inPage, PER_SECOND, ms);
  const figures = {
    busyMs: ((await busy()) - before) / seconds,
    transactions: transactions / seconds,
  };
  await close();
  return figures;
}

/** @type {(perSecond: number, ms: number) => Promise<{ seconds: number, transactions: number }>} */
const inPage = (perSecond, ms) => /** @type {any} */ (window).Entry.run(perSecond, ms);
