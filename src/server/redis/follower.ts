/**
 * One channel of the feed: hands on every message once, in the order of the numbers.
 *
 * Announcements only raise suspicion; the log settles it. A message that is not the next one is not
 * kept: the log has it, with all that is missing before it, and is read until it is reached. So there is
 * nothing to sort, and memory does not grow with what was missed.
 */
import type { Facts } from '../../core/frames.js';
import type { Position } from '../../core/position.js';
import type { LogMessage, LogPage } from '../log.js';

export interface FollowerParts {
  readonly facts: () => Promise<Facts>;
  readonly read: (after: Position) => Promise<LogPage>;
  readonly handOn: (message: LogMessage) => void;
  /** Told that the log had to be read, and how many messages it gave. */
  readonly caughtUp: (count: number) => void;
  readonly failed: (error: unknown) => void;
}

type Joining = { readonly name: 'joining'; heard: Position | undefined };
type Reading = {
  readonly name: 'reading';
  at: Position;
  /** The last that was heard of meanwhile. */
  heard: Position | undefined;
  /** The page that is being read; settled when it was handed on. */
  page: Promise<unknown>;
};
type State =
  /** Where the channel stands is being asked. `heard`: the last that was announced meanwhile. */
  | Joining
  /** Everything up to `at` was handed on. */
  | { readonly name: 'level'; at: Position }
  /** The log is being read. */
  | Reading
  /** The log could not be read, and will be again. */
  | { readonly name: 'waiting'; at: Position; readonly timer: NodeJS.Timeout }
  | { readonly name: 'ended' };

/** A position that nothing covers: no epoch has this name. */
const SOMEWHERE: Position = { epoch: '', seq: 0 };

/** How soon the log is read again after a failure. */
const RETRY_MS = 500;

export class Follower {
  readonly #parts: FollowerParts;
  #state: State = { name: 'joining', heard: undefined };

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  /**
   * Asks where the channel stands. Call it once, when announcements are coming in: every message that is
   * appended after it has resolved will be handed on. Rejects when the log does.
   */
  async join(): Promise<void> {
    const { epoch, head } = await this.#parts.facts();
    const state = this.#state;
    if (state.name !== 'joining') return;
    this.#state = { name: 'level', at: { epoch, seq: head } };
    if (state.heard !== undefined) void this.suspect(state.heard);
  }

  /** A message was announced. */
  hear(message: LogMessage): void {
    const state = this.#state;
    const isAtEase = state.name === 'level' || state.name === 'waiting';
    if (!isAtEase || !isNext(state.at, message)) {
      void this.suspect(message);
      return;
    }
    state.at = { epoch: message.epoch, seq: message.seq };
    this.#parts.handOn(message);
  }

  /**
   * The channel has come to `heard`, or somewhere unknown. What is missing up to there is read and handed
   * on before the promise resolves. Never rejects: a failure is told, and the log is read again.
   */
  suspect(heard: Position = SOMEWHERE): Promise<void> {
    const state = this.#state;
    switch (state.name) {
      case 'joining':
        state.heard = later(state.heard, heard);
        return Promise.resolve();
      case 'reading':
        state.heard = later(state.heard, heard);
        return this.#reached(state, heard);
      case 'level':
      case 'waiting':
        return covers(state.at, heard) ? Promise.resolve() : this.#catchUp(state.at, heard);
      case 'ended':
        return Promise.resolve();
    }
  }

  end(): void {
    this.#stopTimer();
    this.#state = { name: 'ended' };
  }

  #catchUp(at: Position, to: Position): Promise<void> {
    this.#stopTimer();
    const state: Reading = { name: 'reading', at, heard: undefined, page: Promise.resolve() };
    this.#state = state;
    void this.#read(state);
    return this.#reached(state, to);
  }

  /** Not the end of the reading: in a busy channel more is heard of during every page. */
  async #reached(state: Reading, to: Position): Promise<void> {
    while (this.#state === state && !covers(state.at, to)) {
      await state.page.catch(() => undefined);
    }
  }

  async #read(state: Reading): Promise<void> {
    let count = 0;
    try {
      let isComplete = false;
      while (!isComplete) {
        state.heard = undefined;
        const taken = this.#parts.read(state.at).then((page) => {
          // It was ended meanwhile.
          if (this.#state !== state) return true;
          count += page.messages.length;
          return this.#take(state, page);
        });
        state.page = taken;
        isComplete = await taken;
      }
      if (this.#state !== state) return;
      this.#state = { name: 'level', at: state.at };
      this.#parts.caughtUp(count);
    } catch (error) {
      if (this.#state !== state) return;
      const timer = setTimeout(() => void this.suspect(), RETRY_MS).unref();
      this.#state = { name: 'waiting', at: state.at, timer };
      this.#parts.failed(error);
    }
  }

  /** Hands on a page. @returns true when nothing is left to be read. */
  #take(state: Reading, { epoch, head, messages, more }: LogPage): boolean {
    if (epoch !== state.at.epoch) {
      // The first page of another epoch has only its facts.
      state.at = { epoch, seq: 0 };
      return head === 0 && isCovered(state);
    }
    for (const message of messages) {
      state.at = { epoch, seq: message.seq };
      this.#parts.handOn(message);
    }
    // What the log has dropped, it cannot give: readers are told by its facts.
    if (!more) state.at = { epoch, seq: head };
    return !more && isCovered(state);
  }

  #stopTimer(): void {
    if (this.#state.name === 'waiting') clearTimeout(this.#state.timer);
  }
}

function isNext(at: Position, { epoch, seq }: Position): boolean {
  return epoch === at.epoch && seq === at.seq + 1;
}

function covers(at: Position, { epoch, seq }: Position): boolean {
  return epoch === at.epoch && seq <= at.seq;
}

/** Facts have a connection of their own: they may be older than what was announced before they came in. */
function later(before: Position | undefined, heard: Position): Position {
  return before !== undefined && covers(before, heard) ? before : heard;
}

/** Was everything read that was heard of during the last reading? What was heard before, it had. */
function isCovered({ at, heard }: Reading): boolean {
  return heard === undefined || covers(at, heard);
}
