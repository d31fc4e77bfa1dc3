/** Seeds for the core alone. */
import { runCore } from '../simulation/runner.js';
import { runSeeds } from './run-seeds.js';

void runSeeds(runCore);
