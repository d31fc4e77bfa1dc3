/**
 * One channel's life: asks the store where to go on, joins on every connection, lets its reader read,
 * and watches over the app's handlers. The numbers are the reader's business.
 */
import { channelState, type Failed, type Numbers } from './channel-state.js';
import { Consumer } from './consumer.js';
import type { Context } from './context.js';
import {
  isNumbered,
  type Facts,
  type Head,
  type MessageFrame,
  type RecoverRequest,
  type RecoveryAnswer,
} from './frames.js';
import { Handout } from './handout.js';
import { Join } from './join.js';
import { isPosition, type Position, type PositionWrite } from './position.js';
import type { PositionLedger } from './position-ledger.js';
import { Reader, type ReaderParts } from './reader.js';
import { Recovery } from './recovery.js';
import type { Asker, RecoveryCalls } from './recovery-calls.js';
import type { SendQueue } from './send-queue.js';
import { StoreQuestion } from './store-question.js';
import type { ChannelIntent, ChannelState } from './vocabulary.js';

/** What a channel needs of the session. */
export interface ChannelHost {
  readonly ctx: Context;
  readonly ledger: PositionLedger;
  readonly calls: RecoveryCalls;
  readonly sender: SendQueue;
  /** Something came for the channel: it is finished at the end of the input. */
  readonly touch: (machine: ChannelMachine) => void;
}

const IDLE: ChannelState = { name: 'idle' };

/** What an HTTP status of a recovery call means when it is final. */
const REFUSALS: ReadonlyMap<number, string> = new Map([
  [400, 'bad_request'],
  [403, 'forbidden'],
  [404, 'not_found'],
  [413, 'limit'],
]);

export class ChannelMachine implements Asker, ReaderParts {
  readonly ctx: Context;
  readonly ledger: PositionLedger;
  readonly join: Join;
  readonly consumer: Consumer;
  readonly recovery: Recovery;
  readonly handout: Handout;
  readonly reader: Reader;
  readonly store: StoreQuestion;
  /** Refused, the channel asks for nothing; where reading stands is kept. */
  failed: Failed | undefined;
  #published: ChannelState = IDLE;

  constructor(
    readonly channel: string,
    readonly intent: ChannelIntent,
    private readonly host: ChannelHost,
  ) {
    const { ctx, ledger } = host;
    this.ctx = ctx;
    this.ledger = ledger;
    this.join = new Join(ctx, channel, host.sender);
    this.consumer = new Consumer(ctx, channel, intent.maxAttempts);
    this.recovery = new Recovery(ctx, this, host.calls);
    this.handout = new Handout(this);
    this.reader = new Reader(this);
    this.store = new StoreQuestion(this);
    if (intent.start === 'stored') this.store.ask();
    else if (isPosition(intent.start)) this.store.replace(intent.start);
  }

  /** Where reading stands, for `channel.inspect()`: what was accepted, and what is known to exist. */
  get numbers(): Numbers | undefined {
    const { following } = this.reader;
    if (following === undefined) return undefined;
    const { detector, epoch } = following;
    return { epoch, last: detector.last, head: detector.want, held: detector.heldCount };
  }

  // --- the connection ---

  up(): void {
    if (this.failed) return;
    this.join.ask();
    if (this.ctx.servesAll) this.joined(undefined);
  }

  down(): void {
    this.join.lost();
    this.recovery.stop();
    this.host.calls.remove(this);
  }

  subscribed(id: number | undefined, { epoch, head, oldest }: Facts): void {
    // Kept as long as the connection: only the facts, so that the frame can be collected.
    const facts = { epoch, head, oldest };
    if (this.join.answered(id, facts)) this.reader.compare(facts);
  }

  /** The server serves the channel, and says nothing of its log. */
  joined(id: number | undefined): void {
    if (this.join.answered(id)) this.reader.joined();
  }

  /** The server refused or ended the subscription. A channel that has failed already stays as it is. */
  refused(code: string, retry: boolean, id?: number): void {
    if (this.failed || this.join.isStale(id)) return;
    if (!retry) return this.#fail(code);
    this.down();
    this.join.refused();
  }

