import type { BadFrame, ClientFrame, DecodedFrame, Page, RecoverRequest } from '../core/frames.js';
import type { TrackerFactory } from '../core/gap-detector.js';
import type { OverlapFactory } from '../core/overlap.js';
import type { Numbering } from '../core/settings.js';
import type { TransportFactory } from '../ports/transport.js';

/**
 * What makes a server's own messages fit: its bytes on one side, our frames on the other.
 * A dialect is pure and holds no state; whatever comes in, it returns a value and never throws.
 */
export interface Dialect {
  /** WebSocket subprotocols to offer, newest first; none when empty. */
  readonly protocols: readonly string[];
  readonly numbering: Numbering;
  /** What follows such numbers: for `'monotonic'` it is `monotonic`, for the others it is built in. */
  readonly tracker?: TrackerFactory;
  /**
   * For a server without epochs, whose frames carry `NO_EPOCH`: `overlap`. The client then asks the log
   * with one message of overlap, and compares. @default none: the server has epochs
   */
  readonly overlap?: OverlapFactory;
  /**
   * Milliseconds between questions to the log, for a server that sends no heads; silence is then no
   * sign of a dead connection. @default false: the server sends heads
   */
  readonly pollMs?: number | false;
  /** Reads what the transport received: for a WebSocket, one message. */
  decode(data: unknown): readonly DecodedFrame[];
  /**
   * Writes frames for the transport, for a WebSocket as a text: several of them only to a server that
   * takes arrays. @returns undefined when the server needs no such frame.
   */
  encode(frames: readonly ClientFrame[]): unknown;
  /** Reads the body of a recovery answer. @param request what was asked; `seq` is the `since` of it. */
  decodePage(body: unknown, request: RecoverRequest): Page | BadFrame;
  /** Query parameters of the recovery call. @default channel, epoch, limit and since */
  query?(request: RecoverRequest, limit: number): Readonly<Record<string, string>>;
  /** The app's own socket, in place of a WebSocket: `url` may then be left out. */
  readonly transport?: TransportFactory;
}
