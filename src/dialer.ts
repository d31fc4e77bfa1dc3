/** What an attempt to connect needs from the app: the address, and the token. */
import { LastseqError, wordsOf } from './errors.js';
import type { ResolvedOptions } from './options.js';
import { promiseTry } from './promise-try.js';

/** How the token provider settled. */
export type TokenOutcome =
  | { readonly outcome: 'ready' }
  | { readonly outcome: 'failed' | 'refused'; readonly detail: string };

export class Dialer {
  /** The token in hand. It never enters the core, a log or an address. */
  token: string | undefined;
  #questions = 0;

  constructor(private readonly options: ResolvedOptions) {}

  /** Asks the app for a token. Never rejects. */
  async askToken(refresh: boolean): Promise<TokenOutcome> {
    const question = (this.#questions += 1);
    try {
      const value: unknown = await this.options.token?.({ refresh });
      // The core gave this question up and asked again: only the answer to the last one counts.
      if (question !== this.#questions) return { outcome: 'failed', detail: 'came too late' };
      if (typeof value !== 'string' || value === '') {
        return { outcome: 'failed', detail: 'the provider gave no token' };
      }
      this.token = value;
      return { outcome: 'ready' };
    } catch (error) {
      // By name: a page may have the package twice, as a module and by `require`, and two classes.
      const { code, name } = Object(error) as { readonly code?: unknown; readonly name?: unknown };
      const final = name === 'LastseqError' && code === 'unauthorized';
      return { outcome: final ? 'refused' : 'failed', detail: wordsOf(error) };
    }
  }

  /**
   * Gives the address to dial, at once where it is fixed.
   * @param failed called instead when there is none, or none that a WebSocket can be opened to.
   */
  address(found: (url: string) => void, failed: (error: LastseqError) => void): void {
    const { url } = this.options;
    const use = (address: string | URL): void => {
      let target;
      try {
        target = toSocketUrl(address);
      } catch (error) {
        return refuse(error);
      }
      found(target);
    };
    const refuse = (error: unknown): void => {
      failed(new LastseqError('url_failed', { detail: wordsOf(error) }, { cause: error }));
    };
    // Without a url the dialect brings a transport of its own, which knows its address.
    if (url === undefined) return found('');
    if (typeof url === 'function') void promiseTry(url).then(use, refuse);
    else use(url);
  }
}

/** @throws an error that does not quote the address, as some engines do: a parameter may be a secret. */
function parse(address: string | URL, base: string | undefined): URL {
  try {
    return new URL(address, base);
  } catch (cause) {
    throw new TypeError('no valid address', { cause });
  }
}

/** @throws when it is no address that a WebSocket can be opened to. */
function toSocketUrl(address: unknown): string {
  // Anything else would be read as a path of the page.
  if (typeof address !== 'string' && !(address instanceof URL)) {
    throw new TypeError('neither a string nor a URL');
  }
  const { document, location } = globalThis as Partial<typeof globalThis>;
  const url = parse(address, document?.baseURI ?? location?.href);
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new TypeError(`not a WebSocket address: ${url.protocol}`);
  }
  // An address made from the page's own may have a fragment, which engines refuse in a WebSocket address.
  url.hash = '';
  return url.href;
}
