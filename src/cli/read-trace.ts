/** A file as the traces in it: one, or a list of them. */
import { readFileSync } from 'node:fs';
import type { Trace } from '../core/trace.js';

/** @throws Error whose message says, for a reader, what is wrong with the file. */
export function readTraces(file: string): readonly Trace[] {
  const content: unknown = parse(read(file), file);
  const traces: readonly unknown[] = Array.isArray(content) ? content : [content];
  if (traces.length === 0) throw new Error(`${file} holds no trace`);
  return traces.map((trace) => {
    const wrong = faultOf(trace);
    if (wrong !== undefined) throw new Error(`${file} is no trace: ${wrong}`);
    return trace as Trace;
  });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : (code ?? String(error));
    throw new Error(`cannot read ${file}: ${why}`, { cause: error });
  }
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file} is no trace: it is not JSON`, { cause: error });
  }
}

/** Looks at the shape only: what an input holds, the core will tell. */
function faultOf(trace: unknown): string | undefined {
  if (!isObject(trace) || trace.format !== 'lastseq-trace') {
    return 'its "format" is not "lastseq-trace"';
  }
  const { dropped, entries, settings, version } = trace;
  if (version !== 1) return `its version is ${JSON.stringify(version)}; this program reads 1`;
  if (!isObject(settings)) return 'it has no "settings"';
  if (!Number.isSafeInteger(dropped)) return '"dropped" is no number';
  if (!Array.isArray(entries)) return '"entries" is no list';
  const wrong = (entries as readonly unknown[]).findIndex((entry) => !isEntry(entry));
  return wrong < 0 ? undefined : `entry ${wrong} is not of the form { atMs, input, effects }`;
}

const isEntry = (entry: unknown): boolean =>
  isObject(entry) &&
  typeof entry.atMs === 'number' &&
  isTyped(entry.input) &&
  Array.isArray(entry.effects) &&
  entry.effects.every(isTyped);

const isTyped = (value: unknown): boolean => isObject(value) && typeof value.type === 'string';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
