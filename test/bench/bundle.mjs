// Bundles a page's code as an app would: resolved for browsers, tree-shaken, minified.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import nodeResolve from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import { rollup } from 'rollup';
import { areInstalled, load } from './peers.mjs';

const ENTRY = '\0entry';

/** @typedef {{ code: string, map: import('rollup').SourceMap }} Bundled */

/** Pages are opened again and again with the same code. @type {Map<string, Promise<Bundled>>} */
const made = new Map();

/**
 * @param {string} code of the entry; imports are relative to this folder
 * @param {{ minify?: boolean, format?: 'es' | 'iife' }} [how]
 * @returns {Promise<Bundled>}
 */
export function bundle(code, { format = 'es', minify = true } = {}) {
  const key = JSON.stringify([code, format, minify]);
  const known = made.get(key) ?? make(code, format, minify);
  made.set(key, known);
  return known;
}

/**
 * @param {string} code
 * @param {'es' | 'iife'} format
 * @param {boolean} minify
 * @returns {Promise<Bundled>}
 */
async function make(code, format, minify) {
  const here = fileURLToPath(new URL('entry.js', import.meta.url));
  /** @type {import('rollup').Plugin} */
  const entry = {
    name: 'entry',
    resolveId(source, importer) {
      if (source === ENTRY) return ENTRY;
      return importer === ENTRY ? this.resolve(source, here, { skipSelf: true }) : null;
    },
    load: (id) => (id === ENTRY ? code : null),
  };
  const built = await rollup({
    input: ENTRY,
    plugins: [
      entry,
      ownSourceMaps,
      nodeResolve({ browser: true, preferBuiltins: false }),
      // Peers come as CommonJS too; nothing of ours does.
      ...(areInstalled() ? [load('@rollup/plugin-commonjs')()] : []),
    ],
    // Circles and `this` at the top of other people's modules are not for us to hear of.
    onwarn: (warning, warn) =>
      warning.loc?.file?.includes('node_modules') ? undefined : warn(warning),
    logLevel: 'silent',
  });
  const { output } = await built.generate({
    format,
    name: 'Entry',
    sourcemap: true,
    inlineDynamicImports: true,
    // Licences that some packages carry in a comment are a file of their own in an app.
    plugins: minify
      ? [terser({ ecma: 2022, module: format === 'es', format: { comments: false } })]
      : [],
  });
  await built.close();
  const [chunk] = output;
  if (!chunk.map) throw new Error('no source map');
  return { code: chunk.code, map: chunk.map };
}

/** The built package names its sources in maps beside it: kept, so that bytes can be told by file. */
const ownSourceMaps = {
  name: 'own-source-maps',
  load(/** @type {string} */ id) {
    if (!id.includes('/dist/') || id.includes('node_modules') || !existsSync(`${id}.map`))
      return null;
    return { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') };
  },
};
