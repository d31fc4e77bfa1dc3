/**
 * Joins of one connection, side by side: a client that comes back joins all its channels in a row, and an
 * app or a log that is far away is then waited for once, and not for each of them.
 */
import type { Answer, Answers } from './answers.js';
import { isPromise } from './promises.js';
import type { RequestFrame } from './request-frames.js';
import { Window } from './window.js';

/** A frame in the queue of its connection; `answer`: of a join that was begun before its turn. */
export interface Queued {
  readonly frame: RequestFrame;
  /** When it came in, by a monotonic clock. */
  readonly at: number;
  answer?: Answer | Promise<Answer>;
}

type SubscribeFrame = Extract<RequestFrame, { readonly type: 'subscribe' }>;

export class Joins {
  readonly #answers: Answers;
  readonly #waiting: () => Iterable<Queued>;
  readonly #window = new Window();

  /** @param waiting the frames behind the one whose turn it is. */
  constructor(answers: Answers, waiting: () => Iterable<Queued>) {
    this.#answers = answers;
    this.#waiting = waiting;
  }

  /**
   * Answers the join whose turn it is, and begins with those behind it, up to the first frame of another
   * kind. A channel that comes again waits for its own turn: the failure of one join would end the other.
   */
  join(queued: Queued, frame: SubscribeFrame): void | Promise<void> {
    queued.answer ??= this.#answers.subscribe(frame);
    // Where the app and the log answer at once, there is nothing to gain.
    return isPromise(queued.answer) ? this.#await(queued.answer, frame) : queued.answer();
  }

  /** The connection is gone: nothing is begun any more. */
  end(): void {
    this.#window.close();
  }

  async #await(answer: Promise<Answer>, { channel }: SubscribeFrame): Promise<void> {
    this.#window.open(() => this.#joinAhead(channel));
    this.#joinAhead(channel);
    const say = await answer;
    this.#window.close();
    say();
  }

  #joinAhead(channel: string): void {
    const joining = new Set([channel]);
    for (const queued of this.#waiting()) {
      const { frame } = queued;
      const isFull = joining.size === this.#window.size;
      if (isFull || frame.type !== 'subscribe' || joining.has(frame.channel)) return;
      joining.add(frame.channel);
      queued.answer ??= this.#answers.subscribe(frame);
    }
  }
}
