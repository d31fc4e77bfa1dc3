/** Is a message the same number everywhere and for ever? */
import type { Copy } from '../reading.js';
import { isMarker } from '../markers.js';
import { isDropped } from '../recovery.js';
import { Broken, Missing, type Rule } from '../verdict.js';
import { complete, nameOf, numbersByKey, played, plural, traffic } from './evidence.js';

export const sameNumber: Rule = {
  id: 'same-number',
  title: 'Every connection sees the same number for a message',
  harm:
    'A client that comes back on another connection asks from a number that means another place there: ' +
    'messages are skipped or come twice.',
  judge: (found) => {
    const seen = new Map<string, { readonly seq: number; readonly connection: string }>();
    let compared = 0;
    for (const { connection, copies } of traffic(found).heard) {
      for (const [key, [seq]] of numbersByKey(copies)) {
        if (seq === undefined) continue;
        const before = seen.get(key);
        if (before === undefined) seen.set(key, { seq, connection });
        else if (before.seq === seq) compared += 1;
        else {
          throw new Broken(
            `${nameOf(key)} is ${before.seq} on ${before.connection}, and ${seq} on ${connection}`,
          );
        }
      }
    }
    if (compared === 0) throw new Missing('no message with a number came on two connections');
    return `${plural(seen.size, 'message')} on several connections`;
  },
};

export const liveRecovered: Rule = {
  id: 'live-recovered',
  title: 'Live and recovered copies carry the same number',
  harm:
    'After a drop a client asks the log from a number that it took from live messages and that means ' +
    'another place there: what it missed is skipped, or what it had comes again.',
  judge: (found) => {
    const { heard, walks } = traffic(found);
    const inLog = numbersByKey(complete(walks).flatMap(({ copies }) => copies));
    let compared = 0;
    for (const { connection, copies } of heard) {
      for (const [key, numbers] of numbersByKey(copies)) {
        const [live] = numbers;
        const logged = inLog.get(key);
        // Several numbers of one message are the matter of another rule.
        if (live === undefined || logged === undefined || numbers.length > 1) continue;
        if (!logged.includes(live)) {
          throw new Broken(
            `${nameOf(key)} came live as ${live} on ${connection} and stands in the log as ${logged.join(' and ')}${countedApart(copies, inLog)}`,
          );
        }
        compared += 1;
      }
    }
    if (compared === 0)
      throw new Missing('no message with a number was seen both live and in the log');
    return `${compared} live copies compared with the log`;
  },
};

/** Names the usual cause: two counters, one of each connection and one of the log. */
function countedApart(
  copies: readonly Copy[],
  inLog: ReadonlyMap<string, readonly number[]>,
): string {
  const numbers = copies.flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
  const byOne = numbers.every((seq, i) => i === 0 || seq === (numbers[i - 1] ?? 0) + 1);
  const differ = copies.every(({ key, seq }) => !inLog.get(key)?.includes(seq ?? 0));
  return byOne && differ
    ? ': live frames are counted for each connection, the log is counted for all of them'
    : '';
}

export const oneNumber: Rule = {
  id: 'one-number',
  title: 'One message is one number and one entry of the log',
  harm:
    'Users see a message twice after a drop, because it comes under another number; or not at all, ' +
    'because another message has its number.',
  judge: (found) => {
    const { heard, walks } = traffic(found);
    const places = [
      ...walks.map(({ copies, instance }) => ({ copies, where: `in the log of ${instance}` })),
      ...heard.map(({ connection, copies }) => ({ copies, where: `on ${connection}` })),
    ];
    const messages = new Set<string>();
    for (const { copies, where } of places) {
      const owners = new Map<string, string>();
      for (const [key, numbers] of numbersByKey(copies)) {
        messages.add(key);
        if (numbers.length > 1) {
          throw new Broken(`${nameOf(key)} is ${numbers.slice(0, 4).join(' and ')} ${where}`);
        }
        const owner = `${copies.find((copy) => copy.key === key)?.epoch ?? ''} ${numbers[0] ?? 0}`;
        const other = owners.get(owner);
        if (other !== undefined && isMarker(key)) {
          throw new Broken(
            `${nameOf(other)} and ${nameOf(key)} are both ${numbers[0] ?? 0} ${where}`,
          );
        }
        owners.set(owner, key);
      }
    }
    if (messages.size === 0) throw new Missing('no message with a number was seen');
    return plural(messages.size, 'message');
  },
};

