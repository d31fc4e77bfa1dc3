/** What each request of a connection is answered with. When it is its turn, `connection.ts` knows. */
import type { IncomingMessage } from 'node:http';
import { MAX_FRAME_CHARS } from '../core/codec.js';
import type { RecoverRequest } from '../core/frames.js';
import { RETRY, type Decision, type ReaderDecision, type RefusalCode } from './authorize.js';
import { ServerError } from './errors.js';
import type { Subscriber } from './fanout.js';
import type { MessageFilter } from './filter.js';
import { readHeads, type HeadEntry } from './heads.js';
import type { LogPage } from './log.js';
import type { HubParts } from './parts.js';
import { chain, isPromise } from './promises.js';
import { cutPage } from './recovery.js';
import type { BadItem, PublishFrame, RecoverFrame, RefusedFrame } from './request-frames.js';
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

/** Writes an item of a recovery that is ready, when it is its turn, into the bytes that are left by then. */
type Item = (room: number) => string;

/** Channels of one recovery that are read at the same time. */
const MAX_READING = 32;

/** The status of an item that was refused, as HTTP would answer it. */
export const STATUS: Readonly<Record<RefusalCode, number>> = {
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  limit: 429,
  internal: 503,
};

/** The characters of all items in an answer that a client still reads; the rest is room for what is around them. */
const MAX_ITEMS_CHARS = MAX_FRAME_CHARS - 100;

export class Answers {
  readonly #parts: HubParts;
  readonly #peer: Peer;
  #owesHeads = false;

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
    const { settings, fanout, following, report } = this.#parts;
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
    // Detached, it may be in the peer's list all the same: while its rights are looked at again.
    const isNew = !fanout.has(channel, peer);
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

  async recover({ id, items, limit }: RecoverFrame): Promise<void> {
    const { settings } = this.#parts;
    const peer = this.#peer;
    // All are asked at the same time, and none of them rejects.
    const decisions = items.map((item) =>
      'bad' in item ? undefined : this.#decideReader('recover', item.channel),
    );
    const most = Math.min(limit ?? settings.limits.page, settings.limits.page);
    const begun: (Item | Promise<Item>)[] = [];
    let left = settings.limits.pageBytes;
    const texts: string[] = [];
    let length = 0;
    for (const [index, item] of items.entries()) {
      const asked = decisions[index];
      const decision = isPromise(asked) ? await asked : asked;
      const room = Math.max(left, 0);
      const write = (begun[index] ??= this.#recoverItem(item, decision, most, room));
      // A log that is far away is waited for once, and not for each channel. They share what room there is.
      const ahead = isPromise(write) ? items.slice(index, index + MAX_READING) : [];
      const share = Math.floor(room / ahead.length);
      for (const [i, other] of ahead.entries()) {
        begun[index + i] ??= chain(decisions[index + i], (its) =>
          this.#recoverItem(other, its, most, share),
        );
      }
      const text = (isPromise(write) ? await write : write)(room);
      if (!peer.isOpen()) return;
      // With it a client would drop the whole answer, and ask for the same again. What is left out it asks for.
      if (length + text.length > MAX_ITEMS_CHARS) continue;
      length += text.length + 1;
      // For those that follow, if any do: to count the bytes of a text is to copy it.
      if (index + 1 < items.length) left -= Buffer.byteLength(text);
      texts.push(text);
    }
    peer.send(wire.recoveredText(id, texts));
  }

  /** @param maxBytes to read; fewer are written when there is less room by then. */
  #recoverItem(
    item: RecoverRequest | BadItem,
    decision: ReaderDecision | undefined,
    limit: number,
    maxBytes: number,
  ): Item | Promise<Item> {
    const { settings, recovery, report, counters } = this.#parts;
    if ('bad' in item || decision === undefined) {
      counters.badFrames += 1;
      return () => wire.refusedItem(400, item.channel, 'bad_request');
    }
    if (!decision.allowed) {
      const { code } = decision;
      const wait = RETRY[code] && code !== 'unauthorized' ? settings.retryAfterMs : undefined;
      return () => wire.refusedItem(STATUS[code], item.channel, code, wait);
    }
    const failed = (error: unknown): Item => {
      report('log', error);
      return () => wire.refusedItem(503, item.channel, 'internal', settings.retryAfterMs);
    };
    const write = (page: LogPage): Item => {
      return (room) => {
        try {
          const fitting = room < maxBytes ? cutPage(page, item.seq, room) : page;
          return wire.pageItem(item.channel, recovery.show(item, fitting, decision.sees));
        } catch (error) {
          return failed(error)(room);
        }
      };
    };
    try {
      const written = chain(recovery.read(item, { limit, maxBytes }), write);
      return isPromise(written) ? written.catch(failed) : written;
    } catch (error) {
      return failed(error);
    }
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
