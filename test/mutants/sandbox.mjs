/** A copy of the sources in a temporary folder, where one of them can be wrong for a while. */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import nodeResolve from '@rollup/plugin-node-resolve';
import { rollup } from 'rollup';
import { stripTypes } from '../support/strip-types.mjs';

/** @typedef {import('./mutants.mjs').Mutant} Mutant */

const home = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = [
  'package.json',
  'tsconfig.json',
  'src',
  'test/tsconfig.json',
  'test/client',
  'test/core',
  'test/mutants',
  'test/simulation',
  'test/support',
];

export class Sandbox {
  folder = mkdtempSync(join(tmpdir(), 'lastseq-mutants-'));
  #bundles = 0;

  constructor() {
    for (const path of COPIED) {
      const from = join(home, path);
      if (existsSync(from)) cpSync(from, join(this.folder, path), { recursive: true });
    }
    symlinkSync(join(home, 'node_modules'), join(this.folder, 'node_modules'), 'junction');
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /**
   * @template T
   * @param {Mutant} mutant
   * @param {() => Promise<T>} work what is done while the mutation is in place.
   * @returns {Promise<T>}
   */
  async with(mutant, work) {
    const file = join(this.folder, mutant.file);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, mutate(text, mutant));
    try {
      return await work();
    } finally {
      writeFileSync(file, text);
    }
  }

  /**
   * The simulator in one file: of the core alone, which is faster, or of all that ships.
   *
   * @param {string | undefined} concerned a source file.
   * @returns {Promise<string | undefined>} the bundle; undefined when that file is part of neither.
   */
  async bundle(concerned) {
    return (
      (await this.#bundle('seeds.ts', concerned)) ??
      (await this.#bundle('whole-seeds.ts', concerned))
    );
  }

  /**
   * @param {string} entry
   * @param {string | undefined} concerned
   */
  async #bundle(entry, concerned) {
    const bundle = await rollup({
      input: join(this.folder, 'test/mutants', entry),
      external: (id) => id.startsWith('node:'),
      plugins: [stripTypes, nodeResolve()],
    });
    if (concerned !== undefined && !bundle.watchFiles.includes(join(this.folder, concerned))) {
      return undefined;
    }
    this.#bundles += 1;
    const file = join(this.folder, `seeds-${this.#bundles}.mjs`);
    await bundle.write({ file, format: 'esm', inlineDynamicImports: true });
    return file;
  }
}

/**
 * @param {string} text
 * @param {Mutant} mutant
 */
export function mutate(text, { find, name, replace }) {
  const parts = text.split(find);
  if (parts.length !== 2) {
    throw new Error(`${name}: the text to find is there ${parts.length - 1} times, not once`);
  }
  return parts.join(replace);
}
