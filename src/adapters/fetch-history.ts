/** Fetch-since over HTTP, or by a function of the app. */
import { isCount, isMs, isObject } from '../core/position.js';
import type { History, HistoryAnswer, HistoryQuestion } from '../ports/history.js';

/** What the app's own function is asked: everything of `channel` and `epoch` after `since`. */
export interface HistoryCall {
  readonly channel: string;
  readonly epoch: string;
  /** Exclusive: the first message wanted is `since + 1`. */
  readonly since: number;
  /** The most messages wanted in the answer. */
  readonly limit: number;
  readonly token: string | undefined;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * Resolves with the body of the answer, as the dialect understands it. Throws or rejects when there
 * is none; a numeric `status` on the error (401, 403, 429, 503 ...) and a `retryInMs` are understood.
 */
export type HistoryFunction = (call: HistoryCall) => unknown;

/**
 * @param target an address, relative to the page where there is one: asked with GET, with `channel`,
 *   `epoch`, `limit` and `since` (or what the question has instead) added to its own parameters, the
 *   token in `Authorization: Bearer`.
 *   Cookies go to the page's own origin only: a call to another one would need a server that names
 *   that origin, and has the token. Or a function, for any other way.
 */
export function fetchHistory(target: string | URL | HistoryFunction): History {
  return {
    async fetch(question) {
      try {
        return typeof target === 'function'
          ? { status: 200, body: await target(callOf(question)) }
          : await ask(addressOf(target, question), question);
      } catch (error) {
        return failureOf(error, question.token);
      }
    },
  };
}

async function ask(url: URL, { token, signal }: HistoryQuestion): Promise<HistoryAnswer> {
  const response = await globalThis.fetch(url, {
    // A cached page is the same stale page for ever.
    cache: 'no-store',
    credentials: 'same-origin',
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    signal,
  });
  const { status } = response;
  if (status !== 200) {
    const retryInMs = retryAfter(response.headers);
    // Read although it may be of no use: an unread body keeps the connection busy.
    const detail = (await response.text().catch(() => '')).slice(0, 200);
    return { status, detail, retryInMs };
  }
  const text = await response.text();
  try {
    return { status, body: JSON.parse(text) as unknown };
  } catch {
    // Typically the page of a login, of a captive portal, or of a single-page app's fallback route.
    const type = response.headers.get('Content-Type') ?? 'no content type';
    return { status: 0, detail: `the answer is not JSON (${type})` };
  }
}

function addressOf(target: string | URL, question: HistoryQuestion): URL {
  const { channel, epoch, limit, query, seq } = question;
  const { document, location } = globalThis as Partial<typeof globalThis>;
  const url = new URL(target, document?.baseURI ?? location?.href);
  const native = { channel, epoch, limit: String(limit), since: String(seq) };
  const ours = new URLSearchParams(query ?? native);
  // By text: rewriting the parameters that are there could break a signed address.
  url.search += `${url.search === '' ? '' : '&'}${ours.toString()}`;
  return url;
}

const callOf = ({ channel, epoch, seq, limit, token, signal }: HistoryQuestion): HistoryCall => ({
  channel,
  epoch,
  since: seq,
  limit,
  token,
  signal,
});

/** Seconds or a date. The date is the server's, so it counts from the server's own Date, if it is shown. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('Retry-After')?.trim() ?? '';
  // With a fraction, as some servers have it: engines read one as a day of long ago.
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1_000;
  const until = Date.parse(value);
  const sent = Date.parse(headers.get('Date') ?? '');
  return Number.isNaN(until)
    ? undefined
    : Math.max(0, until - (Number.isNaN(sent) ? Date.now() : sent));
}

function failureOf(error: unknown, token: string | undefined): HistoryAnswer {
  const { status, retryInMs } = Object(error) as { status?: unknown; retryInMs?: unknown };
  // 200 without a body is no answer.
  const isStatus = isCount(status) && status >= 100 && status < 600 && status !== 200;
  const text: unknown = error instanceof Error ? error.message : error;
  // An app that gives its error the fields of a server's answer may give it a list for a message.
  const detail = isObject(text) ? Object.prototype.toString.call(text) : String(text);
  return {
    status: isStatus ? status : 0,
    // Of any kind that can be waited for: who adds chance to it has a fraction.
    retryInMs: isMs(retryInMs) ? retryInMs : undefined,
    // Some engines quote a header that they refuse.
    detail: token ? detail.replaceAll(token, '[token]') : detail,
  };
}
