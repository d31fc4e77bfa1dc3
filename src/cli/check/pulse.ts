/** Waiting for things to happen rather than for time to pass. */

export class Pulse {
  readonly #waiting = new Set<() => void>();

  /** Something came in: everybody who waits looks again. */
  beat(): void {
    for (const look of [...this.#waiting]) look();
  }

  /**
   * Waits until `holds`, and gives up when nothing at all has come in for `idleMs`: a slow server is
   * waited for as long as it works, a silent one is not.
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
      const look = (): void => {
        if (holds()) end(true);
        else timer.refresh();
      };
      const timer = setTimeout(() => end(holds()), idleMs);
      this.#waiting.add(look);
    });
  }
}
