/** A function of the config file may take as long as a command, which may have much to load first. */
export const COMMAND_MS = 120_000;

/** Calls a function of the config file. Rejects when it has not settled in time: the run must end. */
export async function inTime<Result>(
  call: () => Result | Promise<Result>,
  timeoutMs: number = COMMAND_MS,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([call(), late]);
  } finally {
    clearTimeout(timer);
  }
}
