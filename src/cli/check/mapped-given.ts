/** A server that sends JSON of its own, as a config file or flags describe it. */
import type { Dialect } from '../../dialects/dialect.js';
import { fieldNames } from '../../dialects/fields.js';
import { mappedDialect } from '../../dialects/mapped.js';
import { UsageError } from './usage-error.js';

/** The options of `mappedDialect`, unchecked. `oneChannel`: messages name no channel, there is only one. */
export type MappedGiven = Readonly<Record<string, unknown>> & {
  readonly oneChannel?: boolean;
  readonly fields?: Readonly<Record<string, unknown>>;
};

/** @throws UsageError for what `mappedDialect` refuses. */
export function dialectOf({ oneChannel, ...options }: MappedGiven, channel: string): Dialect {
  checkKeys('field', options.fields, [...fieldNames(), 'type']);
  checkKeys('query', options.query, ['since', 'channel', 'epoch', 'limit']);
  try {
    return mappedDialect({ ...(oneChannel === true && { channel }), ...options });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** The dialect says what is not as it should be, and not which: names come one flag each, and are easily mixed up. */
function checkKeys(flag: string, names: unknown, known: readonly string[]): void {
  const unknown = Object.keys(Object(names) as object).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new UsageError(`--${flag}: there is no ${unknown}, ours are ${known.join(', ')}`);
}
