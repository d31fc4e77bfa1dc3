/** Is the log whole, and does it say so when it is not? */
import type { Page } from '../../../core/frames.js';
import type { Dialect } from '../../../dialects/dialect.js';
import { lostFrom, type Sent } from '../findings.js';
import { coverOf, type Walk } from '../recovery.js';
import { Broken, Missing, type Rule } from '../verdict.js';
import { complete, list, nameOf, numbersByKey, played, plural } from './evidence.js';

export const rising: Rule = {
  id: 'rising',
  title: 'Numbers rise in the order of publishing, and by one where the numbering says so',
  harm:
    'A client cannot tell what is missing: it waits for numbers that never come and reports them as ' +
    'lost, or takes a new message for one that it had.',
  judge: (found, settings) => {
    const { sent, walks } = played(found.live);
    let count = 0;
    for (const walk of complete(walks)) {
      const hole = holeIn(walk, settings.dialect.numbering);
      if (hole !== undefined) throw new Broken(`${hole} in the log of ${walk.instance}`);
      const numbers = numbersByKey(walk.copies);
      let last = { name: 'the start', seq: walk.since.seq };
      for (const { marker } of sent) {
        const [seq] = numbers.get(marker) ?? [];
        if (seq === undefined) continue;
        if (seq <= last.seq) {
          throw new Broken(
            `${nameOf(marker)} is ${seq} and was published after ${last.name}, which is ${last.seq}`,
          );
        }
        last = { name: nameOf(marker), seq };
        count += 1;
      }
      count += walk.copies.length;
    }
    if (count === 0) throw new Missing('the log holds nothing of this run');
    return `${settings.dialect.numbering}, ${plural(count, 'number')}`;
  },
};

export const concurrent: Rule = {
  id: 'concurrent',
  title: 'Concurrent publishers leave no hole and no duplicate',
  harm: 'Under load messages get lost, or two get one number and clients drop the second as a repeat.',
  judge: (found, settings) => {
    const { sent, walks } = played(found.concurrent);
    const taken = sent.filter(({ failure }) => failure === undefined);
    for (const walk of complete(walks)) {
      const hole = holeIn(walk, settings.dialect.numbering);
      if (hole !== undefined) throw new Broken(`${hole} in the log of ${walk.instance}`);
      const first = walk.pages[0];
      if (first !== undefined && first.oldest > walk.since.seq + 1) {
        throw new Missing(`the log keeps fewer than ${taken.length} messages`);
      }
      wholeIn(walk, taken);
    }
    return `${plural(taken.length, 'message')} by ${plural(new Set(taken.map(({ lane }) => lane)).size, 'path')}, 4 at a time`;
  },
};

function wholeIn({ copies, instance }: Walk, taken: readonly Sent[]): void {
  const numbers = numbersByKey(copies);
  const lost = taken.filter(({ marker }) => !numbers.has(marker));
  if (lost.length > 0) {
    throw new Broken(`not in the log of ${instance}: ${list(lost.map((s) => nameOf(s.marker)))}`);
  }
  const owner = new Map<number, string>();
  for (const [key, all] of numbers) {
    for (const seq of all) {
      const other = owner.get(seq);
      if (other !== undefined)
        throw new Broken(`${nameOf(other)} and ${nameOf(key)} are both ${seq}`);
      owner.set(seq, key);
    }
    if (all.length > 1) throw new Broken(`${nameOf(key)} is ${all.slice(0, 4).join(' and ')}`);
  }
}

export const settled: Rule = {
  id: 'settled',
  title: 'A page never passes over a number that comes later',
  harm:
    'A client that recovers in that moment takes the greater number for its place and never asks for ' +
    'the smaller one: the message is skipped in silence.',
  judge: ({ concurrent: scene }) => {
    const { glances, walks } = played(scene);
    if (glances.length === 0) throw new Missing('the log could not be read meanwhile');
    const logged = new Map(
      complete(walks).map(({ copies, instance }) => [instance, copies.map(({ seq }) => seq ?? 0)]),
    );
    for (const { instance, numbers, since, upto } of glances) {
      const had = new Set(numbers);
      const passed = logged
        .get(instance)
        ?.find((seq) => seq > since && seq <= upto && !had.has(seq));
      if (passed !== undefined) {
        throw new Broken(
          `a page since ${since} reached to ${upto} without ${passed}, which came into the log of ${instance} later`,
        );
      }
    }
    return `${plural(glances.length, 'page')} read while others published`;
  },
};

