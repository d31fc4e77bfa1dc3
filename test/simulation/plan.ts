/**
 * What a seed stands for: the shape of the world, the client's settings and which faults strike how
 * hard. Swarm style: every seed leaves most faults out, because faults hide each other.
 */
import type { Settings } from '../../src/core/settings.js';
import { DEFAULT_SETTINGS } from '../../src/core/settings.js';
import { Dice } from './dice.js';
import { makeNumbering, type Kind, type NumberingPlan } from './numbering.js';

/** Every class of fault, each of which can be switched off to shrink a schedule. */
export const FAULTS = [
  // the fan-out, frame by frame
  'drop',
  'duplicate',
  'skew',
  'latency',
  'badFrame',
  'headsLost',
  'headsLag',
  'lateAttach',
  'lateReply',
  'ephemeral',
  // connections
  'cut',
  'halfOpen',
  'refusedDial',
  'hangingDial',
  'flap',
  'lateFrames',
  'goaway',
  'fatalClose',
  'joinRefused',
  'unsubscribed',
  'ended',
  'freshFacts',
  // the log
  'restart',
  'restartLost',
  'flush',
  'rollback',
  'rewind',
  'age',
  'hole',
  'void',
  'compact',
  // recovery
  'recoverySlow',
  'recoveryLost',
  'recoveryError',
  'recoveryRate',
  'recoveryLag',
  'recoveryCached',
  'recoveryShort',
  'recoveryGarbage',
  'recoveryForeign',
  'recoveryMissing',
  'forbidden',
  // tokens
  'tokenExpiry',
  'tokenSlow',
  'tokenFail',
  'tokenStale',
  // the page
  'freeze',
  'lateTick',
  'hide',
  'offline',
  'pagehide',
  'reload',
  'crash',
  // storage
  'storeSlow',
  'storeFail',
  'storeHang',
  'storeEmptied',
  'storeRolledBack',
  // the app
  'handlerSlow',
  'handlerThrow',
  'snapshotSlow',
  'snapshotFail',
  'rejoin',
  'close',
  'deaf',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface ChannelPlan {
  readonly name: string;
  readonly start: 'stored' | 'latest' | 'earliest' | 'last' | 'own';
  readonly snapshot: boolean;
  /** Does the state behind the snapshot lag, and say so? */
  readonly snapshotLags: boolean;
  readonly onHandlerError: 'skip' | 'retry';
  readonly maxAttempts: number;
  readonly manual: boolean;
  /** Entries that the log keeps. */
  readonly limit: number;
  readonly publishes: number;
}

export interface Plan {
  readonly seed: number;
  /** How hard each fault strikes, in (0, 1]; 0 when it is off. */
  readonly level: Readonly<Record<Fault, number>>;
  readonly settings: Settings;
  readonly numbers: NumberingPlan;
  readonly channels: readonly ChannelPlan[];
  readonly tabs: number;
  readonly instances: number;
  readonly caps: readonly string[];
  /** Announced for the case that the server is lost. */
  readonly retrySpreadMs: number | undefined;
  readonly serverPage: number;
  readonly serverBatch: number | undefined;
  /** Messages carry no epoch: such a server closes its connections when the epoch changes. */
  readonly omitEpoch: boolean;
  /** Frames go through JSON and the codec, as bytes would. */
  readonly wire: boolean;
  /** Messages of the same moment travel in one array. */
  readonly arrays: boolean;
}

/** Everything before this is under faults; after it the world is well. */
export const HEALED_MS = 4_000;
/** By then everything that the log holds must have been delivered. */
export const DELIVERED_MS = 16_000;
/** From there to the end the client must be quiet. */
export const END_MS = 19_000;

export function makePlan(
  seed: number,
  kind: Kind = 'contiguous',
  off: ReadonlySet<Fault> = new Set(),
  publishShare = 1,
): Plan {
  const dice = new Dice(seed).fork('plan');
  const share = dice.pick([0.06, 0.15, 0.3, 0.5]);
  const level = {} as Record<Fault, number>;
  for (const fault of FAULTS) {
    // A stream for each: a class added later leaves the others of a seed as they are.
    const own = dice.fork(fault);
    const on = own.chance(share);
    level[fault] = on && !off.has(fault) ? 0.1 + 0.9 * own.next() : 0;
  }
  const hasToken = dice.chance(0.5);
  const tabs = dice.chance(0.12) ? 2 : 1;
  const carrier = dice.chance(0.5) ? 'socket' : 'fetch';
  // A stream of its own: the kind of a world leaves the rest of a seed as it is.
  const numbers = makeNumbering(kind, dice.fork('numbers'));
  const { epochs, numbering, pollMs } = numbers;
  const settings = { ...makeSettings(dice, hasToken, carrier), epochs, numbering, pollMs };
  const caps = ['ping', 'auth', 'arrays', 'publish'].filter(() => dice.chance(0.6));
  if (carrier === 'socket') caps.push('recover');
  const channels: ChannelPlan[] = [];
  const count = dice.pick([1, 1, 1, 2, 3]);
  for (let i = 0; i < count; i += 1) channels.push(makeChannel(dice, i, publishShare));
  return {
    seed,
    level,
    settings,
    numbers,
    channels,
    tabs,
    caps,
    // By the seed, so that no draw is shifted: old seeds keep the worlds that once found something.
    retrySpreadMs: seed % 3 === 0 ? 1_500 : undefined,
    instances: dice.pick([1, 2]),
    serverPage: dice.pick([1, 2, 5, 50]),
    serverBatch: dice.pick([undefined, 1, 2]),
    omitEpoch: dice.chance(0.15) && kind === 'contiguous',
    wire: dice.chance(0.06) && (kind === 'contiguous' || kind === 'sparse'),
    arrays: dice.chance(0.5),
  };
}

function makeChannel(dice: Dice, i: number, publishShare: number): ChannelPlan {
  const start = dice.pick([
    'stored',
    'stored',
    'stored',
    'latest',
    'earliest',
    'last',
    'own',
  ] as const);
  return {
    name: 'abc'[i] as string,
    start,
    snapshot: dice.chance(0.3) && start !== 'own',
    snapshotLags: dice.chance(0.3),
    onHandlerError: dice.pick(['skip', 'retry'] as const),
    maxAttempts: dice.pick([1, 2, 5]),
    manual: dice.chance(0.2),
    limit: dice.pick([3, 6, 15, 40, 1_000]),
    publishes: Math.round(dice.pick([3, 10, 20, 40]) * publishShare),
  };
}

/** Small numbers: the rarest defects need buffers of three and windows of nothing. */
function makeSettings(dice: Dice, hasToken: boolean, carrier: 'socket' | 'fetch'): Settings {
  return {
    ...DEFAULT_SETTINGS,
    seed: dice.between(0, 0x7fffffff),
    hasToken,
    carrier,
    persistent: dice.chance(0.8),
    verbose: dice.chance(0.1),
    backoffBaseMs: dice.pick([50, 100, 200]),
    backoffCapMs: 1_000,
    minUptimeMs: 300,
    connectTimeoutMs: dice.pick([400, 800]),
    tokenTimeoutMs: 300,
    heartbeatMs: 1_000,
    probeTimeoutMs: 350,
    joinTimeoutMs: dice.pick([400, 800]),
    recoverTimeoutMs: dice.pick([350, 800]),
    reorderWindowMs: dice.pick([0, 20, 50, 110]),
    maxHeld: dice.pick([0, 1, 3, 16, 1_000]),
    maxQueued: dice.pick([2, 3, 5, 10, 2_000]),
    pageLimit: dice.pick([1, 2, 5, 50]),
    maxCalls: dice.pick([1, 2, 4]),
    flushMs: dice.pick([20, 100, 250]),
    storageTimeoutMs: 150,
    leaveDelayMs: dice.pick([100, 1_000]),
    handlerTimeoutMs: dice.pick([false, 250, 60_000]),
    giveUpAfterMs: dice.pick([false, false, false, false, false, 400]),
  };
}
