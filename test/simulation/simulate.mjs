/** Runs the simulator, or with `--exhaustive` the search of a small world. */
import { withBundle } from './bundle.mjs';

const args = process.argv.slice(2);
const isOpen = args.includes('--exhaustive');
const entry = isOpen ? 'exhaustive/main.ts' : 'run.ts';
process.exitCode = await withBundle(entry, { isOpen }, ({ main }) => main(args));
