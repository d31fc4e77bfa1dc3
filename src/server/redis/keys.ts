/**
 * The names in Redis. Everything of a channel has its name in braces, so that a cluster keeps it on one
 * node, where one script can reach it.
 */
import { createHash } from 'node:crypto';
import { keyId } from '../publish-keys.js';

export interface ChannelKeys {
  /** The stream with the messages, and the name under which they are announced. */
  readonly log: string;
  /** The hash with the epoch and the newest number. */
  readonly meta: string;
}

export function channelKeys(prefix: string, channel: string): ChannelKeys {
  const tag = `${prefix}{${escapeBraces(channel)}}`;
  return { log: `${tag}:log`, meta: `${tag}:meta` };
}

/** Where the number of a publish key is kept. Hashed, because key and principal may be long. */
export function publishKey(
  prefix: string,
  channel: string,
  principal: string | undefined,
  key: string,
): string {
  const id = createHash('sha256')
    .update(keyId(channel, principal, key))
    .digest('base64url');
  return `${prefix}{${escapeBraces(channel)}}:key:${id}`;
}

/** Redis hashes what stands between the first two braces: those of a name must not be among them. */
function escapeBraces(channel: string): string {
  return channel.replace(/[%{}]/g, encodeURIComponent);
}
