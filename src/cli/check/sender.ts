/** A sending path as text: what `--send` is given. */
import { checkCall, shown } from './address.js';
import type { SenderSpec } from './settings.js';
import { UsageError } from './usage-error.js';

/**
 * `publish`, `ws TEXT`, `sh COMMAND`, or a request: `POST URL BODY`.
 *
 * @throws UsageError.
 */
export function readSender(text: string): SenderSpec {
  const [, kind = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text.trim()) ?? [];
  if (kind === 'publish' && rest === '') return { kind };
  if (kind === 'ws' && rest !== '') return { kind, text: withMarker(rest) };
  if (kind === 'sh' && rest !== '') return { kind, command: rest };
  if (/^[A-Z]+$/.test(kind)) {
    const [, url = '', body = ''] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
    if (!/^https?:\/\//.test(url) || !URL.canParse(withoutBraces(url))) {
      throw new UsageError(`--send ${kind} wants an address: ${shown(url)}`);
    }
    checkCall(`send ${kind}`, withoutBraces(url));
    withMarker(url + body);
    return { kind: 'http', method: kind, url, body: body === '' ? undefined : body, headers: {} };
  }
  throw new UsageError(
    `--send wants publish, ws TEXT, sh COMMAND, or a request such as POST URL BODY, not ${kind}`,
  );
}

/** An address as it is before anything is filled in, in a form that is one. */
export const withoutBraces = (url: string): string =>
  url.replaceAll('{', '%7B').replaceAll('}', '%7D');

/** Without it a message could not be told from others. */
function withMarker(text: string): string {
  if (text.includes('{marker}')) return text;
  throw new UsageError('a message of --send needs {marker} in it, so that it is known again');
}
