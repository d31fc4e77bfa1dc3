/**
 * The one place where remote data is validated. What fits no rule becomes a value, never a throw, and
 * never a position.
 */
import type {
  BadFrame,
  ClientFrame,
  DecodedFrame,
  Facts,
  Head,
  Limits,
  MessageFrame,
  Page,
  PageMessage,
  RecoveryAnswer,
  ServerFrame,
} from './frames.js';
import { isCount, isMs, isObject, isSeq } from './position.js';

/** Larger texts are refused unread: a page is 1 MiB by default, and parsing blocks the main thread. */
export const MAX_FRAME_CHARS: number = 8 * 1024 * 1024;

/** An object of which nothing is known. */
export type Raw = Readonly<Record<string, unknown>>;

/** Reads a WebSocket message: one frame, or an array of them. A bad element drops only itself. */
export function decodeFrames(data: unknown): readonly DecodedFrame[] {
  return decodeText(data, decodeFrame);
}

/** The same for any JSON. @param read makes a frame of each element, and never throws */
export function decodeText<Frame>(
  data: unknown,
  read: (raw: unknown) => Frame,
): readonly (Frame | BadFrame)[] {
  if (typeof data !== 'string') return [bad('not a text')];
  if (data.length > MAX_FRAME_CHARS) return [bad('larger than the limit')];
  let parsed: unknown;
  try {
    parsed = JSON.parse(data);
  } catch {
    return [bad('not JSON')];
  }
  return Array.isArray(parsed) ? parsed.map(read) : [read(parsed)];
}

/** Writes frames for one WebSocket message: one frame bare, several as an array. */
export function encodeFrames(frames: readonly ClientFrame[]): string {
  const wire = frames.map((frame) => {
    if (frame.type !== 'recover') return frame;
    const items = frame.items.map(({ channel, epoch, seq }) => ({ channel, epoch, since: seq }));
    return { ...frame, items };
  });
  return JSON.stringify(wire.length === 1 ? wire[0] : wire);
}

/** Reads one frame that is parsed already. One of a type that this version does not know is a bad frame. */
export function decodeFrame(raw: unknown): DecodedFrame {
  if (!isRecord(raw)) return bad('not an object');
  switch (raw.type) {
    case 'message':
      return message(raw);
    case 'heads':
      return isRecord(raw.heads) ? { type: 'heads', heads: heads(raw.heads) } : bad('heads');
    case 'subscribed':
      return subscribed(raw);
    case 'recovered':
      return recovered(raw);
    case 'ack':
      return ack(raw);
    case 'error':
      return error(raw);
    case 'unsubscribed':
      return unsubscribed(raw);
    case 'welcome':
      return welcome(raw);
    case 'goaway':
      return { type: 'goaway', spreadMs: isMs(raw.spreadMs) ? raw.spreadMs : 0 };
    case 'pong':
      return { type: 'pong' };
    default:
      return bad('unknown type');
  }
}

/** Reads the body of a recovery answer for `channel`. */
export function decodePage(raw: unknown, channel: string): Page | BadFrame {
  if (!isRecord(raw)) return bad('the answer is not an object', channel);
  if (raw.channel !== channel) return bad('the answer is for another channel', channel);
  const facts = readFacts(raw);
  if (facts === undefined) return bad('the answer lacks epoch, head or oldest', channel);
  if (!Array.isArray(raw.messages)) return bad('the answer lacks messages', channel);
  const { upto } = raw;
  return {
    ...facts,
    channel,
    // A message that cannot be read leaves a hole, and a hole is named to the app.
    messages: ascending(raw.messages.filter(isPageMessage).map(plain)),
    more: raw.more === true,
    // Above the head nothing is decided: what is declared void there may still come, and would be dropped.
    void: ranges(raw.void, facts.head),
    upto: isCount(upto) && upto <= facts.head ? upto : undefined,
  };
}

function message(raw: Raw): MessageFrame | BadFrame {
  const { channel, epoch, prev, seq } = raw;
  if (typeof channel !== 'string') return bad('message without a channel');
  if (seq !== undefined && !isSeq(seq)) return bad('seq is not a safe integer >= 1', channel);
  if (prev !== undefined && !isPrev(prev, seq)) return bad('prev is not below seq', channel);
  if (epoch !== undefined && typeof epoch !== 'string')
    return bad('epoch is not a string', channel);
  return plain(raw) as unknown as MessageFrame;
}

/**
 * Without the names that inform only, should one of them be of another kind than the app is promised. On
 * the hot path the parsed object is what is handed on: nothing is copied.
 */
function plain<Message extends object>(message: Message): Message {
  const { from, id, ts } = message as Raw;
  const fits =
    (id === undefined || typeof id === 'string') &&
    (ts === undefined || typeof ts === 'number') &&
    (from === undefined || typeof from === 'string');
  return fits ? message : { ...message, id: undefined, ts: undefined, from: undefined };
}

