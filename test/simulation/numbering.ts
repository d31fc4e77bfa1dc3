/**
 * What kind of numbers a server gives its messages, and how much it says of its log. Most worlds have
 * the numbering of `lastseq.v1`; the others are worlds of their own, chosen beside the seed.
 */
import type { Page, PageMessage } from '../../src/core/frames.js';
import type { Numbering } from '../../src/core/settings.js';
import type { Dice } from './dice.js';
import type { EpochLog } from './truth.js';

export const KINDS = ['contiguous', 'sparse', 'monotonic', 'bare', 'bareMonotonic'] as const;
/** `bare`: a server without epochs. */
export type Kind = (typeof KINDS)[number];

export interface NumberingPlan {
  readonly kind: Kind;
  readonly numbering: Numbering;
  readonly epochs: boolean;
  readonly pollMs: number | false;
  /** What says that a channel is served: facts, a word for each channel, or one word for all. */
  readonly joins: 'facts' | 'joined' | 'all';
  /** How a server says that numbers are not for this reader. */
  readonly skips: 'prev' | 'void' | 'silence';
  /** Does a page say where the log ends and how far back it reaches? */
  readonly knowsLog: boolean;
  readonly ids: boolean;
}

const CONTIGUOUS: NumberingPlan = {
  kind: 'contiguous',
  numbering: 'contiguous',
  epochs: true,
  pollMs: false,
  joins: 'facts',
  skips: 'void',
  knowsLog: true,
  ids: false,
};

export function makeNumbering(kind: Kind, dice: Dice): NumberingPlan {
  const joins = dice.pick(['facts', 'joined', 'all'] as const);
  const pollMs = dice.pick([false, 300, 1_000] as const);
  const skips = dice.pick(['prev', 'void'] as const);
  const knowsLog = dice.chance(0.5);
  const ids = dice.chance(0.7);
  switch (kind) {
    case 'contiguous':
      return CONTIGUOUS;
    case 'sparse':
      return { ...CONTIGUOUS, kind, numbering: 'sparse', skips };
    case 'monotonic':
      return { ...CONTIGUOUS, kind, numbering: 'monotonic', skips: 'silence', joins, pollMs };
    case 'bare':
      return { ...CONTIGUOUS, kind, epochs: false, joins, pollMs, knowsLog, ids };
    case 'bareMonotonic':
      return {
        kind,
        numbering: 'monotonic',
        epochs: false,
        pollMs,
        joins,
        skips: 'silence',
        knowsLog,
        ids,
      };
  }
}

/** A page of the log as this server gives it out. */
export function shownPage(plan: NumberingPlan, page: Page, since: number, log: EpochLog): Page {
  if (plan.kind === 'contiguous') return page;
  const messages = page.messages.map((message) => shownMessage(plan, message, log));
  const { void: voids, ...rest } = { ...page, messages };
  const shown = plan.skips === 'silence' || voids === undefined ? rest : { ...rest, void: voids };
  if (plan.knowsLog) return shown;
  return { ...shown, oldest: 1, head: messages.at(-1)?.seq ?? since };
}

function shownMessage(plan: NumberingPlan, message: PageMessage, log: EpochLog): PageMessage {
  const { seq } = message;
  const id = plan.ids ? { id: String(message.data) } : {};
  if (plan.skips !== 'prev') return { ...message, ...id };
  return { ...message, ...id, prev: log.entryBefore(seq) };
}
