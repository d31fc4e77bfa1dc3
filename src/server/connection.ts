/**
 * One connection: its socket, who is behind it, and the order of its frames.
 *
 * What a request is answered with is in `answers.ts`. Here is when it is answered: in the order received, one
 * at a time but for joins in a row (`joins.ts`), and not before `connect` was allowed.
 */
import type { IncomingMessage } from 'node:http';
import type { RawData, WebSocket } from 'ws';
import { CLOSE } from '../core/frames.js';
import { Answers } from './answers.js';
import { isSameClient, RETRY, type RefusalCode } from './authorize.js';
import type { Subscriber } from './fanout.js';
import { sendHeads, type HeadEntry, type HeadsReader } from './heads.js';
import { Inbox } from './inbox.js';
import { Joins, type Queued } from './joins.js';
import { Outbox } from './outbox.js';
import type { HubParts } from './parts.js';
import { readFrames, type RequestFrame } from './request-frames.js';
import type { View } from './view.js';
import { sideBySide } from './window.js';
import * as wire from './wire.js';

type State =
  /** `authorize` was not asked yet: the first frame may bring a token. */
  | { readonly name: 'new' }
  | { readonly name: 'ready'; readonly token: string | undefined; readonly principal: Principal }
  | { readonly name: 'closed' };

type Principal = string | undefined;

/** The requests that need the log, and so an allowed connection. */
type Question = Extract<RequestFrame, { readonly type: 'subscribe' | 'publish' | 'recover' }>;

/** The close that follows when the connection as a whole is refused. */
const REFUSAL_CLOSE: Readonly<Record<RefusalCode, number>> = {
  unauthorized: CLOSE.unauthorized,
  forbidden: CLOSE.forbidden,
  not_found: CLOSE.forbidden,
  limit: CLOSE.rate,
  internal: 1011,
};

/** How long a client may take to answer a close before its socket is destroyed. */
const CLOSE_GRACE_MS = 5_000;

/** Heartbeats without any sign of life, pongs of the browser included, after which a client is gone. */
const SILENT_BEATS = 3;

