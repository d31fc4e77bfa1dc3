import type { RecoverRequest } from '../core/frames.js';

/** Fetch-since: one question to the log of one channel. */
export interface History {
  /**
   * Never rejects. `body` is whatever came with status 200, unchecked: the codec judges it.
   * `retryInMs` is the server's Retry-After. Status 0: no answer (network, abort, not JSON).
   */
  fetch(question: HistoryQuestion): Promise<HistoryAnswer>;
}

export interface HistoryQuestion extends RecoverRequest {
  /** The most messages wanted in the answer. */
  readonly limit: number;
  /** Query parameters in place of channel, epoch, limit and since. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}

export type HistoryAnswer =
  | { readonly status: 200; readonly body: unknown }
  | { readonly status: number; readonly retryInMs?: number | undefined; readonly detail?: string };
