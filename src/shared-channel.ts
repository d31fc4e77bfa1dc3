/** What all handles of one channel share: one subscription at the server, one queue, one state. */
import type { Position } from './core/position.js';
import type { ChannelState, Item, Message } from './core/vocabulary.js';
import { Delivery, type DeliveryEvents } from './delivery.js';
import type { Driver } from './driver.js';
import { Emitter, isThenable, reportFailures } from './emitter.js';
import { LastseqError } from './errors.js';
import type { ResolvedChannelOptions, StandardSchema } from './options.js';
import type { Turn } from './turn.js';

/** Events that do not take part in the ordered queue. */
export type ChannelEvents = { state: ChannelState; ephemeral: unknown; drained: undefined };

/** Numbers for a debug view. */
export interface ChannelNumbers {
  /** Up to here the handlers have finished. */
  readonly position: Position | undefined;
  /** Up to here it is stored. */
  readonly stored: Position | undefined;
  /** Accepted in order, perhaps still queued. */
  readonly last: number;
  /** The greatest number heard of. */
  readonly head: number;
  /** Messages held because others before them are missing. */
  readonly held: number;
}

/** What an app holds of a channel. */
export interface Handle {
  /** The client closed: no handler of this handle is called any more. */
  end(): void;
}

export interface SharedParts {
  readonly driver: Driver;
  readonly turn: Turn;
  readonly report: (error: LastseqError) => void;
  readonly unused: (shared: SharedChannel) => void;
}

export class SharedChannel {
  readonly events: Emitter<ChannelEvents> = new Emitter();
  readonly handlers: Emitter<DeliveryEvents> = new Emitter();
  delivery: Delivery;
  state: ChannelState = { name: 'idle' };
  /** The last position that is known to be stored. */
  stored: Position | undefined;
  readonly #handles = new Set<Handle>();
  /** Those of them that want the channel. */
  readonly #holders = new Set<Handle>();
  #joined = false;

  constructor(
    readonly name: string,
    readonly options: ResolvedChannelOptions,
    private readonly parts: SharedParts,
  ) {
    this.delivery = this.#newDelivery();
  }

  /** Nobody has a handle, and the server is not subscribed to: it may be forgotten. */
  get isUnused(): boolean {
    return this.#handles.size === 0 && !this.#joined;
  }

  open(handle: Handle): void {
    this.#handles.add(handle);
  }

  /** A handle wants the channel: join it, unless it is joined. */
  hold(handle: Handle): void {
    if (this.#holders.has(handle)) return;
    this.#holders.add(handle);
    this.#joined = true;
    const { maxAttempts, snapshot, start } = this.options;
    const intent = { start, snapshot: snapshot !== undefined, maxAttempts };
    this.parts.driver.start();
    // What a run of handlers has finished counts, should this be one of them and the channel begin anew.
    this.delivery.flush();
    this.parts.driver.input({ type: 'join', channel: this.name, intent });
  }

  /** A handle is closed: leave a little later, unless another one comes. */
  release(handle: Handle): void {
    this.#handles.delete(handle);
    if (this.#holders.delete(handle) && this.#holders.size === 0) {
      this.parts.driver.input({ type: 'release', channel: this.name });
    }
    if (this.isUnused) this.parts.unused(this);
  }

  /** The core has left the channel: whoever comes now starts anew. */
  left(): void {
    // Those who hold it still may have asked for it anew: the core leaves before it joins again.
    this.#joined = this.#holders.size > 0;
    this.delivery.close();
    this.delivery = this.#newDelivery();
    this.enter({ name: 'idle' });
    if (this.isUnused) this.parts.unused(this);
  }

  deliver(items: readonly Item[], tok: string | undefined): void {
    this.delivery.push({ items, tok });
  }

  enter(state: ChannelState): void {
    this.state = state;
    reportFailures(this.events.emit('state', state));
  }

  /** Where the handlers have come to; before they had anything, where reading began. */
  get position(): Position | undefined {
    const numbers = this.parts.driver.session.numbers(this.name);
    const { position } = this.delivery;
    if (position !== undefined) return { epoch: position.epoch, seq: position.seq };
    if (numbers === undefined || !this.delivery.isEmpty) return undefined;
    return { epoch: numbers.epoch, seq: numbers.last };
  }

  retry(): void {
    this.parts.driver.input({ type: 'retry', channel: this.name });
  }

  inspect(): ChannelNumbers {
    const { held = 0, head = 0, last = 0 } = this.parts.driver.session.numbers(this.name) ?? {};
    return { position: this.position, stored: this.stored, last, head, held };
  }

  /** The client closed. */
  close(): void {
    this.delivery.close();
    if (this.state.name !== 'closed') this.enter({ name: 'closed' });
    for (const handle of this.#handles) handle.end();
    this.events.clear();
  }

  #newDelivery(): Delivery {
    const { driver, report, turn } = this.parts;
    const { commit, onHandlerError, schema, snapshot } = this.options;
    return new Delivery({
      channel: this.name,
      handlers: this.handlers,
      turn,
      report,
      onHandlerError,
      manual: commit === 'manual',
      snapshot,
      check: schema === undefined ? undefined : (message) => fit(schema, message),
      input: (input) => driver.input(input),
      drained: () => {
        if (this.events.count('drained') > 0) void this.events.emit('drained', undefined);
      },
    });
  }
}

/** @throws LastseqError `schema`, at once or as a rejection. */
function fit(schema: StandardSchema, message: Message): Message | Promise<Message> {
  const { channel, seq } = message;
  const broken = (cause: unknown): never => {
    if (cause instanceof LastseqError) throw cause;
    throw new LastseqError('schema', { channel, seq, issues: [String(cause)] }, { cause });
  };
  const judge = (result: Awaited<ReturnType<StandardSchema['~standard']['validate']>>): Message => {
    if (result.issues === undefined) return { ...message, data: result.value };
    throw new LastseqError('schema', { channel, seq, issues: result.issues });
  };
  try {
    const result = schema['~standard'].validate(message.data);
    return isThenable(result) ? Promise.resolve(result).then(judge).catch(broken) : judge(result);
  } catch (cause) {
    return broken(cause);
  }
}
