/** What each request of a connection is answered with. When it is its turn, `connection.ts` knows. */
import type { IncomingMessage } from 'node:http';
import { RETRY, type Decision, type ReaderDecision, type RefusalCode } from './authorize.js';
import { Batch } from './batch.js';
import { ServerError } from './errors.js';
import type { Subscriber } from './fanout.js';
import type { MessageFilter } from './filter.js';
import { readHeads, type HeadEntry } from './heads.js';
import type { HubParts } from './parts.js';
import { chain, isPromise } from './promises.js';
import type { PublishFrame, RecoverFrame, RefusedFrame } from './request-frames.js';
import { View } from './view.js';
import * as wire from './wire.js';

/** Whom the answers go to. */
export interface Peer extends Subscriber {
  readonly request: IncomingMessage;
  /** What it is subscribed to, with its view where it does not see everything. */
  readonly channels: Map<string, View | undefined>;
  /** False from the moment of the close: then nothing may be attached any more. */
  isOpen(): boolean;
  readonly token: string | undefined;
  readonly principal: string | undefined;
  send(text: string): void;
  sendHeads(entries: ReadonlyMap<string, HeadEntry>): void;
  refuse(code: RefusalCode, id?: number, channel?: string): void;
}

interface SubscribeRequest {
  readonly id: number | undefined;
  readonly channel: string;
}

/** Says an answer that is ready, when it is its turn. */
export type Answer = () => void;

export class Answers {
  readonly #parts: HubParts;
  readonly #peer: Peer;
  #owesHeads = false;
  /** The recovery that is waited for: they come one after the other. */
  #batch: Batch | undefined;

  constructor(parts: HubParts, peer: Peer) {
    this.#parts = parts;
    this.#peer = peer;
  }

  refused({ id, channel, code, message }: RefusedFrame): void {
    this.#parts.counters.badFrames += 1;
    this.#peer.send(wire.errorText({ id, channel, code, retry: false, message }));
  }

  /** Pings of one tick share one answer of heads: a ping is a few bytes, heads may be many. */
  ping(): void {
    const { settings, report } = this.#parts;
    this.#peer.send(wire.PONG_TEXT);
    if (this.#owesHeads) return;
    this.#owesHeads = true;
    void readHeads(settings.log, this.#peer.channels.keys(), report).then((entries) => {
      this.#owesHeads = false;
      this.#peer.sendHeads(entries);
    });
  }

  unsubscribe(channel: string): void {
    if (!this.#peer.channels.delete(channel)) return;
    this.#parts.fanout.detach(channel, this.#peer);
  }

  /** @param sees which messages the peer is shown from now on; nothing is known of those before. */
  attach(channel: string, sees: MessageFilter | undefined): void {
    const view = sees && new View(sees);
    this.#parts.fanout.attach(channel, this.#peer, view);
    this.#peer.channels.set(channel, view);
  }

  /** Asks whether the peer may subscribe to the channel. */
  ask({ channel }: { readonly channel: string }): ReaderDecision | Promise<ReaderDecision> {
    return this.#decideReader('subscribe', channel);
  }

  /**
   * Joins at once where the app and the log answer at once. What precedes it may be unanswered yet, as long as
   * that is nothing but joins of other channels.
   */
  subscribe(
    request: SubscribeRequest,
    asked: ReaderDecision | Promise<ReaderDecision> = this.ask(request),
  ): Answer | Promise<Answer> {
    return chain(asked, (decision) => this.#subscribe(request, decision));
  }

  #subscribe(
    { id, channel }: SubscribeRequest,
    decision: ReaderDecision,
  ): Answer | Promise<Answer> {
    const { settings, following, report } = this.#parts;
    const peer = this.#peer;
    if (!peer.isOpen()) return () => undefined;
    if (!decision.allowed) {
      // Whoever lost the right to listen must not go on listening by an earlier subscribe.
      this.unsubscribe(channel);
      return () => this.#refuse(decision.code, id, channel);
    }
    if (!peer.channels.has(channel) && peer.channels.size >= settings.limits.channels) {
      const message = `a connection takes ${settings.limits.channels} channels`;
      return () => peer.send(wire.errorText({ id, channel, code: 'limit', retry: false, message }));
    }
    const isNew = !peer.channels.has(channel);
    // Attach first, read after: a message in between comes twice or early, but never not at all.
    this.attach(channel, decision.sees);
    const failed = (error: unknown): Answer => {
      report('log', error);
      if (isNew) this.unsubscribe(channel);
      return () => peer.send(wire.errorText({ id, channel, code: 'internal', retry: true }));
    };
    try {
      const facts = chain(following.ready(channel), () => settings.log.facts(channel));
      const answer = chain(facts, (known): Answer => {
        // Written here, where it is the log's failure if there is nothing to write.
        const text = wire.subscribedText(id, channel, known);
        return () => peer.send(text);
      });
      return isPromise(answer) ? answer.catch(failed) : answer;
    } catch (error) {
      return failed(error);
    }
  }

  async publish({ id, channel, key, data }: PublishFrame): Promise<void> {
    const { settings, counters } = this.#parts;
    const peer = this.#peer;
    const { token, request } = peer;
    const question = { token, action: 'publish', channel, request } as const;
    const decision = await this.#parts.authorizer.decide(question);
    if (!peer.isOpen()) return;
    if (!decision.allowed) {
      this.#refuse(decision.code, id, channel);
      return;
    }
    const principal = decision.principal ?? peer.principal;
    try {
      const options = { key, principal, from: principal };
      const stamped = await settings.log.append(channel, data, options);
      if (!stamped.repeated) counters.messagesIn += 1;
      peer.send(wire.ackText(id, stamped));
    } catch (error) {
      peer.send(wire.errorText({ id, channel, ...this.#publishFailure(error) }));
    }
  }

  /** @param at when the frame came in. */
  recover(frame: RecoverFrame, at: number): void | Promise<void> {
    const asker = {
      send: (text: string) => this.#peer.send(text),
      decide: (channel: string) => this.#decideReader('recover', channel),
    };
    const batch = new Batch(this.#parts, asker, frame, at);
    if (!this.#peer.isOpen()) return;
    this.#batch = batch;
    return chain(batch.answer(), () => (this.#batch = undefined));
  }

  /** The peer is gone: what is waited for is waited for no more. */
  end(): void {
    this.#batch?.end();
  }

  #decideReader(
    action: 'subscribe' | 'recover',
    channel: string,
  ): ReaderDecision | Promise<ReaderDecision> {
    const { token, request, principal } = this.#peer;
    const connected: Decision = { allowed: true, principal };
    return this.#parts.authorizer.decideReader({ token, action, channel, request }, connected);
  }

  /** A bad token is a matter of the connection, everything else one of the channel alone. */
  #refuse(code: RefusalCode, id: number | undefined, channel: string): void {
    if (code === 'unauthorized') this.#peer.refuse(code, id, channel);
    else this.#peer.send(wire.errorText({ id, channel, code, retry: RETRY[code] }));
  }

  #publishFailure(error: unknown): Pick<wire.WireError, 'code' | 'retry' | 'message'> {
    if (error instanceof ServerError && error.code === 'too_large') {
      return { code: 'limit', retry: false, message: 'data is too large' };
    }
    if (error instanceof ServerError && error.code === 'bad_data') {
      return { code: 'bad_request', retry: false, message: 'data is not fit for JSON' };
    }
    this.#parts.report('log', error);
    return { code: 'internal', retry: true };
  }
}
