/** What several rules look at, and how evidence names it. */
import type { Findings, Heard, Sent, Skipped } from '../findings.js';
import { isMarker, shortOf } from '../markers.js';
import type { Copy } from '../reading.js';
import type { Walk } from '../recovery.js';
import { Missing } from '../verdict.js';

/** A scene that was played. @throws Missing. */
export function played<Scene extends object>(scene: Scene | Skipped): Scene {
  if ('skipped' in scene) throw new Missing(scene.skipped);
  return scene;
}

interface Traffic {
  readonly sent: readonly Sent[];
  readonly heard?: readonly Heard[];
  readonly walks: readonly Walk[];
}

/** The scenes of one server life in which messages were published or watched. @throws Missing. */
export function traffic({ live, concurrent, offline, overflow }: Findings): Required<Traffic> {
  played(live);
  const all: readonly (Traffic | Skipped)[] = [live, concurrent, offline, overflow];
  const scenes = all.flatMap((scene) => ('skipped' in scene ? [] : [scene]));
  return {
    sent: scenes.flatMap(({ sent }) => sent),
    heard: scenes.flatMap(({ heard = [] }) => heard),
    walks: scenes.flatMap(({ walks }) => walks),
  };
}

/** Walks that reached their end. @throws Missing when none did. */
export function complete(walks: readonly Walk[]): readonly Walk[] {
  const done = walks.filter(({ problem }) => problem === undefined);
  if (done.length > 0) return done;
  throw new Missing(`the log cannot be read: ${walks[0]?.problem ?? 'it was not asked'}`);
}

/**
 * The numbers of each message among copies. Messages of strangers that cannot be told apart, because
 * the same data comes twice, are left out.
 */
export function numbersByKey(copies: readonly Copy[]): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const { key, seq } of copies) {
    if (seq === undefined) continue;
    const numbers = found.get(key) ?? [];
    if (!numbers.includes(seq)) numbers.push(seq);
    found.set(key, numbers);
  }
  for (const [key, numbers] of found) {
    if (numbers.length > 1 && !isMarker(key)) found.delete(key);
  }
  return found;
}

/** A few of them, and how many there are besides. */
export function list(items: readonly (string | number)[], most = 3): string {
  const shown = items.slice(0, most).join(', ');
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}

export const nameOf = (key: string): string => shortOf(key);

export function plural(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
