/** The protocol of `PROTOCOL.md`. */
import { decodeFrames, decodePage, encodeFrames } from '../core/codec.js';
import { SUBPROTOCOL } from '../core/frames.js';
import type { Dialect } from './dialect.js';

/** The protocol of `PROTOCOL.md`, which a client speaks that is given no dialect: a base for one of your own. */
export const nativeDialect: Dialect = {
  protocols: [SUBPROTOCOL],
  numbering: 'contiguous',
  decode: decodeFrames,
  encode: encodeFrames,
  decodePage: (body, { channel }) => decodePage(body, channel),
};
