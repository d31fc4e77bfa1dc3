/** One raw connection: it sees everything as it came, and mends nothing. */
import type { ClientFrame } from '../../core/frames.js';
import type { Dialect } from '../../dialects/dialect.js';
import type { Transport } from '../../ports/transport.js';
import { isMarker, type Markers } from './markers.js';
import type { Pulse } from './pulse.js';
import { read, type Copy, type Reading } from './reading.js';
import type { Instance, Settings } from './settings.js';
import { wsTransport } from './ws-transport.js';

export interface ConnectionParts {
  readonly settings: Settings;
  readonly markers: Markers;
  readonly pulse: Pulse;
}

export class Connection {
  /** Messages of the channel in the order in which they came, those without a number too. */
  readonly copies: Copy[] = [];
  readonly frames: Reading['frames'][number][] = [];
  readonly numbered: string[] = [];
  readonly strays: string[] = [];
  readonly dialect: Dialect;
  opened = false;
  ended: { readonly code: number; readonly reason: string } | undefined;
  readonly #parts: ConnectionParts;
  readonly #transport: Transport;
  readonly #ends: (() => unknown)[] = [];
  /** Messages of the run that came here. */
  readonly #had = new Set<string>();
  #nextId = 1;

  constructor(
    parts: ConnectionParts,
    readonly instance: Instance,
    readonly name: string,
    readonly token: string | undefined,
  ) {
    const { settings, pulse, markers } = parts;
    this.#parts = parts;
    this.dialect = settings.dialectFor(instance.url, (end) => this.#ends.push(end));
    const { dialect } = this;
    const { protocols } = dialect;
    const { channel, origin, seqField, timeoutMs } = settings;
    const make = dialect.transport ?? wsTransport({ protocols, origin, timeoutMs });
    this.#transport = make((event) => {
      let isWork = true;
      if (event.type === 'opened') this.opened = true;
      else if (event.type === 'dropped') this.ended = { code: event.code, reason: event.reason };
      else if (event.type === 'received') {
        const seen = read(event.data, { dialect, markers, channel, seqField });
        this.copies.push(...seen.copies);
        this.frames.push(...seen.frames);
        this.numbered.push(...seen.numbered);
        this.strays.push(...seen.strays);
        isWork = this.#isNews(seen);
      }
      pulse.beat(isWork);
    });
    this.#transport.open(1, instance.url);
  }

  /** Resolves when it is open, or has failed to. */
  async open(): Promise<boolean> {
    await this.wait(() => this.opened || this.ended !== undefined);
    if (this.isOpen && this.token !== undefined) this.send({ type: 'auth', token: this.token });
    return this.isOpen;
  }

  get isOpen(): boolean {
    return this.opened && this.ended === undefined;
  }

  /** Asks to join the channel. @returns what the server answered; `undefined` when it refused or kept silent. */
  async join(): Promise<JoinAnswer | undefined> {
    const { channel } = this.#parts.settings;
    const id = this.id();
    const from = this.frames.length;
    const needed = this.send({ type: 'subscribe', id, channel });
    // A server without a frame for it may have said that it serves the channel before.
    const answer = (): JoinAnswer | undefined =>
      answerIn(this.frames.slice(needed ? from : 0), channel);
    await this.wait(() => answer() !== undefined || this.ended !== undefined || this.refused(id));
    return answer();
  }

  /** Was the request refused? */
  refused(id: number): boolean {
    return this.frames.some((frame) => frame.type === 'error' && frame.id === id);
  }

  /** The first code by which anything was refused. */
  get refusal(): string | undefined {
    return this.frames.flatMap((frame) => (frame.type === 'error' ? [frame.code] : []))[0];
  }

  /** Why it did not get in, in words. */
  whyOut(): string {
    if (!this.isOpen) return this.whyEnded();
    const { refusal } = this;
    return refusal === undefined ? 'no answer to the join' : `the join was refused with ${refusal}`;
  }

  /** Why it is not there, in words. */
  whyEnded(): string {
    if (this.ended === undefined) return this.opened ? 'it is open' : 'no answer to the handshake';
    const { code, reason } = this.ended;
    return `closed with ${code}${reason === '' ? '' : ` (${reason})`}`;
  }

  id(): number {
    return this.#nextId++;
  }

  /** @returns false when the server's language has no words for it. */
  send(frame: ClientFrame): boolean {
    const wire = this.dialect.encode([frame]);
    if (wire === undefined) return false;
    this.#transport.send(wire);
    return true;
  }

  sendText(text: string): void {
    this.#transport.send(text);
  }

  has(cap: string): boolean {
    return this.frames.some((frame) => frame.type === 'welcome' && frame.caps.includes(cap));
  }

  wait(holds: () => boolean): Promise<boolean> {
    return this.#parts.pulse.until(holds, this.#parts.settings.timeoutMs);
  }

  /** Closes, and waits until the server has said good-bye too, where that can be seen. */
  async close(): Promise<void> {
    this.#transport.close(1000, '');
    for (const end of this.#ends) end();
    if (this.dialect.transport === undefined) await this.wait(() => this.ended !== undefined);
  }

  /** Messages of strangers come for ever in a busy channel, and ours too where one is sent until it is confirmed. */
  #isNews({ copies, frames, strays }: Reading): boolean {
    const before = this.#had.size;
    for (const { key } of copies) if (isMarker(key)) this.#had.add(key);
    const answers = frames.some(({ type }) => !BEATS.includes(type));
    return answers || strays.length > 0 || this.#had.size > before;
  }
}

/** What may come as a heartbeat: who waits for a join looks at each, but it is no work. */
const BEATS: readonly string[] = ['heads', 'pong', 'subscribed', 'joined'];

export type JoinAnswer = Extract<
  Reading['frames'][number],
  { readonly type: 'subscribed' | 'joined' }
>;

/** What says the most: a server may tell that it serves all channels, and the facts of one besides. */
function answerIn(frames: Connection['frames'], channel: string): JoinAnswer | undefined {
  let joined: JoinAnswer | undefined;
  for (const frame of frames) {
    if (frame.type === 'subscribed' && frame.channel === channel) return frame;
    if (frame.type !== 'joined') continue;
    if (frame.channel === undefined || frame.channel === channel) joined = frame;
  }
  return joined;
}
