/**
 * The connection: one path to dial, whatever woke it, and one rule to find that it died.
 *
 *     idle -> preparing -> dialing -> open -> waiting -> preparing ...
 *     any but closed -> unauthorized | failed     (left by connect())
 *     any -> closed                               (final)
 *
 * Knows nothing of channels. What is wanted (`connect`, `close`) is apart from what is: no signal and
 * no timer revives a connection that the app has not asked for or has closed.
 */
import type { Auth } from './auth.js';
import { publicState, type State, type Told } from './connection-state.js';
import type { Context } from './context.js';
import { CLOSE } from './frames.js';
import { Liveness, SLEPT_MS, type Verdict } from './liveness.js';
import { Redial } from './redial.js';
import type { PageSignal, WaitReason } from './vocabulary.js';

/** On waking, a handshake older than this is given up: it may have died in the sleep. */
const STALE_DIAL_MS = 5_000;
/** `online` comes to every client of a network at once: spread them a little. */
const ONLINE_SPREAD_MS = 300;

export class Connection {
  #state: State = { name: 'idle' };
  #attempt = 0;
  /** Attempts that came to an open socket. */
  #opened = 0;
  readonly #liveness: Liveness;
  /** When to try again; what servers and the page say of it goes there. */
  readonly redial: Redial;
  /** The version of the token that the current attempt was made with. */
  tokenVersion = 0;

  constructor(
    private readonly ctx: Context,
    private readonly auth: Auth,
  ) {
    this.#liveness = new Liveness(ctx);
    this.redial = new Redial(ctx);
  }

  /** The number of the attempt whose socket is open; undefined while none is. Each socket has another. */
  get openAttempt(): number | undefined {
    return this.#state.name === 'open' ? this.#attempt : undefined;
  }

  get isClosed(): boolean {
    return this.#state.name === 'closed';
  }

  /** The app wants a connection: dial now, whatever the wait was for. */
  connect(): void {
    const { name } = this.#state;
    if (name === 'unauthorized' || name === 'failed') {
      this.auth.reset();
      this.redial.forgive();
    } else if (name !== 'idle' && name !== 'waiting') return;
    this.#prepare();
  }

