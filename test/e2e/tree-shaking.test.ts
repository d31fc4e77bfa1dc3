// An app pays for the dialect that it uses. Built from dist, as an app's own bundler would.
import { expect, test } from 'vitest';
import { bundle } from '../bench/bundle.mjs';
import { weigh } from '../bench/size.mjs';

/** What an app holds whose client is made with this. */
async function build(options = '') {
  const { code, map } = await bundle(`import * as lastseq from '../../dist/index.js';
export const client = lastseq.createClient({ url: 'wss://example.com', ${options} });`);
  const parts = PARTS.filter((part) => map.sources.some((file) => file.includes(`src/${part}`)));
  return { parts, gzip: weigh(code).gzip };
}

/** The sources that only the dialects need, by how their paths begin. */
const PARTS = [
  'adapters/socketio-transport',
  'core/monotonic',
  'core/overlap',
  'dialects/answer',
  'dialects/fields',
  'dialects/foreign',
  'dialects/mapped',
  'dialects/socketio',
  'socket-io',
];

test('an app has the parts of the dialect that it imports, and without one none', async () => {
  const plain = await build();
  const mapped = await build('dialect: lastseq.mappedDialect({})');
  const socketIo = await build('dialect: lastseq.socketIo(globalThis.socket)');
  expect(plain.parts).toEqual([]);
  expect(mapped.parts).toEqual(PARTS.filter((part) => !/socket-?io/.test(part)));
  expect(socketIo.parts).toEqual(PARTS.filter((part) => part !== 'dialects/mapped'));
  // Growth is to be a decision: raise these only on purpose.
  expect(plain.gzip).toBeLessThan(29_975);
  expect(mapped.gzip - plain.gzip).toBeLessThan(3_045);
  expect(socketIo.gzip - plain.gzip).toBeLessThan(3_710);
}, 60_000);
