/** A session for any settings. A client gets from its dialect what its numbers need, and loads no more. */
import { gapDetector } from './gap-detector.js';
import { monotonic } from './monotonic.js';
import { overlap } from './overlap.js';
import { Session } from './session.js';
import type { Settings } from './settings.js';

export function sessionFor(settings: Settings): Session {
  const track = settings.numbering === 'monotonic' ? monotonic : gapDetector;
  return new Session(settings, track, settings.epochs ? undefined : overlap);
}
