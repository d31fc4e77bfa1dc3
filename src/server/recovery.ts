/**
 * Fetch-since: reading pages from the log for both carriers, the `recover` frame and HTTP.
 *
 * The answer is the facts and what is retained; whether that is a loss is the client's to decide. The
 * judgement made here only feeds the counters.
 */
import type { RecoverRequest } from '../core/frames.js';
import { filterPage, type MessageFilter, type VisiblePage } from './filter.js';
import { messageBytes, type Log, type LogPage, type ReadOptions } from './log.js';
import { chain, isPromise } from './promises.js';
import type { Counters } from './stats.js';

export class Recovery {
  readonly #log: Log;
  readonly #counters: Counters;
  /** Reads under way. After a lost fan-out message, all readers of a channel ask the same at once. */
  readonly #flights = new Map<string, Promise<LogPage>>();

  constructor(log: Log, counters: Counters) {
    this.#log = log;
    this.#counters = counters;
  }

  /**
   * One page, as its reader sees it. Throws or rejects when the log does. Authorisation is the caller's
   * duty.
   * @param sees `undefined`: everything.
   */
  page(
    request: RecoverRequest,
    options: ReadOptions,
    sees: MessageFilter | undefined,
  ): VisiblePage | Promise<VisiblePage> {
    return chain(this.read(request, options), (whole) => this.show(request, whole, sees));
  }

  /** A page that was read, as its reader sees it. */
  show(request: RecoverRequest, whole: LogPage, sees: MessageFilter | undefined): VisiblePage {
    const page = sees === undefined ? whole : filterPage(whole, sees);
    this.#counters.recoveries[outcome(request, page)] += 1;
    if (page.messages.length > 0) this.#counters.pages += 1;
    return page;
  }

  /** One page as the log has it. Throws or rejects when the log does. */
  read(request: RecoverRequest, options: ReadOptions): LogPage | Promise<LogPage> {
    const { channel, epoch, seq } = request;
    const { limit, maxBytes } = options;
    const name = (): string => JSON.stringify([channel, epoch, seq, limit, maxBytes]);
    // A log that answers at once never has a read under way: it is spared the names.
    const flight = this.#flights.size > 0 ? this.#flights.get(name()) : undefined;
    if (flight) return flight;

    const page = this.#log.read(channel, { epoch, seq }, options);
    if (!isPromise(page)) return page;
    const key = name();
    const landed = Promise.resolve(page).finally(() => this.#flights.delete(key));
    this.#flights.set(key, landed);
    return landed;
  }
}

/** A page in fewer bytes than it was read with, as the log would have cut it. */
export function cutPage(page: LogPage, after: number, maxBytes: number): LogPage {
  let left = maxBytes;
  const count = page.messages.findIndex(({ from, json }, index) => {
    left -= messageBytes(json, from);
    return left < 0 && (index > 0 || maxBytes === 0);
  });
  if (count < 0) return page;
  const messages = page.messages.slice(0, count);
  return { ...page, messages, more: true, upto: messages.at(-1)?.seq ?? after };
}

function outcome(
  { epoch, seq }: RecoverRequest,
  page: LogPage,
): 'ok' | 'truncated' | 'epoch' | 'rewind' {
  if (epoch !== page.epoch) return 'epoch';
  if (seq > page.head) return 'rewind';
  return seq < page.oldest - 1 ? 'truncated' : 'ok';
}
