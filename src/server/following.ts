/** Which channels the hub follows, in a log that hands on no others: those with a subscriber. */
import type { Audience } from './fanout.js';
import type { Log } from './log.js';
import type { Report } from './report.js';

export class Following implements Audience {
  readonly #log: Log;
  readonly #report: Report;
  readonly #followed = new Map<string, Promise<() => void>>();

  constructor(log: Log, report: Report) {
    this.#log = log;
    this.#report = report;
  }

  readonly came = (channel: string): void => {
    const follow = this.#log.follow?.bind(this.#log);
    if (follow === undefined) return;
    // What a log throws at once is a rejection like any other: who joins is told, and nobody else.
    const end = new Promise<() => void>((resolve) => resolve(follow(channel)));
    this.#followed.set(channel, end);
    // Whoever waits for it is told. It may be that nobody does any more.
    end.catch(() => undefined);
  };

  readonly left = (channel: string): void => {
    const followed = this.#followed.get(channel);
    this.#followed.delete(channel);
    const ended = followed?.then(
      (end) => end(),
      // It was refused: there is nothing to end.
      () => undefined,
    );
    // It may be async, which its type allows: its rejection would end the process.
    ended?.catch((error: unknown) => this.#report('log', error));
  };

  /**
   * Resolves when the feed has the channel; rejects when the log could not be reached. `undefined`: the
   * log hands on every channel.
   */
  ready(channel: string): Promise<unknown> | undefined {
    return this.#followed.get(channel);
  }
}
