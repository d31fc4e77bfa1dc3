/** `lastseq check`: finds out whether a server keeps the rules that clients rely on. */
import { readConfig } from './config-file.js';
import { readFlags } from './flags.js';
import { settingsOf } from './given.js';
import { json, table } from './report.js';
import { run } from './run.js';
import { UsageError } from './usage-error.js';

/** @returns the exit status: 0 when no rule failed, 1 when one did, 2 when it was asked for wrongly. */
export async function check(args: readonly string[]): Promise<number> {
  // A call whose socket the server has ended at once keeps no process alive, nor does its deadline: Node
  // would leave without a word in the middle of the run.
  const alive = setInterval(() => undefined, 1_000);
  try {
    const flags = readFlags(args);
    const config = flags.config === undefined ? {} : await readConfig(flags.config);
    const settings = settingsOf({ ...config, ...defined(flags.given) });
    const report = await run(settings);
    process.stdout.write(flags.json ? json(report, settings) : table(report, settings));
    return report.passed ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`lastseq: ${error.message}\n`);
    return 2;
  } finally {
    clearInterval(alive);
  }
}

/** What was not typed must not hide what the file says. */
const defined = (given: object): object =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
