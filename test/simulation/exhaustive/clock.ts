/**
 * Virtual time and the place of chance, both over all page lives.
 *
 * Waits (the reorder window, jitter, backoff, the flush) take no time here: each of them may end at any
 * moment, before or after any other. That is more than any jitter can bring about. Time limits are minutes:
 * they pass in their order, and only when nothing is on its way.
 */
import type { Deadlines } from '../../../src/core/deadlines.js';
import type { Session } from '../../../src/core/session.js';
import { fail } from './referee.js';

/** A session whose privacy was taken away for the search: `#ctx` is `$ctx`. */
interface OpenSession {
  readonly $ctx: { random: { next(): number; token(): string }; readonly deadlines: OpenDeadlines };
}
type OpenDeadlines = Deadlines & { readonly $live: ReadonlyMap<string, number> };

export const WAITS = ['settle', 'flush', 'retry'] as const;
export type Wait = (typeof WAITS)[number];

export const isWait = (name: string): boolean =>
  (WAITS as readonly string[]).includes(name.split(' ', 1)[0] ?? '');

/** On one way. A dead connection is given up after two or three; without a bound some mutant never ends. */
const MOST_PASSED = 20;

export class Clock {
  now = 0;
  #tokens = 0;
  #passed = 0;

  /** Gives a session its chance. Jitter only makes waits longer or shorter, which says nothing here. */
  govern(session: Session): void {
    opened(session).$ctx.random = { next: () => 0.5, token: () => this.token() };
  }

  token(): string {
    this.#tokens += 1;
    return `t${this.#tokens}`;
  }

  waits(session: Session, wait: Wait): boolean {
    return this.#find(session, wait) !== undefined;
  }

  isWaiting(session: Session): boolean {
    return WAITS.some((wait) => this.waits(session, wait));
  }

  /** Does nothing run but the watch over the connection? */
  isIdle(session: Session): boolean {
    return names(session).join() === 'watchdog';
  }

  /** A wait is over now. */
  end(session: Session, wait: Wait): void {
    const name = this.#find(session, wait);
    if (name !== undefined) opened(session).$ctx.deadlines.set(name, this.now);
  }

  /** The next time limit passes. */
  pass(session: Session): void {
    this.#passed += 1;
    if (this.#passed > MOST_PASSED) fail('I7', 'time limits pass, and nothing comes of it');
    this.now = session.nextDeadline() ?? this.now;
  }

  #find(session: Session, wait: Wait): string | undefined {
    return names(session).find((name) => name.startsWith(wait));
  }
}

function names(session: Session): string[] {
  return [...opened(session).$ctx.deadlines.$live.keys()];
}

function opened(session: Session): OpenSession {
  return session as unknown as OpenSession;
}
