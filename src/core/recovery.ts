/**
 * The recovery of one channel: whether a question to the log is wanted, waiting, or on its way.
 *
 *     idle -> settling -> queued -> asking -> idle
 *                                   asking -> backingOff -> queued
 *     any -> parked (handlers' queue full) -> queued
 *
 * One at a time. Knows neither numbers nor messages.
 */
import { MAX_TOLD_MS } from './backoff.js';
import type { Context } from './context.js';
import type { Stall } from './channel-state.js';
import type { Asker, RecoveryCalls } from './recovery-calls.js';
import type { StallReason } from './vocabulary.js';

/** Answers that must agree before a hole or a rewind is believed, or a hint forgotten. */
const AGREEING_ANSWERS = 3;
/** Between two of them: long enough for a lagging replica or a write in flight. */
const REASK_BASE_MS = 200;
const REASK_CAP_MS = 2_000;
/** More than `STORM_RESETS` discontinuities in this time slow a channel down. A server restart makes one. */
const STORM_WINDOW_MS = 60_000;
const STORM_RESETS = 5;

/** What one answer says but does not prove alone. `nothing`: the log lacks a number that we have heard of. */
export type Claim = 'rewind' | 'hole' | 'nothing';

type State =
  | { readonly name: 'idle' }
  /** The reorder window, the jitter, or the time between agreeing answers. */
  | { readonly name: 'settling' }
  /** In the line for a free call. */
  | { readonly name: 'queued' }
  /** `since`: the position that the question names. */
  | { readonly name: 'asking'; readonly id: number; readonly since: number }
  | ({ readonly name: 'backingOff' } & Stall)
  /** No room at the handlers; asked again when their queue is half empty. */
  | { readonly name: 'parked' };

const IDLE: State = { name: 'idle' };
const NONE: readonly number[] = [];

export class Recovery {
  state: State = IDLE;
  #failures = 0;
  #unconfirmed = 0;
  /** What the last unconfirmed answers say. */
  #claim: Claim | undefined;
  #resets = NONE;

  constructor(
    private readonly ctx: Context,
    private readonly asker: Asker,
    private readonly calls: RecoveryCalls,
  ) {}

  get isIdle(): boolean {
    return this.state.name === 'idle';
  }

  get failures(): number {
    return this.#failures;
  }

  /** Did the last answer leave a question open? */
  get inDoubt(): boolean {
    return this.#unconfirmed > 0;
  }

