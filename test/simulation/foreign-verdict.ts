/** One rule: every message is delivered once, in order where numbers have one, or named in a gap. */
import { NO_EPOCH } from '../../src/core/position.js';
import type { Gap, Message } from '../../src/core/vocabulary.js';
import { CHANNEL, type Entry, type ForeignPlan, type ForeignServer } from './foreign-server.js';

const isOurs = ({ channel, hidden }: Entry): boolean => channel === CHANNEL && !hidden;

export class ForeignVerdict {
  /** What was delivered in this page life, since the last gap without an end. */
  #delivered: Entry[] = [];
  #life = 1;
  readonly #settled = new Set<number>();

  constructor(
    private readonly plan: ForeignPlan,
    private readonly server: ForeignServer,
    private readonly fail: (text: string) => void,
  ) {}

  /** Who had nothing of a log cannot know that it is another one. */
  get knowsLog(): boolean {
    return this.#delivered.at(-1)?.life === this.server.life;
  }

  reloaded(): void {
    this.#delivered = [];
  }

  handled(uid: number): void {
    this.#settled.add(uid);
  }

  delivered({ data }: Message): void {
    const entry = this.server.published[(data as number) - 1];
    if (entry === undefined) return this.fail(`a message that never was: ${String(data)}`);
    const before = this.#delivered.at(-1);
    if (this.#delivered.includes(entry)) this.fail(`#${entry.uid} comes twice`);
    const isOrdered = this.plan.numbering !== 'monotonic';
    if (isOrdered && before?.life === entry.life && before.seq > entry.seq)
      this.fail(`#${entry.uid} comes after ${before.seq}`);
    this.#delivered.push(entry);
    this.#life = Math.max(this.#life, entry.life);
  }

  gap(gap: Gap): void {
    const { published, goneAt, life } = this.server;
    const gapLife = gap.epoch === NO_EPOCH ? this.#life : Number(gap.epoch.slice(4));
    const { from, to } = gap;
    if (to === undefined) {
      // Without epochs it may show late, by the id of a message that came live.
      if (this.plan.epochs ? gapLife === life : life === 1)
        this.fail(`false ${gap.reason}: ${JSON.stringify(gap)}`);
      this.#delivered = [];
      for (const e of published) {
        const isOld = this.plan.epochs ? e.life === gapLife && e.seq >= from : e.life < life;
        const isBetween = e.life > gapLife && (e.life < life || goneAt.has(e.uid));
        if (isOld || isBetween) this.#settled.add(e.uid);
      }
      return;
    }
    const within = published.filter((e) => e.life === gapLife && e.seq >= from && e.seq <= to);
    const real = within.filter(isOurs);
    for (const e of real) this.#settled.add(e.uid);
    const held = real.filter((e) => !goneAt.has(e.uid));
    if (held.length > 0 && gapLife === life)
      this.fail(
        `false ${gap.reason}: ${JSON.stringify(gap)} has ${held.map(({ seq }) => seq).join()}`,
      );
    if (within.length > 0 && real.length === 0 && gap.reason === 'hole')
      this.fail(`a gap of what is not ours: ${JSON.stringify(gap)}`);
  }

  /** @param first the first message that counts. */
  end(first: number): void {
    const lost = this.server.published
      .slice(first)
      .filter((entry) => isOurs(entry) && !this.#settled.has(entry.uid));
    const names = lost.map(({ life, seq, uid }) => `${life}/${seq} #${uid}`).join();
    if (lost.length > 0) this.fail(`lost: ${names}`);
  }
}
