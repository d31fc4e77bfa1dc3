/** Where failures of the app's own functions and of the log go: to the app, or to the console. */

/** What failed. */
export type ErrorSource = 'authorize' | 'filter' | 'origins' | 'log' | 'onConnection' | 'recover';

/** Tells about a failure. The token, where there is one, is kept out of what is printed. */
export type Report = (source: ErrorSource, error: unknown, token?: string) => void;

/** Told of every failure that a client can only see as `internal`. */
export type OnError = (error: unknown, source: ErrorSource) => void;

/**
 * A report to the app's `onError`, which gets the error as it is, or else to the console. There the
 * token is blanked out: the messages of token libraries like to quote what they could not read.
 */
export function makeReport(onError: OnError | undefined): Report {
  return (source, error, token) => {
    if (onError !== undefined) {
      onError(error, source);
      return;
    }
    const text = textOf(error);
    const blank = token === undefined || token === '' ? text : text.replaceAll(token, '[token]');
    console.error(`lastseq: ${source} failed: ${blank}`);
  };
}

/** Anything can be thrown, also what has no text: then there is nothing more to tell of it. */
function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? (error.stack ?? error.message) : error);
  } catch {
    return 'with something that has no text';
  }
}
