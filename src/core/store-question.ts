/**
 * Asks the store where a channel's reading goes on, and again when it does not answer. Reading does not
 * wait for it for long, and nothing is written over what it has not told.
 */
import type { Failed } from './channel-state.js';
import type { Context } from './context.js';
import type { Position, StoredPosition } from './position.js';
import type { PositionLedger } from './position-ledger.js';
import type { Reader } from './reader.js';

/** The parts of a channel that the answer concerns. */
export interface StoreParts {
  readonly ctx: Context;
  readonly channel: string;
  readonly ledger: PositionLedger;
  readonly reader: Reader;
  readonly failed: Failed | undefined;
}

export class StoreQuestion {
  /** The store was wiped since it was asked. */
  #isWiped = false;

  constructor(private readonly parts: StoreParts) {}

  ask(): void {
    const { channel, ledger, reader } = this.parts;
    // Left and joined again before the flush: what waits here is newer than what the store holds.
    const unsaved = ledger.unsaved(channel);
    if (unsaved === undefined) reader.phase = { name: 'loading' };
    else {
      reader.resume(unsaved);
      if (!ledger.isBarred(channel)) return;
      // Whatever we go on with, the store may hold an older place that the app has not come to.
      ledger.barAgain(channel);
    }
    this.load();
  }

  /** Asks, while reading goes on or has not begun. */
  load(): void {
    const { channel, ctx } = this.parts;
    ctx.emit({ type: 'load', channel });
    ctx.arm(this.#deadline, ctx.settings.storageTimeoutMs);
  }

  /** The app brings a position of its own: it replaces what is stored, whatever and whoever's that is. */
  replace(position: Position): void {
    this.parts.ledger.unbar(this.parts.channel);
    this.parts.reader.follow(position);
  }

  /** The store answered, perhaps too late. */
  answered(stored: StoredPosition | undefined, failed = false): void {
    const { channel, ctx, ledger, reader } = this.parts;
    if (failed) {
      // Without the deadline the answer to another question has come, and this one is not waited for.
      if (ctx.deadlines.has(this.#deadline)) this.#goOn();
      return;
    }
    ledger.storeAnswered(true);
    this.stop();
    const { name } = reader.phase;
    // A failed channel reads nothing: when it is joined again, the store is asked again.
    if (this.parts.failed || this.#isWiped) return;
    const base = ledger.unbar(channel);
    if (stored === undefined) {
      if (name === 'loading') reader.start();
    } else if (name === 'loading' || name === 'starting') reader.resume(stored);
    else if (base !== undefined) reader.honourLate(stored, base);
  }

  /** The deadline of the store's answer passed, or it is time to ask once more. */
  due(): void {
    const { channel, ctx, reader } = this.parts;
    const first = reader.phase.name === 'loading';
    ctx.emit({ type: 'releaseStore' });
    this.#goOn();
    if (!first) ctx.emit({ type: 'load', channel });
  }

  /** What the store holds is wiped: whatever it may still tell is void. */
  forget(): void {
    this.#isWiped = true;
    this.stop();
    if (this.parts.reader.phase.name === 'loading') this.parts.reader.start();
  }

  stop(): void {
    this.parts.ctx.disarm(this.#deadline);
  }

  /** Go on without the store, and ask it again. */
  #goOn(): void {
    const { channel, ctx, ledger, reader } = this.parts;
    ledger.storeAnswered(false);
    ledger.bar(channel);
    ctx.arm(this.#deadline, ctx.settings.backoffCapMs);
    if (reader.phase.name === 'loading') reader.start();
  }

  get #deadline(): string {
    return `load ${this.parts.channel}`;
  }
}
