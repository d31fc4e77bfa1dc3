/**
 * A trace: what went into the core and when, what came out, and the settings it had. The core has no
 * clock and no chance of its own, so that the same inputs at the same times bring the same decisions.
 */
import type { Session } from './session.js';
import { sessionFor } from './session-for.js';
import { DEFAULT_SETTINGS, type Settings } from './settings.js';
import type { Effect, Input } from './vocabulary.js';

/** Plain values, for `JSON.stringify`. What they mean may change with `version`. */
export interface Trace {
  readonly format: 'lastseq-trace';
  readonly version: 1;
  readonly settings: object;
  /** Inputs that were too old to be kept. Without the beginning, a trace can be read but not replayed. */
  readonly dropped: number;
  readonly entries: readonly TraceEntry[];
}

/** One input and what was decided about it. */
export interface TraceEntry {
  /** Milliseconds on the client's clock. */
  readonly atMs: number;
  readonly input: { readonly type: string };
  readonly effects: readonly { readonly type: string }[];
  /** The next deadline, where it was asked for before the next input; null when nothing waited. */
  readonly wakeAtMs?: number | null;
}

/** What a replay gives for each entry. */
export interface Step {
  readonly atMs: number;
  readonly input: Input;
  readonly effects: readonly Effect[];
  /** The effects of the live run, where they were others. */
  readonly recorded: readonly Effect[] | undefined;
}

/** Makes a trace of what a session kept: a copy, which leaves out what is not to be told. */
export function traceOf(
  settings: Settings,
  entries: readonly TraceEntry[],
  dropped: number,
  payloads: boolean,
): Trace {
  const trace: Trace = { format: 'lastseq-trace', version: 1, settings, dropped, entries };
  return JSON.parse(JSON.stringify(trace, payloads ? finite : withheld)) as Trace;
}

/**
 * Runs a trace through a new session, with a notice for everything that it notices. One that lacks its
 * beginning is gone through as it was recorded.
 */
export function* replay(trace: Trace): Generator<Step, Session | undefined> {
  const settings = { ...DEFAULT_SETTINGS, ...trace.settings, verbose: true };
  const session = trace.dropped === 0 ? sessionFor(settings) : undefined;
  for (const entry of trace.entries) {
    // What is in the file is believed here: who reads it has looked at its shape.
    const input = entry.input as Input;
    const recorded = entry.effects as readonly Effect[];
    const effects = session?.handle(input, entry.atMs) ?? recorded;
    // Asking tidies up, and may so change the order of what is due at the same moment.
    if (entry.wakeAtMs !== undefined) session?.nextDeadline();
    const isSame = effects === recorded || text(effects) === text(recorded);
    yield { atMs: entry.atMs, input, effects, recorded: isSame ? undefined : recorded };
  }
  return session;
}

/** For comparing: payloads take no part in decisions, and may not have been recorded. */
const text = (effects: readonly Effect[]): string => JSON.stringify(effects, withheld);

/** Leaves out the app's data, who sent it, and what a token provider said. Tokens never come this far. */
function withheld(this: unknown, key: string, value: unknown): unknown {
  if (key === 'data' || (key === 'from' && typeof value === 'string')) return undefined;
  if (key === 'detail') {
    const { code, type } = this as { readonly code?: unknown; readonly type?: unknown };
    if (type === 'token' || code === 'token_failed') return undefined;
  }
  return finite(key, value);
}

/** JSON has no Infinity, which is how an app may say `never`. */
function finite(_key: string, value: unknown): unknown {
  return value === Infinity ? Number.MAX_VALUE : value;
}
