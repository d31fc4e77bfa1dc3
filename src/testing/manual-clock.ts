/** A clock that goes only when told to. */
import type { Clock } from '../ports/clock.js';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now = 0;
  #timers: Timer[] = [];
  #soon: (() => void)[] = [];
  #seeds = 0;

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(inMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, inMs), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** 1, 2, 3 …: the same in every run, and two clients of one test have neither keys nor owners in common. */
  seed(): number {
    return (this.#seeds += 1);
  }

  /** Timers and tasks that have not run: none may be left after `client.close()`. */
  get pending(): number {
    return this.#timers.length + this.#soon.length;
  }

  /** Lets `ms` pass; timers run in order, each at its own time, with promises settled in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await this.settle();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** The machine sleeps for `ms`: time passes and no timer runs. They run late, with the next `advance`. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  /** Runs what waits for a later task, and lets promises settle. */
  async settle(): Promise<void> {
    do {
      for (const callback of this.#soon.splice(0)) callback();
      await task();
    } while (this.#soon.length > 0);
  }

  #next(until: number): Timer | undefined {
    return this.#timers
      .filter(({ at }) => at <= until)
      .reduce<Timer | undefined>((least, t) => (least && least.at <= t.at ? least : t), undefined);
  }
}

/** A task of its own: every promise that can settle has settled by then. Fake timers leave it alone. */
function task(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = (): void => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
