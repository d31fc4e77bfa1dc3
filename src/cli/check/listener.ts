/** A connection that listens, and what it should hear in the present scene. */
import type { Connection } from './connection.js';
import type { Heard, Sent } from './findings.js';

export class Listener {
  #from = 0;
  #looked = 0;
  #expected: Sent[] = [];
  readonly #had = new Set<string>();
  /** The sending path by marker. */
  readonly #missing = new Map<string, string>();

  constructor(readonly connection: Connection) {
    this.begin();
  }

  begin(): void {
    this.#from = this.#looked = this.connection.copies.length;
    this.#expected = [];
    this.#had.clear();
    this.#missing.clear();
  }

  /** What is published now should come; it may have come already. */
  expect(sent: Sent): void {
    this.#expected.push(sent);
    this.#look();
    if (!this.#had.has(sent.marker)) {
      this.#missing.set(sent.marker, sent.lane);
    }
  }

  /** The sending paths of which something is missing. */
  missing(): ReadonlySet<string> {
    this.#look();
    return new Set(this.#missing.values());
  }

  heard(): Heard {
    return {
      connection: this.connection.name,
      copies: this.connection.copies.slice(this.#from),
      expected: this.#expected,
    };
  }

  #look(): void {
    const { copies } = this.connection;
    for (; this.#looked < copies.length; this.#looked += 1) {
      const key = copies[this.#looked]?.key ?? '';
      this.#had.add(key);
      this.#missing.delete(key);
    }
  }
}
