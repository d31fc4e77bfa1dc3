/**
 * The one auth state, shared by the socket and the recovery call.
 *
 *     none -> asking -> ready -> asking (refused once) -> ready -> unauthorized (refused again)
 *
 * Knows versions of the token, never the token itself. A refusal counts against the version it was
 * given with; an acceptance of a newer one resets the count.
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

const NONE = { count: 0, version: -1 };

export class Auth {
  /** The version of the token in hand; 0 before the first. */
  version = 0;
  #asked = 0;
  #asking = false;
  #refused: { readonly count: number; readonly version: number } = NONE;

  /** Asks the provider for a token, unless a question is under way already (single flight). */
  ask(ctx: Context): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#asked += 1;
    ctx.emit({ type: 'askToken', version: this.#asked, refresh: this.#refused.count > 0 });
    ctx.arm('token', ctx.settings.tokenTimeoutMs);
  }

  /** The provider settled, or its deadline passed. @returns false for an answer that came too late. */
  answered(ctx: Context, version: number, ready: boolean): boolean {
    if (!this.#asking || version !== this.#asked) return false;
    this.#asking = false;
    ctx.deadlines.clear('token');
    if (ready) this.version = version;
    return true;
  }

  /** The version that was asked for last. */
  get asked(): number {
    return this.#asked;
  }

  refused(ctx: Context, version: number): Refusal {
    if (!ctx.settings.hasToken) return 'unauthorized';
    if (version < this.version) return 'retry';
    // Another token is on its way already, asked for before this refusal: it may be the same one, cached.
    if (this.#asking) return 'refreshing';
    // The same token again means that the refresh itself failed meanwhile: not a second refusal.
    if (version !== this.#refused.version)
      this.#refused = { count: this.#refused.count + 1, version };
    if (this.#refused.count > 1) return 'unauthorized';
    this.ask(ctx);
    return 'refreshing';
  }

  accepted(version: number): void {
    if (version > this.#refused.version) this.#refused = NONE;
  }

  /** The app asked to connect again: old refusals are forgiven. */
  reset(): void {
    this.#refused = NONE;
  }
}
