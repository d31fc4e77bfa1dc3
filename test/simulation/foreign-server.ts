/**
 * Other people's servers: one counter for all channels or one for each, answers that say little, that are
 * cut, or that hold what is not ours.
 */
import type { RecoverRequest } from '../../src/core/frames.js';
import type { Agenda } from './agenda.js';
import type { Dice } from './dice.js';

export const CHANNEL = 'room';

export interface Entry {
  readonly seq: number;
  readonly prev: number;
  readonly channel: string;
  readonly uid: number;
  readonly life: number;
  readonly hidden: boolean;
}

/** What kind of server it is. */
export function makeForeignPlan(dice: Dice) {
  const numbering = dice.pick(['contiguous', 'monotonic', 'sparse'] as const);
  const epochs = dice.chance(0.5);
  const ids = dice.chance(0.6);
  // Elsewhere the number of the last message may be that of somebody else, and says nothing.
  const restarts = (epochs || (ids && numbering === 'contiguous')) && dice.chance(0.5);
  const saysOldest = dice.chance(0.5);
  // Without it a loss of rising numbers shows to nobody.
  const keeps = numbering === 'contiguous' || (saysOldest && epochs);
  const overflows = keeps && (epochs || !restarts) && dice.chance(0.4);
  const says = dice.pick(['more', 'head', 'both', 'nothing'] as const);
  return {
    numbering,
    epochs,
    ids,
    restarts,
    saysOldest,
    saysHead: says === 'head' || says === 'both',
    saysMore: says === 'more' || says === 'both',
    buffer: overflows ? dice.between(3, 30) : Infinity,
    expires: overflows && dice.chance(0.5),
    socketio: dice.chance(0.4),
    joinFacts: dice.chance(0.4),
    heads: dice.chance(0.4),
    tellsAll: dice.chance(0.5),
    page: says === 'nothing' ? Infinity : dice.pick([1, 2, 3, 5, 20, Infinity]),
    shuffles: dice.chance(0.3),
    lateAppend: numbering === 'contiguous' && !overflows && dice.chance(0.3),
    reorders: dice.chance(0.5),
    reloads: (epochs || !restarts) && dice.chance(0.3),
    maxQueued: dice.pick([2, 6, 2_000]),
    maxHeld: dice.pick([2, 1_000]),
    drop: dice.chance(0.6) ? dice.next() / 2 : 0,
    twice: dice.chance(0.4) ? 0.2 : 0,
    cut: dice.chance(0.7),
    fails: dice.chance(0.4) ? dice.next() / 2 : 0,
    others: dice.pick([0, 1, 5]),
  };
}
export type ForeignPlan = ReturnType<typeof makeForeignPlan>;

/** Numbers, keeps and tells, as its plan says. */
export class ForeignServer {
  life = 1;
  #seq = new Map<string, number>();
  #visible = 0;
  #dropped = new Map<string, number>();
  log: Entry[] = [];
  readonly published: Entry[] = [];
  readonly goneAt = new Map<number, number>();

  constructor(
    private readonly plan: ForeignPlan,
    private readonly dice: Dice,
    private readonly agenda: Agenda,
    private readonly fanOut: (entry: Entry) => void,
  ) {}

  get #one(): boolean {
    return this.plan.numbering !== 'contiguous';
  }

  publish(channel: string, hidden: boolean): void {
    const key = this.#one ? '*' : channel;
    const seq = (this.#seq.get(key) ?? 0) + 1;
    this.#seq.set(key, seq);
    const mine = channel === CHANNEL && !hidden;
    const uid = this.published.length + 1;
    const entry = { seq, prev: this.#visible, channel, uid, life: this.life, hidden };
    if (mine) this.#visible = seq;
    this.published.push(entry);
    const append = (): void => {
      if (entry.life !== this.life) return void this.goneAt.set(uid, this.agenda.now);
      this.log.push(entry);
      while (this.log.length > this.plan.buffer) this.#drop();
      this.fanOut(entry);
    };
    if (this.plan.lateAppend && this.dice.chance(0.3))
      this.agenda.in(this.dice.between(1, 60), append);
    else append();
  }

  #drop(): void {
    const gone = this.log.shift();
    if (gone === undefined) return;
    this.goneAt.set(gone.uid, this.agenda.now);
    const key = this.#one ? '*' : gone.channel;
    this.#dropped.set(key, Math.max(this.#dropped.get(key) ?? 0, gone.seq));
  }

  expire(): void {
    while (this.log.length > 0) this.#drop();
  }

  restart(): void {
    for (const { uid } of this.log) this.goneAt.set(uid, this.agenda.now);
    this.log = [];
    this.#seq.clear();
    this.#dropped.clear();
    this.#visible = 0;
    this.life += 1;
  }

  /** What it knows of its log: with one counter, of the log of all. */
  facts() {
    const key = this.#one ? '*' : CHANNEL;
    const dropped = this.#dropped.get(key) ?? 0;
    const of = this.log.filter(({ channel }) => this.#one || channel === CHANNEL);
    return {
      ...(this.plan.epochs && { epoch: `life${this.life}` }),
      head: of.reduce((most, { seq }) => Math.max(most, seq), dropped),
      ...(this.plan.saysOldest && { oldest: dropped + 1 }),
    };
  }

  body({ seq: since, epoch }: RecoverRequest): unknown {
    const { plan } = this;
    const isOld = plan.epochs && epoch !== '' && epoch !== `life${this.life}`;
    const found = this.log
      .filter((e) =>
        plan.tellsAll ? !(e.channel === CHANNEL && e.hidden) : e.channel === CHANNEL && !e.hidden,
      )
      .filter(({ seq }) => seq > since && !isOld);
    found.sort((a, b) => a.seq - b.seq);
    const part = found.slice(0, plan.page);
    const isCut = part.length < found.length;
    if (plan.shuffles && part.length > 1 && this.dice.chance(0.5)) part.reverse();
    const messages = part.map((entry) => this.json(entry));
    if (!plan.epochs && !plan.saysHead && !plan.saysMore && !plan.saysOldest) return messages;
    const { head, ...facts } = this.facts();
    return {
      messages,
      ...facts,
      ...(plan.saysHead && { head }),
      ...(plan.saysMore && { more: isCut }),
    };
  }

  json({ channel, prev, seq, uid }: Entry): Record<string, unknown> {
    const { epochs, ids, numbering } = this.plan;
    return {
      type: 'msg',
      channel,
      seq,
      data: uid,
      ...(epochs && { epoch: `life${this.life}` }),
      ...(ids && { id: `m${uid}` }),
      ...(numbering === 'sparse' && { prev }),
    };
  }
}
