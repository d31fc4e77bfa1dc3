/** The mutations: each breaks one rule at one place, by a text that is there exactly once. */
import { asking } from './list/asking.mjs';
import { connecting } from './list/connecting.mjs';
import { facts } from './list/facts.mjs';
import { keeping } from './list/keeping.mjs';
import { numbers } from './list/numbers.mjs';
import { shell } from './list/shell.mjs';

/**
 * @typedef {object} Mutant
 * @property {string} name
 * @property {string} rule the rule that it breaks, as it should be.
 * @property {string} file
 * @property {string} find the exact text, which occurs once in the file.
 * @property {string} replace
 * @property {boolean} [byTests] ask the unit tests first: the simulator does not look there.
 */

/** @type {readonly Mutant[]} */
export const mutants = [...numbers, ...facts, ...asking, ...connecting, ...keeping, ...shell];
