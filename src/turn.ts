/**
 * One turn of the event loop and the time that deliveries may take of it, shared by all channels: a
 * long backlog is handed over in slices, so that no task of ours keeps the page from painting.
 */
import type { Clock } from './ports/clock.js';

/** A frame at 60 Hz is 16 ms; half of it is left to the page. A task above 50 ms counts as long. */
const SLICE_MS = 8;

/** Something that goes on where it stopped. */
export interface Resumable {
  resume(): void;
}

export class Turn {
  /** By the clock on the wall, at the first question in this task. */
  #beganAt: number | undefined;
  readonly #waiting = new Set<Resumable>();
  #scheduled = false;

  constructor(private readonly clock: Clock) {}

  /** A new task begins. Called at every entry from outside; continuations of promises are no new task. */
  begin(): void {
    this.#beganAt = undefined;
  }

  /** Asked before every item of a backlog: `performance.now` would be a seventh of what an item costs. */
  isOver(): boolean {
    const now = this.clock.wall();
    this.#beganAt ??= now;
    // A clock that somebody set back ends the turn, which costs nothing.
    return now >= this.#beganAt + SLICE_MS || now < this.#beganAt;
  }

  /** Resumes in a later task. */
  later(work: Resumable): void {
    this.#waiting.add(work);
    this.#schedule();
  }

  cancel(work: Resumable): void {
    this.#waiting.delete(work);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.clock.soon(() => {
      this.#scheduled = false;
      this.begin();
      for (const work of [...this.#waiting]) {
        if (this.isOver()) break;
        this.#waiting.delete(work);
        work.resume();
      }
      if (this.#waiting.size > 0) this.#schedule();
    });
  }
}
