/** What the machines share: the time, the effects so far, the randomness, and what the server can do. */
import { fullJitterMs, Random } from './backoff.js';
import { Deadlines } from './deadlines.js';
import type { TrackerFactory } from './gap-detector.js';
import type { OverlapFactory } from './overlap.js';
import type { Settings } from './settings.js';
import { newCounters, type Counters } from './counters.js';
import type { Effect, Notice, Problem } from './vocabulary.js';

export class Context {
  /** Milliseconds on the shell's clock, set by `begin`. */
  now = 0;
  readonly deadlines: Deadlines = new Deadlines();
  readonly random: Random;
  readonly counters: Counters = newCounters();
  /** What `welcome` announced on this connection; nothing without one. */
  caps: ReadonlySet<string> = new Set();
  /** The server has said on this connection that it serves every channel, unasked. */
  servesAll = false;
  /** Deadlines that came late, and were moved for that reason. */
  readonly #extended = new Set<string>();
  #effects: Effect[] = [];
  #chance: number | undefined;

  constructor(
    readonly settings: Settings,
    /** Makes what follows the numbers of a channel. */
    readonly track: TrackerFactory,
    /** For a server without epochs: what compares an answer with what we have of the log. */
    readonly overlap: OverlapFactory | undefined,
  ) {
    this.random = new Random(settings.seed);
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  problem(problem: Problem): void {
    this.emit({ type: 'problem', problem });
  }

  notice(notice: Notice): void {
    if (this.settings.verbose) this.emit({ type: 'notice', notice });
  }

  /** Sets a deadline `inMs` from now. */
  arm(name: string, inMs: number): void {
    this.deadlines.set(name, this.now + inMs);
  }

  /** The same, unless it is set already. */
  armOnce(name: string, inMs: number): void {
    if (!this.deadlines.has(name)) this.arm(name, inMs);
  }

  /** Takes a deadline back. */
  disarm(name: string): void {
    this.deadlines.clear(name);
    this.#extended.delete(name);
  }

  /**
   * A deadline passed. If the page slept through it, so did who is waited for, and has another `inMs`. Only once:
   * in a hidden page every timer is late.
   * @returns true when there is more time.
   */
  extend(name: string, slept: boolean, inMs: number): boolean {
    const isLate = !this.#extended.delete(name) && slept;
    if (isLate) {
      this.#extended.add(name);
      this.arm(name, inMs);
    }
    return isLate;
  }

  /**
   * A random number in [0, 1), the same for all that comes of one input. Jitter is to keep clients apart, not
   * the channels of one client: those that one heartbeat shows to be behind ask together, in one call.
   */
  get chance(): number {
    return (this.#chance ??= this.random.next());
  }

  /** How long to wait after `failures` in a row: full jitter, by default within the bounds of the settings. */
  backoffMs(
    failures: number,
    baseMs: number = this.settings.backoffBaseMs,
    capMs: number = this.settings.backoffCapMs,
  ): number {
    return fullJitterMs(failures, this.chance, baseMs, capMs);
  }

  /** An input is to be handled. */
  begin(now: number): void {
    this.now = now;
    this.#chance = undefined;
  }

  takeEffects(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
