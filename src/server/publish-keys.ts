/**
 * Publish keys that a log in memory remembers, so that a repeated publish is not a second message.
 *
 * Bounded by count: the oldest key is forgotten first. Keys live as long as an epoch, because a number
 * of an old epoch would answer nothing; whoever starts an epoch clears them.
 */

/** What the first append with a key was given. */
export interface KeyedNumber {
  readonly seq: number;
  readonly ts: number;
  readonly from?: string | undefined;
}

export class PublishKeys {
  readonly #maxKeys: number;
  /** A Map hands its keys out in the order they came in, which makes it a queue as well. */
  readonly #numbers = new Map<string, KeyedNumber>();

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  find(id: string): KeyedNumber | undefined {
    return this.#numbers.get(id);
  }

  remember(id: string, number: KeyedNumber): void {
    this.#numbers.set(id, number);
    if (this.#numbers.size <= this.#maxKeys) return;
    for (const oldest of this.#numbers.keys()) {
      this.#numbers.delete(oldest);
      break;
    }
  }

  clear(): void {
    this.#numbers.clear();
  }
}

/** One string for a key and its scope. As JSON, because any character may occur in each part. */
export function keyId(channel: string, principal: string | undefined, key: string): string {
  return JSON.stringify([channel, principal ?? null, key]);
}
