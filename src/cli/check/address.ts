/** Addresses as they were typed: what is wrong with them is told without what may be secret in them. */
import { UsageError } from './usage-error.js';

/** @throws UsageError. */
export function checkAddress(option: string, text: string, protocols: RegExp): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && protocols.test(url.protocol)) return url;
  throw new UsageError(`--${option} is no address: ${shown(text)}`);
}

/**
 * The address of a call over HTTP. `fetch` takes none with a name and a password in it, and quotes them
 * when it says so.
 *
 * @throws UsageError.
 */
export function checkCall(option: string, text: string): void {
  const { password, username } = checkAddress(option, text, /^https?:$/);
  if (username === '' && password === '') return;
  throw new UsageError(`--${option} takes no name and no password in an address: ${shown(text)}`);
}

/** Without its query, where tokens are, and without name and password. */
export const shown = (address: string): string =>
  address.replace(/\?.*/s, '?…').replace(/\/\/[^/]*@/, '//…@');