  /** A channel is wanted: the first one makes us dial; later ones do not cut a wait short. */
  want(): void {
    if (this.#state.name === 'idle') this.#prepare();
  }

  /** The app's own socket (Socket.IO) can be used again: no need to wait. */
  available(): void {
    if (this.#state.name === 'waiting' && this.#state.reason !== 'pagehide') this.#prepare();
  }

  /** Sends the current token to the server. */
  authenticate(): void {
    this.tokenVersion = this.auth.version;
    if (this.#state.name === 'open') this.#state.since = this.ctx.now;
    this.ctx.emit({ type: 'authenticate' });
  }

  /** The app is done: final. */
  close(): void {
    if (this.#state.name === 'closed') return;
    this.#hangUp('closed by the app');
    this.#enter({ name: 'closed' });
  }

  /** The token provider settled. */
  token(outcome: 'ready' | 'failed' | 'refused'): void {
    if (outcome === 'refused') this.unauthorized();
    else if (this.#state.name !== 'preparing') return;
    else if (outcome === 'ready') this.#dial();
    else this.#lost('token');
  }

  opened(attempt: number): void {
    if (this.#state.name !== 'dialing' || attempt !== this.#attempt) return;
    this.ctx.disarm('connect');
    // The first connection is not a reconnect.
    this.ctx.counters.reconnects = this.#opened;
    this.#opened += 1;
    this.#liveness.start();
    this.#enter({ name: 'open', since: this.ctx.now, joined: false });
    if (this.ctx.settings.hasToken) this.authenticate();
  }

  /** A frame of the current socket arrived. */
  heard(): void {
    this.#liveness.heard();
  }

  /** A question of ours was answered. */
  answered(): void {
    this.#liveness.answered();
  }

  /** A question of ours got no answer in time. @returns true when the session should send a probe. */
  unanswered(): boolean {
    return this.#state.name === 'open' && this.#heed(this.#liveness.unanswered());
  }

  /** The server said `subscribed`, or there was nothing to join: it really serves us. */
  joined(): void {
    if (this.#state.name === 'open') this.#state.joined = true;
  }

  heartbeat(everyMs: number): void {
    if (this.#state.name === 'open') this.#liveness.heartbeat(everyMs);
  }

  dropped(attempt: number, code: number): void {
    if (attempt !== this.#attempt || !this.#hasSocket) return;
    switch (code) {
      case CLOSE.unauthorized:
        return this.refused();
      case CLOSE.badFrame:
      case CLOSE.forbidden:
        this.#stop();
        this.ctx.problem({ code: 'connection_refused', closeCode: code });
        return this.#enter({ name: 'failed', code });
      default:
        if (this.#state.name === 'dialing') return this.#lost('refused', code);
        return this.#lost(code === CLOSE.restart ? 'restart' : 'closed', code);
    }
  }

  /** The token of the current socket was refused, by close code or by an error frame. */
  refused(): void {
    // One answer may refuse the token for several channels: only the first refusal counts.
    if (!this.#hasSocket) return;
    this.#hangUp('token refused');
    const refusal = this.auth.refused(this.tokenVersion);
    if (refusal === 'unauthorized') return this.unauthorized();
    // At once the first time; with backoff where a server accepts and then refuses, again and again.
    if (refusal === 'retry' || !this.redial.atOnce())
      return this.#lost('refused', CLOSE.unauthorized);
    this.#enter({ name: 'preparing' });
  }

  /** Refused twice: nothing loops; `connect()` leaves this state. */
  unauthorized(): void {
    if (this.#state.name === 'unauthorized' || this.#state.name === 'closed') return;
    this.#hangUp('unauthorized');
    this.ctx.problem({ code: 'unauthorized' });
    this.#enter({ name: 'unauthorized' });
  }

  /** @returns true when the session should send a probe. */
  deadline(name: 'retry' | 'connect' | 'watchdog' | 'probe', lateMs: number): boolean {
    const slept = lateMs > SLEPT_MS;
    if (slept) this.ctx.notice({ event: 'slept', lateMs });
    switch (name) {
      case 'retry':
        if (this.#state.name === 'waiting') this.#prepare();
        return false;
      case 'connect':
        // The page was frozen: the events of the handshake may wait behind this timer.
        if (!this.ctx.extend(name, slept, STALE_DIAL_MS)) this.#giveUp('timeout');
        return false;
      default:
        return this.#state.name === 'open' && this.#heed(this.#liveness.deadline(name, slept));
    }
  }

  /** @returns true when the session should send a probe. */
  signal(signal: PageSignal): boolean {
    this.redial.signal(signal);
    switch (signal) {
      case 'online':
        if (this.#state.name !== 'waiting') return this.#wake();
        // A page that is hidden for good waits for its own return, whatever the network does.
        if (this.#state.reason !== 'pagehide') {
          this.ctx.arm('retry', this.ctx.random.next() * ONLINE_SPREAD_MS);
        }
        return false;
      case 'offline':
        return this.#state.name === 'open' && this.#heed(this.#liveness.suspect());
      case 'pagehide':
        // The page may enter the back/forward cache: a clean close lets it, an open socket may not.
        if (['open', 'dialing', 'preparing', 'waiting'].includes(this.#state.name)) {
          this.#hangUp('page hidden');
          this.#enter({ name: 'waiting', reason: 'pagehide' });
        }
        return false;
      case 'hidden':
      case 'freeze':
        return false;
      default:
        return this.#wake();
    }
  }

  /** Is there a socket, open or on its way? */
  get #hasSocket(): boolean {
    return this.#state.name === 'open' || this.#state.name === 'dialing';
  }

  #wake(): boolean {
    const state = this.#state;
    if (state.name === 'waiting') this.#prepare();
    else if (state.name === 'open') return this.#heed(this.#liveness.suspect());
    else if (state.name === 'dialing' && this.ctx.now - state.since > STALE_DIAL_MS) {
      this.#hangUp('stale handshake');
      this.#prepare();
    }
    return false;
  }

  /** Does what a verdict asks of the connection itself. @returns true when a probe is to be sent. */
  #heed(verdict: Verdict): boolean {
    if (verdict === 'dead') this.#giveUp('dead');
    return verdict === 'probe';
  }

  #prepare(): void {
    this.#stop();
    this.#enter({ name: 'preparing' });
    if (this.ctx.settings.hasToken) this.auth.ask();
    else this.#dial();
  }

  #dial(): void {
    this.#attempt += 1;
    this.redial.dialed();
    this.tokenVersion = this.auth.version;
    this.ctx.arm('connect', this.ctx.settings.connectTimeoutMs);
    this.#state = { name: 'dialing', since: this.ctx.now };
    this.ctx.emit({ type: 'dial', attempt: this.#attempt });
  }

  #giveUp(reason: WaitReason): void {
    this.#hangUp(reason);
    this.#lost(reason);
  }

  /** Gives the socket up without waiting for its close: a dead handshake can take a minute. */
  #hangUp(reason: string): void {
    this.#stop();
    if (!this.#hasSocket) return;
    this.ctx.emit({ type: 'hangUp', attempt: this.#attempt, code: CLOSE.normal, reason });
  }

  #lost(reason: WaitReason, code?: number): void {
    this.#stop();
    const retryInMs = this.redial.lost(code);
    this.ctx.arm('retry', retryInMs);
    this.#enter({
      name: 'waiting',
      retryInMs,
      reason: this.redial.isOnline ? reason : 'offline',
      code,
    });
  }

  /**
   * Ends every wait. A connection that was up for long enough resets the backoff, however it ends; and its token
   * was good, which nothing else says to a client without channels.
   */
  #stop(): void {
    const state = this.#state;
    const wasUp = state.name === 'open' && state.joined;
    if (wasUp && this.ctx.now - state.since >= this.ctx.settings.minUptimeMs) {
      this.redial.forgive();
      this.auth.accepted(this.tokenVersion);
    }
    this.#liveness.stop();
    this.ctx.disarm('retry');
    this.ctx.disarm('connect');
  }

  #enter(state: Told): void {
    this.#state = state;
    this.ctx.emit({ type: 'connectionState', state: publicState(state, this.#attempt) });
  }
}
