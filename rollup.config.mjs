import { readFileSync, rmSync } from 'node:fs';
import nodeResolve from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import { dts } from 'rollup-plugin-dts';
import { shortPrivates } from './test/support/short-privates.mjs';
import { stripTypes } from './test/support/strip-types.mjs';

const { dependencies, version } = JSON.parse(
  readFileSync(new URL('package.json', import.meta.url), 'utf8'),
);

// What the package depends on is imported, not copied; so are Node's own modules.
const external = (id) =>
  id.startsWith('node:') ||
  Object.keys(dependencies).some((name) => id === name || id.startsWith(`${name}/`));

// Chunk names change with their contents: what an older build left would be published with this one.
rmSync(new URL('dist', import.meta.url), { recursive: true, force: true });

const input = {
  index: 'src/index.ts',
  server: 'src/server/index.ts',
  'server-redis': 'src/server/redis/index.ts',
  testing: 'src/testing/index.ts',
};

// What two entries share becomes a chunk of its own, so that `instanceof LastseqError` and types
// with private fields mean the same thing in all of them.
const names = (extension) => ({
  dir: 'dist',
  entryFileNames: `[name].${extension}`,
  chunkFileNames: `shared-[hash].${extension}`,
});

/** Not on a server, nor in tests: there a name in a stack trace is worth more than bytes. */
const shortInPages = {
  ...shortPrivates,
  renderChunk(code, { moduleIds }) {
    const isForPages = !moduleIds.some((id) => /\/src\/(server|testing)\//.test(id));
    return isForPages ? shortPrivates.renderChunk.call(this, code) : null;
  },
};

export default [
  {
    input,
    external,
    plugins: [stripTypes],
    output: [
      { ...names('js'), format: 'esm', sourcemap: true, plugins: [shortInPages] },
      // 'auto': of our dependencies some CommonJS builds are the value itself, some have .default.
      { ...names('cjs'), format: 'cjs', sourcemap: true, interop: 'auto', exports: 'named' },
    ],
  },
  {
    input,
    external,
    plugins: [dts({ compilerOptions: { types: ['node'] } })],
    output: [
      { ...names('d.ts'), format: 'esm' },
      { ...names('d.cts'), format: 'esm' },
    ],
  },
  {
    // A program, not something to import: in one module system, with no declarations.
    input: 'src/cli/index.ts',
    external,
    plugins: [stripTypes],
    output: { file: 'dist/cli.js', format: 'esm', sourcemap: true },
  },
  {
    input: input.index,
    plugins: [stripTypes, nodeResolve({ browser: true })],
    output: {
      file: 'dist/lastseq.min.js',
      format: 'iife',
      name: 'Lastseq',
      sourcemap: true,
      banner: `/*! lastseq ${version}, MIT. Holds mitt (MIT), reconnecting-websocket (MIT), idb-keyval (Apache-2.0). */`,
      plugins: [terser({ ecma: 2022, format: { comments: /^!/ } }), shortPrivates],
    },
  },
];
