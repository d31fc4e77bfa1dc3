/** Names of epochs. */
import { randomBytes } from 'node:crypto';

/** Random, so that no two lives of a log can ever share it; 9 bytes make 12 characters. */
export function newEpoch(): string {
  return randomBytes(9).toString('base64url');
}
