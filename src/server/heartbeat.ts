/**
 * The heartbeat: heads for everybody, from one timer for the whole hub.
 *
 * It tells clients that the connection lives, tells them of messages whose live frames were lost, and
 * ends connections whose clients are gone. It goes out on time even when the log does not answer, with
 * no heads in it: the connection lives all the same.
 */

import type { HeadEntry } from './heads.js';

export interface HeartbeatParts {
  readonly heartbeatMs: number;
  /** Reads the heads of all channels; never rejects, but may take as long as the log does. */
  readonly readHeads: () => Promise<ReadonlyMap<string, HeadEntry>>;
  /** Called at each beat, before anything is read. */
  readonly probe: () => void;
  /** Sends each connection those entries that are its own. */
  readonly send: (entries: ReadonlyMap<string, HeadEntry>) => void;
}

const NO_HEADS: ReadonlyMap<string, HeadEntry> = new Map();

export class Heartbeat {
  readonly #parts: HeartbeatParts;
  readonly #interval: NodeJS.Timeout;
  #deadline: NodeJS.Timeout | undefined;
  #reading = false;
  #stopped = false;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#interval = setInterval(() => void this.#beat(), parts.heartbeatMs);
    this.#interval.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#interval);
    clearTimeout(this.#deadline);
  }

  async #beat(): Promise<void> {
    const { heartbeatMs, probe, readHeads, send } = this.#parts;
    probe();
    if (this.#reading) {
      // The log still owes the answer to an earlier beat: asking it again would only pile up.
      send(NO_HEADS);
      return;
    }
    this.#reading = true;
    // A quarter: the beat stays well inside the silence that a client bears.
    this.#deadline = setTimeout(() => send(NO_HEADS), heartbeatMs / 4).unref();
    const entries = await readHeads();
    clearTimeout(this.#deadline);
    this.#reading = false;
    if (!this.#stopped) send(entries);
  }
}
