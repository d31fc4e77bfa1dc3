/**
 * Reading the heads of channels from the log: never from the fan-out, which may be dead while
 * numbers go on.
 */
import type { Log } from './log.js';
import type { Report } from './report.js';
import { headEntry } from './wire.js';

/**
 * The `heads` entry of each channel whose facts can be read. Never rejects: a channel whose facts
 * cannot be read is left out, and one failure is reported for all.
 */
export async function readHeads(
  log: Log,
  channels: Iterable<string>,
  report: Report,
): Promise<ReadonlyMap<string, string>> {
  const entries = new Map<string, string>();
  const failures: unknown[] = [];
  const read = async (channel: string): Promise<void> => {
    try {
      entries.set(channel, headEntry(channel, await log.facts(channel)));
    } catch (error) {
      failures.push(error);
    }
  };
  await Promise.all(Array.from(channels, read));
  if (failures.length > 0) report('log', failures[0]);
  return entries;
}
