/** The protocol of `PROTOCOL.md`. */
import { decodeFrames, decodePage } from '../core/codec.js';
import { SUBPROTOCOL } from '../core/frames.js';
import type { Dialect } from './dialect.js';

export const nativeDialect: Dialect = {
  protocols: [SUBPROTOCOL],
  numbering: 'contiguous',
  decode: decodeFrames,
  encode: (frames) => JSON.stringify(frames.length === 1 ? frames[0] : frames),
  decodePage,
};
