/** A log and a reader of it, for properties: what comes live is up to the test, the log answers truly. */
import fc from 'fast-check';
import type { Page, PageMessage } from '../../src/core/frames.js';
import type { PositionWrite } from '../../src/core/position.js';
import type { Settings } from '../../src/core/settings.js';
import { CHANNEL, LATEST, Script } from '../mutants/script.js';

const PAGE = 3;

export class ReaderWorld {
  readonly script: Script;
  /** Numbers of messages, and names of everything else, in the order in which the app has them. */
  readonly told: (number | string)[] = [];
  /** Positions that items without a message brought. */
  readonly positions: number[] = [];
  /** The greatest head that an answer named. */
  confirmed = 0;
  readonly messages: PageMessage[] = [];
  head = 0;
  #attempt = 1;
  #calls = new Map<number, number>();

  constructor(
    settings: Partial<Settings>,
    private readonly pageOf: (world: ReaderWorld, since: number, limit: number) => Partial<Page>,
  ) {
    this.script = new Script({ maxHeld: 4, ...settings });
    this.script.enter({ type: 'join', channel: CHANNEL, intent: LATEST });
    this.#connect();
    this.answer();
  }

  live(message: PageMessage): void {
    this.script.frames(
      [{ type: 'message', channel: CHANNEL, epoch: 'e', ...message }],
      this.#attempt,
    );
    this.#collect();
  }

  heads(visible?: number): void {
    const head = { channel: CHANNEL, epoch: 'e', head: this.head };
    const heads = [visible === undefined ? head : { ...head, visible }];
    this.script.frames([{ type: 'heads', heads }], this.#attempt);
    this.#collect();
  }

  /** Answers the calls that wait. */
  answer(): void {
    for (const [id, since] of this.#calls) {
      this.#calls.delete(id);
      const page = this.pageOf(this, since, PAGE);
      this.confirmed = Math.max(this.confirmed, page.head ?? 0);
      this.script.answer(id, page);
      this.#collect();
    }
  }

  fail(): void {
    for (const id of this.#calls.keys()) {
      this.#calls.delete(id);
      this.script.refuse(id, 503);
      this.#collect();
    }
  }

  pass(ms: number): void {
    this.script.pass(ms);
    this.#collect();
  }

  reconnect(): void {
    this.script.enter({ type: 'dropped', attempt: this.#attempt, code: 1006, reason: '' });
    this.#collect();
    this.script.enter({ type: 'connect' });
    this.#attempt += 1;
    this.#connect();
  }

  /** Nothing goes wrong any more. */
  heal(beat: () => void): void {
    for (let i = 0; i < 40; i += 1) {
      beat();
      this.pass(900);
      this.answer();
    }
  }

  #connect(): void {
    this.script.enter({ type: 'opened', attempt: this.#attempt });
    this.script.frames([{ type: 'joined', channel: CHANNEL }], this.#attempt);
    this.#collect();
  }

  #collect(): void {
    this.told.push(...this.script.told.filter((item) => item !== 'position'));
    for (const item of this.script.items) {
      if (item.type === 'position') this.positions.push(item.after.position.seq);
    }
    for (const { id, request } of this.script.all('fetch')) this.#calls.set(id, request.seq);
    for (const { id } of this.script.all('abort')) this.#calls.delete(id);
    const count = this.script.items.length;
    if (count === 0) return;
    const mark = this.#mark();
    this.script.enter({ type: 'handled', channel: CHANNEL, count, ...(mark ? { mark } : {}) });
    this.#collect();
  }

  /** What a commit log would say of the items of this step. */
  #mark(): PositionWrite | undefined {
    const last = this.script.items.filter((item) => item.type === 'position').at(-1);
    return last?.after;
  }
}

export type Op =
  | 'append'
  | 'skip'
  | 'heads'
  | 'answer'
  | 'fail'
  | 'reconnect'
  | { readonly live: number }
  | { readonly pass: number };

/** Messages are appended, come live or not, twice, in any order; the log answers or fails. */
export const ops: fc.Arbitrary<Op[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom<Op[]>('append', 'append', 'skip', 'answer') },
    { weight: 2, arbitrary: fc.constantFrom<Op[]>('heads', 'fail', 'reconnect') },
    { weight: 5, arbitrary: fc.record({ live: fc.nat(6) }) },
    { weight: 2, arbitrary: fc.record({ pass: fc.nat(1_500) }) },
  ),
  { maxLength: 60 },
);

export function run(world: ReaderWorld, steps: readonly Op[], visible: () => number): void {
  for (const op of steps) {
    if (typeof op === 'object') {
      if ('pass' in op) world.pass(op.pass);
      else {
        const message = world.messages.at(-1 - op.live);
        if (message !== undefined) world.live(message);
      }
    } else if (op === 'append' || op === 'skip') {
      const prev = world.messages.at(-1)?.seq ?? 0;
      world.head += 1;
      const seq = world.head;
      if (op === 'append') world.messages.push({ seq, prev, data: seq });
    } else if (op === 'heads') world.heads(visible());
    else world[op]();
  }
}
