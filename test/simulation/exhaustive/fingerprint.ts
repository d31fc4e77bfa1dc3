/**
 * What tells two states apart: everything in the world, the judge and the client that can make a
 * difference, written down in one order. Walks all objects; what is left out is named here, with the
 * reason, so that a field added to the core tells states apart until somebody says that it need not.
 */
import { ChannelMachine } from '../../../src/core/channel-machine.js';
import { Context } from '../../../src/core/context.js';
import { Deadlines } from '../../../src/core/deadlines.js';
import { Join } from '../../../src/core/join.js';
import { Liveness } from '../../../src/core/liveness.js';
import { PositionLedger } from '../../../src/core/position-ledger.js';
import { Reader } from '../../../src/core/reader.js';
import { Recovery } from '../../../src/core/recovery.js';
import { Redial } from '../../../src/core/redial.js';
import { SendQueue } from '../../../src/core/send-queue.js';
import { isWait } from './clock.js';
import { SmallWorld } from './small-world.js';

type Fields = Readonly<Record<string, unknown>>;

/** What parts were given when they were made: they are met in their own place, or are always the same. */
const GIVEN: readonly string[] = [
  'ctx',
  'host',
  'sender',
  'channel',
  'intent',
  'settings',
  'track',
];

/** Fields without influence on what happens next, by class. */
const SILENT = new Map<unknown, ReadonlySet<string>>(
  (
    [
      // Of time and tokens only differences matter, which are written with the deadlines.
      [SmallWorld, 'clock', 'beginning'],
      // `now` is set before it is read, counters are only shown, chance is always the same.
      [Context, 'now', 'counters', 'random'],
      // The next number is a fresh one, whatever it is.
      [SendQueue, '$lastId'],
      [PositionLedger, '$saves'],
      // The world has the name of the state, and nobody looks at more of it.
      [ChannelMachine, '$published'],
      // Only `giveUp` looks at them, and nobody gives up: `giveUpAfterMs` is false.
      [Reader, '$facts'],
      // Failures make waits longer, and waits take no time.
      [Redial, '$failures'],
      // Counts of which only the growth since a probe matters.
      [Liveness, '$heardAt', '$frames', '$answers', '$probe'],
    ] as const
  ).map(([type, ...fields]) => [type, new Set([...GIVEN, ...fields])]),
);
const ONLY_GIVEN: ReadonlySet<string> = new Set(GIVEN);

/** Names that are only compared for equality: called by the order in which they are met. */
const NAMES: ReadonlySet<string> = new Set(['id', 'attempt', '$attempt', 'tok']);

/** When something happened. Nothing in this world decides by it: `minUptimeMs` is 0, no signal comes. */
const TIMES: ReadonlySet<string> = new Set(['until', 'retryInMs']);

class Pen {
  text = '';
  readonly #met = new Map<object, number>();
  readonly #names = new Map<string, number>();
  readonly #now: number;
  /** Where a join's facts are no longer looked at: reading has begun. */
  readonly #isReading: boolean;

  constructor(world: SmallWorld) {
    this.#now = world.clock.now;
    this.#isReading = world.isReading;
    this.value(world, '');
  }

  value(value: unknown, key: string): void {
    if (typeof value === 'object' && value !== null) this.#object(value, key);
    else if (NAMES.has(key)) this.name(key, value);
    else if (typeof value !== 'function') this.text += value === undefined ? '-' : String(value);
    this.text += ',';
  }

  name(space: string, value: unknown): void {
    if (value === '' || value === undefined) return void (this.text += '-');
    const name = `${space.replace('$', '')} ${String(value)}`;
    const known = this.#names.get(name) ?? this.#names.size;
    this.#names.set(name, known);
    this.text += `#${known}`;
  }

  #object(object: object, key: string): void {
    const { constructor } = object;
    if (Array.isArray(object)) {
      this.text += '[';
      for (const item of object) this.value(item, key);
      this.text += ']';
      return;
    }
    if (object instanceof Map || object instanceof Set) return this.#collection(object, key);
    // Values may be shared or equal: no difference. Parts are what they are to each other.
    if (constructor !== Object || key === 'parts') {
      const known = this.#met.get(object);
      if (known !== undefined) return void (this.text += `@${known}`);
      this.#met.set(object, this.#met.size);
    }
    if (constructor !== Object) this.text += constructor.name;
    this.text += '{';
    if (object instanceof Deadlines) this.#deadlines(object);
    else if (object instanceof Recovery) this.#recovery(object);
    else if (!(object instanceof Join && this.#isReading))
      this.#fields(
        object as unknown as Fields,
        SILENT.get(constructor) ?? SILENT.get(Object.getPrototypeOf(constructor)),
      );
    else this.#join(object);
    if (object instanceof Liveness) this.#liveness(object);
    this.text += '}';
  }

