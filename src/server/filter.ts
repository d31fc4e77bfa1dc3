/**
 * Readers who see only some messages of a channel: the app's rule, and what it makes of a page.
 *
 * The rule is asked once for a reader, and the filter that it gives once for every message, live or
 * recovered. Whatever is not a clear yes hides the message.
 */
import type { LogMessage, LogPage } from './log.js';
import { ignoreRejection } from './promises.js';
import type { Report } from './report.js';

/** Who is about to read a channel: by one subscription, or by one recovery. */
export interface Reader {
  readonly channel: string;
  /** As `authorize` named it for this request, or else for `connect`. */
  readonly principal: string | undefined;
}

/** A message as a filter sees it. Its data is shared by all filters: not to be changed. */
export interface FilterMessage extends Omit<LogMessage, 'json'> {
  readonly data: unknown;
}

/**
 * True when the reader sees the message, false when not. It must always answer the same for one
 * message: what was hidden once is not offered to that reader again. When it throws or answers
 * anything else, the message is hidden and `onError` is told.
 */
export type MessageFilter = (message: FilterMessage) => boolean;

/** Which messages a reader sees; `undefined`: all of them. */
export type FilterRule = (
  reader: Reader,
) => MessageFilter | undefined | Promise<MessageFilter | undefined>;

/** A page as one reader sees it. */
export interface VisiblePage extends LogPage {
  /** Numbers that the page covers and that are not for this reader, in rising order. */
  readonly void?: readonly (readonly [from: number, to: number])[];
}

/**
 * Asks the rule. Rejects when the app's function does.
 * @returns a filter that does not throw.
 */
export async function filterFor(
  rule: FilterRule,
  reader: Reader,
  report: Report,
): Promise<MessageFilter | undefined> {
  const filter = await rule(reader);
  if (filter === undefined) return undefined;
  // Apps need not be written in TypeScript.
  if (typeof filter !== 'function') {
    throw new TypeError('filter must answer a function, or undefined for all messages');
  }
  return (message) => {
    try {
      const sees: unknown = filter(message);
      if (typeof sees === 'boolean') return sees;
      ignoreRejection(sees);
      throw new TypeError('the function that filter answered must answer true or false');
    } catch (error) {
      report('filter', error);
      return false;
    }
  };
}

/**
 * Takes out of a page what its reader does not see. The filter works inside the bounds of the page: a
 * page without any message is an answer too, and brings its reader forward to what it covers.
 */
export function filterPage(page: LogPage, sees: MessageFilter): VisiblePage {
  const messages: LogMessage[] = [];
  const hidden: [from: number, to: number][] = [];
  for (const message of page.messages) {
    const range = hidden.at(-1);
    if (sees(new Look(message))) messages.push(message);
    else if (range?.[1] === message.seq - 1) range[1] = message.seq;
    else hidden.push([message.seq, message.seq]);
  }
  // The last message of a page says how far it reaches, unless it was taken out.
  const upto = page.upto ?? (page.more ? page.messages.at(-1)?.seq : undefined);
  return { ...page, messages, void: hidden, ...(upto === undefined ? {} : { upto }) };
}

/** A message for filters. Its text is parsed when the first of them asks for the data. */
export class Look implements FilterMessage {
  readonly channel: string;
  readonly epoch: string;
  readonly seq: number;
  readonly ts: number;
  declare readonly from?: string;
  readonly #json: string;
  #data: unknown;

  constructor({ channel, epoch, seq, ts, from, json }: LogMessage) {
    this.channel = channel;
    this.epoch = epoch;
    this.seq = seq;
    this.ts = ts;
    if (from !== undefined) this.from = from;
    this.#json = json;
  }

  /** No JSON text stands for `undefined`, so that means: not parsed yet. */
  get data(): unknown {
    this.#data ??= JSON.parse(this.#json);
    return this.#data;
  }
}
