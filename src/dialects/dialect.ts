import type { BadFrame, ClientFrame, DecodedFrame, Page } from '../core/frames.js';

/**
 * What makes a server's own messages fit: its bytes on one side, our frames on the other.
 * A dialect is pure and holds no state; whatever comes in, it returns a value and never throws.
 */
export interface Dialect {
  /** WebSocket subprotocols to offer, newest first; none when empty. */
  readonly protocols: readonly string[];
  /**
   * How the numbers of a channel rise. `contiguous`: 1, 2, 3 …, so that a missing number is a missing
   * message.
   */
  readonly numbering: 'contiguous';
  /** Reads what came in one WebSocket message. */
  decode(data: unknown): readonly DecodedFrame[];
  /** Writes frames for one WebSocket message: several of them only to a server that takes arrays. */
  encode(frames: readonly ClientFrame[]): string;
  /** Reads the body of a recovery answer for `channel`. */
  decodePage(body: unknown, channel: string): Page | BadFrame;
}
