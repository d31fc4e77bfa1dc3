/**
 * Reading the heads of channels from the log: never from the fan-out, which may be dead while
 * numbers go on.
 */
import type { Facts } from '../core/frames.js';
import type { Log } from './log.js';
import type { Report } from './report.js';
import type { View } from './view.js';
import { headEntry, headsText, withVisible } from './wire.js';

/** The head of a channel: its `heads` entry, and what that was written from. */
export interface HeadEntry {
  readonly text: string;
  readonly facts: Facts;
}

/**
 * The `heads` entry of each channel whose facts can be read. Never rejects: a channel whose facts
 * cannot be read is left out, and one failure is reported for all.
 */
export async function readHeads(
  log: Log,
  channels: Iterable<string>,
  report: Report,
): Promise<ReadonlyMap<string, HeadEntry>> {
  const entries = new Map<string, HeadEntry>();
  const failures: unknown[] = [];
  const read = async (channel: string): Promise<void> => {
    try {
      const facts = await log.facts(channel);
      entries.set(channel, { text: headEntry(channel, facts), facts });
    } catch (error) {
      failures.push(error);
    }
  };
  await Promise.all(Array.from(channels, read));
  if (failures.length > 0) report('log', failures[0]);
  return entries;
}

/** Whom heads are sent to. */
export interface HeadsReader {
  readonly channels: ReadonlyMap<string, View | undefined>;
  send(text: string): void;
  /** Resolves when it is not behind with its reading. */
  room(): Promise<void>;
}

/** Channels in one frame: what may wait for a reader has a bound, and so has what a client takes. */
const FRAME_CHANNELS = 1_000;

/**
 * Sends the entries of a reader's own channels; a channel without one is left out. Each frame is written
 * when it is sent: what a reader may see can be another rule when there is room for the next.
 */
export async function sendHeads(
  reader: HeadsReader,
  entries: ReadonlyMap<string, HeadEntry>,
): Promise<void> {
  const { channels } = reader;
  let own: string[] = [];
  for (const channel of channels.keys()) {
    if (own.length === FRAME_CHANNELS) {
      reader.send(headsText(own));
      own = [];
      await reader.room();
    }
    const entry = entries.get(channel);
    if (entry === undefined || !channels.has(channel)) continue;
    const view = channels.get(channel);
    own.push(view === undefined ? entry.text : withVisible(entry.text, view.visible(entry.facts)));
  }
  reader.send(headsText(own));
}