  #collection(object: Map<unknown, unknown> | Set<unknown>, key: string): void {
    this.text += '(';
    for (const entry of object) {
      const [name, value] = object instanceof Map ? (entry as [unknown, unknown]) : [entry, 0];
      // Calls go by their id, the tokens that a bar waits for by theirs.
      if (key === '$calls') this.name('id', name);
      else if (key === 'until') this.name('tok', name);
      else this.value(name, '');
      if (object instanceof Map) this.value(value, key);
    }
    this.text += ')';
  }

  #fields(fields: Fields, silent: ReadonlySet<string> = ONLY_GIVEN): void {
    const isPlain = fields.constructor === Object;
    // In one order: a field may be there from the beginning, or since it was set.
    for (const key of Object.keys(fields).sort()) {
      const value = fields[key];
      if (silent.has(key) || value === undefined) continue;
      if (typeof value === 'number' && isPlain) {
        if (TIMES.has(key)) continue;
        // The number that a question names is the only other `since`.
        if (key === 'since' && fields.name !== 'asking') continue;
      }
      this.text += `${key}=`;
      // Writes have numbers of their own.
      if (key === 'id' && 'writes' in fields) this.name('save', value);
      else this.value(value, key);
    }
  }

  /** Waits only by name, because they end when they like; time limits in the order in which they pass. */
  #deadlines(deadlines: Deadlines): void {
    const { $heap, $live } = deadlines as unknown as {
      readonly $heap: readonly (readonly [number, string])[];
      readonly $live: ReadonlyMap<string, number>;
    };
    const due = [...$live].map(([name, at]) => [name, isWait(name) ? 0 : at - this.#now] as const);
    due.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
    for (const [name, inMs] of due) this.#deadline(name, inMs);
    // Which of two comes first that are due together is decided by the heap.
    if (due.some(([, inMs], i) => inMs > 0 && inMs === due[i - 1]?.[1]))
      for (const [at, name] of $heap) this.#deadline(name, at - this.#now);
  }

  #deadline(name: string, inMs: number): void {
    const [kind = '', subject] = name.split(' ');
    this.text += `${kind} ${inMs}`;
    if (kind === 'recover') this.name('id', subject);
    this.text += ';';
  }

  /** Of resets only the number matters: five in a minute are a storm. A claim is what answers agree on. */
  #recovery(recovery: Recovery): void {
    const { $claim, $resets, $unconfirmed, ...rest } = recovery as unknown as Fields & {
      readonly $resets: readonly number[];
    };
    const claim = $unconfirmed === 0 ? '' : $claim;
    this.#fields({ ...rest, claim, $unconfirmed, resets: $resets.length });
  }

  #join(join: Join): void {
    const { $state, ...rest } = join as unknown as Fields & { readonly $state: Fields };
    this.#fields({ ...rest, $state: { ...$state, facts: $state.facts !== undefined } });
  }

  #liveness(liveness: Liveness): void {
    const { $answers, $frames, $heardAt, $probe } = liveness as unknown as {
      readonly $answers: number;
      readonly $frames: number;
      readonly $heardAt: number;
      readonly $probe: { readonly of: string; readonly from: number } | undefined;
    };
    this.text += String(this.#now - $heardAt);
    if ($probe === undefined) return;
    const count = $probe.of === 'answers' ? $answers : $frames;
    this.text += `${$probe.of}${count === $probe.from}`;
  }
}

/** Everything of a state that matters. */
export function writeDown(world: SmallWorld): string {
  return new Pen(world).text;
}

/** 53 bits of it: among a million states two are taken for one with a chance of one in ten thousand. */
export function fingerprint(world: SmallWorld): number {
  const text = writeDown(world);
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return 4294967296 * (2097151 & b) + (a >>> 0);
}
