/**
 * A recovery answer in a server's own JSON: a list of messages, or an object that holds one. What the
 * server does not say of its log is taken from the list: that is all that can be known then.
 */
import { bad, isRecord, readFacts } from '../core/codec.js';
import type { BadFrame, Page, RecoverRequest } from '../core/frames.js';
import { isSeq } from '../core/position.js';
import type { FieldReader } from './fields.js';

export function readAnswer(
  fields: FieldReader,
  body: unknown,
  { channel, seq: since }: RecoverRequest,
): Page | BadFrame {
  const { epoch, head: named, messages, more, oldest } = fields.log(isRecord(body) ? body : {});
  const list: unknown = Array.isArray(body) ? body : messages;
  if (!Array.isArray(list)) return bad('the answer is no list and holds none', channel);
  const own: readonly unknown[] = list.filter((raw) => !fields.isOther(raw, channel));
  // A hole shows by what comes after it, or by a head: at the end there may be neither.
  if ((fields.isOneCounter || named === undefined) && fields.isUnreadable(own.at(-1)))
    return bad('seq is not a safe integer >= 1', channel);

  const endOf = (messages: readonly unknown[]): number =>
    messages.reduce((end: number, raw) => Math.max(end, fields.seqOf(raw) ?? 0), since);
  const last = endOf(own);
  // One counter for all channels, and an answer with all of them: it reaches to the last, whosever it is.
  const upto = fields.isOneCounter ? endOf(list) : last;
  const known = more === true ? upto : last;
  const head = named ?? Math.max(known, isSeq(oldest) ? oldest - 1 : 0);
  const facts = readFacts({ epoch, head, oldest: oldest ?? 1 });
  if (facts === undefined) return bad('the answer lacks epoch, head or oldest', channel);
  // A server that tells its head and stops before it may have cut the answer: the next one, which has
  // nothing new, will say.
  const isCut = more === true || (more === undefined && upto > since && upto < facts.head);
  const page = { ...facts, channel, messages: fields.pageMessages(own), more: isCut };
  const end = isCut ? upto : facts.head;
  if (end <= last) return page;
  // The head of all is a place to stand on where epochs tell one log from another, so that nothing of ours
  // must be found there again, and where `prev` does not have to show what the log has dropped.
  const isSparse = fields.numbering === 'sparse';
  const isPlace = fields.hasEpochs && !(isSparse && oldest === undefined);
  if (fields.isOneCounter && !isCut && !isPlace)
    return { ...page, head: Math.max(last, facts.oldest - 1) };
  const covered = isCut ? { ...page, upto } : page;
  // Behind the last of ours are numbers of others.
  return isSparse ? { ...covered, void: [[last + 1, end]] } : covered;
}
