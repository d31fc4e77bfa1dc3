/** What was found out, scene by scene. Rules judge by it and ask the server nothing. */
import type { Facts } from '../../core/frames.js';
import type { Position } from '../../core/position.js';
import type { Copy } from './reading.js';
import type { Answer, Walk } from './recovery.js';

/** A message that was published, or was meant to be. */
export interface Sent {
  readonly marker: string;
  readonly lane: string;
  /** The number in the server's answer to the publisher. */
  readonly seq: number | undefined;
  /** Why it was not taken. */
  readonly failure: string | undefined;
}

/** What was taken, and is not in the log as it was read. */
export function lostFrom({ copies }: Walk, sent: readonly Sent[]): readonly Sent[] {
  const kept = new Set(copies.map(({ key }) => key));
  return sent.filter(({ failure, marker }) => failure === undefined && !kept.has(marker));
}

/** What one connection got while a scene was played. */
export interface Heard {
  readonly connection: string;
  readonly copies: readonly Copy[];
  /** The messages that were published while it was there. */
  readonly expected: readonly Sent[];
}

/** A scene that was not played, and why. */
export interface Skipped {
  readonly skipped: string;
}

/** What a connection was told that came while nothing was being published. */
export interface Arrival {
  readonly connection: string;
  readonly facts: Facts | undefined;
}

export interface LiveScene {
  readonly since: Position;
  readonly sent: readonly Sent[];
  /** Some of the connections came in the middle. */
  readonly heard: readonly Heard[];
  readonly walks: readonly Walk[];
}

/** Questions with known answers, asked while nothing was being published. */
export interface QuestionScene {
  /** Asked since the last number but one, and since the last. */
  readonly asked: readonly {
    readonly instance: string;
    readonly since: number;
    readonly answer: Answer;
    readonly copies: readonly Copy[];
  }[];
  readonly arrivals: readonly Arrival[];
  /** Heads that a connection was sent for its `ping`, and when it did not ask. */
  readonly heads: readonly {
    readonly connection: string;
    readonly head: number;
    readonly epoch: string;
    readonly asked: boolean;
  }[];
  /** The greatest number in the log before, and afterwards. */
  readonly last: number;
  readonly atMost: number;
  readonly whole: readonly Walk[];
  /** The same, two messages at a time. */
  readonly inPages: readonly Walk[];
}

export interface RequestScene {
  /** `since` as it was written, and what came back. */
  readonly odd: readonly { readonly since: string | undefined; readonly answer: Answer }[];
  readonly plain: Answer;
  readonly ahead: Answer;
  readonly otherEpoch: Answer;
  readonly preflight:
    | { readonly status: number; readonly allowOrigin?: string; readonly allowHeaders?: string }
    | undefined;
}

export interface AccessScene {
  readonly recoveries: RecoveryAccess | Skipped;
  readonly joins: readonly JoinAttempt[] | Skipped;
}

export interface RecoveryAccess {
  readonly without: Answer;
  readonly wrong: Answer;
  /** What a stranger was answered, and how many messages of this run it held. */
  readonly stranger: { readonly answer: Answer; readonly leaked: number } | undefined;
}

/** A connection that may not join, and what it was told. */
export interface JoinAttempt {
  /** `without a token`. */
  readonly who: string;
  /** `unclear`: by no answer, or by that of a server in trouble. */
  readonly outcome: 'joined' | 'refused' | 'unclear';
  readonly told: string;
}

export interface OfflineScene {
  readonly since: Position;
  readonly sent: readonly Sent[];
  readonly walks: readonly Walk[];
}

export interface ConcurrentScene {
  readonly since: Position;
  readonly sent: readonly Sent[];
  readonly heard: readonly Heard[];
  readonly walks: readonly Walk[];
  /** What a reader was told who asked again and again in the meantime. */
  readonly glances: readonly Glance[];
}

/** One page of such a reader: it covers the numbers in `(since, upto]`. */
export interface Glance {
  readonly instance: string;
  readonly since: number;
  readonly upto: number;
  readonly numbers: readonly number[];
}

export interface OverflowScene {
  readonly since: Position;
  readonly sent: readonly Sent[];
  readonly walks: readonly Walk[];
}

export interface RestartScene {
  readonly before: Position;
  /** Is the server there again, still away, or was it not restarted at all? */
  readonly outcome: 'back' | 'away' | { readonly failed: string };
  readonly sent: readonly Sent[];
  readonly heard: readonly Heard[];
  /** Everything after the old position, asked with the old epoch, when the new messages were there. */
  readonly after: readonly Walk[];
  /** The whole log in the epoch that it had before. */
  readonly whole: readonly Walk[];
}

export interface Findings {
  /** Connections that were asked for and did not come to join, in words. */
  readonly refused: readonly string[];
  readonly joined: readonly string[];
  /** Why the log cannot be read at all. */
  readonly unreadable: string | undefined;
  readonly live: LiveScene | Skipped;
  readonly questions: QuestionScene | Skipped;
  readonly requests: RequestScene | Skipped;
  readonly access: AccessScene | Skipped;
  readonly offline: OfflineScene | Skipped;
  readonly concurrent: ConcurrentScene | Skipped;
  readonly overflow: OverflowScene | Skipped;
  readonly restart: RestartScene | Skipped;
  /** Frames that are no messages and carry a number like one, over the whole run. */
  readonly numbered: readonly string[];
  /** How many frames that are no messages were looked at. */
  readonly others: number;
  /** Names of other channels under which messages of the run came. */
  readonly strays: readonly string[];
}
