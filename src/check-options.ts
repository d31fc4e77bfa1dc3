/** Options are checked at once, before anything runs: an unknown one too, for it is mostly a typo. */
import { isObject } from './core/position.js';
import { badOption } from './errors.js';

/** What an option must be, in words and as a check. It is not asked about what was left out. */
export type Rule = readonly [expected: string, fits: (value: unknown) => boolean];

/** @throws LastseqError `bad_option`, naming the option and its value. */
export function checkOptions(
  options: unknown,
  rules: Readonly<Record<string, Rule>>,
  what: string,
): void {
  if (!isObject(options)) throw badOption(what, options, 'an object');
  for (const [option, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, option) ? rules[option] : undefined;
    const expected = rule?.[0] ?? `one of ${Object.keys(rules).join(', ')}`;
    if (rule === undefined || (value !== undefined && !rule[1](value))) {
      throw badOption(option, value, expected);
    }
  }
}

export const isFunction = (value: unknown): boolean => typeof value === 'function';

export const FUNCTION: Rule = ['a function', isFunction];

export const either = (one: string, other: string): Rule => [
  `'${one}' or '${other}'`,
  (value) => value === one || value === other,
];

export const isName = (value: unknown): boolean => typeof value === 'string' && value !== '';

/** Is it an object that names some of `keys`? @param orFalse those that may be false as well */
export function isNames(
  value: unknown,
  keys: readonly string[],
  orFalse: readonly string[] = [],
): boolean {
  const isKnown = ([key, name]: readonly [string, unknown]): boolean =>
    keys.includes(key) &&
    (name === undefined || isName(name) || (name === false && orFalse.includes(key)));
  return isObject(value) && Object.entries(value).every(isKnown);
}

export const range = (least: number, most: number, orFalse = false): Rule => [
  `a number from ${least} to ${most}${orFalse ? ', or false' : ''}`,
  (v) => (orFalse && v === false) || (typeof v === 'number' && v >= least && v <= most),
];
