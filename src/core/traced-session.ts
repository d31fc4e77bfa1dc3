/** A session that remembers its last inputs. A client without a trace has a plain one, and pays nothing. */
import type { RecoveryAnswer } from './frames.js';
import type { TrackerFactory } from './gap-detector.js';
import type { OverlapFactory } from './overlap.js';
import { Session } from './session.js';
import type { Settings } from './settings.js';
import { traceOf, type Trace } from './trace.js';
import type { Effect, Input } from './vocabulary.js';

export interface TraceLimits {
  /** Inputs kept; each message in them counts as one more, because it is kept as well. */
  readonly inputs: number;
  readonly payloads: boolean;
}

interface Kept {
  readonly atMs: number;
  readonly input: Input;
  effects: readonly Effect[];
  wakeAtMs?: number | null;
}

export class TracedSession extends Session {
  /** By running number, so that the oldest is let go of at once. */
  readonly #kept = new Map<number, Kept>();
  #last: Kept | undefined;
  #count = 0;
  #dropped = 0;
  #weight = 0;

  constructor(
    private readonly settings: Settings,
    private readonly limits: TraceLimits,
    track?: TrackerFactory,
    overlap?: OverlapFactory,
  ) {
    // The notices say why; whoever reads a trace without its beginning has only those that were made.
    super({ ...settings, verbose: true }, track, overlap);
  }

  override handle(input: Input, now: number): readonly Effect[] {
    // Kept before it is handled: an input that throws is the one that everybody will want to see.
    const kept: Kept = { atMs: now, input, effects: [] };
    this.#last = kept;
    this.#kept.set(this.#count++, kept);
    this.#weight += weigh(input);
    while (this.#weight > this.limits.inputs && this.#kept.size > 1) this.#drop();
    kept.effects = super.handle(input, now);
    return kept.effects;
  }

  override nextDeadline(): number | undefined {
    const at = super.nextDeadline();
    if (this.#last !== undefined) this.#last.wakeAtMs = at ?? null;
    return at;
  }

  trace(): Trace {
    const { payloads } = this.limits;
    return traceOf(this.settings, [...this.#kept.values()], this.#dropped, payloads);
  }

  #drop(): void {
    const oldest = this.#kept.get(this.#dropped);
    if (oldest !== undefined) this.#weight -= weigh(oldest.input);
    this.#kept.delete(this.#dropped);
    this.#dropped += 1;
  }
}

/** How much an input keeps alive: a page of a thousand messages is not one thing. */
function weigh(input: Input): number {
  if (input.type === 'recovered') return 1 + messagesIn(input.answer);
  if (input.type !== 'frames') return 1;
  let weight = 1;
  for (const frame of input.frames) {
    if (frame.type === 'message') weight += 1;
    if (frame.type === 'recovered') for (const item of frame.items) weight += messagesIn(item);
  }
  return weight;
}

const messagesIn = (answer: RecoveryAnswer): number =>
  'page' in answer ? answer.page.messages.length : 0;
