/**
 * A world so small that everything that can happen in it can be tried: one channel, one tab, a server, a
 * store. It does nothing by itself; `act` does one of the things that are `enabled`.
 */
import type { DecodedFrame } from '../../../src/core/frames.js';
import { Session } from '../../../src/core/session.js';
import type { Settings } from '../../../src/core/settings.js';
import type { Effect, Input } from '../../../src/core/vocabulary.js';
import { ChannelLog } from '../truth.js';
import { ACTIONS, FAIR, KEEPING, type Action } from './action.js';
import { Clock } from './clock.js';
import { Keeper } from './keeper.js';
import { fail, Referee } from './referee.js';
import { SETTINGS, type Beginning, type Scope } from './scope.js';
import { SmallServer, wording } from './small-server.js';

const CHANNEL = 'c';

export type SessionMaker = (settings: Settings) => Session;

export class SmallWorld {
  readonly clock = new Clock();
  readonly server: SmallServer;
  readonly referee: Referee;
  readonly keeper: Keeper;
  readonly left: { -readonly [Budget in keyof Scope]: Scope[Budget] };
  session: Session;
  /** Is the page loaded? What happens before the first page does, or between two, no page sees. */
  #isLoaded = false;
  #channelState = 'idle';
  readonly #inputs: Input[] = [];
  #isTaking = false;
  #uids = 0;

  constructor(
    scope: Scope,
    readonly beginning: Beginning,
    private readonly makeSession: SessionMaker = (settings) => new Session(settings),
  ) {
    this.left = { ...scope };
    const log = new ChannelLog(CHANNEL, Infinity, () => (this.#uids += 1), true);
    this.server = new SmallServer(log, CHANNEL);
    this.referee = new Referee(log);
    const { epoch } = log.log;
    const record = beginning.isStored ? { epoch, seq: 0, tok: this.clock.token() } : undefined;
    this.keeper = new Keeper(CHANNEL, this.referee, record, (input) => {
      this.#input(input);
    });
    this.session = this.#newSession();
  }

  enabled(): readonly Action[] {
    return ACTIONS.filter((action) => this.#can(action));
  }

  /** What happens next in a world that is well: undefined when nothing does. */
  fair(): Action | undefined {
    return FAIR.find((action) => this.#can(action));
  }

  /** @returns what it was about. */
  act(action: Action): string {
    const about = this.#act(action);
    if (this.left.pace === 'any') return about;
    for (let next = this.#keeping(); next !== undefined; next = this.#keeping()) this.#act(next);
    return about;
  }

  /** Does the client have a place in the log? */
  get isReading(): boolean {
    return this.session.numbers(CHANNEL) !== undefined;
  }

  /** Is everything delivered and stored, and nothing left to do? */
  get isComplete(): boolean {
    const { clock, keeper, referee, server, session } = this;
    const { epoch, head } = server.log.log;
    const numbers = session.numbers(CHANNEL);
    return (
      [referee.at, keeper.record].every((at) => at?.epoch === epoch && at.seq === head) &&
      numbers?.epoch === epoch &&
      numbers.last === head &&
      numbers.head === head &&
      this.#channelState === 'live' &&
      server.link?.state === 'open' &&
      this.#isQuiet &&
      clock.isIdle(session)
    );
  }

  describe(): string {
    const { keeper, referee, server, session } = this;
    const client = session.numbers(CHANNEL);
    const { facts } = server.log.log;
    const state = this.#channelState;
    return JSON.stringify({ log: facts, client, state, app: referee.at, store: keeper.record });
  }

  #act(action: Action): string {
    const { clock, keeper, left, server } = this;
    const { link } = server;
    switch (action) {
      case 'publish':
        left.messages -= 1;
        return server.publish();
      case 'replace':
        left.epochs -= 1;
        return server.replace();
      case 'load':
        return this.#load();
      case 'accept':
        this.#input({ type: 'opened', attempt: server.accept() });
        return this.#hear({ type: 'welcome', caps: ['recover', 'ping'], limits: {} });
      case 'serve':
        return server.serve();
      case 'read':
        return server.read();
      case 'answer':
        return this.#answer();
      case 'reply':
        return this.#hear(link?.replies.shift());
      case 'live':
        return this.#hear(link?.live.shift());
      case 'lose':
        left.losses -= 1;
        return wording(link?.live.shift());
      case 'beat':
        if (!this.#isQuiet) left.beats -= 1;
        return server.beat();
      case 'handle':
        return keeper.handle();
      case 'store':
        return keeper.operate();
      case 'settle':
      case 'retry':
      case 'flush':
        clock.end(this.session, action);
        return this.#input({ type: 'tick' });
      case 'limit':
        clock.pass(this.session);
        return this.#input({ type: 'tick' });
      case 'cut':
        left.cuts -= 1;
        return this.#input({ type: 'dropped', attempt: server.cut(), code: 1006, reason: '' });
      case 'hush':
        left.cuts -= 1;
        return server.hush();
      case 'crash':
        left.crashes -= 1;
        return this.#crash();
    }
  }

  /** Is nothing on its way, at work or waiting? */
  get #isQuiet(): boolean {
    const { clock, keeper, server, session } = this;
    const isKeeping = keeper.isWorking || keeper.operation !== undefined;
    return this.#isLoaded && !server.isBusy && !isKeeping && !clock.isWaiting(session);
  }

  #can(action: Action): boolean {
    const { clock, keeper, left, server, session } = this;
    const { calls, link } = server;
    const isOpen = link?.state === 'open';
    switch (action) {
      case 'publish':
        return left.messages > 0;
      case 'replace':
        return left.epochs > 0;
      case 'load':
        return !this.#isLoaded;
      case 'accept':
        return link?.state === 'dialing';
      case 'serve':
        return isOpen && link.up.length > 0;
      case 'read':
        return calls.some(({ page }) => page === undefined);
      case 'answer':
        return calls[0]?.page !== undefined;
      case 'reply':
        return isOpen && link.replies.length > 0;
      case 'live':
        return isOpen && link.live.length > 0;
      case 'lose':
        return left.losses > 0 && isOpen && link.live.length > 0;
      case 'beat':
        return isOpen && (left.beats > 0 || this.#isQuiet);
      case 'handle':
        return keeper.isWorking;
      case 'store':
        return keeper.operation !== undefined;
      case 'settle':
      case 'retry':
      case 'flush':
        return clock.waits(session, action);
      case 'limit':
        return !isOpen && this.#isQuiet;
      case 'cut':
      case 'hush':
        return left.cuts > 0 && (isOpen || link?.state === 'dialing');
      case 'crash':
        return left.crashes > 0 && this.#isLoaded;
    }
  }

  /** What handlers and the store do next. A load is not for them: reading waits for it. */
  #keeping(): Action | undefined {
    const isLoading = this.keeper.operation === 'load';
    return KEEPING.find((action) => !(action === 'store' && isLoading) && this.#can(action));
  }

  #newSession(): Session {
    const { carrier } = this.beginning;
    const session = this.makeSession(Object.freeze({ ...SETTINGS, carrier }));
    this.clock.govern(session);
    return session;
  }

  #load(): string {
    this.#isLoaded = true;
    const intent = { start: 'stored', snapshot: false, maxAttempts: 1 } as const;
    return this.#input({ type: 'join', channel: CHANNEL, intent });
  }

  #crash(): string {
    this.#isLoaded = false;
    this.#channelState = 'idle';
    this.server.leave();
    this.keeper.die();
    this.referee.turnPage();
    this.session = this.#newSession();
    return '';
  }

  #hear(frame: DecodedFrame | undefined): string {
    const attempt = this.server.link?.attempt ?? 0;
    if (frame === undefined) return '';
    if (frame.type === 'subscribed') this.referee.subscribed(frame);
    if (frame.type === 'recovered')
      for (const item of frame.items) if ('page' in item) this.referee.answered(item.page.epoch);
    this.#input({ type: 'frames', attempt, frames: [frame] });
    return wording(frame);
  }

