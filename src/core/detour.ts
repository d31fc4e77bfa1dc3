/**
 * What is named as lost, and where reading goes on behind it: one pure function for each way to lose
 * the thread.
 */
import type { Loss } from './channel-state.js';
import type { Follower } from './follower.js';
import type { Facts } from './frames.js';
import type { GapDetector } from './gap-detector.js';
import type { Position, StoredPosition } from './position.js';
import type { Gap } from './vocabulary.js';

export interface Detour {
  readonly loss: Loss & Pick<Gap, 'to' | 'healed'>;
  readonly after: Position;
  /** The detector to go on with. Without one the held messages are dropped: they may be of a dead branch. */
  readonly keep?: GapDetector;
}

/** Is nothing lost? */
export function isEmpty({ loss }: Detour): boolean {
  return loss.to !== undefined && loss.to < loss.from;
}

/** The store answered after reading had begun at `base` without it, and messages were delivered. */
export function passedOver(stored: StoredPosition, base: Position, following: Follower): Detour {
  const { detector, epoch } = following;
  const from = stored.seq + 1;
  const loss =
    stored.epoch === base.epoch
      ? ({ epoch: stored.epoch, from, to: base.seq, reason: 'unreachable' } as const)
      : ({ epoch: stored.epoch, from, reason: 'epoch' } as const);
  return { loss, after: { epoch, seq: detector.last }, keep: detector };
}

/**
 * The app prefers fresh to complete: go on from what is held, or from what the log last said.
 * @param facts undefined when it has not said anything yet.
 */
export function unreachable(facts: Facts | undefined, { detector, epoch }: Follower): Detour {
  const loss = { epoch, from: detector.last + 1, reason: 'unreachable' } as const;
  const { epoch: now = epoch, head = 0 } = facts ?? {};
  if (now !== epoch) return { loss, after: { epoch: now, seq: head } };
  const { firstHeld, want } = detector;
  const to = firstHeld === undefined ? Math.max(head, want) : firstHeld - 1;
  return { loss: { ...loss, to }, after: { epoch, seq: to }, keep: detector };
}

/** A snapshot has loaded a state at `position`. */
export function behindSnapshot(lost: Loss, { epoch, seq }: Position): Detour {
  if (lost.epoch !== epoch || lost.reason === 'rewind') {
    return { loss: { ...lost, healed: 'snapshot' }, after: { epoch, seq } };
  }
  // A state older than what was delivered must not bring anything twice.
  const to = Math.max(seq, lost.from - 1);
  return { loss: { ...lost, to, healed: 'snapshot' }, after: { epoch, seq: to } };
}

/**
 * The log says that it cannot continue from our position.
 * @param to the last number lost, if known.
 * @param had the last number had of the new epoch, if it was read before.
 * @param detector the one that we had.
 */
export function discontinued(
  lost: Loss,
  { epoch, oldest }: Facts,
  to: number | undefined,
  had: number | undefined,
  detector: GapDetector,
): Detour {
  if (to === undefined) return { loss: lost, after: { epoch, seq: had ?? oldest - 1 } };
  const detour = { loss: { ...lost, to }, after: { epoch, seq: to } };
  // Where numbers only rise it knows what was delivered above the loss.
  return detector.isOrdered ? detour : { ...detour, keep: detector };
}
