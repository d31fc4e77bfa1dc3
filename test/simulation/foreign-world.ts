/**
 * The shipped core over other people's servers: text through the dialects that ship, one counter for all
 * channels or one for each, answers that say little, that are cut, or that hold what is not ours. Judged by
 * one rule: every message is delivered once, or named in a gap.
 */
import type { PositionWrite, StoredPosition } from '../../src/core/position.js';
import { sessionFor } from '../../src/core/session-for.js';
import type { Session } from '../../src/core/session.js';
import { DEFAULT_SETTINGS } from '../../src/core/settings.js';
import type { ChannelState, Effect, Input, Item } from '../../src/core/vocabulary.js';
import type { Dialect } from '../../src/dialects/dialect.js';
import { mappedDialect } from '../../src/dialects/mapped.js';
import { socketIoDialect } from '../../src/dialects/socketio.js';
import { Agenda } from './agenda.js';
import { Dice } from './dice.js';
import { CHANNEL, ForeignServer, makeForeignPlan, type ForeignPlan } from './foreign-server.js';
import { ForeignVerdict } from './foreign-verdict.js';
import { ForeignWire } from './foreign-wire.js';

const FAULTS_UNTIL_MS = 40_000;
const END_MS = 400_000;

export class ForeignWorld {
  readonly plan: ForeignPlan;
  readonly agenda = new Agenda();
  readonly log: string[] = [];
  readonly #dice: Dice;
  readonly #dialect: Dialect;
  readonly #server: ForeignServer;
  readonly #verdict: ForeignVerdict;
  #session!: Session;
  #epoch = 0;
  #attempt = 0;
  readonly #wire: ForeignWire;
  #queue: { item: Item; tok: string | undefined }[] = [];
  #busy = false;
  #stored: StoredPosition | undefined;
  state: ChannelState = { name: 'idle' };
  #since: number | undefined;
  #fetchesLate = 0;
  violation: string | undefined;

