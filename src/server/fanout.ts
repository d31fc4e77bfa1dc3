/** Who is subscribed to what. Keyed by Map: every string may be the name of a channel. */
import { Look } from './filter.js';
import type { LogMessage } from './log.js';
import type { View } from './view.js';
import { messageText, withPrev } from './wire.js';

export interface Subscriber {
  deliver(text: string, bytes?: number): void;
}

/** Told when a channel gets its first subscriber, and when it has lost its last. */
export interface Audience {
  readonly came: (channel: string) => void;
  readonly left: (channel: string) => void;
}

export class Fanout {
  readonly #subscribers = new Map<string, Map<Subscriber, View | undefined>>();
  readonly #audience: Audience;

  constructor(audience: Audience) {
    this.#audience = audience;
  }

  /** @param view what the subscriber sees of the channel; `undefined`: everything. */
  attach(channel: string, subscriber: Subscriber, view?: View): void {
    const subscribers = this.#subscribers.get(channel);
    if (subscribers) {
      subscribers.set(subscriber, view);
      return;
    }
    this.#subscribers.set(channel, new Map([[subscriber, view]]));
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

  /** Hands a message to everybody subscribed who sees it, written once for all. */
  publish(message: LogMessage): void {
    const subscribers = this.#subscribers.get(message.channel);
    if (subscribers === undefined) return;
    const text = messageText(message);
    const bytes = Buffer.byteLength(text);
    let look: Look | undefined;
    // A subscriber that proves too slow leaves the map meanwhile, which a Map allows.
    for (const [subscriber, view] of subscribers) {
      if (view === undefined) {
        subscriber.deliver(text, bytes);
        continue;
      }
      look ??= new Look(message);
      const prev = view.take(look);
      if (prev === undefined) continue;
      if (prev === message.seq - 1) subscriber.deliver(text, bytes);
      else subscriber.deliver(withPrev(text, prev));
    }
  }
}
