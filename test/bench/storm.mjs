// All clients lose their server at once: how they come back, in virtual time, with the core that ships.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rollup } from 'rollup';
import { stripTypes } from '../support/strip-types.mjs';
import { short } from './rounds.mjs';

/** @typedef {import('./storm-world.js').Second} Second */

/** Seconds in which the server could have everybody back. */
const LEAST_S = 20;
/** What it announces: a tenth more, because chance has no even spread. */
const retrySpreadMs = LEAST_S * 1_100;
const VARIANTS = {
  'as it ships': { retrySpreadMs, jitter: true, batching: true },
  'no spread announced': { retrySpreadMs: 0, jitter: true, batching: true },
  'without jitter': { retrySpreadMs, jitter: false, batching: true },
  'without batching': { retrySpreadMs, jitter: true, batching: false },
};

/** @type {import('./benchmarks.mjs').Benchmark} */
export default async function storm({ clients: wanted, smoke }) {
  // Only the ratio to what the server takes matters; ten times as many take ten times the memory.
  const clients = smoke ? 40 : (wanted ?? 10_000);
  const perSecond = clients / LEAST_S;
  const world = {
    clients,
    channels: 20,
    connectsPerSecond: perSecond,
    recoversPerSecond: perSecond,
  };
  const folder = mkdtempSync(join(tmpdir(), 'lastseq-storm-'));
  try {
    const file = await build(folder);
    /** @type {Map<string, Second[]>} */
    const storms = new Map();
    for (const [name, variant] of Object.entries(VARIANTS)) {
      storms.set(name, await run(file, { ...world, ...variant }));
    }
    const tables = [summary(storms, clients, perSecond), ...curves(storms)];
    return { tables, raw: { world, storms } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} folder */
async function build(folder) {
  const input = fileURLToPath(new URL('storm-world.ts', import.meta.url));
  const built = await rollup({ input, plugins: [stripTypes] });
  const file = join(folder, 'storm-world.mjs');
  await built.write({ file, format: 'esm' });
  return pathToFileURL(file).href;
}

/** @param {string} file @param {object} options @returns {Promise<Second[]>} */
async function run(file, options) {
  const program = fileURLToPath(new URL('storm-run.mjs', import.meta.url));
  const child = fork(program, [file, JSON.stringify(options)], {
    execArgv: ['--max-old-space-size=16384'],
  });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the storm ended with ${code}`);
  });
  const [seconds] = await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => undefined);
  return seconds;
}

/**
 * @param {Map<string, Second[]>} storms
 * @param {number} clients
 * @param {number} perSecond
 * @returns {import('./benchmarks.mjs').Table}
 */
function summary(storms, clients, perSecond) {
  const rows = [...storms].map(([name, seconds]) => {
    const later = seconds.slice(1);
    const peak = (/** @type {'attempts' | 'recovers'} */ key) =>
      short(Math.max(0, ...later.map((second) => second[key])) / perSecond);
    const total = (/** @type {'attempts' | 'recovers'} */ key) =>
      short(seconds.reduce((sum, second) => sum + second[key], 0) / clients);
    const until = (/** @type {number} */ share) => {
      const at = seconds.findIndex(({ live }) => live >= clients * share);
      return at < 0 ? `> ${seconds.length}` : at + 1;
    };
    return [
      name,
      short((seconds[0]?.attempts ?? 0) / perSecond),
      peak('attempts'),
      peak('recovers'),
      total('attempts'),
      total('recovers'),
      ...[0.5, 0.99, 1].map(until),
    ];
  });
  return {
    title: `storm: ${clients.toLocaleString('en-US')} clients with 20 channels lose their server at once`,
    columns: [
      '',
      'dials, 1st s',
      'peak after it',
      'peak recovers',
      'dials each',
      'recovers each',
      '50 % s',
      '99 % s',
      '100 % s',
    ],
    rows,
    notes: [
      `The server takes ${perSecond.toLocaleString('en-US')} connections and as many recovery calls a second, and answers 503 above`,
      `that: ${LEAST_S} s is the least. Dials and peaks in times of what it takes in a second. It has announced`,
      `\`retrySpreadMs\` ${retrySpreadMs.toLocaleString('en-US')} where nothing else is said.`,
    ],
  };
}

/** @param {Map<string, Second[]>} storms @returns {import('./benchmarks.mjs').Table[]} */
function curves(storms) {
  /** Every second at first, then fewer. @type {(at: number) => boolean} */
  const isShown = (at) => at <= 10 || (at <= 60 ? at % 5 === 0 : at % 30 === 0);
  return [...storms].map(([name, seconds]) => ({
    title: `storm, ${name}: second by second`,
    columns: ['second', 'dials', 'accepted', 'recovery calls', 'live'],
    rows: seconds
      .map(({ accepted, attempts, live, recovers }, i) => [
        i + 1,
        attempts,
        accepted,
        recovers,
        live,
      ])
      .filter(([at = 0]) => isShown(at) || at === seconds.length),
  }));
}
