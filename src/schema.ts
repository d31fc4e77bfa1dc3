/** A message's data held against the app's schema. */
import type { Message } from './core/vocabulary.js';
import { LastseqError, wordsOf } from './errors.js';
import type { StandardSchema } from './options.js';
import { isThenable } from './outcome.js';

/** @throws LastseqError `schema`, at once or as a rejection. */
export function fit(schema: StandardSchema, message: Message): Message | Promise<Message> {
  const { channel, seq } = message;
  const broken = (cause: unknown): never => {
    if (cause instanceof LastseqError) throw cause;
    throw new LastseqError('schema', { channel, seq, issues: [wordsOf(cause)] }, { cause });
  };
  const judge = (result: Awaited<ReturnType<StandardSchema['~standard']['validate']>>): Message => {
    if (result.issues === undefined) return { ...message, data: result.value };
    throw new LastseqError('schema', { channel, seq, issues: result.issues });
  };
  try {
    const result = schema['~standard'].validate(message.data);
    return isThenable(result) ? Promise.resolve(result).then(judge).catch(broken) : judge(result);
  } catch (cause) {
    return broken(cause);
  }
}
