/** The text in a payload by which a message is known again, whatever number it carries. */
import { randomBytes } from 'node:crypto';

export class Markers {
  /** Of this run alone: what an earlier run left in the log is a stranger's. */
  readonly #prefix: string = `lastseq-check-${randomBytes(5).toString('hex')}-`;
  readonly #pattern = new RegExp(`${this.#prefix}\\d+`);
  #count = 0;

  next(): string {
    this.#count += 1;
    return this.#prefix + String(this.#count);
  }

  /** The marker in a value of any shape. */
  in(value: unknown): string | undefined {
    const text = typeof value === 'string' ? value : textOf(value);
    return this.#pattern.exec(text)?.[0];
  }
}

/** `m17` for the 17th message of the run: what evidence calls it. */
export function shortOf(key: string): string {
  const [, number] = /^lastseq-check-[0-9a-f]+-(\d+)$/.exec(key) ?? [];
  return number === undefined ? key : `m${number}`;
}

/** Was it published in this run, and so is like no other? */
export const isMarker = (key: string): boolean => shortOf(key) !== key;

function textOf(value: unknown): string {
  try {
    // The declarations leave out that symbols and undefined give no text.
    const text = JSON.stringify(value) as string | undefined;
    return text ?? '';
  } catch {
    return '';
  }
}