  /** @param dress changes the dialect, for a mutant. */
  constructor(
    readonly seed: number,
    private readonly verbose = false,
    dress = (dialect: Dialect): Dialect => dialect,
  ) {
    this.#dice = new Dice(seed);
    this.plan = makeForeignPlan(this.#dice.fork('plan'));
    const { plan: p } = this;
    this.#server = new ForeignServer(p, this.#dice.fork('server'), this.agenda, (entry) => {
      this.#say(`publish ${entry.life}/${entry.seq} #${entry.uid}`);
      this.#wire.publish(entry);
    });
    this.#wire = new ForeignWire(p, this.#dice.fork('wire'), this.agenda, this.#server, {
      isFaulty: () => this.#isFaulty,
      received: (attempt, data) => {
        this.#say(`frame ${JSON.stringify(data)}`);
        this.#enter({ type: 'frames', attempt, frames: this.#dialect.decode(data) });
      },
    });
    this.#verdict = new ForeignVerdict(p, this.#server, (text) => {
      this.#fail(text);
    });
    const fields = { data: 'data', ...(p.epochs && { epoch: 'epoch' }) };
    const options = { fields, numbering: p.numbering };
    const dialect = p.socketio
      ? socketIoDialect({
          ...options,
          acknowledges: p.joinFacts,
          events: p.heads ? { heads: 'heads' } : {},
        }).dialect
      : mappedDialect({ ...options, ...(p.heads && { heads: 'heads' }), send: (frame) => frame });
    this.#dialect = dress(dialect);
    for (let i = this.#dice.between(0, 40) - 20; i > 0; i -= 1) this.#publish(this.#dice);
    this.#boot('stored');
  }

  run(): this {
    const { agenda, plan: p } = this;
    const dice = this.#dice.fork('acts');
    const act = (): void => {
      if (agenda.now > FAULTS_UNTIL_MS) return;
      const n = dice.between(1, 3);
      for (let i = 0; i < n; i += 1) this.#publish(dice);
      if (agenda.now > 3_000 && this.#since !== undefined) {
        if (p.cut && dice.chance(0.08)) this.#cut();
        if (p.restarts && this.#verdict.knowsLog && dice.chance(0.03))
          this.#restart(dice.between(0, 3_000));
        if (p.expires && dice.chance(0.03)) this.#server.expire();
        if (p.reloads && dice.chance(0.03)) this.#reload();
      }
      agenda.in(dice.between(1, 900), act);
    };
    agenda.in(500, act);
    // In the end something comes that shows what is missing.
    for (let i = 0; i < 6; i += 1) agenda.at(60_000 + i * 40_000, () => this.#publish(dice, true));
    while (this.violation === undefined && agenda.step(END_MS)) {
      if (agenda.steps > 60_000) this.#fail('endless');
    }
    this.#judge();
    return this;
  }

  // --- the server's side ---

  #publish(dice: Dice, mine = false): void {
    const others = this.plan.numbering === 'contiguous' ? 0 : this.plan.others;
    const isOther = !mine && dice.chance(others / (others + 1));
    const hidden = isOther && dice.chance(0.5);
    this.#server.publish(isOther && !hidden ? 'other' : CHANNEL, hidden);
  }

  get #isFaulty(): boolean {
    return this.agenda.now < FAULTS_UNTIL_MS && this.#since !== undefined;
  }

  #cut(): void {
    const attempt = this.#wire.close();
    if (attempt === undefined) return;
    this.#say('cut');
    this.#enter({ type: 'dropped', attempt, code: 1006, reason: '' });
  }

  #downUntil = 0;
  #restart(forMs: number): void {
    this.#say('restart');
    this.#downUntil = this.agenda.now + forMs;
    this.#server.restart();
    this.#cut();
  }

  #reload(): void {
    this.#say(`reload at ${JSON.stringify(this.#stored)}`);
    this.#epoch += 1;
    this.#wire.close();
    this.#queue = [];
    this.#busy = false;
    this.#verdict.reloaded();
    this.#boot('stored');
  }

  // --- the client's side ---

  #boot(start: 'stored'): void {
    const { plan: p } = this;
    this.#session = sessionFor({
      ...DEFAULT_SETTINGS,
      seed: this.seed * 31 + this.#epoch,
      carrier: 'fetch',
      numbering: p.numbering,
      epochs: p.epochs,
      pollMs: this.#dialect.pollMs ?? false,
      maxQueued: p.maxQueued,
      maxHeld: p.maxHeld,
    });
    this.#enter({ type: 'connect' });
    const intent = { start, snapshot: false, maxAttempts: 5 } as const;
    this.#enter({ type: 'join', channel: CHANNEL, intent });
  }

  #inputs: Input[] = [];
  #isRunning = false;
  #enter(input: Input): void {
    this.#inputs.push(input);
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      for (const effect of this.#session.handle(next, this.agenda.now)) this.#run(effect);
    }
    this.#isRunning = false;
    const at = this.#session.nextDeadline();
    const session = this.#session;
    if (at === undefined) return;
    this.agenda.at(Math.max(at, this.agenda.now), () => {
      if (session === this.#session && session.nextDeadline() === at) this.#enter({ type: 'tick' });
    });
  }

  #later(ms: number, input: () => Input | undefined): void {
    const session = this.#session;
    this.agenda.in(ms, () => {
      const what = session === this.#session ? input() : undefined;
      if (what !== undefined) this.#enter(what);
    });
  }

  #run(effect: Effect): void {
    switch (effect.type) {
      case 'dial': {
        const { attempt } = effect;
        this.#attempt = attempt;
        return this.#later(this.#dice.between(5, 50), () => {
          if (this.#attempt !== attempt) return undefined;
          if (this.agenda.now < this.#downUntil)
            return { type: 'dropped', attempt, code: 1006, reason: '' };
          this.#wire.open(attempt);
          return { type: 'opened', attempt };
        });
      }
      case 'hangUp':
        if (this.#wire.attempt === effect.attempt) this.#wire.close();
        return;
      case 'send':
        for (const frame of effect.frames) this.#wire.sent(frame);
        return;
      case 'fetch':
        return this.#fetch(effect);
      case 'load': {
        const position = this.#stored;
        return this.#later(3, () => ({ type: 'loaded', channel: CHANNEL, position }));
      }
      case 'save': {
        for (const { position } of effect.writes) this.#save(position);
        return this.#later(5, () => ({ type: 'saved', id: effect.id, refused: [] }));
      }
      case 'deliver':
        for (const item of effect.items) this.#deliver(item, effect.tok);
        return this.#work();
      case 'channelState':
        this.state = effect.state;
        this.#say(`state ${JSON.stringify(effect.state)}`);
        if (effect.state.name === 'live' && this.#since === undefined) {
          this.agenda.in(600, () => {
            this.#since = this.#server.published.length;
            this.#say(`counting from #${this.#since + 1}`);
          });
        }
        return;
      case 'problem':
        this.#say(`problem ${JSON.stringify(effect.problem)}`);
        if (effect.problem.code === 'recovery_failed') this.#fail(effect.problem.detail);
        return;
      default:
        return;
    }
  }

  #fetch({ id, request }: Extract<Effect, { type: 'fetch' }>): void {
    if (this.agenda.now > END_MS - 60_000) this.#fetchesLate += 1;
    this.#later(this.#dice.between(2, 80), () => {
      const fails =
        this.agenda.now < this.#downUntil || (this.#isFaulty && this.#dice.chance(this.plan.fails));
      const text = JSON.stringify(this.#server.body(request));
      this.#later(this.#dice.between(2, 80), () => {
        this.#say(`asked ${request.epoch} ${request.seq}: ${fails ? 'fails' : text}`);
        if (fails)
          return {
            type: 'recovered',
            id,
            tokenVersion: 0,
            answer: { status: 503, channel: CHANNEL },
          };
        const page = this.#dialect.decodePage(JSON.parse(text), request);
        const answer =
          'type' in page
            ? ({ status: 0, channel: CHANNEL, reason: page.reason, defect: true } as const)
            : ({ status: 200, page } as const);
        return { type: 'recovered', id, tokenVersion: 0, answer };
      });
      return undefined;
    });
  }

  #deliver(item: Item, tok: string | undefined): void {
    this.#queue.push({ item, tok });
    if (item.type === 'message') {
      this.#say(`deliver ${item.seq} #${String(item.data)}`);
      this.#verdict.delivered(item);
    } else if (item.type === 'gap') {
      this.#say(`gap ${JSON.stringify(item.gap)}`);
      this.#verdict.gap(item.gap);
    }
  }

  #work(): void {
    const next = this.#queue[0];
    if (this.#busy || next === undefined) return;
    this.#busy = true;
    const slow = this.plan.maxQueued < 100 && this.#dice.chance(0.2);
    this.#later(slow ? this.#dice.between(0, 400) : 0, () => {
      this.#queue.shift();
      this.#busy = false;
      const { item, tok } = next;
      let mark: PositionWrite | undefined;
      if (item.type === 'message') {
        this.#verdict.handled(item.data as number);
        if (tok !== undefined) {
          const { epoch, seq } = item;
          mark = { channel: CHANNEL, mode: 'advance', position: { epoch, seq, tok } };
        }
      } else if (item.type === 'gap' || item.type === 'position') mark = item.after;
      this.agenda.in(0, () => {
        this.#work();
      });
      return { type: 'handled', channel: CHANNEL, count: 1, mark };
    });
  }

  #save(position: StoredPosition): void {
    this.#say(`save ${JSON.stringify(position)}`);
    this.#stored = position;
  }

  // --- the verdict ---

  #judge(): void {
    if (this.violation !== undefined) return;
    if (this.#since === undefined) return this.#fail(`never live: ${JSON.stringify(this.state)}`);
    if (this.state.name !== 'live') this.#fail(`not live: ${JSON.stringify(this.state)}`);
    this.#verdict.end(this.#since);
    if (this.#fetchesLate > 40) this.#fail(`${this.#fetchesLate} questions in the last minute`);
  }

  #fail(text: string): void {
    this.#say(`VIOLATION ${text}`);
    this.violation ??= text;
  }

  #say(text: string): void {
    if (this.verbose) this.log.push(`${this.agenda.now} ${text}`);
  }
}
