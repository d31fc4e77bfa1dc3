/**
 * The core, whole: inputs and the time go in, effects come out. Routes every input to the machine it
 * concerns and collects what they want done. No I/O, no clock, no chance of its own.
 */
import { Auth } from './auth.js';
import type { Numbers } from './channel-state.js';
import { Channels } from './channels.js';
import { Connection } from './connection.js';
import { Context } from './context.js';
import type { Counters } from './counters.js';
import { FrameRouter } from './frame-router.js';
import { gapDetector, type TrackerFactory } from './gap-detector.js';
import { SLEPT_MS } from './liveness.js';
import type { OverlapFactory } from './overlap.js';
import { PositionLedger } from './position-ledger.js';
import { Publisher } from './publisher.js';
import { RecoveryCalls } from './recovery-calls.js';
import { SendQueue } from './send-queue.js';
import type { Settings } from './settings.js';
import type { Effect, Input } from './vocabulary.js';

export class Session {
  readonly #ctx: Context;
  readonly #auth: Auth;
  readonly #connection: Connection;
  readonly #ledger: PositionLedger;
  readonly #calls: RecoveryCalls;
  readonly #publisher: Publisher;
  readonly #router: FrameRouter;
  readonly #channels: Channels;
  readonly #outgoing: SendQueue;

