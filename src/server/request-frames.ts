/**
 * What a client may send, read and checked once. Nothing behind this file looks at raw JSON.
 *
 * A frame that breaks a rule is a value, `refused`, which is answered in its turn and never closes the
 * connection. Only a WebSocket message that holds no frames at all is a bug worth a close.
 */
import type { ClientFrame, RecoverRequest, WireCode } from '../core/frames.js';
import { isCount } from '../core/position.js';
import { isChannelName, isPublishKey } from './admission.js';

/** An item of a `recover` frame that names no position; the others of its frame are still answered. */
export interface BadItem {
  readonly bad: true;
  readonly channel: string | undefined;
}

export interface RecoverFrame {
  readonly type: 'recover';
  readonly id: number;
  readonly items: readonly (RecoverRequest | BadItem)[];
  readonly limit: number | undefined;
}

export interface PublishFrame {
  readonly type: 'publish';
  readonly id: number;
  readonly channel: string;
  readonly key: string | undefined;
  readonly data: unknown;
}

/** A frame that is answered with an error. */
export interface RefusedFrame {
  readonly type: 'refused';
  readonly code: WireCode;
  readonly id: number | undefined;
  readonly channel: string | undefined;
  readonly message: string;
}

/** A frame in the hub's own words. A `subscribe` without an id is answered without one. */
export type RequestFrame =
  | { readonly type: 'subscribe'; readonly id: number | undefined; readonly channel: string }
  | Extract<ClientFrame, { readonly type: 'unsubscribe' | 'auth' | 'ping' }>
  | RecoverFrame
  | PublishFrame
  | RefusedFrame;

/**
 * Reads the text of one WebSocket message: a frame, or an array of frames.
 *
 * @param maxItems the greatest number of items in a `recover` frame.
 * @returns the frames, or `undefined` when the text is not JSON or holds something that is no object.
 */
export function readFrames(text: string, maxItems: number): readonly RequestFrame[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.every(isFields) ? list.map((fields) => readFrame(fields, maxItems)) : undefined;
}

/** A position as a request names it, or `undefined`. */
export function readPosition(
  channel: unknown,
  epoch: unknown,
  since: unknown,
): RecoverRequest | undefined {
  if (!isChannelName(channel) || !isEpoch(epoch) || !isCount(since)) return undefined;
  return { channel, epoch, seq: since };
}

/** The field that every frame has, and all others unread. */
type Fields = Readonly<Record<string, unknown>> & { readonly type?: unknown };

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Opaque, but not boundless. Every log of ours uses a few dozen characters at most. */
function isEpoch(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 255;
}

function readFrame(fields: Fields, maxItems: number): RequestFrame {
  switch (fields.type) {
    case 'subscribe':
      return readSubscribe(fields);
    case 'unsubscribe':
      return readUnsubscribe(fields);
    case 'recover':
      return readRecover(fields, maxItems);
    case 'publish':
      return readPublish(fields);
    case 'auth':
      return readAuth(fields);
    case 'ping':
      return { type: 'ping' };
    default:
      return typeof fields.type === 'string'
        ? refuse(fields, 'unsupported', 'unknown frame type')
        : refuse(fields, 'bad_request', 'type must be a string');
  }
}

function readSubscribe(fields: Fields): RequestFrame {
  const { id, channel } = fields;
  if (id !== undefined && !isCount(id)) return refuse(fields, 'bad_request', ID_RULE);
  if (!isChannelName(channel)) return refuse(fields, 'bad_request', CHANNEL_RULE);
  return { type: 'subscribe', id, channel };
}

function readUnsubscribe(fields: Fields): RequestFrame {
  const { channel } = fields;
  if (!isChannelName(channel)) return refuse(fields, 'bad_request', CHANNEL_RULE);
  return { type: 'unsubscribe', channel };
}

function readPublish(fields: Fields): RequestFrame {
  const { id, channel, key, data } = fields;
  if (!isCount(id)) return refuse(fields, 'bad_request', ID_RULE);
  if (!isChannelName(channel)) return refuse(fields, 'bad_request', CHANNEL_RULE);
  if (key !== undefined && !isPublishKey(key)) {
    return refuse(fields, 'bad_request', 'key must be 1 to 255 bytes of UTF-8');
  }
  if (data === undefined) return refuse(fields, 'bad_request', 'data is missing');
  return { type: 'publish', id, channel, key, data };
}

function readRecover(fields: Fields, maxItems: number): RequestFrame {
  const { id, items, limit } = fields;
  if (!isCount(id)) return refuse(fields, 'bad_request', ID_RULE);
  if (!Array.isArray(items)) return refuse(fields, 'bad_request', 'items must be an array');
  if (limit !== undefined && (!isCount(limit) || limit === 0)) {
    return refuse(fields, 'bad_request', 'limit must be a whole number >= 1');
  }
  if (items.length > maxItems) {
    return refuse(fields, 'limit', `a recover frame takes ${maxItems} items`);
  }
  return { type: 'recover', id, items: (items as readonly unknown[]).map(readItem), limit };
}

function readItem(item: unknown): RecoverRequest | BadItem {
  const { channel, epoch, since } = isFields(item) ? item : ({} as Fields);
  const bad = { bad: true, channel: isChannelName(channel) ? channel : undefined } as const;
  return readPosition(channel, epoch, since) ?? bad;
}

function readAuth(fields: Fields): RequestFrame {
  const { token } = fields;
  if (typeof token === 'string') return { type: 'auth', token };
  return refuse(fields, 'bad_request', 'token must be a string');
}

const ID_RULE = 'id must be a safe integer >= 0';
const CHANNEL_RULE = 'channel must be 1 to 255 bytes of UTF-8 without control characters';

/** The answer names the request's id and channel only if they are fit to be named. */
function refuse({ id, channel }: Fields, code: WireCode, message: string): RefusedFrame {
  return {
    type: 'refused',
    code,
    id: isCount(id) ? id : undefined,
    channel: isChannelName(channel) ? channel : undefined,
    message,
  };
}