export const liveOrder: Rule = {
  id: 'live-order',
  title: 'Live messages of one path arrive in the order of their numbers',
  harm:
    'Number and hand-over are two steps: a client must hold back what came early and ask the log, and ' +
    'one that takes the greatest number for its place loses what comes after it.',
  judge: (found) => {
    const { heard, sent } = traffic(found);
    const laneOf = new Map(sent.map(({ lane, marker }) => [marker, lane]));
    let count = 0;
    for (const { connection, copies } of heard) {
      const last = new Map<string, Copy>();
      for (const copy of copies) {
        const lane = laneOf.get(copy.key);
        if (lane === undefined || copy.seq === undefined) continue;
        const before = last.get(lane);
        if ((before?.seq ?? 0) > copy.seq && before !== undefined) {
          throw new Broken(
            `${before.seq ?? 0} came before ${copy.seq} on ${connection}, both sent by ${lane}`,
          );
        }
        last.set(lane, copy);
        count += 1;
      }
    }
    if (count === 0) throw new Missing('no message with a number came');
    return `${count} live copies`;
  },
};

export const epochs: Rule = {
  id: 'epochs',
  title: 'Joins, messages, heads and the log name the same epoch',
  harm: 'A client takes the log for another one and starts anew, again and again.',
  judge: (found, { dialect }) => {
    if (dialect.overlap !== undefined) {
      throw new Missing('the server has no epochs: a restart shows only by lower numbers');
    }
    const { heard, walks } = traffic(found);
    const pages = complete(walks).flatMap((walk) => walk.pages);
    const seen = new Map<string, string>();
    for (const { epoch } of pages) seen.set(epoch, 'the log');
    if (!('skipped' in found.questions)) {
      for (const { connection, facts } of found.questions.arrivals) {
        if (facts !== undefined) seen.set(facts.epoch, `the join of ${connection}`);
      }
      for (const { connection, epoch } of found.questions.heads)
        seen.set(epoch, `heads on ${connection}`);
    }
    let bare = 0;
    for (const { connection, copies } of heard) {
      for (const { epoch, seq } of copies) {
        if (epoch === undefined && seq !== undefined) bare += 1;
        else if (epoch !== undefined) seen.set(epoch, `a message on ${connection}`);
      }
    }
    if (seen.size > 1) {
      throw new Broken([...seen].map(([epoch, where]) => `${epoch} (${where})`).join(', '));
    }
    if (bare > 0) {
      throw new Missing(
        'messages name no epoch, which is right only if all connections end when the log is replaced',
      );
    }
    return `one epoch in ${plural(pages.length, 'page')}`;
  },
};

export const oneLog: Rule = {
  id: 'one-log',
  title: 'Every instance answers from the same log',
  harm: 'A client that reconnects to another instance does not get what it missed.',
  judge: (found, { instances }) => {
    if (instances.length < 2) throw new Missing('there is one URL only');
    const { walks } = played(found.live);
    const [first, ...others] = complete(walks);
    if (first === undefined || others.length === 0) throw new Missing('only one log can be read');
    const told = entriesOf(first.copies);
    for (const other of others) {
      const its = entriesOf(other.copies);
      const differing = [...its].find(
        ([key, seq = 0]) => told.get(key) !== seq && !(isDropped(first, seq) && !told.has(key)),
      );
      const missing = [...told].find(([key, seq = 0]) => !its.has(key) && !isDropped(other, seq));
      const [key] = differing ?? missing ?? [];
      if (key === undefined) continue;
      const at = (seq: number | undefined): string => (seq === undefined ? 'is not' : `is ${seq}`);
      throw new Broken(
        `${nameOf(key)} ${at(told.get(key))} in the log of ${first.instance} and ${at(its.get(key))} in that of ${other.instance}`,
      );
    }
    return `${plural(told.size, 'entry').replace('entrys', 'entries')} in ${walks.length} logs`;
  },
};

const entriesOf = (copies: readonly Copy[]): ReadonlyMap<string, number | undefined> =>
  new Map(copies.filter(({ key }) => isMarker(key)).map(({ key, seq }) => [key, seq]));
