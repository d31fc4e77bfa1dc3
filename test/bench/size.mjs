// Bytes: of a page that connects, subscribes to one channel and shows its messages; ours and theirs.
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { bundle } from './bundle.mjs';
import { OURS } from './report.mjs';
import { versionOf } from './peers.mjs';

/** Packages beside us, by the name of the file in `clients`. */
const PEERS = {
  partysocket: 'partysocket',
  phoenix: 'phoenix',
  anycable: '@anycable/web',
  'socket.io': 'socket.io-client',
  pusher: 'pusher-js',
  centrifuge: 'centrifuge',
  ably: 'ably',
};

/** @typedef {{ minified: number, gzip: number, brotli: number }} Weight */

/**
 * @param {string | Buffer} code
 * @returns {Weight}
 */
export function weigh(code) {
  const bytes = Buffer.from(code);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
  return {
    minified: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, { params }).length,
  };
}

/** The script for a page, with everything in it, as `npm run build` left it. */
export const weighScript = () =>
  weigh(readFileSync(new URL('../../dist/lastseq.min.js', import.meta.url)));

/** What an app with our package weighs: connect, one channel, recovery, IndexedDB. */
export const bundleEntry = () => bundle(pageOf('lastseq'));

/** @param {string} client */
const pageOf = (client) => `import { open } from './clients/${client}.js';
open('wss://example.com/realtime', console.log);`;

/** @type {import('./benchmarks.mjs').Benchmark} */
export default async function size({ peers, smoke }) {
  const entry = await bundleEntry();
  /** @type {Map<string, Weight>} */
  const weights = new Map([
    [`${OURS} ${versionOf(OURS)}`, weigh(entry.code)],
    ['script tag (lastseq.min.js)', weighScript()],
    ['our dependencies alone', weigh((await bundle(pageOf('dependencies'))).code)],
  ]);
  for (const [client, name] of peers ? Object.entries(PEERS) : []) {
    weights.set(`${name} ${versionOf(name)}`, weigh((await bundle(pageOf(client))).code));
  }
  const extras = smoke ? new Map([['left out', 0]]) : await extraParts(weigh(entry.code));
  const files = bytesByFile(entry);
  return {
    tables: [weightTable(weights), extrasTable(extras), filesTable(files, weigh(entry.code))],
    raw: { weights, extras, files },
  };
}

/**
 * What every other export of the package adds to that page.
 * @param {Weight} base
 */
async function extraParts(base) {
  const exports = Object.keys(
    /** @type {object} */ (await import(new URL('../../dist/index.js', import.meta.url).href)),
  );
  /** @type {Map<string, number>} */
  const extras = new Map();
  for (const name of exports.filter((each) => each !== 'createClient')) {
    const also = `export { ${name} } from '../../dist/index.js';`;
    extras.set(name, weigh((await bundle(`${pageOf('lastseq')}\n${also}`)).code).gzip - base.gzip);
  }
  return extras;
}

/**
 * Minified bytes by the file that they come from, by the source map.
 * @param {{ code: string, map: import('rollup').SourceMap }} bundled
 */
function bytesByFile({ code, map }) {
  const sources = new SourceMap(/** @type {any} */ (map));
  /** @type {Map<string, number>} */
  const files = new Map();
  code.split('\n').forEach((line, row) => {
    for (let column = 0; column < line.length; column += 1) {
      const entry = sources.findEntry(row, column);
      const source = 'originalSource' in entry ? entry.originalSource : undefined;
      const name = source?.match(/(?:node_modules|src)\/.*$/)?.[0] ?? 'glue';
      files.set(name, (files.get(name) ?? 0) + 1);
    }
  });
  return new Map([...files].sort(([, a], [, b]) => b - a));
}

/**
 * @param {Map<string, Weight>} weights
 * @returns {import('./benchmarks.mjs').Table}
 */
function weightTable(weights) {
  const ours = [...weights.values()][0]?.gzip ?? NaN;
  return {
    title: 'size: a page that connects, subscribes to one channel and shows messages (bytes)',
    columns: ['', 'minified', 'gzip -9', 'brotli', `${OURS} to it`],
    rows: [...weights].map(([name, { brotli, gzip, minified }], i) => [
      ...[name, minified, gzip, brotli].map((cell) => cell.toLocaleString('en-US')),
      i === 0 ? '' : `${(ours / gzip).toFixed(2)} x`,
    ]),
  };
}

/**
 * @param {Map<string, number>} extras
 * @returns {import('./benchmarks.mjs').Table}
 */
function extrasTable(extras) {
  return {
    title: 'size: what each further export adds to that page (gzip bytes)',
    columns: ['', 'adds'],
    rows: [...extras],
  };
}

/**
 * @param {Map<string, number>} files
 * @param {Weight} total
 * @returns {import('./benchmarks.mjs').Table}
 */
function filesTable(files, total) {
  // gzip has no bytes of one file; the share of the minified ones is near enough to choose by.
  const share = total.gzip / total.minified;
  return {
    title: 'size: where the bytes of that page come from',
    columns: ['', 'minified', 'about, gzip'],
    rows: [...files].map(([name, bytes]) => [name, bytes, Math.round(bytes * share)]),
  };
}
