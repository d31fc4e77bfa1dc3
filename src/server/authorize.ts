/**
 * Asking the app whether a client may do what it asks for, and making one answer of all it may say.
 *
 * The same question is asked for a subscribe and for a recovery, per channel and at the time of the
 * call: whoever may not listen must not be able to read the past either. Whatever is not a clear yes
 * is a no.
 */
import type { IncomingMessage } from 'node:http';
import type { WireCode } from '../core/frames.js';
import { filterFor, type FilterRule, type MessageFilter } from './filter.js';
import { isPromise } from './promises.js';
import type { Report } from './report.js';
import type { Counters } from './stats.js';

export interface AuthorizeRequest {
  /**
   * The token of the connection's last `auth` frame, or of `Authorization: Bearer` over HTTP.
   * `undefined` when the client sent none: cookies and headers are in `request`.
   */
  readonly token: string | undefined;
  /** `connect` is asked once per token and connection; the others at every request. */
  readonly action: 'connect' | 'subscribe' | 'publish' | 'recover';
  /** The channel asked for; missing with `connect`. */
  readonly channel?: string;
  /** The upgrade request of the connection, or the request of a recovery over HTTP. */
  readonly request: IncomingMessage;
}

/**
 * Yes. `principal` names who it is: publish keys are scoped by it, messages carry it as `from`, and a
 * connection keeps its subscriptions when a new token is of the same one. Without it, every new token
 * has them asked for again.
 */
export interface Allowed {
  readonly principal?: string | undefined;
}

/**
 * What `authorize` may answer.
 * - an object: yes.
 * - `'unauthorized'`: the token is bad, missing or too old; the client gets a new one and comes back.
 * - `false` or `'forbidden'`: not this client; it does not ask again.
 * - `'not_found'`: the same, for apps that do not want to tell which channels exist.
 * - `'limit'`: too much at present; the client comes back later.
 */
export type Verdict = Allowed | false | 'unauthorized' | 'forbidden' | 'not_found' | 'limit';

/**
 * The app's rule. Called for the first frame of a connection (`connect`), for every later `auth` frame,
 * and for every subscribe, publish and recovery. While it is pending, the later frames of that
 * connection wait. When it throws or rejects, the request is refused with `internal`, the client comes
 * back later, and `onError` is told.
 */
export type Authorize = (question: AuthorizeRequest) => Verdict | Promise<Verdict>;

export type RefusalCode = Extract<
  WireCode,
  'unauthorized' | 'forbidden' | 'not_found' | 'limit' | 'internal'
>;

/** An answer without corners. */
export type Decision =
  | { readonly allowed: true; readonly principal: string | undefined }
  | { readonly allowed: false; readonly code: RefusalCode };

/** The answer to a reader. `sees`: which messages it is shown; `undefined`: all of them. */
export type ReaderDecision =
  | (Extract<Decision, { readonly allowed: true }> & { readonly sees?: MessageFilter | undefined })
  | Extract<Decision, { readonly allowed: false }>;

export interface ReaderQuestion extends AuthorizeRequest {
  readonly action: 'subscribe' | 'recover';
  readonly channel: string;
}

/** May the same request succeed later, if nothing but time passes or the token is renewed? */
export const RETRY: Readonly<Record<RefusalCode, boolean>> = {
  unauthorized: true,
  forbidden: false,
  not_found: false,
  limit: true,
  internal: true,
};

/** The status of an item that was refused, as HTTP would answer it. */
export const STATUS: Readonly<Record<RefusalCode, number>> = {
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  limit: 429,
  internal: 503,
};

export interface Rules {
  readonly authorize: Authorize;
  readonly filter?: FilterRule | undefined;
}

export class Authorizer {
  readonly #authorize: Authorize;
  readonly #filter: FilterRule | undefined;
  readonly #report: Report;
  readonly #counters: Counters;

  constructor({ authorize, filter }: Rules, report: Report, counters: Counters) {
    this.#authorize = authorize;
    this.#filter = filter;
    this.#report = report;
    this.#counters = counters;
  }

  /** Asks. Neither throws nor rejects; synchronous when the app's rule is. */
  decide(question: AuthorizeRequest): Decision | Promise<Decision> {
    const failed = (error: unknown): Decision => {
      this.#report('authorize', error, question.token);
      return this.#count({ allowed: false, code: 'internal' });
    };
    try {
      const verdict = this.#authorize(question);
      if (!isPromise(verdict)) return this.#count(toDecision(verdict));
      // What has a `then` need not have a `catch`.
      return Promise.resolve(verdict)
        .then((late) => this.#count(toDecision(late)))
        .catch(failed);
    } catch (error) {
      return failed(error);
    }
  }

  /**
   * The same for a reader of a channel, with the messages that it is shown.
   * @param connected the answer to `connect`; without a connection the app is asked when need be.
   */
  decideReader(
    question: ReaderQuestion,
    connected?: Decision,
  ): ReaderDecision | Promise<ReaderDecision> {
    const decision = this.decide(question);
    const filter = this.#filter;
    if (filter === undefined) return decision;
    return this.#withFilter(filter, question, decision, connected);
  }

  async #withFilter(
    filter: FilterRule,
    { token, channel, request }: ReaderQuestion,
    asked: Decision | Promise<Decision>,
    connected?: Decision,
  ): Promise<ReaderDecision> {
    let decision = await asked;
    if (decision.allowed && decision.principal === undefined) {
      // Live and recovered, a message must meet the filter of the same principal.
      decision = connected ?? (await this.decide({ token, action: 'connect', request }));
    }
    if (!decision.allowed) return decision;
    const { principal } = decision;
    try {
      const sees = await filterFor(filter, { channel, principal }, this.#report);
      return { allowed: true, principal, sees };
    } catch (error) {
      this.#report('filter', error, token);
      return { allowed: false, code: 'internal' };
    }
  }

  #count(decision: Decision): Decision {
    if (!decision.allowed && decision.code !== 'internal') this.#counters.authRefusals += 1;
    return decision;
  }
}

/** What a connection has shown, and whom the app takes it for. */
export interface Client {
  readonly token: string | undefined;
  readonly principal: string | undefined;
}

/** Where the app names nobody, only the same token is surely of the same one. */
export function isSameClient(one: Client, other: Client): boolean {
  if (one.principal !== other.principal) return false;
  return one.principal !== undefined || one.token === other.token;
}

/** @throws TypeError when the app, which need not be written in TypeScript, answered something else. */
function toDecision(verdict: unknown): Decision {
  switch (verdict) {
    case false:
      return { allowed: false, code: 'forbidden' };
    case 'unauthorized':
    case 'forbidden':
    case 'not_found':
    case 'limit':
      return { allowed: false, code: verdict };
  }
  if (typeof verdict === 'object' && verdict !== null) {
    const { principal } = verdict as Allowed;
    if (principal === undefined || typeof principal === 'string') {
      return { allowed: true, principal };
    }
  }
  throw new TypeError(
    'authorize must answer { principal } with a string or nothing in it, false, ' +
      `'unauthorized', 'forbidden', 'not_found' or 'limit'`,
  );
}
