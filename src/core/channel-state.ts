/** The phases of a channel, and what the app sees of them. */
import type { Consumer } from './consumer.js';
import type { Follower } from './follower.js';
import type { GapDetector } from './gap-detector.js';
import type { Join } from './join.js';
import type { Recovery } from './recovery.js';
import type { Resetting } from './resetting.js';
import type { Starting } from './starting.js';
import type { ChannelState, GapReason, StallReason } from './vocabulary.js';

/** What a discontinuity took from us, before it is known where we go on. */
export interface Loss {
  readonly epoch: string;
  readonly from: number;
  readonly reason: GapReason;
}

export type Phase =
  /** The store was asked for our position. */
  { readonly name: 'loading' } | Starting | Follower | Resetting | { readonly name: 'closed' };

/** Why a channel does not go on, and until when, where it goes on by itself. */
export interface Stall {
  readonly reason: StallReason;
  readonly until?: number;
}

/** Where reading stands. */
export interface Numbers {
  readonly epoch: string;
  /** Accepted in order, perhaps still queued. */
  readonly last: number;
  /** The greatest number heard of. */
  readonly head: number;
  /** Messages held out of order. */
  readonly held: number;
}

export type Failed = Extract<ChannelState, { name: 'failed' }>;

/** What the state is made of, besides the phase. */
export interface StateParts {
  readonly join: Join;
  readonly recovery: Recovery;
  readonly consumer: Consumer;
  /** The server has refused the channel. */
  readonly failed: Failed | undefined;
}

/** @returns `before` itself when nothing that the app sees has changed. */
export function channelState(
  phase: Phase,
  parts: StateParts,
  now: number,
  before: ChannelState,
): ChannelState {
  const state = derive(phase, parts, now);
  return sameState(state, before) ? before : state;
}

const LIVE: ChannelState = { name: 'live' };
const JOINING: ChannelState = { name: 'joining' };
const CLOSED: ChannelState = { name: 'closed' };

function derive(
  phase: Phase,
  { consumer, failed, join, recovery }: StateParts,
  now: number,
): ChannelState {
  if (phase.name === 'closed') return CLOSED;
  if (failed) return failed;
  const stall = consumer.stall ?? join.stall;
  if (stall !== undefined) return stalled(stall, now);
  if (phase.name === 'resetting') {
    return {
      name: 'recovering',
      since: phase.target.seq,
      head: phase.heard?.seq ?? phase.target.seq,
    };
  }
  if (!join.isIn) return JOINING;
  const { state } = recovery;
  if (state.name === 'backingOff') return stalled(state, now);
  if (phase.name !== 'following') return JOINING;
  switch (state.name) {
    case 'idle':
      return LIVE;
    case 'settling':
      // A short wait for reordered messages is no outage; one between questions is.
      return recovery.inDoubt ? recovering(phase.detector) : LIVE;
    default:
      return phase.detector.behind || phase.detector.doubt !== 'routine'
        ? recovering(phase.detector)
        : LIVE;
  }
}

function stalled({ reason, until }: Stall, now: number): ChannelState {
  const state = { name: 'stalled', reason } as const;
  return until === undefined ? state : { ...state, retryInMs: Math.max(0, until - now) };
}

function recovering({ last, want }: GapDetector): ChannelState {
  return { name: 'recovering', since: last, head: want };
}

/** What of a state is worth an event when it changes. */
type Seen = Pick<ChannelState, 'name'> & { readonly reason?: StallReason; readonly head?: number };

/** Times and numbers move all the while; only a change of kind, or of the head, is worth an event. */
function sameState(a: Seen, b: Seen): boolean {
  return a.name === b.name && a.reason === b.reason && a.head === b.head;
}
