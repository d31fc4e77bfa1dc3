/** Takes the types off the simulator and the core, and puts them into one file that can be imported. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import nodeResolve from '@rollup/plugin-node-resolve';
import { rollup } from 'rollup';
import { stripTypes, stripTypesAndPrivacy } from '../support/strip-types.mjs';

/**
 * @template T
 * @param {string} entry a file of this folder.
 * @param {{ readonly isOpen: boolean }} options `isOpen`: without privacy, `#x` is `$x`.
 * @param {(module: any) => T | Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withBundle(entry, { isOpen }, use) {
  const folder = mkdtempSync(join(tmpdir(), 'lastseq-simulate-'));
  try {
    const bundle = await rollup({
      input: fileURLToPath(new URL(entry, import.meta.url)),
      external: (id) => id.startsWith('node:'),
      plugins: [isOpen ? stripTypesAndPrivacy : stripTypes, nodeResolve()],
    });
    const file = join(folder, 'run.mjs');
    await bundle.write({ file, format: 'esm', inlineDynamicImports: true });
    return await use(await import(pathToFileURL(file).href));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
