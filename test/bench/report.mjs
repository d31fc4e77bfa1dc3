// Tables on the console, and JSON beside them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { median, short, spread } from './rounds.mjs';

/** @typedef {import('./benchmarks.mjs').Table} Table */

/** The contender that everything is compared with. */
export const OURS = 'lastseq';

/**
 * One figure of all contenders: its median, its spread, and how many times the baseline's it is; and
 * how ours compares with each.
 *
 * @param {object} what
 * @param {string} what.title
 * @param {string} what.figure the name of the figure in the samples
 * @param {string} what.unit
 * @param {string} what.baseline the contender that is 1
 * @param {import('./rounds.mjs').Samples} what.samples
 * @param {readonly string[]} [what.more] further figures, shown as their medians
 * @param {readonly string[]} [what.notes]
 * @returns {Table}
 */
export function comparison({ baseline, figure, more = [], notes = [], samples, title, unit }) {
  const of = (/** @type {string} */ name, key = figure) =>
    (samples.get(name) ?? []).map((figures) => figures[key] ?? NaN);
  // Round by round: what slowed a whole round down is in both.
  const ratio = (/** @type {string} */ name, /** @type {string} */ to) => {
    const base = of(to);
    const ratios = of(name).map((value, i) => value / (base[i] ?? NaN));
    return Number.isFinite(ratios[0]) ? `${median(ratios).toFixed(2)} x` : '–';
  };
  return {
    title,
    columns: ['', unit, 'spread', `x ${baseline}`, `${OURS} to it`, ...more],
    rows: [...samples.keys()].map((name) => [
      name,
      short(median(of(name))),
      spread(of(name)),
      ratio(name, baseline),
      name === OURS ? '' : ratio(OURS, name),
      ...more.map((key) => short(median(of(name, key)))),
    ]),
    notes,
  };
}

/** As Markdown, so that it can be put into a document as it is. @param {Table} table */
export function print({ columns, notes = [], rows, title }) {
  const cells = [columns, ...rows].map((row) => row.map(String));
  const width = columns.map((_, i) => Math.max(3, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (/** @type {readonly string[]} */ row) => {
    const padded = row.map((cell, i) =>
      i === 0 ? cell.padEnd(width[i] ?? 0) : cell.padStart(width[i] ?? 0),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const rule = width.map((length, i) =>
    i === 0 ? '-'.repeat(length) : `${'-'.repeat(length - 1)}:`,
  );
  const [head = [], ...body] = cells;
  console.log(`\n**${title}**\n`);
  for (const row of [head, rule, ...body]) console.log(line(row));
  if (notes.length > 0) console.log(`\n${notes.join('\n')}`);
}

/**
 * @param {string} name
 * @param {import('./benchmarks.mjs').Result} result
 */
export function save(name, { raw, tables }) {
  const folder = new URL('results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const plain = (/** @type {string} */ _key, /** @type {unknown} */ value) =>
    value instanceof Map ? Object.fromEntries(value) : value;
  const text = JSON.stringify({ name, at: new Date(), machine: machine(), tables, raw }, plain, 2);
  writeFileSync(new URL(`${name}.json`, folder), `${text}\n`);
}

/** What it ran on. */
export function machine() {
  const [cpu] = cpus();
  const cores = `${cpus().length} x ${cpu?.model.trim() ?? 'unknown'}`;
  return `${cores}, ${process.platform} ${release()}, Node ${process.versions.node}`;
}
