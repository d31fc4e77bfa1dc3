/** Waiting for things to happen rather than for time to pass. */

export class Pulse {
  readonly #waiting = new Set<(isWork: boolean) => void>();

  /**
   * Something came in: everybody who waits looks again.
   * @param isWork false for what comes whether or not the server does anything for us.
   */
  beat(isWork: boolean): void {
    for (const look of [...this.#waiting]) look(isWork);
  }

  /**
   * Waits until `holds`, and gives up when no sign of work has come in for `idleMs`: a slow server is
   * waited for as long as it works, a silent one is not, nor one that only keeps the connection alive.
   *
   * @returns whether it holds.
   */
  until(holds: () => boolean, idleMs: number): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (result: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(result);
      };
      const look = (isWork: boolean): void => {
        if (holds()) end(true);
        else if (isWork) timer.refresh();
      };
      const timer = setTimeout(() => end(holds()), idleMs);
      this.#waiting.add(look);
    });
  }
}
