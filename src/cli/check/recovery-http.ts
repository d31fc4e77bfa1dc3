/** The recovery call over HTTP, looked at as closely as a browser would. */
import type { RecoverRequest } from '../../core/frames.js';
import type { Dialect } from '../../dialects/dialect.js';
import type { Answer } from './recovery.js';
import type { Settings } from './settings.js';

/** What an answer over HTTP says beside its body. */
export interface HttpSight {
  readonly cacheControl: string | undefined;
  readonly allowOrigin: string | undefined;
}

export interface HttpQuestion {
  readonly request: RecoverRequest;
  readonly limit: number;
  readonly token: string | undefined;
  readonly settings: Settings;
  readonly dialect: Dialect;
}

export type HttpAnswer = Answer | (Answer & { readonly body: unknown });

export function askByFetch(target: string, question: HttpQuestion): Promise<HttpAnswer> {
  return get(addressOf(target, parametersOf(question)), question);
}

/** The same question with its `since` replaced, or left out. */
export function askOddly(
  target: string,
  question: HttpQuestion,
  since: string | undefined,
): Promise<HttpAnswer> {
  // The parameter is known by its value: a dialect may call it anything.
  const request = { ...question.request, seq: TELLTALE };
  const parameters = Object.entries(parametersOf({ ...question, request })).flatMap(
    ([name, value]): [string, string][] => {
      if (value !== String(TELLTALE)) return [[name, value]];
      return since === undefined ? [] : [[name, since]];
    },
  );
  return get(addressOf(target, Object.fromEntries(parameters)), question);
}

const TELLTALE = 7_046_029_254_386;

/** What a browser asks before it lets a page of another origin send the token along. */
export async function preflight(
  target: string,
  question: HttpQuestion,
): Promise<{
  readonly status: number;
  readonly allowOrigin?: string;
  readonly allowHeaders?: string;
}> {
  const { origin, timeoutMs } = question.settings;
  try {
    const { headers, status } = await fetch(addressOf(target, parametersOf(question)), {
      method: 'OPTIONS',
      // A browser follows none here.
      redirect: 'manual',
      headers: {
        ...(origin !== undefined && { Origin: origin }),
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'authorization',
      },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const allowOrigin = headers.get('Access-Control-Allow-Origin');
    const allowHeaders = headers.get('Access-Control-Allow-Headers');
    return {
      status,
      ...(allowOrigin !== null && { allowOrigin }),
      ...(allowHeaders !== null && { allowHeaders }),
    };
  } catch {
    return { status: 0 };
  }
}

async function get(url: URL, { settings, token }: HttpQuestion): Promise<HttpAnswer> {
  const { origin, timeoutMs } = settings;
  try {
    const response = await fetch(url, {
      headers: {
        ...(origin !== undefined && { Origin: origin }),
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { headers, status } = response;
    const http = {
      cacheControl: headers.get('Cache-Control') ?? undefined,
      allowOrigin: headers.get('Access-Control-Allow-Origin') ?? undefined,
    };
    const text = await response.text();
    if (status !== 200) return { status, http };
    try {
      return { status, http, body: JSON.parse(text) as unknown };
    } catch {
      return { status, http, problem: 'the answer is no JSON' };
    }
  } catch (error) {
    return { status: 0, problem: reasonOf(error) };
  }
}

/** `fetch` hides why it failed one level down. */
export function reasonOf(error: unknown): string {
  const { cause, message } = Object(error) as {
    readonly cause?: unknown;
    readonly message?: string;
  };
  const { code } = Object(cause) as { readonly code?: string };
  return code ?? message ?? String(error);
}

function parametersOf({ dialect, limit, request }: HttpQuestion): Readonly<Record<string, string>> {
  const { channel, epoch, seq } = request;
  return (
    dialect.query?.(request, limit) ?? { channel, epoch, limit: String(limit), since: String(seq) }
  );
}

function addressOf(target: string, parameters: Readonly<Record<string, string>>): URL {
  const url = new URL(target);
  url.search += `${url.search === '' ? '' : '&'}${new URLSearchParams(parameters).toString()}`;
  return url;
}
