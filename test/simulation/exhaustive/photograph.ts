/**
 * The contents of every object that can be reached, so that a state can be come back to. The objects
 * themselves stay, and with them what closures hold on to.
 */
type Fields = Record<string, unknown>;

/** The fields of a class, which are the same in all its objects. */
const FIELDS = new Map<unknown, readonly string[]>();

export class Photograph {
  readonly #objects: object[] = [];
  /** What was in them: items, entries, or the values of the fields. */
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
  return fieldsOf(object).map((key) => (object as Fields)[key]);
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
    const keys = fieldsOf(object);
    for (let i = 0; i < keys.length; i += 1) (object as Fields)[keys[i] as string] = contents[i];
  }
}

function fieldsOf(object: object): readonly string[] {
  const { constructor } = object;
  if (constructor === Object) return Object.keys(object);
  const known = FIELDS.get(constructor);
  if (known !== undefined) return known;
  const keys = Object.keys(object);
  FIELDS.set(constructor, keys);
  return keys;
}