export const overflow: Rule = {
  id: 'overflow',
  title: 'A range that the log has dropped is reported',
  harm: 'Whoever was away for longer loses messages, and neither the app nor the user is told.',
  judge: ({ overflow: scene }, settings) => {
    const { sent, since, walks } = played(scene);
    const taken = sent.filter(({ failure }) => failure === undefined);
    let dropped = 0;
    for (const walk of complete(walks)) {
      const [first] = walk.pages;
      const lost = lostFrom(walk, sent).length;
      if (lost === 0 || first === undefined) continue;
      dropped = lost;
      if (first.epoch !== since.epoch) continue;
      const begins = walk.copies[0]?.seq ?? first.head + 1;
      if (first.oldest <= since.seq + 1) {
        throw new Broken(
          `since ${since.seq} the answer of ${walk.instance} begins with ${begins}, without ${plural(lost, 'message')}, and says that it is complete (oldest ${first.oldest})`,
          settings.dialect.overlap !== undefined
            ? 'Only a client that asks for one message more than it needs can notice that something is lost.'
            : undefined,
        );
      }
      const hole = holeIn(walk, settings.dialect.numbering);
      if (hole !== undefined) throw new Broken(`oldest is ${first.oldest}, but ${hole}`);
    }
    if (dropped === 0)
      throw new Missing(`the log kept all ${taken.length} messages: overflow it by more`);
    return `${plural(dropped, 'message')} dropped, and oldest says so`;
  },
};

export const facts: Rule = {
  id: 'facts',
  title: 'Answers of the log can be read and agree with themselves',
  harm: 'Recovery does not work: after a drop a client shows nothing new.',
  judge: ({ live, unreadable }) => {
    if ('skipped' in live && unreadable !== undefined) throw new Broken(unreadable);
    const { walks } = played(live);
    const broken = walks.find(({ problem }) => problem !== undefined);
    if (broken !== undefined) throw new Broken(`${broken.instance}: ${broken.problem ?? ''}`);
    const pages = walks.flatMap((walk) => walk.pages);
    for (const { head, messages, oldest } of pages) {
      const above = messages.find(({ seq }) => seq > head);
      if (above !== undefined) throw new Broken(`a page with head ${head} holds ${above.seq}`);
      if (oldest > head + 1) throw new Broken(`oldest is ${oldest}, and head ${head}`);
    }
    return plural(pages.length, 'page');
  },
};

/** The first number that is missing from a walk without a word, by the law that clients go by. */
function holeIn(
  { copies, pages, since }: Walk,
  numbering: Dialect['numbering'],
): string | undefined {
  if (copies.length === 0 && pages.length === 0) return undefined;
  let last = since.seq;
  for (const page of pages) {
    // The log may go on dropping while it is read: what a page says that it has not, is no hole in it.
    last = Math.max(last, page.oldest - 1);
    for (const message of page.messages) {
      if (message.seq <= last) continue;
      const before = message.prev ?? message.seq - 1;
      if (numbering !== 'monotonic' && before > voidTo(page, last)) {
        return `${voidTo(page, last) + 1} is missing before ${message.seq}`;
      }
      last = message.seq;
    }
    last = voidTo(page, last);
    const cover = coverOf(page);
    if (numbering !== 'monotonic' && page.epoch === since.epoch && cover > last) {
      return `${last + 1} is missing, although the page reaches to ${cover}`;
    }
  }
  return undefined;
}

/** How far void ranges carry on from `last`. */
function voidTo(page: Page, last: number): number {
  let to = last;
  for (const [from, end] of page.void ?? []) if (from <= to + 1) to = Math.max(to, end);
  return to;
}
