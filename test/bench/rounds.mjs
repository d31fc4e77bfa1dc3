// Rounds in which the contenders take turns: what disturbs the machine disturbs all of them.

/**
 * @typedef {Record<string, number>} Figures one round's figures, by what they are
 * @typedef {object} Contender
 * @property {string} name
 * @property {() => Promise<Figures>} round
 *
 * @typedef {Map<string, Figures[]>} Samples by contender
 */

/**
 * @param {readonly Contender[]} contenders
 * @param {number} count
 * @returns {Promise<Samples>}
 */
export async function takeTurns(contenders, count) {
  /** @type {Samples} */
  const samples = new Map(contenders.map(({ name }) => [name, []]));
  // One round that does not count: code is compiled, caches fill. Whoever wants only one round wants
  // to see it run.
  for (let i = count > 1 ? -1 : 0; i < count; i += 1) {
    // Another one begins every time, so that nobody always follows the same one.
    const from = (i + contenders.length) % contenders.length;
    for (const contender of [...contenders.slice(from), ...contenders.slice(0, from)]) {
      const figures = await contender.round();
      for (const [what, figure] of Object.entries(figures)) {
        if (!Number.isFinite(figure)) throw new Error(`${contender.name}: ${what} is ${figure}`);
      }
      if (i >= 0) samples.get(contender.name)?.push(figures);
    }
  }
  return samples;
}

/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/**
 * Least and greatest, as text.
 * @param {readonly number[]} numbers
 */
export const spread = (numbers) =>
  numbers.length < 2 ? '' : `${short(Math.min(...numbers))} – ${short(Math.max(...numbers))}`;

/**
 * A number with three digits that mean something.
 * @param {number} value
 */
export function short(value) {
  if (!Number.isFinite(value)) return '–';
  if (value === 0 || Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(Math.abs(value) < 1 ? 2 : 3);
}
