/** The command line of the search. */
import { parseArgs } from 'node:util';
import { Session } from '../../../src/core/session.js';
import { ACTIONS } from './action.js';
import { SCOPE, type Scope } from './scope.js';
import { search, type Outcome } from './search.js';

/** For tests, which break the client. */
export { SCOPE, Session, search };

const PACES = ['any', 'level'] as const;

/** @returns the exit code. */
export function main(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      exhaustive: { type: 'boolean' },
      messages: { type: 'string', default: SCOPE.messages.toString() },
      losses: { type: 'string', default: SCOPE.losses.toString() },
      cuts: { type: 'string', default: SCOPE.cuts.toString() },
      crashes: { type: 'string', default: SCOPE.crashes.toString() },
      epochs: { type: 'string', default: SCOPE.epochs.toString() },
      pace: { type: 'string', default: SCOPE.pace },
      beats: { type: 'string', default: SCOPE.beats.toString() },
    },
  });
  const pace = PACES.find((name) => name === values.pace);
  if (pace === undefined) throw new Error(`--pace ${values.pace}: one of ${PACES.join(', ')}`);
  const scope: Scope = {
    messages: count('messages', values.messages),
    losses: count('losses', values.losses),
    cuts: count('cuts', values.cuts),
    crashes: count('crashes', values.crashes),
    epochs: count('epochs', values.epochs),
    beats: count('beats', values.beats),
    pace,
  };
  print(JSON.stringify(scope));
  const began = performance.now();
  const seconds = (): string => ((performance.now() - began) / 1_000).toFixed(1);
  const told = (states: number, waiting: number, depth: number): void => {
    print(`${seconds()} s: ${states} states, ${waiting} wait, depth ${depth}`);
  };
  const outcome = search(scope, { told });
  tell(outcome, seconds());
  return outcome.finding === undefined ? 0 : 1;
}

function tell({ actions, depth, finding, states, transitions }: Outcome, seconds: string): void {
  for (const action of ACTIONS)
    print(`${(actions.get(action) ?? 0).toString().padStart(12)}  ${action}`);
  print(`${states} states, ${transitions} transitions, depth ${depth}, ${seconds} s`);
  if (finding === undefined) return print('no rule was broken');
  const { beginning, path, text } = finding;
  print(`FAILED ${text}`);
  print(`${beginning.carrier}, ${beginning.isStored ? 'a position' : 'nothing'} stored:`);
  path.forEach((line, i) => print(`${(i + 1).toString().padStart(4)}  ${line}`));
}

function count(name: string, value: string): number {
  if (!/^\d+$/.test(value)) throw new Error(`--${name} ${value}: a number, 0 or more`);
  return Number(value);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
