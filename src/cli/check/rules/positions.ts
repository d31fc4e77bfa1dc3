/** Does the log answer the question that was asked, at every edge? */
import { SUBPROTOCOL } from '../../../core/frames.js';
import type { QuestionScene } from '../findings.js';
import { isDropped, problemOf, type Answer } from '../recovery.js';
import { Broken, Missing, type Rule } from '../verdict.js';
import { list, nameOf, played, plural } from './evidence.js';

export const sinceExclusive: Rule = {
  id: 'since-exclusive',
  title: 'since is exclusive, and leaves nothing out',
  harm: 'After every drop users see their last message once more, or miss the first one.',
  judge: ({ questions }) => {
    const { asked, last } = played(questions);
    for (const { answer, copies, instance, since } of asked) {
      if (answer.page === undefined) throw new Missing(`${instance}: ${problemOf(answer)}`);
      const old = copies.find(({ seq }) => (seq ?? 0) <= since);
      if (old !== undefined) {
        throw new Broken(
          `since ${since} ${instance} gave ${old.seq ?? ''} (${nameOf(old.key)}) again`,
        );
      }
      const { oldest } = answer.page;
      if (since < last && oldest <= last && !copies.some(({ seq }) => seq === last)) {
        throw new Broken(`since ${since} ${instance} gave no ${last}, which is in the log`);
      }
    }
    return plural(asked.length, 'question');
  },
};

export const nothingNew: Rule = {
  id: 'nothing-new',
  title: 'Nothing new is an empty answer',
  harm: 'Users get messages again that they had; or the client takes a quiet channel for a broken one.',
  judge: ({ questions }) => {
    const { asked, last } = played(questions);
    const atTheEnd = asked.filter(({ since }) => since === last);
    for (const { answer, copies, instance } of atTheEnd) {
      const { page } = answer;
      if (page === undefined)
        throw new Broken(`since ${last} ${instance} answered ${problemOf(answer)}`);
      const old = copies.filter(({ seq }) => (seq ?? 0) <= last);
      if (old.length > 0)
        throw new Broken(`since ${last} ${instance} gave ${plural(old.length, 'message')}`);
      if (page.more && copies.length === 0) {
        throw new Broken(`since ${last} ${instance} said that there is more, and gave nothing`);
      }
    }
    return `asked since ${last}`;
  },
};

export const head: Rule = {
  id: 'head',
  title: 'Joins, heads and the log agree on the newest number',
  harm:
    'A client that joins takes a wrong place for the newest: it waits for messages that are not there, ' +
    'or never asks for those that are.',
  judge: ({ questions }) => {
    const scene = played(questions);
    const told = headsTold(scene);
    for (const { exact, head: number, where } of told) {
      if (number > scene.atMost) {
        throw new Broken(`${where} says ${number}, the log ends at ${scene.atMost}`);
      }
      if (exact && number < scene.last) {
        throw new Broken(`${where} says ${number}, the log has ${scene.last}`);
      }
    }
    if (told.length === 0) throw new Missing('the server tells no heads: clients must poll');
    return `${plural(told.length, 'head')}, the log ends at ${scene.last}`;
  },
};

function headsTold({ arrivals, heads }: QuestionScene): readonly {
  readonly head: number;
  readonly exact: boolean;
  readonly where: string;
}[] {
  return [
    ...arrivals.flatMap(({ connection, facts }) =>
      facts === undefined
        ? []
        : [{ head: facts.head, exact: true, where: `the join of ${connection}` }],
    ),
    ...heads.map(({ asked, connection, head: number }) => ({
      head: number,
      exact: asked,
      where: `heads on ${connection}`,
    })),
  ];
}

export const paging: Rule = {
  id: 'paging',
  title: 'A long answer can be read page by page',
  harm: 'After a long absence users get the first part of what they missed, and the rest never.',
  judge: ({ questions }) => {
    const { inPages, whole } = played(questions);
    for (const [i, walk] of inPages.entries()) {
      if (walk.problem !== undefined) throw new Broken(`${walk.instance}: ${walk.problem}`);
      const numbers = new Set(walk.copies.map(({ seq }) => seq));
      const lost = (whole[i]?.copies ?? []).filter(
        ({ seq = 0 }) => !numbers.has(seq) && !isDropped(walk, seq),
      );
      if (lost.length > 0) {
        throw new Broken(
          `two at a time ${walk.instance} left out ${list(lost.map(({ seq }) => seq ?? 0))}`,
        );
      }
    }
    const pages = inPages.reduce((sum, walk) => sum + walk.pages.length, 0);
    return `${plural(pages, 'page')} of at most two were asked for`;
  },
};

export const ahead: Rule = {
  id: 'ahead',
  title: 'A since above the head is answered with facts, and no messages',
  harm: 'After the log went back, clients are stuck, or get everything as if it were new.',
  judge: ({ requests }) => noMessages(played(requests).ahead, 'since 9000000000000000'),
};