  #answer(): string {
    const call = this.server.calls.shift();
    if (call?.page === undefined) return '';
    const { id, page } = call;
    this.referee.answered(page.epoch);
    return this.#input({ type: 'recovered', id, answer: { status: 200, page }, tokenVersion: 0 });
  }

  /** Takes an input now, or after the one that is being taken. */
  #input(input: Input): string {
    this.#inputs.push(input);
    if (this.#isTaking) return '';
    this.#isTaking = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      const effects = this.session.handle(next, this.clock.now);
      for (const effect of effects)
        if (effect.type === 'deliver') for (const item of effect.items) this.referee.given(item);
      this.referee.settled(this.session.numbers(CHANNEL));
      for (const effect of effects) this.#run(effect);
    }
    this.#isTaking = false;
    return '';
  }

  #run(effect: Effect): void {
    const { keeper, server } = this;
    switch (effect.type) {
      case 'dial':
        return server.dial(effect.attempt);
      case 'hangUp':
        return void server.cut();
      case 'send':
        return server.receive(effect.frames);
      case 'fetch':
        return server.fetch(effect.id, effect.request, effect.limit);
      case 'abort':
        return server.abort(effect.id);
      case 'load':
        return keeper.ask({ type: 'load' });
      case 'save':
        return keeper.ask({ type: 'save', id: effect.id, writes: effect.writes });
      case 'deliver':
        return keeper.push(effect.items, effect.tok);
      case 'channelState':
        this.#channelState = effect.state.name;
        return;
      case 'problem':
        return fail('problem', JSON.stringify(effect.problem));
      default:
        return;
    }
  }
}
