/** Calls what may throw or return anything, and gives a promise: the `Promise.try` of ES2025. */
export function promiseTry<Result>(call: () => Result | Promise<Result>): Promise<Result> {
  return new Promise((resolve) => {
    resolve(call());
  });
}