export const otherEpoch: Rule = {
  id: 'other-epoch',
  title: 'A position of another epoch is answered with the facts of this one',
  harm: 'After a restart clients take messages of the new log for the continuation of the old one.',
  judge: ({ requests }, { channel, dialect }) => {
    const request = { channel, epoch: 'no-such-epoch', seq: 0 };
    const parameters = Object.values(dialect.query?.(request, 1) ?? { epoch: request.epoch });
    if (dialect.overlap !== undefined || !parameters.includes(request.epoch)) {
      throw new Missing('the recovery call of this dialect names no epoch');
    }
    const answer = played(requests).otherEpoch;
    const { page } = answer;
    // Only our own protocol promises an empty answer. Any other may ignore what it does not know, if
    // it says whose messages these are.
    const isOurs = dialect.protocols.includes(SUBPROTOCOL);
    if (!isOurs && page !== undefined && page.epoch !== request.epoch) {
      return `answered in the epoch ${page.epoch}`;
    }
    return noMessages(answer, 'in the epoch no-such-epoch');
  },
};

function noMessages(answer: Answer, asked: string): string {
  const { page } = answer;
  if (page === undefined) throw new Broken(`asked ${asked}: ${problemOf(answer)}`);
  const [first] = page.messages;
  if (first !== undefined) {
    throw new Broken(
      `asked ${asked}: ${plural(page.messages.length, 'message')}, from ${first.seq} on`,
    );
  }
  return `head ${page.head}, no messages`;
}

export const sinceRequired: Rule = {
  id: 'since-required',
  title: 'A missing or malformed since is refused',
  harm: 'A client with a broken position gets the whole log as if it were new.',
  judge: ({ requests }) => {
    const { odd, plain } = played(requests);
    if (odd.length === 0) throw new Missing('the recovery call is not an HTTP address');
    for (const { answer, since } of odd) {
      const asked = since === undefined ? 'without since' : `since=${since}`;
      if (answer.status === 0) throw new Missing(`${asked}: ${problemOf(answer)}`);
      if (answer.status < 400 || answer.status >= 500) {
        const count =
          answer.page === undefined ? '' : `, ${plural(answer.page.messages.length, 'message')}`;
        throw new Broken(`${asked}: status ${answer.status}${count}`);
      }
    }
    // Who is refused everything is refused these as well.
    if (plain.page === undefined) throw new Missing(`a good question too: ${problemOf(plain)}`);
    return `${plural(odd.length, 'question')}, status ${[...new Set(odd.map(({ answer }) => answer.status))].join(' and ')}`;
  },
};

export const restart: Rule = {
  id: 'restart',
  title: 'After a restart the numbers go on, or the epoch is another',
  harm:
    'A client that holds a greater number takes the new messages for ones that it had and drops them, ' +
    'until the server has counted past it.',
  judge: ({ restart: scene }) => {
    const { after, before, heard, outcome, sent, whole } = played(scene);
    // Asked for and not done: a CI whose command is broken must not be green.
    if (typeof outcome === 'object')
      throw new Broken(
        outcome.failed,
        'Nothing is known of a restart: the command that does it failed.',
      );
    if (outcome === 'away')
      throw new Broken('the server did not come back within a minute', 'Users are offline.');
    const page = after.find(({ pages }) => pages.length > 0)?.pages[0];
    if (page === undefined) throw new Missing('the log could not be read after it');
    if (page.epoch !== before.epoch) return `epoch ${before.epoch} became ${page.epoch}`;
    const taken = sent.filter(({ failure }) => failure === undefined);
    if (taken.length === 0) throw new Missing('no sending path took a message after it');
    const copies = [...whole, ...heard].flatMap((place) => place.copies);
    const epoch = page.epoch === '-' ? 'there is no epoch' : `the epoch is still ${page.epoch}`;
    for (const { marker } of taken) {
      const copy = copies.find(({ key, seq }) => key === marker && seq !== undefined);
      if (copy?.seq === undefined) continue;
      if (copy.seq <= before.seq) {
        throw new Broken(
          `${before.seq} was the newest number, then ${copy.seq} is new, and ${epoch}`,
        );
      }
    }
    const found = new Set(after.flatMap((walk) => walk.copies.map(({ key }) => key)));
    for (const { key, seq = 0 } of copies) {
      if (after.some((walk) => isDropped(walk, seq))) found.add(key);
    }
    const lost = taken.find(({ marker }) => !found.has(marker));
    if (lost !== undefined) {
      throw new Broken(`since ${before.seq} the log gave no ${nameOf(lost.marker)}, and ${epoch}`);
    }
    return `the numbers went on after ${before.seq}`;
  },
};
