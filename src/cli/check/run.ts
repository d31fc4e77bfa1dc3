/** Plays the scenes in turn, and judges what they found. */
import { Bench } from './bench.js';
import type { Findings, Skipped } from './findings.js';
import { RULES } from './rules/index.js';
import { access } from './scenes/access.js';
import { concurrent } from './scenes/concurrent.js';
import { live } from './scenes/live.js';
import { offline } from './scenes/offline.js';
import { opening } from './scenes/opening.js';
import { overflow } from './scenes/overflow.js';
import { questions } from './scenes/questions.js';
import { requests } from './scenes/requests.js';
import { restart } from './scenes/restart.js';
import type { Settings } from './settings.js';
import { judge, type Verdict } from './verdict.js';

export type Judged = Verdict & { readonly id: string; readonly title: string };

export interface Report {
  /** False when a rule failed. */
  readonly passed: boolean;
  readonly rules: readonly Judged[];
}

export async function run(settings: Settings): Promise<Report> {
  const found = await find(settings);
  const rules = RULES.map((rule) => ({
    id: rule.id,
    title: rule.title,
    ...judge(rule, found, settings),
  }));
  return { passed: rules.every(({ verdict }) => verdict !== 'fail'), rules };
}

async function find(settings: Settings): Promise<Findings> {
  const bench = new Bench(settings);
  try {
    const unreadable = await opening(bench);
    const play = <Scene>(scene: (bench: Bench) => Promise<Scene | Skipped>) =>
      bench.joined.length === 0 && unreadable !== undefined
        ? { skipped: 'nobody could join, and the log cannot be read' }
        : scene(bench);
    return {
      unreadable,
      live: await play(live),
      questions: await play(questions),
      requests: await play(requests),
      access: await play(access),
      offline: await play(offline),
      concurrent: await play(concurrent),
      overflow: await play(overflow),
      restart: await play(restart),
      refused: bench.refused,
      joined: bench.joined,
      numbered: bench.connections.flatMap((connection) => connection.numbered),
      others: bench.connections.reduce((sum, { frames }) => sum + frames.length, 0),
      strays: bench.connections.flatMap((connection) => connection.strays),
    };
  } finally {
    await bench.close();
  }
}
