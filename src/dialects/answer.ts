/**
 * A recovery answer in a server's own JSON: a list of messages, or an object that holds one. What the
 * server does not say of its log is taken from the list: that is all that can be known then.
 */
import { bad, isRecord, readFacts } from '../core/codec.js';
import type { BadFrame, Page, RecoverRequest } from '../core/frames.js';
import { coveredTo } from '../core/page-walk.js';
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
  const isOther = (raw: unknown): boolean => fields.isOther(raw, channel);
  const own = list.filter((raw) => !isOther(raw));
  const isShared = fields.sharesCounter;
  // A hole shows by what comes after it, or by a head: at the end there may be neither. Where numbers only
  // rise, it does not show at all.
  const hidden = own.slice(fields.numbering === 'monotonic' ? 0 : -1);
  if ((isShared || named === undefined) && hidden.some((raw) => fields.isUnreadable(raw)))
    return bad('seq is not a safe integer >= 1', channel);

  const endOf = (messages: readonly unknown[]): number =>
    messages.reduce((end: number, raw) => Math.max(end, fields.seqOf(raw) ?? 0), since);
  const last = endOf(own);
  // One counter for all channels, and an answer with all of them: it reaches to the last, whosever it is.
  const reach = isShared ? endOf(list) : last;
  const head = named ?? Math.max(more === true ? reach : last, isSeq(oldest) ? oldest - 1 : 0);
  const facts = readFacts({ epoch, head, oldest: oldest ?? 1 });
  if (facts === undefined) return bad('the answer lacks epoch, head or oldest', channel);
  // A server that tells its head and stops before it may have cut the answer: the next one, which has
  // nothing new, will say.
  const isCut = more === true || (more === undefined && reach > since && reach < facts.head);
  const isSparse = fields.numbering === 'sparse';
  let end = facts.head;
  // Without epochs what we stand on must be shown again, and the head of all may be what never is.
  if (isShared && !fields.hasEpochs) end = Math.max(reach, facts.oldest - 1);
  // What a filtered log has dropped shows by `prev` alone then: we stand on messages of ours only.
  else if (isSparse && oldest === undefined) end = last;
  const page = { ...facts, channel, messages: fields.pageMessages(own), more: isCut };
  const covered = isCut ? { ...page, upto: reach } : { ...page, head: end };
  if (!isShared) return covered;
  // Numbers of others, and in a filtered log all that it covers behind the last of ours.
  const others = fields.pageMessages(list.filter(isOther));
  const taken = others.map(({ seq }): readonly [number, number] => [seq, seq]);
  if (isSparse && coveredTo(covered) > last) taken.push([last + 1, coveredTo(covered)]);
  return taken.length > 0 ? { ...covered, void: taken.sort((a, b) => a[0] - b[0]) } : covered;
}
