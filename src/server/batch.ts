/**
 * One `recover` frame: its channels are read side by side, and it is answered in time.
 *
 * A part of the log may hang while the rest is well. Whoever waits for that part must keep nobody else
 * waiting: a client that gets its answer too late drops it, and asks for all of it again.
 */
import { MAX_FRAME_CHARS } from '../core/codec.js';
import type { RecoverRequest } from '../core/frames.js';
import { RETRY, STATUS, type ReaderDecision } from './authorize.js';
import type { LogPage } from './log.js';
import type { HubParts } from './parts.js';
import { chain, isPromise } from './promises.js';
import { cutPage } from './recovery.js';
import type { BadItem, RecoverFrame } from './request-frames.js';
import { AT_ONCE, ROUND_MS, Window } from './window.js';
import * as wire from './wire.js';

/** Whom the answer goes to. */
interface Asker {
  send(text: string): void;
  decide(channel: string): ReaderDecision | Promise<ReaderDecision>;
}

/** Writes an item that is ready into the bytes that are left by then. */
type Item = (room: number) => string;

/** After so many the frame is answered with what is there: after half of the time that a client waits. */
const ROUNDS = 10;

/** So many it has at least, although it waited for others before: a client asks few such questions at once. */
const MIN_ROUNDS = 2;

/** The characters of all items in an answer that a client still reads; the rest is room for what is around them. */
const MAX_ITEMS_CHARS = MAX_FRAME_CHARS - 100;

export class Batch {
  readonly #parts: HubParts;
  readonly #asker: Asker;
  readonly #frame: RecoverFrame;
  readonly #decisions: readonly (ReaderDecision | Promise<ReaderDecision> | undefined)[];
  readonly #limit: number;
  /** By place, those that nothing was said of yet. */
  readonly #open: Map<number, RecoverRequest | BadItem>;
  /** By place, those that the answer has. */
  readonly #texts: (string | undefined)[] = [];
  /** The place of the first one that was not begun. */
  #next = 0;
  #reading = 0;
  readonly #window = new Window();
  /** Does the log take its time? Then its channels share what room there is. */
  #isDistant = false;
  #bytesLeft: number;
  #chars = 0;
  /** Those that are left until the answer is due. */
  #roundsLeft: number;
  readonly #waitMs: number;
  #settle: () => void = () => undefined;

  /** @param at when the frame came in: while it waited for its turn, its client has waited too. */
  constructor(parts: HubParts, asker: Asker, frame: RecoverFrame, at: number) {
    const { page, pageBytes } = parts.settings.limits;
    this.#parts = parts;
    this.#asker = asker;
    this.#frame = frame;
    this.#limit = Math.min(frame.limit ?? page, page);
    this.#bytesLeft = pageBytes;
    const gone = Math.floor((performance.now() - at) / ROUND_MS);
    this.#roundsLeft = Math.max(ROUNDS - gone, MIN_ROUNDS);
    this.#waitMs = this.#roundsLeft * ROUND_MS;
    this.#open = new Map(frame.items.entries());
    // All are asked at the same time, and none of them rejects.
    this.#decisions = frame.items.map((item) =>
      'bad' in item ? undefined : asker.decide(item.channel),
    );
  }

  /** Call it once. The promise is for the moment of the answer; where there is none, it was given. */
  answer(): void | Promise<void> {
    this.#begin();
    if (this.#open.size === 0) return this.#send();
    this.#window.open(() => this.#round());
    return new Promise((resolve) => (this.#settle = resolve));
  }

  /** Nobody waits for the answer any more. */
  end(): void {
    this.#window.close();
    this.#open.clear();
    this.#next = this.#frame.items.length;
    this.#settle();
  }

  #begin(): void {
    const { items } = this.#frame;
    while (this.#reading < this.#window.size) {
      const place = this.#next;
      const item = items[place];
      if (item === undefined) return;
      this.#next += 1;
      const write = chain(this.#decisions[place], (decision) => this.#read(item, decision));
      if (isPromise(write)) void this.#await(place, write);
      else this.#put(place, write(this.#room));
    }
  }

  async #await(place: number, item: Promise<Item>): Promise<void> {
    this.#reading += 1;
    const write = await item;
    this.#reading -= 1;
    // It comes too late.
    if (!this.#open.has(place)) return;
    this.#put(place, write(this.#room));
    this.#begin();
    if (this.#open.size === 0) this.#finish();
  }

  /** Those that are waited for still may hang: now others are read besides them. */
  #round(): void {
    this.#roundsLeft -= 1;
    if (this.#roundsLeft === 0) {
      this.#giveUp();
      return;
    }
    this.#begin();
    if (this.#open.size === 0) this.#finish();
  }

  #giveUp(): void {
    const { report, settings } = this.#parts;
    const [count, all] = [this.#open.size, this.#frame.items.length];
    const late = `${count} of ${all} channels had no answer within ${this.#waitMs} ms`;
    report('recover', new Error(late));
    for (const [place, { channel }] of this.#open) {
      this.#put(place, wire.refusedItem(503, channel, 'internal', settings.retryAfterMs));
    }
    this.#finish();
  }

  #finish(): void {
    this.#send();
    this.end();
  }

  #send(): void {
    const texts = this.#texts.filter((text) => text !== undefined);
    this.#asker.send(wire.recoveredText(this.#frame.id, texts));
  }

  #put(place: number, text: string): void {
    this.#open.delete(place);
    // With it a client would drop the whole answer, and ask for the same again. What is left out it asks for.
    if (this.#chars + text.length > MAX_ITEMS_CHARS) return;
    this.#chars += text.length + 1;
    // For those that follow, if any do: to count the bytes of a text is to copy it.
    if (this.#open.size > 0) this.#bytesLeft -= Buffer.byteLength(text);
    this.#texts[place] = text;
  }

  get #room(): number {
    return Math.max(this.#bytesLeft, 0);
  }

  #read(
    item: RecoverRequest | BadItem,
    decision: ReaderDecision | undefined,
  ): Item | Promise<Item> {
    const { settings, recovery, report, counters } = this.#parts;
    if ('bad' in item || decision === undefined) {
      counters.badFrames += 1;
      return () => wire.refusedItem(400, item.channel, 'bad_request');
    }
    if (!decision.allowed) {
      const { code } = decision;
      const wait = RETRY[code] && code !== 'unauthorized' ? settings.retryAfterMs : undefined;
      return () => wire.refusedItem(STATUS[code], item.channel, code, wait);
    }
    const failed = (error: unknown): Item => {
      report('log', error);
      return () => wire.refusedItem(503, item.channel, 'internal', settings.retryAfterMs);
    };
    // Fewer bytes are written when there is less room by then.
    const sharers = this.#isDistant ? Math.min(this.#frame.items.length, AT_ONCE) : 1;
    const maxBytes = Math.floor(this.#room / sharers);
    const write = (page: LogPage): Item => {
      return (room) => {
        try {
          const fitting = room < maxBytes ? cutPage(page, item.seq, room) : page;
          return wire.pageItem(item.channel, recovery.show(item, fitting, decision.sees));
        } catch (error) {
          return failed(error)(room);
        }
      };
    };
    try {
      const written = chain(recovery.read(item, { limit: this.#limit, maxBytes }), write);
      if (!isPromise(written)) return written;
      this.#isDistant = true;
      return written.catch(failed);
    } catch (error) {
      return failed(error);
    }
  }
}
