// Renames private members for rollup, so that the same few names come again in every class: terser, here or
// in an app's own build, gives each name in the whole bundle another one, and a script is 3 % more for it
// when it is compressed. They stay as private as they were; source maps have the names.
import MagicString from 'magic-string';

const NAMES = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** @typedef {{ type: string, start: number, end: number }} Node */
/** @typedef {ReadonlyMap<string, string>} Names of the classes around a place. */

/** @type {import('rollup').Plugin} */
export const shortPrivates = {
  name: 'short-privates',
  renderChunk(code) {
    const text = new MagicString(code);
    rename(this.parse(code), new Map(), text);
    return { code: text.toString(), map: text.generateMap({ hires: true }) };
  },
};

/** @type {(node: any, names: Names, text: MagicString) => void} */
function rename(node, names, text) {
  if (node.type === 'PrivateIdentifier') {
    text.update(node.start + 1, node.end, names.get(node.name) ?? node.name, { storeName: true });
  }
  const inside = node.type === 'ClassBody' ? withOwn(node, names) : names;
  for (const part of Object.values(node).flat()) {
    if (typeof part?.type === 'string') rename(part, inside, text);
  }
}

/** A class in a class may use the names of both: they are counted on. @type {(body: any, outer: Names) => Names} */
function withOwn({ body }, outer) {
  const keys = body.map((/** @type {any} */ { key }) => key);
  const own = new Set(
    keys
      .filter((/** @type {Node | undefined} */ key) => key?.type === 'PrivateIdentifier')
      .map((/** @type {{ name: string }} */ { name }) => name),
  );
  const names = new Map(outer);
  for (const name of own) names.set(name, NAMES[names.size] ?? name);
  return names;
}
