/** Who is subscribed to what. Keyed by Map: every string may be the name of a channel. */
import type { LogMessage } from './log.js';
import { messageText } from './wire.js';

export interface Subscriber {
  deliver(text: string, bytes: number): void;
}

/** Told when a channel gets its first subscriber, and when it has lost its last. */
export interface Audience {
  readonly came: (channel: string) => void;
  readonly left: (channel: string) => void;
}

export class Fanout {
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  readonly #audience: Audience;

  constructor(audience: Audience) {
    this.#audience = audience;
  }

  attach(channel: string, subscriber: Subscriber): void {
    const subscribers = this.#subscribers.get(channel);
    if (subscribers) {
      subscribers.add(subscriber);
      return;
    }
    this.#subscribers.set(channel, new Set([subscriber]));
    this.#audience.came(channel);
  }

  /** Takes back an `attach`; an empty channel leaves nothing behind. */
  detach(channel: string, subscriber: Subscriber): void {
    const subscribers = this.#subscribers.get(channel);
    if (!subscribers?.delete(subscriber)) return;
    if (subscribers.size > 0) return;
    this.#subscribers.delete(channel);
    this.#audience.left(channel);
  }

  /** The channels that anybody is subscribed to. */
  channels(): readonly string[] {
    return [...this.#subscribers.keys()];
  }

  get size(): number {
    return this.#subscribers.size;
  }

  /** Hands a message to everybody subscribed, written once for all. */
  publish(message: LogMessage): void {
    const subscribers = this.#subscribers.get(message.channel);
    if (subscribers === undefined) return;
    const text = messageText(message);
    const bytes = Buffer.byteLength(text);
    // A subscriber that proves too slow leaves the set meanwhile, which a Set allows.
    for (const subscriber of subscribers) subscriber.deliver(text, bytes);
  }
}
