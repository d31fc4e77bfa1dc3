/**
 * Joins of one connection, side by side: a client that comes back joins all its channels in a row, and an
 * app or a log that is far away is then waited for once, and not for each of them.
 */
import type { Answer, Answers } from './answers.js';
import { chain, isPromise } from './promises.js';
import type { RequestFrame } from './request-frames.js';

/** A frame in the queue of its connection; `answer`: of a join that was begun before its turn. */
export interface Queued {
  readonly frame: RequestFrame;
  answer?: Answer | Promise<Answer>;
}

type SubscribeFrame = Extract<RequestFrame, { readonly type: 'subscribe' }>;

/** Joins that are under way at the same time. */
export const MAX_JOINING = 32;

/**
 * Answers the join whose turn it is, and begins with those behind it, up to the first frame of another kind.
 * A channel that comes again waits for its own turn: the failure of one join would end the other.
 */
export function join(
  queued: Queued,
  frame: SubscribeFrame,
  waiting: Iterable<Queued>,
  answers: Answers,
): void | Promise<void> {
  queued.answer ??= answers.subscribe(frame);
  // Where the app and the log answer at once, there is nothing to gain.
  if (isPromise(queued.answer)) joinAhead(frame.channel, waiting, answers);
  return chain(queued.answer, (say) => say());
}

function joinAhead(channel: string, waiting: Iterable<Queued>, answers: Answers): void {
  const joining = new Set([channel]);
  for (const queued of waiting) {
    const { frame } = queued;
    const isFull = joining.size === MAX_JOINING;
    if (isFull || frame.type !== 'subscribe' || joining.has(frame.channel)) return;
    joining.add(frame.channel);
    queued.answer ??= answers.subscribe(frame);
  }
}
