/** The errors of the server kit: one class, a code that says whose fault it is, one wording. */

/** What each code carries. Only `unavailable` is worth a retry; the others are the app's to mend. */
export interface ServerErrorDetails {
  /** An option of `createHub` or of a log is not what it may be. Thrown at construction. */
  bad_option: { readonly option: string; readonly value: unknown; readonly expected: string };
  /** An argument of a call is not what it may be: a channel name, a key, a sender, a position. */
  bad_argument: { readonly argument: string; readonly value: unknown; readonly expected: string };
  /** The data of a message cannot be written as JSON. No number was taken. */
  bad_data: { readonly channel: string; readonly reason: string };
  /** The data of a message is longer than `maxDataBytes`. No number was taken. */
  too_large: { readonly channel: string; readonly bytes: number; readonly maxDataBytes: number };
  /**
   * A log in another process could not be asked, did not answer in time, or answered with an error. What
   * became of an append is not known: repeat it with the same key.
   */
  unavailable: { readonly call: string; readonly reason: string };
  /** The hub or the log was closed or is draining, and takes no new work. */
  closed: { readonly call: string };
}

/** Codes of `ServerError`. */
export type ServerErrorCode = keyof ServerErrorDetails;

/** What the server kit throws, and the only class it throws. */
export class ServerError<Code extends ServerErrorCode = ServerErrorCode> extends Error {
  override readonly name = 'ServerError' as const;
  readonly code: Code;
  readonly details: ServerErrorDetails[Code];

  constructor(code: Code, details: ServerErrorDetails[Code]) {
    super(WORDING[code](details));
    this.code = code;
    this.details = details;
  }
}

/** Throws `bad_option`, in one place so that every refusal names the option and its value. */
export function refuseOption(option: string, value: unknown, expected: string): never {
  throw new ServerError('bad_option', { option, value, expected });
}

/** Throws `bad_argument`. */
export function refuseArgument(argument: string, value: unknown, expected: string): never {
  throw new ServerError('bad_argument', { argument, value, expected });
}

/** A whole number within bounds, or a `bad_option`. */
export function wholeNumber(option: string, value: unknown, min: number, max: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number;
  }
  return refuseOption(option, value, `a whole number from ${min} to ${max}`);
}

const WORDING: { [Code in ServerErrorCode]: (details: ServerErrorDetails[Code]) => string } = {
  bad_option: (d) => `option ${d.option} must be ${d.expected}, got ${quote(d.value)}`,
  bad_argument: (d) => `${d.argument} must be ${d.expected}, got ${quote(d.value)}`,
  bad_data: (d) => `the data for channel ${quote(d.channel)} is not JSON: ${d.reason}`,
  too_large: (d) =>
    `the data for channel ${quote(d.channel)} has ${d.bytes} bytes, ` +
    `maxDataBytes is ${d.maxDataBytes}`,
  unavailable: (d) => `the log could not be reached by ${d.call}: ${d.reason}`,
  closed: (d) => `${d.call} was called after close or drain`,
};

/** A value as an error message shows it: typed, and short whatever it is. */
function quote(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}...` : value);
  }
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'an array' : 'an object';
  if (typeof value === 'function') return 'a function';
  return `${String(value)} (${typeof value})`;
}
