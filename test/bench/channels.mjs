// Many channels on one connection: what an idle one weighs, and what a reconnect of all of them costs.
import { createServer } from 'node:http';
import { openPage, withBrowser } from './page.mjs';
import { versionOf } from './peers.mjs';
import { comparison } from './report.mjs';
import { median, short, spread, takeTurns } from './rounds.mjs';
import { onPost, serveHub } from './servers.mjs';
import { data, payload } from './wire.mjs';

/** @typedef {Parameters<Parameters<typeof withBrowser>[0]>[0]} Browser */

const OWN = ['lastseq', 'envelope'];
const PEERS = { pusher: 'pusher-js', centrifuge: 'centrifuge', phoenix: 'phoenix' };

/** @type {import('./benchmarks.mjs').Benchmark} */
export default function channels({ peers, rounds = 5, smoke }) {
  const count = smoke ? 200 : 10_000;
  const names = [...OWN, ...(peers ? Object.keys(PEERS) : [])];
  return withBrowser(async (browser) => {
    const idle = await takeTurns(
      names.map((name) => ({ name, round: () => weigh(browser, name, count) })),
      rounds,
    );
    const resumed = await resumeAll(browser, count, rounds);
    const title = `channels: ${count.toLocaleString('en-US')} idle ones on one connection`;
    const versions = ['lastseq', ...(peers ? Object.values(PEERS) : [])];
    const notes = [
      `${browser.version}; ${rounds} rounds, each in a new page, the server in the page.`,
      `subscribeMs: until all are subscribed. ${versions.map((name) => `${name} ${versionOf(name)}`).join(', ')}`,
    ];
    const what = {
      figure: 'bytes',
      unit: 'heap bytes each',
      baseline: 'envelope',
      more: ['subscribeMs'],
    };
    const table = comparison({ title, samples: idle, notes, ...what });
    return {
      tables: [table, resumeTable(resumed, count)],
      raw: { browser: browser.version, idle, resumed },
    };
  });
}

/**
 * @param {Browser} browser
 * @param {string} name
 * @param {number} count
 */
async function weigh(browser, name, count) {
  const code = `import { prepare, subscribeAll } from './pages/channels.js';
    import { openMany } from './clients/${name}.js';
    prepare('${name}', ${count});
    export const subscribe = () => subscribeAll(openMany);`;
  const { close, page, run } = await openPage(browser, code);
  const devtools = await page.createCDPSession();
  const heap = async () => {
    // Twice: what the first one finalises, the second one frees.
    for (let i = 0; i < 2; i += 1) await devtools.send('HeapProfiler.collectGarbage');
    return (await devtools.send('Runtime.getHeapUsage')).usedSize;
  };
  const before = await heap();
  const subscribeMs = await run(() => /** @type {any} */ (window).Entry.subscribe());
  const bytes = ((await heap()) - before) / count;
  await close();
  return { bytes, subscribeMs };
}

/**
 * @param {Browser} browser
 * @param {number} count
 * @param {number} rounds
 */
async function resumeAll(browser, count, rounds) {
  const server = createServer();
  const { cut, log } = serveHub(server);
  onPost(server, '/cut', () => {
    cut();
    for (let i = 0; i < count; i += 1) log.append(`room-${i}`, data(i));
  });
  server.on('request', (request, response) => {
    const url = new URL(request.url ?? '/', 'http://page');
    if (url.pathname !== '/bytes') return;
    const length = Math.ceil(Number(url.searchParams.get('count')) / payload(1).length);
    response.end(`[${Array.from({ length }, (_, i) => payload(i)).join(',')}]`);
  });
  const page = await openPage(browser, `export * from './pages/resume.js';`, server);
  await page.run((n) => /** @type {any} */ (window).Entry.prepare(n), count);
  const samples = await takeTurns(
    [
      {
        name: 'lastseq',
        round: async () => {
          const figures = await page.run((n) => /** @type {any} */ (window).Entry.resume(n), count);
          const bytes = figures.receivedBytes;
          const fetchMs = await page.run(
            (n) => /** @type {any} */ (window).Entry.fetchOnce(n),
            bytes,
          );
          return { ...figures, fetchMs };
        },
      },
    ],
    rounds,
  );
  await page.close();
  return samples.get('lastseq') ?? [];
}

/**
 * @param {readonly import('./rounds.mjs').Figures[]} figures
 * @param {number} count
 * @returns {import('./benchmarks.mjs').Table}
 */
function resumeTable(figures, count) {
  const row = (/** @type {string} */ what, /** @type {readonly number[]} */ values) => [
    what,
    short(median(values)),
    spread(values),
  ];
  const of = (/** @type {string} */ key) => figures.map((each) => each[key] ?? NaN);
  const ratio = figures.map(({ fetchMs = NaN, ms = NaN }) => ms / fetchMs);
  return {
    title: `channels: ${count.toLocaleString('en-US')} come back, each has missed one message (real hub)`,
    columns: ['', 'median', 'spread'],
    rows: [
      row('ms from the open socket to the last message handled', of('ms')),
      row('ms of one fetch of as many bytes, and its parse', of('fetchMs')),
      row('times that', ratio),
      row('recover frames', of('recoverFrames')),
      row('WebSocket messages sent', of('sent')),
      row(
        'bytes sent per channel',
        of('sentBytes').map((bytes) => bytes / count),
      ),
      row('WebSocket messages received', of('received')),
      row(
        'bytes received per channel',
        of('receivedBytes').map((bytes) => bytes / count),
      ),
    ],
  };
}
