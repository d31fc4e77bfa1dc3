/**
 * The frames that the hub sends, as JSON text.
 *
 * A message is written once for all its readers: its data is text already, and frames and pages are
 * joined around it. Objects keyed by channel are joined by hand too, because an object of JavaScript
 * has no room for a channel named `__proto__`.
 */
import type { Facts, WireCode } from '../core/frames.js';
import type { VisiblePage } from './filter.js';
import type { LogMessage, StampedMessage } from './log.js';
import type { HubSettings } from './options.js';

/** What every hub can do, as `welcome` announces it. */
export const CAPS: readonly string[] = ['recover', 'publish', 'ping', 'auth', 'arrays', 'goaway'];

/** A refusal. `retry` tells the client whether the same request may succeed later. */
export interface WireError {
  readonly id?: number | undefined;
  readonly channel?: string | undefined;
  readonly code: WireCode;
  readonly retry: boolean;
  /** One fixed sentence for a developer. Never a part of the request. */
  readonly message?: string | undefined;
}

export function welcomeText(
  caps: readonly string[],
  {
    heartbeatMs,
    limits,
    retrySpreadMs,
  }: Pick<HubSettings, 'heartbeatMs' | 'limits' | 'retrySpreadMs'>,
): string {
  const { page, pageBytes, batch, channels } = limits;
  const told = {
    caps,
    heartbeatMs,
    ...(retrySpreadMs > 0 && { retrySpreadMs }),
    limits: { page, pageBytes, batch, channels },
  };
  return JSON.stringify({ type: 'welcome', ...told });
}

export function subscribedText(id: number | undefined, channel: string, facts: Facts): string {
  const reply = id === undefined ? '' : `"id":${id},`;
  return `{"type":"subscribed",${reply}${located(channel, facts)}}`;
}

/** A message frame. It always names its epoch: an old frame must not pass for one of a new life. */
export function messageText(message: LogMessage): string {
  const channel = JSON.stringify(message.channel);
  const epoch = JSON.stringify(message.epoch);
  return `{"type":"message","channel":${channel},"epoch":${epoch},${numbered(message)}`;
}

/** The same for a reader who did not see the number before it, but `prev`. */
export function withPrev(text: string, prev: number): string {
  return `${text.slice(0, -1)},"prev":${prev}}`;
}

/** One entry of a `heads` frame. */
export function headEntry(channel: string, { epoch, head }: Facts): string {
  return `${JSON.stringify(channel)}:[${JSON.stringify(epoch)},${head}]`;
}

/** The same for a reader who sees nothing above `visible`. The third place is another capability's. */
export function withVisible(entry: string, visible: number): string {
  return `${entry.slice(0, -1)},null,${visible}]`;
}

export function headsText(entries: readonly string[]): string {
  return `{"type":"heads","heads":{${entries.join(',')}}}`;
}

export const PONG_TEXT = '{"type":"pong"}';

export function ackText(id: number, { channel, epoch, seq }: StampedMessage): string {
  return JSON.stringify({ type: 'ack', id, channel, epoch, seq });
}

export function errorText({ id, channel, code, retry, message }: WireError): string {
  return JSON.stringify({ type: 'error', id, channel, code, retry, message });
}

export function unsubscribedText(channel: string, code: WireCode, retry: boolean): string {
  return JSON.stringify({ type: 'unsubscribed', channel, code, retry });
}

export function goawayText(spreadMs: number): string {
  return JSON.stringify({ type: 'goaway', spreadMs });
}

export function recoveredText(id: number, items: readonly string[]): string {
  return `{"type":"recovered","id":${id},"items":[${items.join(',')}]}`;
}

/** The body of a recovery over HTTP. */
export function pageText(channel: string, page: VisiblePage): string {
  return `{${pageFields(channel, page)}`;
}

/** The same page as an item of a `recovered` frame. */
export function pageItem(channel: string, page: VisiblePage): string {
  return `{"status":200,${pageFields(channel, page)}`;
}

/** An item that could not be answered. */
export function refusedItem(
  status: number,
  channel: string | undefined,
  code: WireCode,
  retryInMs?: number,
): string {
  return JSON.stringify({ status, channel, code, retryInMs });
}

/** Everything of a page but the opening brace. */
function pageFields(channel: string, page: VisiblePage): string {
  const { messages, more, upto, void: hidden = [] } = page;
  // Added up, not joined: it becomes one text when it is sent, and every copy of a long one costs.
  let rows = '';
  for (const message of messages) rows += `${rows === '' ? '' : ','}{${numbered(message)}`;
  const cut = upto === undefined ? '' : `,"upto":${upto}`;
  const gaps = hidden.length === 0 ? '' : `,"void":${JSON.stringify(hidden)}`;
  return `${located(channel, page)},"messages":[${rows}],"more":${String(more)}${cut}${gaps}}`;
}

/** The facts of a channel, and which one. */
function located(channel: string, { epoch, head, oldest }: Facts): string {
  const epochText = JSON.stringify(epoch);
  return `"channel":${JSON.stringify(channel)},"epoch":${epochText},"head":${head},"oldest":${oldest}`;
}

/** What a message is in a frame and in a page alike, with the closing brace. */
function numbered({ seq, ts, from, json }: LogMessage): string {
  const sender = from === undefined ? '' : `"from":${JSON.stringify(from)},`;
  return `"seq":${seq},"ts":${ts},${sender}"data":${json}}`;
}
