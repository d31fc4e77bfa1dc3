/** The subscription of one channel on the current connection: asked for, in, or refused for now. */
import type { Stall } from './channel-state.js';
import type { Context } from './context.js';
import type { Facts } from './frames.js';
import type { SendQueue } from './send-queue.js';

type State =
  | { readonly name: 'out' }
  | { readonly name: 'asked' }
  /** Without facts when the server says nothing of the log. */
  | { readonly name: 'in'; readonly facts: Facts | undefined }
  | ({ readonly name: 'refused' } & Stall);

const OUT: State = { name: 'out' };
const ASKED: State = { name: 'asked' };

export class Join {
  #state: State = OUT;
  /** Of our requests on this connection: each that is repeated repeats it, so that the answer to any will do. */
  #id = 0;
  #refusals = 0;

  constructor(
    private readonly ctx: Context,
    private readonly channel: string,
    private readonly sender: SendQueue,
  ) {}

  get isIn(): boolean {
    return this.#state.name === 'in';
  }

  /** May the server think that we are in? */
  get isWanted(): boolean {
    return this.#state.name === 'in' || this.#state.name === 'asked';
  }

  /** What the last `subscribed` of this connection said. */
  get facts(): Facts | undefined {
    return this.#state.name === 'in' ? this.#state.facts : undefined;
  }

  /** A refused join waits. */
  get stall(): Stall | undefined {
    return this.#state.name === 'refused' ? this.#state : undefined;
  }

  /** Is it the answer to another request: of a channel that was left meanwhile, or a publish that ended? */
  isStale(id: number | undefined): boolean {
    return id !== undefined && id !== this.#id;
  }

  ask(): void {
    this.#id = this.sender.nextId();
    this.#ask();
  }

  /** Subscribes once more to hear whether the server lives: a repeated subscribe changes nothing. */
  probe(): void {
    this.#send();
  }

  /**
   * A `subscribed` came, or a `joined` without facts. The reply to an older request is ignored; one without an
   * id, or one that comes while we are in, is the server telling fresh facts.
   */
  answered(id: number | undefined, facts?: Facts): boolean {
    const { name } = this.#state;
    if (name === 'out' || (name === 'asked' && this.isStale(id))) return false;
    this.#state = { name: 'in', facts };
    this.#refusals = 0;
    this.ctx.disarm(this.#deadline);
    this.armPoll();
    return true;
  }

  /** Sets the time of the next question to the log, where no heads tell when to ask. */
  armPoll(): void {
    const { random, settings } = this.ctx;
    if (settings.pollMs === false) return;
    // Clients that came together should not ask together for ever.
    this.ctx.arm(`poll ${this.channel}`, settings.pollMs * (0.9 + random.next() / 5));
  }

  /** Refused for now: ask again later. */
  refused(): void {
    const inMs = this.ctx.backoffMs(this.#refusals);
    this.#refusals += 1;
    this.#state = { name: 'refused', reason: 'refused', until: this.ctx.now + inMs };
    this.ctx.arm(this.#deadline, inMs);
  }

  /** No answer came, or the wait after a refusal is over. */
  due(): void {
    if (this.#state.name === 'refused') return this.ask();
    if (this.#state.name !== 'asked') return;
    this.#ask();
    this.sender.unanswered();
  }

  lost(): void {
    this.#state = OUT;
    this.ctx.disarm(this.#deadline);
    this.ctx.disarm(`poll ${this.channel}`);
  }

  #ask(): void {
    this.#state = ASKED;
    this.ctx.arm(this.#deadline, this.ctx.settings.joinTimeoutMs);
    this.#send();
  }

  #send(): void {
    this.sender.send({ type: 'subscribe', id: this.#id, channel: this.channel });
  }

  get #deadline(): string {
    return `join ${this.channel}`;
  }
}
