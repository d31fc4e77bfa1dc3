/** Seeds for all that ships. */
import { runWhole } from '../simulation/whole/run-whole.js';
import { runSeeds } from './run-seeds.js';

void runSeeds(runWhole);
