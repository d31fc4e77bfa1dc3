/** What one WebSocket message of the server holds: copies of messages, and everything else. */
import { createHash } from 'node:crypto';
import type { DecodedFrame, ServerFrame } from '../../core/frames.js';
import type { Dialect } from '../../dialects/dialect.js';
import type { Markers } from './markers.js';

/** A message as a reader got it. */
export interface Copy {
  /** What it is known by: its marker, or else the server's id of it, or else its data. */
  readonly key: string;
  readonly seq: number | undefined;
  readonly epoch: string | undefined;
}

export interface Reading {
  readonly copies: readonly Copy[];
  readonly frames: readonly Exclude<ServerFrame, { readonly type: 'message' }>[];
  /** Frames that are no messages and carry a number like one, in words. */
  readonly numbered: readonly string[];
  /** Messages of the run that came under the name of another channel. */
  readonly strays: readonly string[];
}

export interface ReadingRules {
  readonly dialect: Dialect;
  readonly markers: Markers;
  readonly channel: string;
  readonly seqField: string;
}

export function read(
  data: unknown,
  { dialect, markers, channel, seqField }: ReadingRules,
): Reading {
  const copies: Copy[] = [];
  const frames: Reading['frames'][number][] = [];
  const numbered: string[] = [];
  const strays: string[] = [];
  const found = new Set<string>();
  const decoded = dialect.decode(data);
  for (const frame of decoded) {
    if (frame.type === 'bad') continue;
    if (frame.type !== 'message') {
      frames.push(frame);
      continue;
    }
    const { data, epoch, id, seq } = frame;
    const marker = markers.in(data);
    if (marker !== undefined) found.add(marker);
    if (frame.channel === channel) {
      copies.push({ key: marker ?? id ?? fingerprint(data, seqField), seq, epoch });
    } else if (marker !== undefined) {
      strays.push(frame.channel);
    }
  }

  const raw = elementsOf(data);
  for (const [i, element] of raw.entries()) {
    // What the dialect made no message of: it has no number, or none that a client could use.
    const marker = markers.in(element);
    const lost = marker !== undefined && !found.has(marker);
    if (lost) copies.push({ key: marker, seq: undefined, epoch: undefined });
    else if (marker === undefined) {
      const told = numberOn(
        element,
        decoded.length === raw.length ? decoded[i] : undefined,
        seqField,
      );
      if (told !== undefined) numbered.push(told);
    }
  }
  return { copies, frames, numbered, strays };
}

/** The objects of a WebSocket message, before any dialect. */
function elementsOf(data: unknown): readonly unknown[] {
  if (typeof data !== 'string') return [data];
  try {
    const value: unknown = JSON.parse(data);
    return Array.isArray(value) ? value : [value];
  } catch {
    return [];
  }
}

/** An `ack` names the position of what was published: it is about a message, and no part of the order. */
const NUMBERED: readonly DecodedFrame['type'][] = ['message', 'ack'];

function numberOn(
  element: unknown,
  frame: DecodedFrame | undefined,
  seqField: string,
): string | undefined {
  if (frame !== undefined && NUMBERED.includes(frame.type)) return undefined;
  if (typeof element !== 'object' || element === null) return undefined;
  const { [seqField]: number, type } = element as Readonly<Record<string, unknown>>;
  if (typeof number !== 'number') return undefined;
  const name = typeof type === 'string' ? `'${type.slice(0, 40)}'` : 'a frame without a type';
  return `${name} carries ${seqField} ${number}`;
}

/** The data of a stranger's message as a short text, without the number that some servers put in it. */
export function fingerprint(data: unknown, seqField: string): string {
  const text = JSON.stringify(data, (name, value: unknown) => (name === seqField ? 0 : value)) as
    string | undefined;
  return `data ${createHash('sha256')
    .update(text ?? '')
    .digest('hex')
    .slice(0, 12)}`;
}
