/**
 * The contents of every object that can be reached, so that a state can be come back to. The objects
 * themselves stay, and with them what closures hold on to.
 */
type Fields = Record<string, unknown>;

export class Photograph {
  readonly #objects: object[] = [];
  /** What was in them: items, or keys and values in turns. */
  readonly #contents: unknown[][] = [];

  constructor(root: object) {
    const seen = new Set<object>([root]);
    for (const object of seen) {
      const contents = look(object);
      this.#objects.push(object);
      this.#contents.push(contents);
      for (const value of contents)
        if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) seen.add(value);
    }
  }

  restore(): void {
    for (let i = 0; i < this.#objects.length; i += 1)
      put(this.#objects[i] as object, this.#contents[i] as unknown[]);
  }
}

function look(object: object): unknown[] {
  if (Array.isArray(object)) return object.slice();
  if (object instanceof Map) return [...object].flat(1) as unknown[];
  if (object instanceof Set) return [...object];
  return Object.entries(object).flat(1) as unknown[];
}

function put(object: object, contents: readonly unknown[]): void {
  if (Array.isArray(object)) {
    object.length = contents.length;
    for (let i = 0; i < contents.length; i += 1) object[i] = contents[i];
  } else if (object instanceof Map) {
    object.clear();
    for (let i = 0; i < contents.length; i += 2) object.set(contents[i], contents[i + 1]);
  } else if (object instanceof Set) {
    object.clear();
    for (const item of contents) object.add(item);
  } else {
    // A field that was set for the first time after the photograph was not there.
    if (Object.keys(object).length * 2 > contents.length)
      for (const key of Object.keys(object))
        if (!contents.some((one, i) => i % 2 === 0 && one === key))
          Reflect.deleteProperty(object, key);
    for (let i = 0; i < contents.length; i += 2)
      (object as Fields)[contents[i] as string] = contents[i + 1];
  }
}
