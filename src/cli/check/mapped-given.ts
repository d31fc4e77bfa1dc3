/** A server that sends JSON of its own, as a config file or flags describe it. */
import type { Dialect } from '../../dialects/dialect.js';
import { mappedDialect } from '../../dialects/mapped.js';
import { UsageError } from './usage-error.js';

/** The options of `mappedDialect`, unchecked. `oneChannel`: messages name no channel, there is only one. */
export type MappedGiven = Readonly<Record<string, unknown>> & {
  readonly oneChannel?: boolean;
  readonly fields?: Readonly<Record<string, unknown>>;
};

/** @throws UsageError for what `mappedDialect` refuses. */
export function dialectOf({ oneChannel, ...options }: MappedGiven, channel: string): Dialect {
  try {
    return mappedDialect({ ...(oneChannel === true && { channel }), ...options });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
