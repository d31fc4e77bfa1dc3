/** Do messages arrive, everywhere, with a number? */
import { lostFrom } from '../findings.js';
import { isMarker } from '../markers.js';
import { isDropped } from '../recovery.js';
import { Broken, Missing, type Rule } from '../verdict.js';
import { list, nameOf, played, plural, traffic } from './evidence.js';

export const connect: Rule = {
  id: 'connect',
  title: 'Clients can connect and join',
  harm: 'Users see nothing at all: their client does not get in.',
  judge: ({ joined, refused }) => {
    if (refused.length > 0) throw new Broken(list(refused));
    return `${plural(joined.length, 'connection')} joined`;
  },
};

export const paths: Rule = {
  id: 'paths',
  title: 'Every sending path takes messages',
  harm: 'What users send that way is not sent.',
  judge: (found) => {
    const { sent } = traffic(found);
    if (sent.length === 0) throw new Missing('no sending path was named');
    const failed = sent.filter(({ failure }) => failure !== undefined);
    const [first] = failed;
    if (first !== undefined) {
      throw new Broken(
        `${first.lane}: ${first.failure ?? ''} (${failed.length} of ${plural(sent.length, 'message')})`,
      );
    }
    const lanes = new Set(sent.map(({ lane }) => lane));
    return `${plural(sent.length, 'message')} by ${plural(lanes.size, 'path')}`;
  },
};

export const delivered: Rule = {
  id: 'delivered',
  title: 'Every connection gets every message',
  harm:
    'Users do not see the message until their client notices by a later one or by a heartbeat that it ' +
    'is missing.',
  judge: (found) => {
    const { heard, sent } = traffic(found);
    if (sent.every(({ failure }) => failure !== undefined)) {
      throw new Missing('nothing was published');
    }
    let count = 0;
    for (const { connection, copies, expected } of heard) {
      const had = new Set(copies.map(({ key }) => key));
      const missed = expected.filter(({ marker }) => !had.has(marker));
      const [first] = missed;
      if (first !== undefined) {
        const stray = found.strays[0];
        const hint = stray === undefined ? '' : `; something came under the channel '${stray}'`;
        throw new Broken(
          `${connection} did not get ${list(missed.map(({ marker }) => nameOf(marker)))}, sent by ${first.lane}${hint}`,
        );
      }
      count += expected.length;
    }
    return `${plural(count, 'live copy').replace('copys', 'copies')} on ${plural(heard.length, 'connection')}`;
  },
};

export const numbered: Rule = {
  id: 'numbered',
  title: 'Every path gives its messages a number',
  harm:
    'A client cannot tell such a message from one that may be lost: when it is missed during a drop, ' +
    'nobody ever notices.',
  judge: (found) => {
    const { heard, sent } = traffic(found);
    if (sent.length === 0) throw new Missing('nothing was published');
    const bare = new Map<string, string>();
    for (const { connection, copies, expected } of heard) {
      const numbers = new Map(copies.map(({ key, seq }) => [key, seq !== undefined]));
      for (const { key, seq } of copies) if (seq !== undefined) numbers.set(key, true);
      for (const { lane, marker } of expected) {
        if (numbers.get(marker) === false && !bare.has(lane)) {
          bare.set(lane, `${nameOf(marker)} on ${connection}`);
        }
      }
    }
    if (bare.size > 0) {
      const where = [...bare].map(([lane, seen]) => `by ${lane} (${seen})`);
      throw new Broken(`no usable number on messages ${list(where)}`);
    }
    const lanes = [
      ...new Set(sent.filter(({ failure }) => failure === undefined).map((s) => s.lane)),
    ];
    if (lanes.length === 0) throw new Missing('no sending path took a message');
    return list(lanes, 5);
  },
};

export const controlFrames: Rule = {
  id: 'control-frames',
  title: 'Only messages carry numbers',
  harm:
    'A client may take the number of such a frame for its place in the log: it then gets everything ' +
    'once more, or misses what it jumped over.',
  judge: ({ numbered: told, others }) => {
    if (told.length > 0) throw new Broken(list([...new Set(told)]));
    if (others === 0) throw new Missing('no frame came that is not a message');
    return `${plural(others, 'other frame')} without one`;
  },
};

export const ackNumber: Rule = {
  id: 'ack-number',
  title: 'A publisher is told the number that everybody sees',
  harm: 'A client cannot recognise its own message: it shows it twice, or never as sent.',
  judge: (found) => {
    const { heard, sent, walks } = traffic(found);
    const acks = sent.filter(({ seq }) => seq !== undefined);
    if (acks.length === 0) throw new Missing('no path answers with a number');
    const copies = [...heard, ...walks].flatMap((place) => place.copies);
    const seen = new Map(copies.map(({ key, seq }) => [key, seq]));
    const wrong = acks.find(({ marker, seq }) => seen.has(marker) && seen.get(marker) !== seq);
    if (wrong !== undefined) {
      throw new Broken(
        `the ack of ${nameOf(wrong.marker)} says ${wrong.seq ?? ''}, readers got ${seen.get(wrong.marker) ?? 'no number'}`,
      );
    }
    return plural(acks.length, 'ack');
  },
};

export const offline: Rule = {
  id: 'offline',
  title: 'Messages are kept when nobody is connected',
  harm: 'Whoever was away alone never gets what was sent meanwhile, and nothing shows that it is missing.',
  judge: ({ offline: scene }) => {
    const { sent, walks } = played(scene);
    const taken = sent.filter(({ failure }) => failure === undefined);
    if (taken.length === 0) throw new Missing('no sending path took a message');
    for (const walk of walks) {
      if (walk.problem !== undefined) {
        throw new Missing(`the log cannot be read: ${walk.problem}`);
      }
      const lost = lostFrom(walk, sent);
      // Others have filled the log since. Empty, it would have kept nothing in the first place.
      const isOthers = walk.copies.length > 0 && walk.copies.every(({ key }) => !isMarker(key));
      if (lost.length > 0 && isOthers && isDropped(walk, walk.since.seq + 1)) {
        throw new Missing('the log had dropped them when it was read');
      }
      if (lost.length > 0) {
        const names = list(lost.map(({ marker, lane }) => `${nameOf(marker)} by ${lane}`));
        throw new Broken(`not in the log of ${walk.instance}: ${names}`);
      }
    }
    return `${plural(taken.length, 'message')} recovered`;
  },
};
