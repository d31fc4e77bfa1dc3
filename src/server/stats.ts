/** Counters for metrics. All of them count from the start of the hub, unless they are called gauges. */

/** Answers of the recovery, by what the numbers said. */
export interface RecoveryOutcomes {
  /** The position was in reach: `oldest - 1 <= since <= head` in the same epoch. */
  ok: number;
  /** The position was older than what the log holds. */
  truncated: number;
  /** The position was of another epoch. */
  epoch: number;
  /** The position was ahead of the log. */
  rewind: number;
}

export interface HubStats {
  /** Gauge: connections open now. */
  readonly connections: number;
  /** Gauge: channels that somebody is subscribed to. */
  readonly channels: number;
  /** Gauge: subscriptions of all connections. */
  readonly subscriptions: number;
  /** Connections accepted. */
  readonly accepted: number;
  /** Messages that clients published and the log took. */
  readonly messagesIn: number;
  /** Messages handed to connections, once for each. */
  readonly messagesOut: number;
  /** Frames received, and frames sent. */
  readonly framesIn: number;
  readonly framesOut: number;
  /** Bytes of JSON received and sent over sockets, without the envelopes of WebSocket. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** WebSocket messages sent; `framesOut` divided by it says how well frames are batched. */
  readonly batchesOut: number;
  /** Answers of the recovery, by outcome, over HTTP and sockets together. */
  readonly recoveries: Readonly<RecoveryOutcomes>;
  /** Answers of the recovery that carried messages. */
  readonly pages: number;
  /** Connections closed with 4408 because their client read too slowly. */
  readonly slowConsumers: number;
  /** Connections closed with 4429 because too many of their frames were waiting. */
  readonly floods: number;
  /** Connections ended because nothing came back for too long. */
  readonly deadPeers: number;
  /** Requests that `authorize` refused. */
  readonly authRefusals: number;
  /** Upgrades and recoveries refused because of their origin. */
  readonly originRefusals: number;
  /** Frames that broke a rule, and WebSocket messages that held no frames. */
  readonly badFrames: number;
  /** Failures of the log, of `authorize` and of other functions of the app. */
  readonly errors: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The counters while they are being counted; the gauges are measured when somebody asks. */
export type Counters = Writable<
  Omit<HubStats, 'connections' | 'channels' | 'subscriptions' | 'recoveries'>
> & { readonly recoveries: RecoveryOutcomes };

export function newCounters(): Counters {
  return {
    accepted: 0,
    messagesIn: 0,
    messagesOut: 0,
    framesIn: 0,
    framesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    batchesOut: 0,
    recoveries: { ok: 0, truncated: 0, epoch: 0, rewind: 0 },
    pages: 0,
    slowConsumers: 0,
    floods: 0,
    deadPeers: 0,
    authRefusals: 0,
    originRefusals: 0,
    badFrames: 0,
    errors: 0,
  };
}
