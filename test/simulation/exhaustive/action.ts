/** What can happen in the small world. */

/** In the order of a world that is well: whatever is ready happens, then waits end, then the server beats. */
export const FAIR = [
  /** The store does what it was asked for first, and says so. */
  'store',
  /** A handler finishes. */
  'handle',
  /** The page is loaded. */
  'load',
  /** The server accepts the connection. */
  'accept',
  /** The server answers the first frame on its way up. */
  'serve',
  /** The server reads the log for a call beside the socket. */
  'read',
  /** The answer of such a call arrives. */
  'answer',
  /** The first answer or heartbeat on the socket arrives. */
  'reply',
  /** The first live frame arrives. */
  'live',
  /** Waits end: the one before a question to the log, before the next dial, before a write. */
  'settle',
  'retry',
  'flush',
  /** The server sends a heartbeat with heads. */
  'beat',
  /** The next time limit passes. */
  'limit',
] as const;

/** What need not happen. */
const CHANCE = [
  'publish',
  /** The first live frame is lost. */
  'lose',
  /** The connection ends, and the client hears of it. */
  'cut',
  /** Nothing passes over the connection any more, and nobody knows. */
  'hush',
  /** The page dies. */
  'crash',
  /** The log is replaced by an empty one of another epoch. */
  'replace',
] as const;

export const ACTIONS = [...FAIR, ...CHANCE] as const;

export type Action = (typeof ACTIONS)[number];

/** What handlers and the store do with what is delivered: nothing comes back from it to the reading. */
export const KEEPING: readonly Action[] = ['store', 'handle', 'flush'];
