/** Positions in memory: for pages without storage, for Node, and for tests. */
import { mergePosition, type StoredPosition } from '../core/position.js';
import type { PositionStore } from '../ports/position-store.js';

/**
 * Makes a position store that forgets everything when the page goes.
 *
 * @param kept where the positions lie. Two stores over one map behave as two tabs of one origin do.
 */
export function memoryPositionStore(
  kept: Map<string, StoredPosition> = new Map<string, StoredPosition>(),
): PositionStore {
  return {
    load: (channel) => Promise.resolve(kept.get(channel)),
    save(writes) {
      const refused = new Set<string>();
      for (const write of writes) {
        const merged = mergePosition(kept.get(write.channel), write);
        kept.set(write.channel, merged.kept);
        if (!merged.accepted) refused.add(write.channel);
      }
      return Promise.resolve([...refused]);
    },
    forget() {
      kept.clear();
      return Promise.resolve();
    },
    release() {
      // There is nothing to let go of.
    },
  };
}
