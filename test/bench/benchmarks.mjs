/**
 * What a benchmark is called with, and what it gives back.
 *
 * @typedef {object} Options
 * @property {boolean} smoke small numbers, to see that it still runs
 * @property {boolean} peers are the peers installed, and wanted?
 * @property {number} [rounds] how often everything is measured; a benchmark knows a good number
 * @property {number} [clients] in the storm
 *
 * @typedef {object} Table
 * @property {string} title
 * @property {readonly string[]} columns
 * @property {readonly (readonly (string | number)[])[]} rows
 * @property {readonly string[]} [notes]
 *
 * @typedef {object} Result
 * @property {readonly Table[]} tables
 * @property {unknown} raw everything that was measured, for the JSON file
 *
 * @typedef {(options: Options) => Promise<Result>} Benchmark
 */
/** In the order of their worth: the first ones tell most in the shortest time. */
export const NAMES = [
  'size',
  'dispatch',
  'recover',
  'stream',
  'channels',
  'store',
  'hub',
  'log',
  'wake',
  'storm',
];

/**
 * @param {string} name one of `NAMES`
 * @returns {Promise<Benchmark>}
 */
export async function loadBenchmark(name) {
  const file = new URL(`${name}.mjs`, import.meta.url);
  return (await import(/* @vite-ignore */ file.href)).default;
}