  /**
   * @param track follows the numbers of a channel, as `settings.numbering` says.
   * @param overlap where `settings.epochs` is false.
   */
  constructor(settings: Settings, track: TrackerFactory = gapDetector, overlap?: OverlapFactory) {
    const ctx = new Context(settings, track, overlap);
    const outgoing = new SendQueue(ctx, () => {
      if (this.#connection.unanswered()) this.#probe();
    });
    this.#ctx = ctx;
    this.#auth = new Auth(ctx);
    this.#outgoing = outgoing;
    this.#connection = new Connection(ctx, this.#auth);
    this.#ledger = new PositionLedger(ctx);
    this.#publisher = new Publisher(ctx, outgoing);
    this.#calls = new RecoveryCalls(ctx, outgoing, this.#auth);
    this.#channels = new Channels({
      ctx,
      ledger: this.#ledger,
      calls: this.#calls,
      sender: outgoing,
    });
    this.#router = new FrameRouter({
      ctx,
      connection: this.#connection,
      auth: this.#auth,
      calls: this.#calls,
      publisher: this.#publisher,
      channels: this.#channels,
    });
  }

  /** Takes one input at the time `now` and returns what is to be done about it, in order. */
  handle(input: Input, now: number): readonly Effect[] {
    this.#ctx.begin(now);
    const before = this.#connection.openAttempt;
    this.#route(input);
    const after = this.#connection.openAttempt;
    if (before !== after) {
      if (after === undefined) this.#down();
      else this.#up();
    }
    this.#calls.flush();
    // What an input asked of a connection that it ended is asked for anew on the next one.
    if (after === undefined) this.#outgoing.clear();
    // Before the handlers are called: while they work on a page, the server works on the next one.
    else if (!this.#outgoing.isEmpty) this.#outgoing.flush(this.#ctx.caps.has('arrays'));
    this.#channels.finish();
    return this.#ctx.takeEffects();
  }

  /** When the shell should send the next `tick`; undefined when nothing waits. */
  nextDeadline(): number | undefined {
    return this.#ctx.deadlines.next();
  }

  get counters(): Readonly<Counters> {
    return this.#ctx.counters;
  }

  /** Is the channel joined, or being joined, or refused? */
  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  /** Where reading of a channel stands. */
  numbers(channel: string): Numbers | undefined {
    return this.#channels.peek(channel)?.numbers;
  }

  #route(input: Input): void {
    switch (input.type) {
      case 'frames':
        if (input.attempt !== this.#connection.openAttempt) return;
        this.#outgoing.release();
        return this.#router.frames(input.frames);
      case 'handled':
        return this.#channels.find(input.channel)?.handled(input.count, input.mark);
      case 'committed':
        return this.#channels.has(input.channel) ? this.#ledger.mark(input.mark) : undefined;
      case 'handling':
        return this.#channels.find(input.channel)?.consumer.handling();
      case 'handlerFailed':
        return this.#channels.find(input.channel)?.consumer.failed(input.kind);
      case 'snapshotTaken':
        return this.#channels.find(input.channel)?.snapshotTaken(input.position);
      case 'retry':
        return this.#channels.find(input.channel)?.consumer.retry();
      case 'available':
        return this.#connection.available();
      case 'opened':
        return this.#connection.opened(input.attempt);
      case 'dropped':
        return this.#connection.dropped(input.attempt, input.code);
      case 'recovered':
        return this.#recovered(input);
      case 'loaded':
        return this.#channels.find(input.channel)?.store.answered(input.position, input.failed);
      case 'saved':
        return this.#ledger.saved(input.id, input.refused, input.failed ?? false);
      case 'token':
        return this.#token(input);
      case 'page':
        return this.#page(input);
      case 'tick':
        return this.#tick();
      default:
        return this.#command(input);
    }
  }

  /** What the app asks for. */
  #command(
    input: Extract<
      Input,
      { type: 'connect' | 'close' | 'join' | 'release' | 'publish' | 'forget' }
    >,
  ): void {
    switch (input.type) {
      case 'connect':
        return this.#connection.connect();
      case 'close':
        return this.#close();
      case 'join':
        return this.#join(input);
      case 'release':
        return this.#channels.release(input.channel);
      case 'publish':
        // A publish with a time limit waits for a connection, so one is made.
        if (input.timeoutMs !== undefined) this.#connection.want();
        return this.#publisher.publish(input, this.#connection.openAttempt !== undefined);
      case 'forget':
        for (const machine of this.#channels.all()) machine.store.forget();
        this.#ledger.forget(this.#channels.names);
        return this.#ctx.emit({ type: 'forget' });
    }
  }

  #join({ channel, intent }: Extract<Input, { type: 'join' }>): void {
    if (this.#connection.isClosed) return;
    const machine = this.#channels.join(channel, intent);
    if (this.#connection.openAttempt !== undefined) machine?.up();
    this.#connection.want();
  }

  #close(): void {
    this.#channels.close();
    this.#publisher.close();
    this.#ledger.flush();
    this.#connection.close();
    this.#ctx.deadlines.clearAll();
  }

  /** The socket is gone, and with it all that was asked or announced over it. */
  #down(): void {
    this.#outgoing.hold();
    // The next server may be able to do less, and have other limits.
    this.#ctx.caps = new Set();
    this.#ctx.servesAll = false;
    this.#calls.setLimits({});
    this.#publisher.down();
    for (const machine of this.#channels.all()) machine.down();
  }

  /** A socket is open: everything is asked for anew. */
  #up(): void {
    for (const machine of this.#channels.all()) machine.up();
    if (!this.#channels.areWanted) this.#connection.joined();
    this.#publisher.up();
  }

  #recovered({ answer, id, tokenVersion }: Extract<Input, { type: 'recovered' }>): void {
    if (answer.status === 401) {
      if (this.#auth.refused(tokenVersion) === 'unauthorized') this.#connection.unauthorized();
    } else if (answer.status === 200) this.#auth.accepted(tokenVersion);
    this.#calls.answered(id, answer);
  }

  #token({ detail, outcome, version }: Extract<Input, { type: 'token' }>): void {
    if (!this.#auth.answered(version, outcome === 'ready')) return;
    if (outcome === 'failed') this.#ctx.problem({ code: 'token_failed', detail: detail ?? '' });
    this.#connection.token(outcome);
    if (outcome !== 'ready') return;
    // False without a connection: what a server can do is forgotten with it.
    if (this.#ctx.caps.has('auth')) this.#connection.authenticate();
    for (const machine of this.#channels.all()) machine.recovery.tokenReady();
  }

  #page({ signal }: Extract<Input, { type: 'page' }>): void {
    if (signal === 'hidden' || signal === 'pagehide' || signal === 'freeze') this.#ledger.flush();
    if (this.#connection.signal(signal)) this.#probe();
  }

  /**
   * Asks for a sign of life: with a `ping` where the server knows it, else with a repeated `subscribe`. With
   * neither nobody can answer. A server that sends no heads may be silent and well (`pollMs`): there every
   * joined channel asks its log for what the socket may have lost.
   */
  #probe(): void {
    if (this.#ctx.caps.has('ping')) return this.#outgoing.send({ type: 'ping' });
    if (!this.#channels.areWanted) return this.#ctx.disarm('probe');
    for (const machine of this.#channels.all()) {
      if (!machine.join.isIn) continue;
      if (this.#ctx.settings.pollMs === false) return machine.join.probe();
      machine.poll();
    }
  }

  #tick(): void {
    const { deadlines, now } = this.#ctx;
    for (let due = deadlines.takeDue(now); due !== undefined; due = deadlines.takeDue(now)) {
      const [kind = '', ...rest] = due.name.split(' ');
      this.#due(kind, rest.join(' '), now - due.at);
    }
  }

  #due(kind: string, subject: string, lateMs: number): void {
    switch (kind) {
      case 'flush':
        return this.#ledger.flush();
      case 'hold':
        return this.#outgoing.release();
      case 'save':
        return this.#ledger.saveTimedOut();
      case 'token': {
        const version = this.#auth.asked;
        if (this.#ctx.extend(kind, lateMs > SLEPT_MS, this.#ctx.settings.tokenTimeoutMs)) return;
        return this.#token({ type: 'token', version, outcome: 'failed', detail: 'timed out' });
      }
      case 'retry':
      case 'connect':
      case 'watchdog':
      case 'probe':
        if (this.#connection.deadline(kind, lateMs)) this.#probe();
        return;
      case 'recover':
        return this.#calls.timedOut(Number(subject));
      case 'publish':
        return this.#publisher.timedOut(Number(subject));
      case 'leave':
        return this.#channels.leave(subject);
      default:
        return this.#channels.find(subject)?.due(kind, lateMs > SLEPT_MS);
    }
  }
}
