/** A session for any settings. A client gets its tracker from its dialect, and so loads no other. */
import { gapDetector } from './gap-detector.js';
import { monotonic } from './monotonic.js';
import { Session } from './session.js';
import type { Settings } from './settings.js';

export function sessionFor(settings: Settings): Session {
  return new Session(settings, settings.numbering === 'monotonic' ? monotonic : gapDetector);
}
