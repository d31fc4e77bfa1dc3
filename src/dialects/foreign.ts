/** What the dialects of other people's servers have in common. */
import { isNames, range, type Rule } from '../check-options.js';
import { monotonic } from '../core/monotonic.js';
import { overlap } from '../core/overlap.js';
import type { Numbering } from '../core/settings.js';
import { readAnswer } from './answer.js';
import type { Dialect } from './dialect.js';
import { fieldNames, type FieldReader, type Fields } from './fields.js';

export interface ForeignOptions {
  /** Names of fields, where they differ from the defaults. */
  readonly fields?: Fields | undefined;
  /**
   * How the numbers that one client sees rise: `'contiguous'` (1, 2, 3 … per channel), `'sparse'`
   * (each message names the one before it), `'monotonic'` (only rising, as from one counter for all).
   * @default 'contiguous'
   */
  readonly numbering?: Numbering | undefined;
  /**
   * How often the log is asked for what came unnoticed. Milliseconds, 1,000 to 3,600,000, or `false`
   * for a server that tells heads. @default 25,000, or `false` when heads are named
   */
  readonly pollMs?: number | false | undefined;
}

export const FOREIGN_RULES: Readonly<Record<keyof ForeignOptions, Rule>> = {
  fields: ['an object of names', (v) => isNames(v, fieldNames())],
  numbering: [
    "'contiguous', 'sparse' or 'monotonic'",
    (v) => v === 'contiguous' || v === 'sparse' || v === 'monotonic',
  ],
  pollMs: range(1_000, 3_600_000, true),
};

/** @param heads how the server tells heads, undefined when it does not */
export function foreignDialect(
  { numbering = 'contiguous', pollMs }: ForeignOptions,
  reader: FieldReader,
  heads: string | undefined,
): Pick<Dialect, 'protocols' | 'numbering' | 'tracker' | 'overlap' | 'pollMs' | 'decodePage'> {
  return {
    protocols: [],
    numbering,
    ...(numbering === 'monotonic' && { tracker: monotonic }),
    ...(!reader.hasEpochs && { overlap }),
    pollMs: pollMs ?? (heads === undefined && 25_000),
    decodePage: (body, request) => readAnswer(reader, body, request),
  };
}