export class Connection implements Subscriber, HeadsReader {
  /** Settled when the socket is gone. */
  readonly gone: Promise<void>;
  readonly channels: Map<string, View | undefined> = new Map<string, View | undefined>();
  readonly request: IncomingMessage;
  readonly #parts: HubParts;
  readonly #socket: WebSocket;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox<Queued>;
  readonly #answers: Answers;
  readonly #joins: Joins;
  #state: State = { name: 'new' };
  #takesHeads = false;
  #silentBeats = 0;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(parts: HubParts, socket: WebSocket, request: IncomingMessage) {
    const { settings, counters, tick } = parts;
    this.#parts = parts;
    this.#socket = socket;
    this.request = request;
    this.#outbox = new Outbox(socket, {
      maxBufferedBytes: settings.maxBufferedBytes,
      schedule: tick.schedule,
      join: tick.join,
      counters,
      onOverflow: () => {
        counters.slowConsumers += 1;
        this.close(CLOSE.slowConsumer, 'slow consumer');
      },
    });
    this.#inbox = new Inbox(settings, (queued) => this.#handle(queued));
    this.#answers = new Answers(parts, this);
    this.#joins = new Joins(this.#answers, () => this.#inbox.waiting());
    this.gone = new Promise((resolve) => {
      socket.once('close', () => {
        this.#onGone();
        resolve();
      });
    });
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on('pong', () => {
      this.#silentBeats = 0;
    });
    // Only counted: ws closes the socket itself, with the code for the error (too long, not UTF-8 …).
    socket.on('error', (error: Error & { readonly code?: string }) => {
      if (error.code?.startsWith('WS_ERR_') === true) counters.badFrames += 1;
    });
    const caps = settings.filter === undefined ? wire.CAPS : [...wire.CAPS, 'sparse'];
    this.send(wire.welcomeText(caps, settings));
  }

  isOpen(): boolean {
    return this.#state.name !== 'closed';
  }

  get token(): string | undefined {
    return this.#state.name === 'ready' ? this.#state.token : undefined;
  }

  get principal(): Principal {
    return this.#state.name === 'ready' ? this.#state.principal : undefined;
  }

  send(text: string): void {
    this.#outbox.push(text);
  }

  deliver(text: string, bytes?: number): void {
    this.#parts.counters.messagesOut += 1;
    this.#outbox.push(text, bytes);
  }

  /** Sends the heads of its channels, or none while it is still taking those of before. */
  sendHeads(entries: ReadonlyMap<string, HeadEntry>): void {
    if (this.#takesHeads) {
      this.send(wire.headsText([]));
      return;
    }
    this.#takesHeads = true;
    void sendHeads(this, entries).then(() => (this.#takesHeads = false));
  }

  /**
   * A client must never be closed as too slow for the answers to its own requests, such as pages of a
   * recovery: they wait until it has read what was sent before.
   */
  async room(): Promise<void> {
    if (this.#outbox.isCrowded) await this.#outbox.drained();
  }

  /** Ends the connection because of a refusal: says why, then closes. */
  refuse(code: RefusalCode, id?: number, channel?: string): void {
    this.send(wire.errorText({ id, channel, code, retry: RETRY[code] }));
    this.#outbox.finish();
    this.close(REFUSAL_CLOSE[code], code);
  }

  /** Tells the client to come back, spread over `spreadMs`, and closes. */
  goAway(spreadMs: number): void {
    this.send(wire.goawayText(spreadMs));
    this.#outbox.finish();
    this.close(CLOSE.restart, 'restart');
  }

  /** Closes and frees at once what the connection held; what was queued is dropped. */
  close(code: number, reason: string): void {
    if (!this.isOpen()) return;
    this.#release();
    this.#socket.close(code, reason);
    // A client that does not read will not answer the close either.
    this.#killTimer = setTimeout(() => this.#socket.terminate(), CLOSE_GRACE_MS).unref();
  }

  /** Ends the connection without a word, for a client that would not hear it. */
  terminate(): void {
    this.#release();
    this.#socket.terminate();
  }

  /** Once per heartbeat: asks for a pong, which a browser sends without waking the page. */
  probe(): void {
    if (this.#silentBeats >= SILENT_BEATS) {
      this.#parts.counters.deadPeers += 1;
      this.terminate();
      return;
    }
    this.#silentBeats += 1;
    this.#socket.ping();
  }

  #onGone(): void {
    clearTimeout(this.#killTimer);
    this.#release();
  }

  #release(): void {
    this.#state = { name: 'closed' };
    this.#inbox.clear();
    this.#answers.end();
    this.#joins.end();
    this.#outbox.close();
    for (const channel of this.channels.keys()) this.#parts.fanout.detach(channel, this);
    this.channels.clear();
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    this.#silentBeats = 0;
    if (!this.isOpen()) return;
    const { counters, settings } = this.#parts;
    // With the default `binaryType` of ws this is one Buffer.
    const bytes = (data as Buffer).byteLength;
    counters.bytesIn += bytes;
    const frames = isBinary
      ? undefined
      : readFrames((data as Buffer).toString(), settings.limits.batch);
    if (frames === undefined) {
      counters.badFrames += 1;
      this.close(CLOSE.badFrame, 'not a JSON object or an array of them');
      return;
    }
    counters.framesIn += frames.length;
    const at = performance.now();
    const queued = frames.map((frame): Queued => ({ frame, at }));
    if (this.#inbox.push(queued, bytes)) return;
    counters.floods += 1;
    this.close(CLOSE.rate, 'too many frames waiting');
  }

  #handle(queued: Queued): void | Promise<void> {
    const { frame } = queued;
    switch (frame.type) {
      case 'refused':
        return this.#answers.refused(frame);
      case 'ping':
        return this.#answers.ping();
      case 'unsubscribe':
        return this.#answers.unsubscribe(frame.channel);
      case 'auth':
        return this.#authenticate(frame.token);
      default:
        return this.#outbox.isCrowded || this.#state.name === 'new'
          ? this.#answerLater(queued, frame)
          : this.#answer(queued, frame);
    }
  }

  async #answerLater(queued: Queued, frame: Question): Promise<void> {
    await this.room();
    // The client sent no token first: then it has none, and cookies may say who it is.
    if (this.#state.name === 'new') await this.#authenticate(undefined);
    if (this.isOpen()) await this.#answer(queued, frame);
  }

  #answer(queued: Queued, frame: Question): void | Promise<void> {
    switch (frame.type) {
      case 'subscribe':
        return this.#joins.join(queued, frame);
      case 'publish':
        return this.#answers.publish(frame);
      case 'recover':
        return this.#answers.recover(frame, queued.at);
    }
  }

  async #authenticate(token: string | undefined): Promise<void> {
    const { authorizer } = this.#parts;
    const decision = await authorizer.decide({ token, action: 'connect', request: this.request });
    if (!this.isOpen()) return;
    if (!decision.allowed) {
      this.refuse(decision.code);
      return;
    }
    const before = this.#state;
    const now = { token, principal: decision.principal };
    this.#state = { name: 'ready', ...now };
    if (before.name !== 'ready' || isSameClient(before, now)) return;
    await this.#recheck(before.principal === now.principal);
  }

  /**
   * The token may be somebody else's now: asks again for every channel that the one before was allowed to
   * read. Until the answer it is none of its channels, of which heads would be told too, and the facts of its
   * new join tell what came meanwhile.
   * @param mayBeSame no principal tells the two apart: an allowed channel goes on without a break.
   */
  async #recheck(mayBeSame: boolean): Promise<void> {
    const channels = [...this.channels.keys()];
    if (!mayBeSame) for (const channel of channels) this.#answers.unsubscribe(channel);
    await sideBySide(channels, (channel) => this.#recheckOne(channel, mayBeSame));
  }

  async #recheckOne(channel: string, mayBeSame: boolean): Promise<void> {
    await this.room();
    if (!this.isOpen()) return;
    const decision = await this.#answers.ask({ channel });
    if (!this.isOpen()) return;
    if (!decision.allowed) {
      this.#answers.unsubscribe(channel);
      this.send(wire.unsubscribedText(channel, decision.code, RETRY[decision.code]));
    } else if (mayBeSame) this.#answers.attach(channel, decision.sees);
    else (await this.#answers.subscribe({ id: undefined, channel }, decision))();
  }
}
