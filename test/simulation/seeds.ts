/** Seeds that have found something, each with what it was. They are run for ever. */
import type { Kind } from './numbering.js';

/** Of worlds whose servers number in other ways. */
export const KIND_REGRESSIONS: readonly (readonly [kind: Kind, seed: number, found: string])[] = [
  ['bare', 9962, 'a log that held nothing and was filled was read from its beginning for ever'],
  ['bare', 10503, 'what came with the end of its channel was stored as nobody’s'],
  ['bare', 1003939, 'a log that named a head below ours, and more before it, was never believed'],
  ['bare', 1041795, 'a blind start, where a log that lags says it is, was held against the reader'],
  ['bareMonotonic', 6793, 'what one input delivers was unknown to the judge of its question'],
];

export const REGRESSIONS: readonly (readonly [seed: number, found: string])[] = [
  [17, 'a hole swallowed the messages between it and the next void range'],
  [18, 'a channel joined anew before the store had answered was never stored again'],
  [35, 'an epoch that came back was read from its oldest message again'],
  [116, 'an answer of a foreign log made the reader deliver a whole epoch twice'],
  [184, 'a commit of an earlier message freed the core from a handler that had failed'],
  [972, 'joins were repeated for ever on a connection that lost everything we sent'],
  [1303, 'answers that claimed different things were counted together until a rewind was believed'],
  [2595, 'recovery was repeated for ever on a connection that lost everything we sent'],
  [3380, 'a replacement that was written twice took the position of another tab back'],
  [16284, 'giving up went by the facts of an old join, back into a dead epoch'],
  [19740, 'a snapshot behind which nothing was lost made the store refuse later commits'],
  [22655, 'commits told as one hid the gap that a bar was waiting for'],
  [567076, 'a question to the store that failed made a gap be told twice'],
  [26738, 'answers that looked like a rewind were counted across one that did not'],
  [11735451, 'begun and left in one tick: marks from before it misled the judge'],
  [11790665, 'the same, before the log was trimmed'],
  [12123118, 'the same, before another epoch'],
  [13079586, 'a store that had answered was asked anew when another question to it failed'],
  [13871812, 'the same, and another tab had stored a position meanwhile'],
];
