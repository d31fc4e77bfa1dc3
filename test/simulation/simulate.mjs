/** Runs the simulator; with `--exhaustive` the search of a small world, with `--foreign` other people's servers. */
import { withBundle } from './bundle.mjs';

const args = process.argv.slice(2);
const isOpen = args.includes('--exhaustive');
const entry = isOpen
  ? 'exhaustive/main.ts'
  : args.includes('--foreign')
    ? 'foreign-run.ts'
    : 'run.ts';
process.exitCode = await withBundle(entry, { isOpen }, ({ main }) => main(args));
