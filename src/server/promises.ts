/**
 * Answers that may be there at once. Those of the app and of the log mostly are, and thousands of
 * channels come back together: a promise for each step of each of them costs more than the step.
 */

/** Is it a promise, perhaps of another library or realm? */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** Goes on with a value when it is there: now, if it is. What `next` throws now, it throws here. */
export function chain<T, Result>(
  value: T | Promise<T>,
  next: (value: T) => Result | Promise<Result>,
): Result | Promise<Result> {
  return isPromise(value) ? Promise.resolve(value).then(next) : next(value);
}

/**
 * Takes what a function gave that had to answer at once. Where it is async by mistake, that is told of;
 * its rejection besides would end the process.
 */
export function ignoreRejection(value: unknown): void {
  if (isPromise(value)) value.then(undefined, () => undefined);
}
