/**
 * What has been handled and is not stored yet: coalesces positions into one write per flush.
 *
 * Knows nothing of IndexedDB. Storage is advisory: whatever it does, delivery goes on, and what could
 * not be written stays here and is tried again.
 */
import type { Context } from './context.js';
import { advanced, type Position, type PositionWrite, type StoredPosition } from './position.js';

/** Broken storage is tried again after up to this long; each try may open a database. */
const RETRY_CAP_MS = 60_000;
/** Channels whose unsaved position is kept while storage is broken; the oldest go first. */
const MAX_DIRTY = 10_000;

/** Why nothing is written: the stored position is not known yet, or belongs to somebody else. */
interface Bar {
  /** Where reading began without the store's word. */
  base?: Position;
  /** Owner tokens from the gap on that names what was passed over: once it is handled, writing goes on. */
  until?: Set<string>;
}

type Saving = { readonly id: number; readonly writes: Map<string, PositionWrite> } | undefined;

export class PositionLedger {
  readonly #dirty = new Map<string, PositionWrite>();
  /** Channels that are never written for now. */
  readonly #barred = new Map<string, Bar>();
  #saving: Saving;
  /** A flush was asked for during a write: the page is going away, and there may be no later one. */
  #flushWhenSaved = false;
  #saves = 0;
  #failures = 0;
  /** The last write failed. A store that is full can still be read. */
  #cannotWrite = false;
  #state: 'unknown' | 'persistent' | 'memory' = 'unknown';

  constructor(private readonly ctx: Context) {}

  /** A position still waiting here is newer than what the store holds. */
  unsaved(channel: string): StoredPosition | undefined {
    return (this.#dirty.get(channel) ?? this.#saving?.writes.get(channel))?.position;
  }

  /** What was to be written is void: the stored position was known after all. */
  discard(channel: string): void {
    this.#dirty.delete(channel);
  }

  /** The store has not said yet what it holds: write nothing over it. */
  bar(channel: string): void {
    if (!this.#barred.has(channel)) this.#barred.set(channel, {});
  }

  /** The channel is joined anew before the app was told what was passed over: it is still owed. */
  barAgain(channel: string): void {
    const base = this.#barred.get(channel)?.base;
    this.#barred.set(channel, base === undefined ? {} : { base });
  }

  isBarred(channel: string): boolean {
    return this.#barred.has(channel);
  }

  /** Reading begins. When the store has not said yet where, what lies before may still be owed. */
  began(channel: string, base: Position): void {
    const bar = this.#barred.get(channel);
    if (bar !== undefined) bar.base ??= base;
  }

  /** The store told what it holds. @returns where reading began without that, if it did. */
  unbar(channel: string): Position | undefined {
    const bar = this.#barred.get(channel);
    if (bar === undefined || bar.until !== undefined) return undefined;
    this.#barred.delete(channel);
    if (this.#dirty.has(channel)) this.#schedule();
    return bar.base;
  }

  /** What was passed over is about to be named: until the app has been told, the store remembers it. */
  barUntilTold(channel: string, base: Position): void {
    this.#barred.set(channel, { base, until: new Set() });
  }

  /** A new owner token for a position that replaces another. */
  token(channel: string): string {
    const tok = this.ctx.random.token();
    this.#barred.get(channel)?.until?.add(tok);
    return tok;
  }

  /** The handlers finished up to here. On the hot path: once per run of messages. */
  mark(write: PositionWrite): void {
    if (this.#barred.get(write.channel)?.until?.has(write.position.tok) === true) {
      this.#barred.delete(write.channel);
      this.#schedule();
    }
    const waiting = this.#dirty.get(write.channel);
    this.#dirty.set(write.channel, advanced(waiting, write));
    if (waiting === undefined) this.#schedule();
    if (this.#dirty.size > MAX_DIRTY) this.#dirty.delete(this.#dirty.keys().next().value ?? '');
  }

  /** Writes what is dirty now: the deadline is due, or the page is going away. */
  flush(): void {
    this.ctx.disarm('flush');
    this.#flushWhenSaved = this.#saving !== undefined;
    if (this.#flushWhenSaved) return;
    const writes = new Map([...this.#dirty].filter(([channel]) => !this.#barred.has(channel)));
    if (writes.size === 0) return;
    for (const channel of writes.keys()) this.#dirty.delete(channel);
    this.#saves += 1;
    this.#saving = { id: this.#saves, writes };
    this.ctx.arm('save', this.ctx.settings.storageTimeoutMs);
    this.ctx.emit({ type: 'save', id: this.#saves, writes: [...writes.values()] });
  }

  /** A write settled. @param refused channels whose stored position another owner has replaced. */
  saved(id: number, refused: readonly string[], failed: boolean): void {
    if (this.#saving?.id !== id) return;
    const { writes } = this.#saving;
    this.#saving = undefined;
    this.ctx.disarm('save');
    if (failed) this.#keep(writes);
    this.#cannotWrite = failed;
    this.storeAnswered(!failed);
    for (const channel of refused) {
      // A discontinuity, or a place that the app brought meanwhile, wins over whoever it was.
      if (this.#dirty.get(channel)?.mode === 'replace') continue;
      this.#barred.set(channel, {});
      this.#dirty.delete(channel);
      this.ctx.notice({ event: 'positionReplaced', channel });
    }
    if (this.#flushWhenSaved && !failed) this.flush();
    else if (this.#dirty.size > 0) this.#schedule();
  }

  /** A write did not settle in time. */
  saveTimedOut(): void {
    if (this.#saving === undefined) return;
    // The database connection hangs, and the next call would hang as well.
    this.ctx.emit({ type: 'releaseStore' });
    this.saved(this.#saving.id, [], true);
  }

  /** Tells the app whether positions outlive the page, once per change. @param works did the store answer? */
  storeAnswered(works: boolean): void {
    if (works && this.#cannotWrite) return;
    this.#failures = works ? 0 : this.#failures + 1;
    const state = works && this.ctx.settings.persistent ? 'persistent' : 'memory';
    if (state === this.#state) return;
    this.#state = state;
    this.ctx.emit({ type: 'storageState', state });
  }

  /** The app logs out: no position that is known now is written any more. */
  forget(channels: Iterable<string>): void {
    this.#dirty.clear();
    // A write on its way comes before the wipe; if it fails it is not made again.
    this.#saving?.writes.clear();
    for (const channel of channels) this.#barred.set(channel, {});
  }

  #keep(writes: ReadonlyMap<string, PositionWrite>): void {
    for (const [channel, write] of writes) {
      const newer = this.#dirty.get(channel);
      this.#dirty.set(channel, newer === undefined ? write : advanced(write, newer));
    }
  }

  #schedule(): void {
    if (this.ctx.deadlines.has('flush')) return;
    const { flushMs } = this.ctx.settings;
    const backoff =
      this.#failures > 0 ? this.ctx.backoffMs(this.#failures, flushMs * 4, RETRY_CAP_MS) : 0;
    this.ctx.arm('flush', flushMs + backoff);
  }
}
