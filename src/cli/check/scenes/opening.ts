/** Everybody comes, and finds out where the log is. */
import { SUBPROTOCOL } from '../../../core/frames.js';
import type { Bench } from '../bench.js';

/** @returns why the log cannot be read, or undefined. */
export async function opening(bench: Bench): Promise<string | undefined> {
  const answers = await bench.listenAll();
  const told = answers.find((answer) => answer.type === 'subscribed');
  const [recovery] = bench.recoveries;
  if (recovery === undefined) return 'there is no URL';
  // Our own protocol knows no question without an epoch, which who could not join was told none of.
  const none = bench.settings.dialect.protocols.includes(SUBPROTOCOL) ? 'no-such-epoch' : '';
  // A live number may be a count of its own: what counts is where the log says that it is.
  const walk = await recovery.walk({ epoch: told?.epoch ?? none, seq: told?.head ?? 0 });
  const facts = walk.pages.at(-1) ?? told;
  if (facts !== undefined) bench.start = bench.end = { epoch: facts.epoch, seq: facts.head };
  return walk.problem;
}
