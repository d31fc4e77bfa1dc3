/**
 * The recovery call over HTTP: `GET /recover?channel=room%3A1&epoch=k3f9&limit=200&since=41`.
 *
 * A position out of reach is no error: the answer is 200 and the numbers say it. Errors are about the
 * request, the right to make it, and the server's own troubles.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RecoverRequest, WireCode } from '../core/frames.js';
import { STATUS } from './authorize.js';
import type { HubParts } from './parts.js';
import { readPosition } from './request-frames.js';
import { pageText } from './wire.js';

interface Answer {
  readonly status: number;
  /** JSON. An answer without a body has none. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class RecoverHttp {
  readonly #parts: HubParts;
  readonly #isClosed: () => boolean;
  #underWay = 0;

  constructor(parts: HubParts, isClosed: () => boolean) {
    this.#parts = parts;
    this.#isClosed = isClosed;
  }

  /** Answers one request. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#isAnswered(response)) return;
    // A client that left while the app was at it: the response has had its 'close'.
    if (isGone(response)) return;
    // Of an answer whose preflight failed a browser shows nothing: no status, no Retry-After.
    const isPreflight = request.method === 'OPTIONS';
    if (
      !isPreflight &&
      (this.#isClosed() || this.#underWay >= this.#parts.settings.maxRecoveries)
    ) {
      write(request, response, this.#busy(503, 'internal'), this.#parts.admits(request));
      return;
    }
    this.#underWay += 1;
    // Counted until the answer has left: it is the waiting page that takes memory.
    response.once('close', () => (this.#underWay -= 1));
    const admitted = this.#parts.admits(request);
    const answer = await this.#answer(request, admitted);
    // A listener that was added later, or a deadline of the app, may have been faster.
    if (!this.#isAnswered(response)) write(request, response, answer, admitted);
  }

  /** Has somebody else answered? That is reported. */
  #isAnswered({ headersSent }: ServerResponse): boolean {
    if (headersSent) {
      const advice = 'another listener answered the recovery call: attach the hub after the app';
      this.#parts.report('recover', new Error(advice));
    }
    return headersSent;
  }

  async #answer(request: IncomingMessage, admitted: boolean): Promise<Answer> {
    const { authorizer, counters, recovery, report, settings } = this.#parts;
    if (!admitted) {
      counters.originRefusals += 1;
      return problem(403, 'forbidden', 'this origin is not allowed');
    }
    if (request.method === 'OPTIONS') return PREFLIGHT;
    if (request.method !== 'GET') {
      return { ...problem(405, 'bad_request', 'use GET'), headers: { Allow: 'GET, OPTIONS' } };
    }
    const query = readQuery(request.url ?? '', settings.limits.page);
    if (typeof query === 'string') {
      counters.badFrames += 1;
      return problem(400, 'bad_request', query);
    }
    const { channel } = query.position;
    const token = bearer(request.headers.authorization);
    const decision = await authorizer.decideReader({ token, action: 'recover', channel, request });
    if (!decision.allowed) {
      const { code } = decision;
      if (code === 'limit' || code === 'internal') return this.#busy(STATUS[code], code);
      return problem(STATUS[code], code);
    }
    try {
      const options = { limit: query.limit, maxBytes: settings.limits.pageBytes };
      const page = await recovery.page(query.position, options, decision.sees);
      return { status: 200, body: pageText(channel, page) };
    } catch (error) {
      report('log', error);
      return this.#busy(503, 'internal');
    }
  }

  #busy(status: number, code: WireCode): Answer {
    const seconds = Math.ceil(this.#parts.settings.retryAfterMs / 1_000);
    return { ...problem(status, code), headers: { 'Retry-After': String(seconds) } };
  }
}

/** Over HTTP/2, which the declarations do not know of, it is the stream that tells. */
function isGone(response: ServerResponse & { readonly stream?: Duplex }): boolean {
  return response.stream?.destroyed ?? response.destroyed;
}

/** How long a browser may remember the preflight, in seconds: ten minutes, the cap of most. */
const PREFLIGHT: Answer = {
  status: 204,
  headers: {
    'Access-Control-Allow-Methods': 'GET, OPTIONS',
    'Access-Control-Allow-Headers': 'Authorization',
    'Access-Control-Max-Age': '600',
  },
};

function problem(status: number, code: WireCode, message?: string): Answer {
  return { status, body: JSON.stringify({ code, message }) };
}

/** The parameters of the call, or the sentence that says which one is wrong. */
function readQuery(
  url: string,
  maxLimit: number,
): { readonly position: RecoverRequest; readonly limit: number } | string {
  const mark = url.indexOf('?');
  const params = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  for (const name of ['channel', 'epoch', 'since', 'limit']) {
    // Two values: proxies and servers disagree on which one counts.
    if (params.getAll(name).length > 1) return `${name} is given twice`;
  }
  const since = readCount(params.get('since'));
  if (since === undefined) return 'since must be a safe integer >= 0';
  const wanted = params.get('limit');
  const limit = wanted === null ? maxLimit : readCount(wanted);
  if (limit === undefined || limit === 0) return 'limit must be a whole number >= 1';
  const position = readPosition(params.get('channel'), params.get('epoch'), since);
  if (position === undefined) {
    return 'channel must be 1 to 255 bytes of UTF-8 without control characters, epoch not empty';
  }
  return { position, limit: Math.min(limit, maxLimit) };
}

/** Digits only: `Number` would also take `1e3`, `0x10`, blanks and nothing at all. */
function readCount(text: string | null): number | undefined {
  if (text === null || !/^(0|[1-9]\d{0,15})$/.test(text)) return undefined;
  const count = Number(text);
  return Number.isSafeInteger(count) ? count : undefined;
}

function bearer(header: string | undefined): string | undefined {
  return header === undefined ? undefined : /^bearer +(\S+) *$/i.exec(header)?.[1];
}

function write(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, headers = {} }: Answer,
  admitted: boolean,
): void {
  const { origin } = request.headers;
  response.statusCode = status;
  // A cached page is a stale page for ever: the client would ask and ask and never get on.
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Vary', 'Authorization, Origin');
  if (origin !== undefined && admitted) {
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Allow-Credentials', 'true');
    response.setHeader('Access-Control-Expose-Headers', 'Retry-After');
  }
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (body === undefined) {
    response.end();
    return;
  }
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(body);
}