  /** Asks after a wait, unless something is under way. */
  soon(inMs: number): void {
    if (this.state.name !== 'idle') return;
    this.state = { name: 'settling' };
    this.ctx.arm(this.#deadline, inMs);
  }

  /** Asks as soon as a call is free. */
  now(): void {
    const { name } = this.state;
    if (name === 'queued' || name === 'asking' || name === 'backingOff') return;
    // Answers that must agree have time between them, also where nothing waits for a reorder window.
    if (name === 'settling' && this.inDoubt) return;
    this.lineUp();
  }

  /** Gets in the line for a call: the wait, if there was one, is over. */
  lineUp(): void {
    this.#leave({ name: 'queued' });
    this.calls.add(this.asker);
  }

  /** A fresh token came: what waited for it need not wait longer, unless it keeps failing. */
  tokenReady(): void {
    if (this.state.name === 'backingOff' && this.#failures <= 1) this.lineUp();
  }

  /**
   * The gap closed by itself: calls off the wait for a question. Failures and claims are forgotten, also
   * where a lost connection has ended that wait already: the next gap begins without them.
   * @returns true when the log was not asked at all.
   */
  callOff(): boolean {
    const { name } = this.state;
    if (name === 'queued' || name === 'asking') return false;
    const healed = name === 'settling' && !this.inDoubt;
    this.succeeded();
    return healed;
  }

  asked(id: number, since: number): void {
    this.#leave({ name: 'asking', id, since });
  }

  /** Takes an answer. @returns the number that our question named; undefined for a stale answer. */
  takeAnswer(id: number): number | undefined {
    if (this.state.name !== 'asking' || this.state.id !== id) return undefined;
    const { since } = this.state;
    this.stop();
    return since;
  }

  /**
   * Waits until the handlers have room, unless a question or a backoff under way will bring us back here.
   * Meanwhile it is the handlers that keep us from asking, and recovery does not count as failing.
   */
  park(): void {
    if (this.state.name !== 'idle' && this.state.name !== 'settling') return;
    this.endOutage();
    this.state = { name: 'parked' };
  }

  /** A page came that brought us forward, or showed that we have everything. */
  succeeded(): void {
    this.#answered();
    this.#unconfirmed = 0;
    if (this.state.name !== 'backingOff' || this.state.reason !== 'resets') this.stop();
  }

  /** The call failed. @param atLeastMs what the server asked for with Retry-After; an hour of it at most is kept to. */
  failed(atLeastMs = 0): void {
    const { giveUpAfterMs } = this.ctx.settings;
    const wait = this.ctx.backoffMs(this.#failures);
    this.#failures += 1;
    if (giveUpAfterMs !== false) this.ctx.armOnce(this.#giveUp, giveUpAfterMs);
    // Spread over half as long again: every client was given the same Retry-After.
    const told = Math.min(atLeastMs, MAX_TOLD_MS);
    this.#backOff('recovery', Math.max(wait, told * (1 + this.ctx.chance / 2)));
  }

  /** `giveUpAfterMs` passed. @returns true when it is over; while the page slept, nothing was tried. */
  isOver(slept: boolean): boolean {
    return !this.ctx.extend(this.#giveUp, slept, Number(this.ctx.settings.giveUpAfterMs));
  }

  /** An answer that does not settle the matter. @returns true when enough of them in a row agree. */
  unconfirmed(claim: Claim): boolean {
    this.#answered();
    this.#unconfirmed = claim === this.#claim ? this.#unconfirmed + 1 : 1;
    this.#claim = claim;
    this.stop();
    if (this.#unconfirmed < AGREEING_ANSWERS) {
      const wait = this.ctx.backoffMs(this.#unconfirmed, REASK_BASE_MS, REASK_CAP_MS);
      this.soon(this.ctx.settings.reorderWindowMs + wait);
      return false;
    }
    this.#unconfirmed = 0;
    return true;
  }

  /** An answer contradicts what the last unconfirmed ones say. */
  refuted(claim: Claim): void {
    if (this.#claim === claim) this.#unconfirmed = 0;
  }

  /** The log was reset. A log that flips for ever costs bounded work. */
  reset(): void {
    this.#resets = [
      ...this.#resets.filter((at) => at > this.ctx.now - STORM_WINDOW_MS),
      this.ctx.now,
    ];
    this.succeeded();
    const excess = this.#resets.length - STORM_RESETS;
    if (excess <= 0) return;
    if (excess === 1) this.ctx.problem({ code: 'reset_storm', channel: this.asker.channel });
    this.#backOff('resets', this.ctx.settings.backoffBaseMs + this.ctx.backoffMs(excess));
  }

  stop(): void {
    this.#leave(IDLE);
  }

  /**
   * Stops asking for a reason other than an outage (the channel is left or refused, or its handlers are
   * slow): the time until we give up (`giveUpAfterMs`) no longer runs.
   */
  endOutage(): void {
    this.stop();
    this.ctx.disarm(this.#giveUp);
  }

  /** Changes the state. Only a wait has a deadline to clear: thousands of channels may come here at once. */
  #leave(next: State): void {
    const { name } = this.state;
    if (name === 'settling' || name === 'backingOff') this.ctx.disarm(this.#deadline);
    this.state = next;
  }

  /** The log answered: the outage, if there was one, is over. */
  #answered(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.ctx.disarm(this.#giveUp);
  }

  #backOff(reason: StallReason, inMs: number): void {
    this.state = { name: 'backingOff', until: this.ctx.now + inMs, reason };
    this.ctx.arm(this.#deadline, inMs);
  }

  get #deadline(): string {
    return `settle ${this.asker.channel}`;
  }

  get #giveUp(): string {
    return `giveup ${this.asker.channel}`;
  }
}
