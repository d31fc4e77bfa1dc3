/**
 * The server's log of one channel, and everything that ever was in it: the truth that the client is
 * judged by. What was trimmed stays known here; only `oldest` says what may still be read.
 */
import type { Facts, Page, PageMessage } from '../../src/core/frames.js';
import { NO_EPOCH } from '../../src/core/position.js';

export type Slot =
  | { readonly kind: 'entry'; readonly uid: number; readonly at: number }
  /** Declared void: it will never come, and is no loss. */
  | { readonly kind: 'void' }
  /** A number that is not for this reader, or of another channel. */
  | { readonly kind: 'skip' }
  /** A burnt number: it will never come, and nobody says so. */
  | { readonly kind: 'hole' };

const VOID: Slot = { kind: 'void' };
const SKIP: Slot = { kind: 'skip' };
const HOLE: Slot = { kind: 'hole' };
const BURNT = { void: VOID, skip: SKIP, hole: HOLE };

/** One life of a channel's log. */
export class EpochLog {
  /** The slot of number n is at n - 1. */
  readonly slots: Slot[] = [];
  oldest = 1;
  /** Entries that were taken away, by number: the same number may have named several. */
  /** Numbers that were void before a rewind took them away. */
  readonly #voids = new Set<number>();
  readonly #gone = new Map<number, number[]>();

  constructor(readonly epoch: string) {}

  get head(): number {
    return this.slots.length;
  }

  get facts(): Facts {
    return { epoch: this.epoch, head: this.head, oldest: this.oldest };
  }

  at(seq: number): Slot | undefined {
    return this.slots[seq - 1];
  }

  /** Did this number ever name this entry? */
  has(seq: number, uid: number): boolean {
    const slot = this.at(seq);
    return (
      (slot?.kind === 'entry' && slot.uid === uid) || (this.#gone.get(seq)?.includes(uid) ?? false)
    );
  }

  /** Can this number still be read as a message? */
  holds(seq: number): boolean {
    return seq >= this.oldest && this.at(seq)?.kind === 'entry';
  }

  /** Is it no loss that this number is no message? */
  isVoid(seq: number): boolean {
    const kind = this.at(seq)?.kind;
    return kind === 'void' || kind === 'skip' || this.#voids.has(seq);
  }

  /** The last of the void numbers that follow `seq`, at most `most`; `seq` itself when none does. */
  afterVoid(seq: number, most: number): number {
    let end = seq;
    while (end < most && this.isVoid(end + 1)) end += 1;
    return end;
  }

  /** The last entry before a number, 0 when there is none. */
  entryBefore(seq: number): number {
    let n = Math.min(seq, this.head + 1) - 1;
    while (n > 0 && this.at(n)?.kind !== 'entry') n -= 1;
    return n;
  }

  rewind(to: number): void {
    for (let seq = to + 1; seq <= this.head; seq += 1) this.#bury(seq);
    this.slots.length = Math.min(to, this.head);
    this.oldest = Math.min(this.oldest, this.head + 1);
  }

  /** An entry is compacted away, which is no loss. Who has it already may still hand it on. */
  void(seq: number): void {
    this.#bury(seq);
    this.slots[seq - 1] = VOID;
  }

  #bury(seq: number): void {
    const slot = this.at(seq);
    if (slot?.kind === 'void' || slot?.kind === 'skip') this.#voids.add(seq);
    if (slot?.kind !== 'entry') return;
    const uids = this.#gone.get(seq) ?? [];
    uids.push(slot.uid);
    this.#gone.set(seq, uids);
  }
}

export class ChannelLog {
  log: EpochLog;
  /** Every life so far by its epoch, the present one included. */
  readonly epochs = new Map<string, EpochLog>();
  /** Answers to publish keys of this epoch. */
  readonly keys = new Map<string, number>();
  /** Runs of burnt numbers so far. */
  holes = 0;

  constructor(
    readonly channel: string,
    private readonly limit: number,
    private readonly nextUid: () => number,
    /** False for a server that calls every life the same. */
    private readonly epochNames: boolean,
  ) {
    this.log = this.#begin();
  }

  append(now: number): number {
    this.log.slots.push({ kind: 'entry', uid: this.nextUid(), at: now });
    this.#trim();
    return this.log.head;
  }

  burn(kind: 'void' | 'skip' | 'hole', count: number): void {
    if (kind === 'hole') this.holes += 1;
    for (let i = 0; i < count; i += 1) this.log.slots.push(BURNT[kind]);
    this.#trim();
  }

  /** Forgets the oldest entries, as a limit of age does. */
  age(count: number): void {
    this.log.oldest = Math.min(this.log.head + 1, this.log.oldest + count);
  }

  /** Some entries are compacted away: no loss by definition. */
  compact(chosen: (seq: number) => boolean): void {
    const { log } = this;
    for (let seq = log.oldest; seq < log.head; seq += 1) {
      if (log.holds(seq) && chosen(seq)) log.void(seq);
    }
  }

  /** A new life. @param keep how many of the old entries are in it, under their old numbers. */
  replace(keep: number): void {
    const { log } = this;
    const next = this.#begin();
    next.slots.push(...log.slots.slice(0, keep));
    next.oldest = Math.min(log.oldest, next.head + 1);
    this.log = next;
    this.keys.clear();
  }

  page(since: number, limit: number, log: EpochLog = this.log, head: number = log.head): Page {
    const messages: PageMessage[] = [];
    const voids: [number, number][] = [];
    let seq = Math.max(since + 1, log.oldest);
    for (; seq <= head && messages.length < limit; seq += 1) {
      const slot = log.at(seq);
      if (slot?.kind === 'entry') messages.push({ seq, data: slot.uid });
      else if (slot?.kind === 'void' || slot?.kind === 'skip') {
        const range = voids.at(-1);
        if (range?.[1] === seq - 1) range[1] = seq;
        else voids.push([seq, seq]);
      }
    }
    const more = seq <= head;
    const page = { channel: this.channel, epoch: log.epoch, head, messages, more };
    const oldest = Math.min(log.oldest, head + 1);
    return voids.length > 0 ? { ...page, oldest, void: voids } : { ...page, oldest };
  }

  #begin(): EpochLog {
    // Epochs are unordered strings: names that sort by age would hide a comparison.
    const name = this.epochNames
      ? `${((this.epochs.size + 1) * 7919) % 101}${this.channel}${this.epochs.size}`
      : NO_EPOCH;
    const log = new EpochLog(name);
    this.epochs.set(name, log);
    return log;
  }

  #trim(): void {
    const { log } = this;
    log.oldest = Math.max(log.oldest, log.head - this.limit + 1);
  }
}
