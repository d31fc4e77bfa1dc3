/** Was a gap right: did the log say what it says, and does reading go on where it should? */
import type { Position } from '../../src/core/position.js';
import type { Gap } from '../../src/core/vocabulary.js';
import type { Answers } from './answers.js';
import type { Oracle } from './oracle.js';
import type { EpochLog } from './truth.js';
import type { World } from './world.js';

export interface Witness {
  readonly answers: Answers;
  readonly channel: string;
  readonly oracle: Oracle;
  readonly world: World;
  /** The last number of every epoch that was read. */
  readonly seen: ReadonlyMap<string, number>;
  readonly log: (epoch: string) => EpochLog;
}

/** @param next where reading goes on. */
export function justify(gap: Gap, next: Position, witness: Witness): void {
  const { epoch, from, reason, to } = gap;
  const { answers, channel, log, oracle, seen, world } = witness;
  const { page } = answers;
  const what = `${channel} ${oracle.describe(gap)}`;
  switch (reason) {
    case 'truncated':
    case 'hole': {
      if (to === undefined || next.epoch !== epoch || next.seq !== to) oracle.fail('I5', what);
      if (world.hasRewound(channel)) return;
      const truth = log(epoch);
      for (let n = from; n <= (to ?? 0); n += 1) {
        if (truth.holds(n)) oracle.fail('I5 unjustified', `${what}: the log holds ${n}`);
      }
      return;
    }
    case 'epoch':
    case 'rewind': {
      if (page === undefined) return oracle.fail('I5 unjustified', `${what}: no answer`);
      const said = reason === 'epoch' ? page.epoch !== epoch : answers.sayRewind;
      if (!said) oracle.fail('I5 unjustified', `${what}: the log did not say so`);
      const known = reason === 'epoch' ? seen.get(page.epoch) : undefined;
      if (!answers.goOnAt(next, known, log(page.epoch)))
        oracle.fail('I5', `${what}: goes on from ${next.epoch} ${next.seq}, not ${known}`);
      return;
    }
    case 'unreachable':
      if (world.plan.settings.giveUpAfterMs === false) oracle.fail('I5', what);
  }
}