function heads(raw: Raw): readonly Head[] {
  const found: Head[] = [];
  for (const [channel, entry] of Object.entries(raw)) {
    if (!Array.isArray(entry)) continue;
    const [epoch, head, , visible] = entry as readonly unknown[];
    if (typeof epoch !== 'string' || !isCount(head)) continue;
    const known = isCount(visible) && visible <= head ? visible : undefined;
    found.push({ channel, epoch, head, visible: known });
  }
  return found;
}

function subscribed(raw: Raw): ServerFrame | BadFrame {
  const { channel } = raw;
  if (typeof channel !== 'string') return bad('subscribed without a channel');
  const facts = readFacts(raw);
  if (facts === undefined) return bad('subscribed lacks epoch, head or oldest', channel);
  return { type: 'subscribed', channel, ...facts, id: readId(raw) };
}

function recovered(raw: Raw): ServerFrame | BadFrame {
  const { id, items } = raw;
  if (!isCount(id) || !Array.isArray(items)) return bad('recovered without id or items');
  return {
    type: 'recovered',
    id,
    items: items.map(recoverItem).filter((item) => item !== undefined),
  };
}

function recoverItem(raw: unknown): RecoveryAnswer | undefined {
  if (!isRecord(raw)) return undefined;
  const { channel, retryInMs, status } = raw;
  if (typeof channel !== 'string') return undefined;
  if (status !== 200) {
    return {
      status: isCount(status) ? status : 500,
      channel,
      retryInMs: isMs(retryInMs) ? retryInMs : undefined,
    };
  }
  return pageAnswer(decodePage(raw, channel), channel);
}

/** The answer that a page, or what should have been one, makes of status 200. */
export function pageAnswer(page: Page | BadFrame, channel: string): RecoveryAnswer {
  return 'type' in page
    ? { status: 0, channel, reason: page.reason, defect: true }
    : { status: 200, page };
}

function ack(raw: Raw): ServerFrame | BadFrame {
  const { channel, epoch, id, seq } = raw;
  if (!isCount(id) || typeof channel !== 'string' || typeof epoch !== 'string' || !isSeq(seq)) {
    return bad('ack lacks id, channel, epoch or seq');
  }
  return { type: 'ack', id, channel, position: { epoch, seq } };
}

function error(raw: Raw): ServerFrame {
  const { channel, message: text } = raw;
  return {
    type: 'error',
    ...readRefusal(raw),
    id: readId(raw),
    channel: readText(channel),
    message: readText(text),
  };
}

function unsubscribed(raw: Raw): ServerFrame | BadFrame {
  const { channel } = raw;
  if (typeof channel !== 'string') return bad('unsubscribed without a channel');
  return { type: 'unsubscribed', channel, ...readRefusal(raw) };
}

function welcome(raw: Raw): ServerFrame {
  const { caps, heartbeatMs, limits, retrySpreadMs } = raw;
  return {
    type: 'welcome',
    caps: Array.isArray(caps) ? caps.filter((cap) => typeof cap === 'string') : [],
    limits: isRecord(limits) ? readLimits(limits) : {},
    heartbeatMs: isMs(heartbeatMs) && heartbeatMs > 0 ? heartbeatMs : undefined,
    retrySpreadMs: isMs(retrySpreadMs) ? retrySpreadMs : undefined,
  };
}

function readLimits(raw: Raw): Limits {
  const known = Object.entries(raw).filter(([, value]) => isSeq(value));
  return Object.fromEntries(known);
}

/** @returns undefined when they do not fit together. */
export function readFacts({ epoch, head, oldest }: Raw): Facts | undefined {
  if (typeof epoch !== 'string' || epoch === '' || !isCount(head) || !isSeq(oldest))
    return undefined;
  return oldest <= head + 1 ? { epoch, head, oldest } : undefined;
}

export function readRefusal({ code, retry }: Raw): {
  readonly code: string;
  readonly retry: boolean;
} {
  return { code: readText(code) ?? 'internal', retry: retry === true };
}

function readId({ id }: Raw): number | undefined {
  return isCount(id) ? id : undefined;
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isPageMessage(raw: unknown): raw is PageMessage {
  return isRecord(raw) && isSeq(raw.seq) && (raw.prev === undefined || isPrev(raw.prev, raw.seq));
}

function isPrev(prev: unknown, seq: unknown): boolean {
  return isCount(prev) && isSeq(seq) && prev < seq;
}

/** Servers that append without a lock answer out of order, or twice: the numbers decide. */
export function ascending(messages: PageMessage[]): readonly PageMessage[] {
  return messages.sort((a, b) => a.seq - b.seq);
}

function ranges(raw: unknown, head: number): readonly (readonly [number, number])[] {
  if (!Array.isArray(raw)) return [];
  const read = raw.filter((range): range is [number, number] => {
    const [from, to] = Array.isArray(range) ? (range as readonly unknown[]) : [];
    return isSeq(from) && isSeq(to) && from <= to && to <= head;
  });
  return read.sort((a, b) => a[0] - b[0]);
}

export function isRecord(value: unknown): value is Raw {
  return isObject(value) && !Array.isArray(value);
}

export function bad(reason: string, channel?: string): BadFrame {
  return { type: 'bad', reason, channel };
}
