/**
 * Holds the survivors of the last run against docs/survivors.md, which says of each why no test can
 * tell it from the original. Prints the rows that are missing there, and those that are there in vain.
 *
 *     node test/stryker/survivors.mjs
 */
import { readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);
const read = (/** @type {string} */ path) => readFileSync(new URL(path, root), 'utf8');

/** @typedef {{ line: number, column: number }} Place */
/** @typedef {{ status: string, replacement?: string, location: { start: Place, end: Place } }} Mutant */

/** @param {string} code */
const cell = (code) => {
  const flat = code.replace(/\s+/g, ' ').trim();
  const short = flat.length > 90 ? `${flat.slice(0, 60)} … ${flat.slice(-25)}` : flat;
  return `\`${short.replaceAll('|', '\\|').replaceAll('`', 'ˋ')}\``;
};

/**
 * @param {string} source
 * @param {Mutant} mutant
 */
function rowOf(source, { location: { end, start }, replacement = '' }) {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  const last = lines.length - 1;
  const line = cell(lines[0] ?? '');
  lines[last] = lines[last]?.slice(0, end.column - 1) ?? '';
  lines[0] = lines[0]?.slice(start.column - 1) ?? '';
  return `| ${line} | ${cell(lines.join('\n'))} | ${cell(replacement)} |`;
}

/** @type {Record<string, { source: string, mutants: Mutant[] }>} */
const files = JSON.parse(read('.stryker/report.json')).files;
/** @type {Map<string, string[]>} */
const survivors = new Map();
for (const [file, { mutants, source }] of Object.entries(files)) {
  const left = mutants.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  left.sort((a, b) => a.location.start.line - b.location.start.line);
  if (left.length > 0) survivors.set(file, [...new Set(left.map((one) => rowOf(source, one)))]);
}

/** The rows of the document, without their reasons. @type {Map<string, Set<string>>} */
const listed = new Map();
let file = '';
for (const text of read('docs/survivors.md').split('\n')) {
  if (text.startsWith('## ')) file = text.slice(3).replaceAll('`', '');
  const row = /^(\| `.*?` +\| `.*?` +\| `.*?` +\|) *[^ |]/.exec(text)?.[1];
  if (row !== undefined) {
    const rows = listed.get(file) ?? new Set();
    listed.set(file, rows.add(row.replace(/ +\|/g, ' |')));
  }
}

let missing = 0;
let vain = 0;
for (const [name, rows] of survivors) {
  const unknown = rows.filter((row) => !listed.get(name)?.has(row));
  if (unknown.length > 0) console.log(`\n## ${name}\n\n${unknown.join('\n')}`);
  missing += unknown.length;
}
for (const [name, rows] of listed) {
  for (const row of rows) {
    if (survivors.get(name)?.includes(row)) continue;
    console.log(`listed in vain: ${name} ${row}`);
    vain += 1;
  }
}
console.log(`\n${missing} survivors are not in docs/survivors.md`);
process.exitCode = missing + vain > 0 ? 1 : 0;
