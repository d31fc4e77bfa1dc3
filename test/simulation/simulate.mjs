/** Takes the types off the simulator and the core, puts them into one file, and runs it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rollup } from 'rollup';
import { stripTypes } from '../support/strip-types.mjs';

const folder = mkdtempSync(join(tmpdir(), 'lastseq-simulate-'));
try {
  const input = fileURLToPath(new URL('run.ts', import.meta.url));
  const bundle = await rollup({
    input,
    external: (id) => id.startsWith('node:'),
    plugins: [stripTypes],
  });
  const file = join(folder, 'run.mjs');
  await bundle.write({ file, format: 'esm', inlineDynamicImports: true });
  const { main } = await import(pathToFileURL(file).href);
  process.exitCode = await main(process.argv.slice(2));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
