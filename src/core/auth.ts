/**
 * The token, as the socket and the recovery call share it: which one is in hand, which is awaited, and
 * what was refused. The first refusal gets a fresh token, a second in a row stops the client.
 *
 * Knows versions of the token, never the token itself. A refusal counts against the version it was
 * given with; an acceptance of a newer one forgives it.
 */
import type { Context } from './context.js';

/** What to do after a refusal. */
export type Refusal =
  /** A newer token is in hand already: try again with it. */
  | 'retry'
  /** A fresh token is on its way. */
  | 'refreshing'
  /** The fresh one was refused as well: stop, tell the app. */
  | 'unauthorized';

/** The version that was refused last. `isSecond`: another one was refused before it, and none accepted since. */
interface Refused {
  readonly version: number;
  readonly isSecond: boolean;
}

export class Auth {
  /** The version of the token in hand; 0 before the first. */
  version = 0;
  /** The versions asked for last and answered last: they differ while one is awaited. */
  #asked = 0;
  #answered = 0;
  #refused: Refused | undefined;

  constructor(private readonly ctx: Context) {}

  /** Asks the provider for a token, unless a question is under way already (single flight). */
  ask(): void {
    if (this.#isAsking) return;
    this.#asked += 1;
    const refresh = this.#refused !== undefined;
    this.ctx.emit({ type: 'askToken', version: this.#asked, refresh });
    this.ctx.arm('token', this.ctx.settings.tokenTimeoutMs);
  }

  /** The provider settled, or its deadline passed. @returns false for an answer that came too late. */
  answered(version: number, ready: boolean): boolean {
    if (!this.#isAsking || version !== this.#asked) return false;
    this.#answered = version;
    this.ctx.disarm('token');
    if (ready) this.version = version;
    return true;
  }

  /** The version that was asked for last. */
  get asked(): number {
    return this.#asked;
  }

  refused(version: number): Refusal {
    if (!this.ctx.settings.hasToken) return 'unauthorized';
    if (version < this.version) return 'retry';
    // Another token is on its way already, asked for before this refusal: it may be the same one, cached.
    if (this.#isAsking) return 'refreshing';
    // The same token again means that the refresh itself failed meanwhile: not a second refusal.
    if (version !== this.#refused?.version)
      this.#refused = { version, isSecond: this.#refused !== undefined };
    if (this.#refused.isSecond) return 'unauthorized';
    this.ask();
    return 'refreshing';
  }

  accepted(version: number): void {
    if (this.#refused !== undefined && version > this.#refused.version) this.#refused = undefined;
  }

  /** The app asked to connect again: old refusals are forgiven. */
  reset(): void {
    this.#refused = undefined;
  }

  get #isAsking(): boolean {
    return this.#asked !== this.#answered;
  }
}
