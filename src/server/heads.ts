/**
 * Reading the heads of channels from the log: never from the fan-out, which may be dead while
 * numbers go on.
 */
import type { Facts } from '../core/frames.js';
import type { Log } from './log.js';
import type { Report } from './report.js';
import { headEntry } from './wire.js';

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
