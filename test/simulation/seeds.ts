/** Seeds that have found something, each with what it was. They are run for ever. */
import type { Kind } from './numbering.js';

export const REGRESSIONS: readonly (readonly [kind: Kind, seed: number, found: string])[] = [
  ['contiguous', 17, 'a hole swallowed the messages between it and the next void range'],
  ['contiguous', 18, 'a channel joined anew before the store had answered was never stored again'],
  ['contiguous', 35, 'an epoch that came back was read from its oldest message again'],
  ['contiguous', 116, 'an answer of a foreign log made the reader deliver a whole epoch twice'],
  [
    'contiguous',
    184,
    'a commit of an earlier message freed the core from a handler that had failed',
  ],
  ['contiguous', 972, 'joins were repeated for ever on a connection that lost everything we sent'],
  [
    'contiguous',
    1303,
    'answers that claimed different things were counted together until a rewind was believed',
  ],
  [
    'contiguous',
    2595,
    'recovery was repeated for ever on a connection that lost everything we sent',
  ],
  [
    'contiguous',
    3380,
    'a replacement that was written twice took the position of another tab back',
  ],
  ['contiguous', 16284, 'giving up went by the facts of an old join, back into a dead epoch'],
  [
    'contiguous',
    19740,
    'a snapshot behind which nothing was lost made the store refuse later commits',
  ],
  ['contiguous', 22655, 'commits told as one hid the gap that a bar was waiting for'],
  ['contiguous', 567076, 'a question to the store that failed made a gap be told twice'],
  ['contiguous', 26738, 'answers that looked like a rewind were counted across one that did not'],
  ['contiguous', 11735451, 'begun and left in one tick: marks from before it misled the judge'],
  ['contiguous', 11790665, 'the same, before the log was trimmed'],
  ['contiguous', 12123118, 'the same, before another epoch'],
  [
    'contiguous',
    13079586,
    'a store that had answered was asked anew when another question to it failed',
  ],
  ['contiguous', 13871812, 'the same, and another tab had stored a position meanwhile'],
  ['contiguous', 14861553, 'the second answer of the store, newer than the first, was ignored'],
  [
    'contiguous',
    14218575,
    'a state that lagged for ever behind a hole was held for a client in unrest',
  ],
  ['contiguous', 18136234, 'who began anew at the numbers of before was held for idle since then'],
  [
    'contiguous',
    43017253,
    'a refused channel with a start of its own asked the store when it was joined again',
  ],
  ['bare', 9962, 'a log that held nothing and was filled was read from its beginning for ever'],
  ['bare', 10503, 'what came with the end of its channel was stored as nobody’s'],
  ['bare', 1003939, 'a log that named a head below ours, and more before it, was never believed'],
  ['bare', 1041795, 'a blind start, where a log that lags says it is, was held against the reader'],
  ['bare', 43143, 'a cached answer renamed what had come live since, and a rewind was told'],
  ['bare', 44702, 'an answer that the refusal of a join had made void counted for the judge'],
  ['bare', 23522, 'what was passed over at a start was held for handled by the judge'],
  [
    'bare',
    145538,
    'a log that held nothing made us forget our id, and a cached answer gave another',
  ],
  ['bare', 180624, 'the same, where the id was learnt from an answer'],
  [
    'bareMonotonic',
    95754,
    'a counter that began anew gave a number of ours to another message, unseen',
  ],
  ['monotonic', 4036783, 'the refusal of a join that a probe had followed was ignored'],
  ['monotonic', 5008597, 'the refusal of an older join made an answer void for the judge'],
  [
    'bareMonotonic',
    21007422,
    'what was taken out of the middle of a log passed for all that was before it',
  ],
  ['bareMonotonic', 6793, 'what one input delivers was unknown to the judge of its question'],
];

/** The same of the shell around the core. */
export const WHOLE_REGRESSIONS: readonly (readonly [kind: Kind, seed: number, found: string])[] = [
  ['contiguous', 263, 'handlers of a channel asked for anew from a listener were thrown away'],
  ['contiguous', 3622, 'a message checked for a channel that was left came to its next handlers'],
  ['contiguous', 1010987, 'a handler removed before its turn passed for one that had the item'],
  ['contiguous', 1039406, 'a loop that was ended at work was overtaken by the next handler'],
  ['contiguous', 1015552, 'what a run had finished was lost when one of its handlers joined anew'],
  ['contiguous', 35001473, 'a channel that came and went while it was refused was forgotten'],
  ['contiguous', 5057331, 'an item of before a channel was joined anew made room for one more'],
];
