import type { PageSignal } from '../core/vocabulary.js';

/** The page's life: network, visibility, freezing, the back/forward cache. */
export interface PageSignals {
  /**
   * Starts to report; at once `offline` and `hidden` when that is how the page is.
   * @returns a function that removes every listener.
   */
  listen(emit: (signal: PageSignal) => void): () => void;
}
