/** Recovery calls that the driver has begun: whatever one ends in, comes back as one input. */
import { pageAnswer } from './core/codec.js';
import type { RecoverRequest, RecoveryAnswer } from './core/frames.js';
import type { Effect, Input } from './core/vocabulary.js';
import type { Dialect } from './dialects/dialect.js';
import { wordsOf } from './errors.js';
import type { History, HistoryAnswer } from './ports/history.js';
import { promiseTry } from './promise-try.js';

export class Fetches {
  readonly #running = new Map<number, AbortController>();

  constructor(
    private readonly history: History,
    private readonly dialect: Dialect,
    private readonly enter: (input: Input) => void,
  ) {}

  /** @param token the one in hand. */
  begin(
    { id, limit, request, tokenVersion }: Extract<Effect, { type: 'fetch' }>,
    token: string | undefined,
  ): void {
    const controller = new AbortController();
    this.#running.set(id, controller);
    const { signal } = controller;
    const { channel } = request;
    void promiseTry(() => {
      const query = this.dialect.query?.(request, limit);
      return this.history.fetch({ ...request, limit, query, token, signal });
    })
      .then((answer) => this.#judge(answer, request))
      // A history of the app's own that rejects, or a dialect that throws: somebody has to mend it.
      .catch((error: unknown) => pageAnswer({ type: 'bad', reason: wordsOf(error) }, channel))
      .then((answer) => {
        this.#running.delete(id);
        this.enter({ type: 'recovered', id, tokenVersion, answer });
      });
  }

  abort(id: number): void {
    this.#running.get(id)?.abort();
    this.#running.delete(id);
  }

  #judge(answer: HistoryAnswer, request: RecoverRequest): RecoveryAnswer {
    const { channel } = request;
    if ('body' in answer) {
      return pageAnswer(this.dialect.decodePage(answer.body, request), channel);
    }
    const { detail, retryInMs, status } = answer;
    if (status === 0) return { status: 0, channel, reason: detail ?? 'no answer' };
    return { status, channel, retryInMs };
  }
}