  message(frame: MessageFrame): void {
    if (this.failed) return;
    if (isNumbered(frame)) this.reader.message(frame);
    else this.ctx.emit({ type: 'ephemeral', channel: this.channel, data: frame.data });
  }

  head(beat: Head): void {
    if (this.failed) return;
    this.ctx.notice({ event: 'hint', channel: this.channel, head: beat.head });
    this.reader.beat(beat);
  }

  /** It is time for a question to the log. */
  poll(): void {
    this.reader.following?.poll();
  }

  /** A deadline of this channel passed. @param slept did the page sleep through it? */
  due(kind: string, slept: boolean): void {
    switch (kind) {
      case 'load':
        return this.store.due();
      case 'join':
        return this.join.due();
      case 'poll':
        this.join.armPoll();
        return this.poll();
      case 'settle':
        return this.recovery.lineUp();
      case 'giveup':
        return this.recovery.isOver(slept) ? this.reader.giveUp() : undefined;
      case 'handler':
        return this.consumer.deadline(slept);
    }
  }

  // --- recovery ---

  get ahead(): number {
    return this.reader.following?.ahead ?? 0;
  }

  request(id: number): RecoverRequest | undefined {
    const request = this.consumer.hasRoom ? this.reader.ask(id) : undefined;
    if (request !== undefined) return request;
    this.recovery.stop();
    if (!this.consumer.hasRoom) this.recovery.park();
    return undefined;
  }

  answered(id: number, answer: RecoveryAnswer): void {
    const since = this.recovery.takeAnswer(id);
    if (since === undefined) return;
    const { channel, ctx } = this;
    this.host.touch(this);
    if ('page' in answer) {
      ctx.notice({ event: 'answered', channel, status: 200, head: answer.page.head });
      return this.reader.judge(answer.page, since);
    }
    const { status } = answer;
    const detail = 'reason' in answer ? answer.reason : undefined;
    ctx.notice({ event: 'answered', channel, status, detail });
    const code = REFUSALS.get(status);
    if (code !== undefined) return this.#fail(code);
    if ('reason' in answer && answer.defect && this.recovery.failures === 0) {
      ctx.problem({ code: 'recovery_failed', channel, status, detail: answer.reason });
    }
    this.recovery.failed('retryInMs' in answer ? answer.retryInMs : undefined);
  }

  // --- the app's side ---

  handled(count: number, mark: PositionWrite | undefined): void {
    this.consumer.handled(count);
    if (mark !== undefined) this.ledger.mark(mark);
    this.#unpark();
  }

  snapshotTaken(position: Position | undefined): void {
    this.reader.snapshotTaken(position);
    this.#unpark();
  }

  /**
   * Refused, and asked for again: goes on where it was, as after a lost connection. Handlers or a snapshot may
   * be at work.
   * @returns false when reading had not begun.
   */
  revive(): boolean {
    const { name } = this.reader.phase;
    if (name === 'loading' || name === 'starting') return false;
    this.failed = undefined;
    if (this.intent.start === 'stored' && this.ledger.isBarred(this.channel)) this.store.load();
    return true;
  }

  close(): void {
    this.#end();
    this.consumer.close();
    this.ctx.disarm(`leave ${this.channel}`);
    this.reader.phase = { name: 'closed' };
  }

  /** The input is done: emits the items that were accepted and the state, if it has changed. */
  finish(): void {
    const { ctx } = this;
    this.reader.flush();
    const state = channelState(this.reader.phase, this, ctx.now, this.#published);
    if (state === this.#published) return;
    this.#published = state;
    ctx.emit({ type: 'channelState', channel: this.channel, state });
  }

  #unpark(): void {
    if (this.recovery.state.name !== 'parked' || !this.consumer.hasRoom) return;
    this.recovery.stop();
    this.reader.following?.pursue(0);
  }

  #fail(code: string): void {
    this.#end();
    this.failed = { name: 'failed', code };
    this.ctx.problem({ code: 'channel_refused', channel: this.channel, reason: code });
  }

  #end(): void {
    if (this.join.isWanted) this.host.sender.send({ type: 'unsubscribe', channel: this.channel });
    this.down();
    this.recovery.endOutage();
    this.store.stop();
  }
}
