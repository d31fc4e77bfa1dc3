/**
 * What comes back from Redis, read and checked once. It is our own scripts' answer, but the keys are in
 * reach of others: what is not as it should be, is an error and not a message.
 */
import { isCount } from '../../core/position.js';
import type { LogMessage, LogPage } from '../log.js';

/** What a script answered for an append. */
export interface Numbered {
  readonly epoch: string;
  readonly seq: number;
  readonly ts: number;
  readonly from: string | undefined;
  readonly repeated: boolean;
}

export function readNumbered(reply: unknown): Numbered {
  const [epoch, seq, ts, from, repeated] = list(reply);
  return {
    epoch: word(epoch),
    seq: count(seq),
    ts: count(ts),
    from: sender(word(from)),
    repeated: repeated === 1,
  };
}

/** @param since what the page was asked to follow. */
export function readPage(channel: string, since: number, reply: unknown): LogPage {
  const [epochWord, head, oldest, cut, entries] = list(reply);
  const epoch = word(epochWord);
  const facts = { epoch, head: count(head), oldest: count(oldest) };
  const messages = list(entries).map((entry): LogMessage => {
    const [id, json, from] = list(entry).map(word);
    const [seq, ts] = word(id).split('-').map(count);
    return {
      channel,
      epoch,
      seq: count(seq),
      ts: count(ts),
      from: sender(word(from)),
      json: word(json),
    };
  });
  const upto = messages.at(-1)?.seq ?? since;
  if (cut === 1) return { ...facts, messages, more: true, upto };
  return { ...facts, messages, more: messages.length > 0 && upto < facts.head };
}

/** A message as it was announced, or `undefined` when the text is none. */
export function readAnnouncement(channel: string, text: string): LogMessage | undefined {
  // Not a dot: JSON writes U+2028 and U+2029 as they are, and the dot takes them for ends of lines.
  const [, epoch, seq, ts, from, json] = /^(\S+) (\d+) (\d+)\n([^\n]*)\n([^\n]+)$/.exec(text) ?? [];
  if (epoch === undefined || json === undefined) return undefined;
  try {
    return { channel, epoch, seq: count(seq), ts: count(ts), from: sender(word(from)), json };
  } catch {
    return undefined;
  }
}

function sender(text: string): string | undefined {
  return text === '' ? undefined : word(JSON.parse(text));
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(value);
}

function word(value: unknown): string {
  return typeof value === 'string' ? value : refuse(value);
}

function count(value: unknown): number {
  const number = Number(value);
  return isCount(number) ? number : refuse(value);
}

function refuse(value: unknown): never {
  throw new TypeError(`Redis answered ${JSON.stringify(value)}`);
}
