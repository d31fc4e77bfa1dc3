/**
 * Which pages may talk to the hub.
 *
 * A browser sends cookies with a WebSocket whatever page opened it, and no CORS rule protects it: the
 * server has to look at `Origin` itself. Clients that are no browsers send none, and could send any.
 */
import type { IncomingMessage } from 'node:http';
import { refuseOption } from './errors.js';
import { ignoreRejection } from './promises.js';
import type { Report } from './report.js';

/**
 * - a list: these origins, such as `'https://app.example.com'`, compared exactly.
 * - `'*'`: every origin. Only for hubs that use no cookies.
 * - a function: the app's own rule; what it throws is a no.
 */
export type Origins =
  '*' | readonly string[] | ((origin: string, request: IncomingMessage) => boolean);

/** Is this request's origin welcome? */
export type OriginCheck = (request: IncomingMessage) => boolean;

/**
 * @param origins the option; `undefined` admits pages of the same host only.
 * @throws ServerError `bad_option`.
 */
export function originCheck(origins: Origins | undefined, report: Report): OriginCheck {
  const admits = originRule(origins);
  return (request) => {
    const { origin } = request.headers;
    if (origin === undefined) return true;
    try {
      return admits(origin, request);
    } catch (error) {
      report('origins', error);
      return false;
    }
  };
}

function originRule(
  origins: Origins | undefined,
): (origin: string, request: IncomingMessage) => boolean {
  if (origins === undefined) return isSameHost;
  if (origins === '*') return () => true;
  if (typeof origins === 'function') {
    return (...asked) => {
      const admitted: unknown = origins(...asked);
      ignoreRejection(admitted);
      // Anything but `true` is a no: a rule that returns a promise by mistake must not admit everybody.
      return admitted === true;
    };
  }
  const known = new Set(readOrigins(origins));
  return (origin) => known.has(origin);
}

function readOrigins(origins: unknown): readonly string[] {
  const expected = `'*', a function, or a list of origins such as 'https://app.example.com'`;
  if (!Array.isArray(origins)) return refuseOption('origins', origins, expected);
  for (const origin of origins as readonly unknown[]) {
    // A trailing slash or a path would never match, and the app would wonder why.
    const fits = typeof origin === 'string' && URL.canParse(origin) && isOrigin(origin);
    if (!fits) refuseOption('origins', origin, expected);
  }
  return origins as readonly string[];
}

function isOrigin(text: string): boolean {
  const { origin, protocol, host } = new URL(text);
  // Schemes of apps (`capacitor://localhost`) have the origin 'null' by the URL standard, yet send this.
  return text === (origin === 'null' ? `${protocol}//${host}` : origin);
}

function isSameHost(origin: string, request: IncomingMessage): boolean {
  // Over HTTP/2 the host is asked for by another name.
  const { host = request.headers[':authority'] } = request.headers;
  if (typeof host !== 'string' || !URL.canParse(origin)) return false;
  return new URL(origin).host === host.toLowerCase();
}
