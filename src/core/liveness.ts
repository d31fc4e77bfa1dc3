/**
 * Is the open socket alive? A deadline on the last frame seen finds half-open connections; a probe
 * asks before anything healthy is killed. The elapsed time is measured when the timer runs, because
 * timers of hidden and sleeping pages lie.
 */
import { MAX_TOLD_MS } from './backoff.js';
import type { Context } from './context.js';

/** Beats missed before a silent connection is suspected: one may be late, two are not. */
const MISSED_BEATS = 2.5;
/** A timer this late means that the page slept (frozen, throttled, lid closed), not that the peer did. */
export const SLEPT_MS = 1_000;

/** `probe`: the session should send one. `dead`: give the socket up. */
export type Verdict = 'alive' | 'probe' | 'dead';

interface Probe {
  readonly of: 'frames' | 'answers';
  readonly from: number;
  /** The one before it got no answer, and its deadline came late. */
  readonly isSecond?: boolean;
}

export class Liveness {
  #heartbeatMs = 0;
  #heardAt = 0;
  #frames = 0;
  /** Answers to what we asked. */
  #answers = 0;
  /** The last probe: which count must have grown when it is due, and from what. */
  #probe: Probe | undefined;

  constructor(private readonly ctx: Context) {}

  /** A socket opened. */
  start(): void {
    // What another server announced does not bind this one.
    this.#heartbeatMs = this.ctx.settings.heartbeatMs;
    this.heard();
    this.#arm();
  }

  stop(): void {
    this.ctx.disarm('watchdog');
    this.ctx.disarm('probe');
  }

  /** A frame came. On the hot path: the watchdog looks at the time only when it wakes. */
  heard(): void {
    this.#heardAt = this.ctx.now;
    this.#frames += 1;
  }

  /** What we asked was answered: the way up works as well. */
  answered(): void {
    this.#answers += 1;
  }

  heartbeat(everyMs: number): void {
    // A number that is wrong must not leave a dead connection unnoticed for good.
    this.#heartbeatMs = Math.min(everyMs, MAX_TOLD_MS);
    this.#arm();
  }

  /** Asks for a probe, unless one is out. */
  suspect(isSecond = false): Verdict {
    if (this.#isPolled) return 'probe';
    const probe = { of: 'frames', from: this.#frames, isSecond } as const;
    return this.#ask(probe, this.ctx.settings.probeTimeoutMs);
  }

  /** A question got no answer. Frames may go on coming although nothing of ours arrives any more. */
  unanswered(): Verdict {
    return this.#ask({ of: 'answers', from: this.#answers }, this.ctx.settings.joinTimeoutMs);
  }

  deadline(name: 'watchdog' | 'probe', slept: boolean): Verdict {
    if (name === 'watchdog') {
      this.#arm();
      // Compared with the very sum that the deadline was set to: `now - heardAt` may round the other way,
      // and a deadline that is due but not yet reached would be set and taken for ever.
      if (this.ctx.now < this.#silentAt) return 'alive';
      if (!slept) return 'dead';
      this.ctx.arm('watchdog', this.#heartbeatMs * MISSED_BEATS);
      return this.suspect();
    }
    const probe = this.#probe;
    const count = probe?.of === 'answers' ? this.#answers : this.#frames;
    if (count !== probe?.from) return 'alive';
    // Asked again once: in a hidden page every timer is late, and a dead socket would never be found.
    return slept && !probe.isSecond ? this.suspect(true) : 'dead';
  }

  #ask(probe: Probe, inMs: number): Verdict {
    if (this.ctx.deadlines.has('probe')) return 'alive';
    this.#probe = probe;
    this.ctx.arm('probe', inMs);
    this.ctx.notice({ event: 'probe' });
    return 'probe';
  }

  #arm(): void {
    if (this.#isPolled) return;
    this.ctx.deadlines.set('watchdog', this.#silentAt);
  }

  /** A server that sends no heads may be silent for ever; the log is asked instead of the socket. */
  get #isPolled(): boolean {
    return this.ctx.settings.pollMs !== false;
  }

  /** When the silence is long enough to be suspected. */
  get #silentAt(): number {
    return this.#heardAt + this.#heartbeatMs * MISSED_BEATS;
  }
}
