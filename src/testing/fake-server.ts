/**
 * A server of the native protocol in memory, with faults at hand: it loses, repeats, reorders and
 * withholds frames, goes half-open, trims its log and starts a new one.
 *
 * To script a fault, from most to least common: `dropNext(n)`, `cut()`, `hold()` and `release(order)`,
 * `log.trim(channel, oldest)`, `log.restart(epoch)`, `answers.push(...)`, `goSilent()`, `up = false`;
 * anything else: `send` any frame, or take `network.socket`.
 */
import type { Page, PageMessage, RecoverRequest } from '../core/frames.js';
import type { History, HistoryAnswer } from '../ports/history.js';
import type { FakeNetwork, FakeSocket } from './fake-transport.js';

/** The true log. */
export class FakeLog {
  epoch = 'e1';
  readonly #channels = new Map<string, { oldest: number; messages: PageMessage[] }>();

  append(channel: string, data: unknown): PageMessage {
    const log = this.#of(channel);
    const message = { seq: log.oldest + log.messages.length, data };
    log.messages.push(message);
    return message;
  }

  facts(channel: string): { epoch: string; head: number; oldest: number } {
    const { messages, oldest } = this.#of(channel);
    return { epoch: this.epoch, head: oldest + messages.length - 1, oldest };
  }

  page({ channel, epoch, seq }: RecoverRequest, limit: number): Page {
    const facts = this.facts(channel);
    const found =
      epoch === facts.epoch ? this.#of(channel).messages.filter((m) => m.seq > seq) : [];
    return { channel, ...facts, messages: found.slice(0, limit), more: found.length > limit };
  }

  /** Forgets what is older than `oldest`: with `Infinity` all of it. No number is given back or left out. */
  trim(channel: string, oldest: number): void {
    const log = this.#of(channel);
    const next = log.oldest + log.messages.length;
    log.messages = log.messages.filter((m) => m.seq >= oldest);
    log.oldest = next - log.messages.length;
  }

  /** A new log: numbers begin again. */
  restart(epoch: string): void {
    this.epoch = epoch;
    this.#channels.clear();
  }

  #of(channel: string): { oldest: number; messages: PageMessage[] } {
    let log = this.#channels.get(channel);
    if (log === undefined) this.#channels.set(channel, (log = { oldest: 1, messages: [] }));
    return log;
  }
}

/** A `recover` frame as it comes over the wire, as far as it is looked at. */
interface RecoverFrame {
  readonly items: readonly (Omit<RecoverRequest, 'seq'> & { readonly since?: number })[];
  readonly limit?: number;
}

export interface FakeServerOptions {
  /** What `welcome` announces. @default all that the protocol knows */
  readonly caps?: readonly string[];
  /**
   * What `welcome` announces, in milliseconds. Beats come from `beat()` only: without any, the client
   * takes the connection for dead after 2.5 of them. @default 25,000
   */
  readonly heartbeatMs?: number;
  /** Messages in a page. @default 1,000 */
  readonly page?: number;
}

/**
 * A server of the native protocol in memory, for one connection at a time. It loses, repeats and withholds
 * what it is told to, and does nothing by itself: no heartbeat either.
 */
export class FakeServer {
  readonly log: FakeLog = new FakeLog();
  /** Recovery over HTTP from the same log: give it as the `history` port, with any `recover` option. */
  readonly history: History;
  /** Accept new sockets. Set to false for a server that is down. */
  up = true;
  /** Frames withheld by `hold()`, in order. */
  readonly held: unknown[] = [];
  /** Recovery questions that were asked, over either carrier. */
  readonly questions: RecoverRequest[] = [];
  /** Answers to the next recovery questions, in order, instead of the log's. */
  readonly answers: HistoryAnswer[] = [];
  #socket: FakeSocket | undefined;
  readonly #subscribed = new Set<string>();
  /** Numbers of what was published, by its key: a repeated publish is the same one. */
  readonly #keys = new Map<string, number>();
  #dropNext = 0;
  #holding = false;
  #silent = false;

  constructor(
    network: FakeNetwork,
    private readonly options: FakeServerOptions = {},
  ) {
    network.onSocket = (socket) => {
      // A handshake takes a moment: the client's `open` has returned by then.
      queueMicrotask(() => {
        if (this.up) this.#accept(socket);
        else socket.drop();
      });
    };
    network.onSend = (text, socket) => {
      // No server answers within the call that sends.
      queueMicrotask(() => {
        if (socket === this.#socket && !this.#silent) this.#received(JSON.parse(text));
      });
    };
    this.history = {
      fetch: (question) => Promise.resolve(this.#answer(question, question.limit)),
    };
  }

  /** Appends to the log and sends to whoever is subscribed. */
  publish(channel: string, data: unknown): PageMessage {
    const message = this.log.append(channel, data);
    if (this.#subscribed.has(channel)) {
      this.#live({ type: 'message', channel, epoch: this.log.epoch, ...message });
    }
    return message;
  }

  /** Sends the heads of all subscribed channels, as every heartbeat does. */
  beat(): void {
    const heads = [...this.#subscribed].map((channel) => {
      const { epoch, head } = this.log.facts(channel);
      return [channel, [epoch, head]];
    });
    this.send({ type: 'heads', heads: Object.fromEntries(heads) as unknown });
  }

  /** Sends any frame at all. */
  send(frame: unknown): void {
    if (!this.#silent) this.#socket?.receive(frame);
  }

  /** Ends the connection. */
  cut(code?: number): void {
    const socket = this.#socket;
    this.#leave();
    socket?.drop(code);
  }

  /** Reads and writes nothing any more, and does not close: a half-open connection. */
  goSilent(): void {
    this.#silent = true;
  }

  /** Loses the next `n` live messages; the log keeps them. */
  dropNext(n: number): void {
    this.#dropNext = n;
  }

  /** Withholds live messages until `release`. */
  hold(): void {
    this.#holding = true;
  }

  /** Sends what was withheld, in the order given. @param order indices into `held`. */
  release(order: readonly number[] = this.held.map((_, i) => i)): void {
    this.#holding = false;
    const frames = this.held.splice(0);
    for (const i of order) this.send(frames[i]);
  }

  #accept(socket: FakeSocket): void {
    this.#leave();
    this.#socket = socket;
    this.#silent = false;
    socket.accept();
    const { heartbeatMs = 25_000, page = 1_000 } = this.options;
    const caps = this.options.caps ?? ['recover', 'publish', 'ping', 'auth', 'arrays'];
    this.send({ type: 'welcome', caps, heartbeatMs, limits: { page } });
  }

  #leave(): void {
    this.#socket = undefined;
    this.#subscribed.clear();
  }

  #live(frame: unknown): void {
    if (this.#dropNext > 0) this.#dropNext -= 1;
    else if (this.#holding) this.held.push(frame);
    else this.send(frame);
  }

  #received(parsed: unknown): void {
    const frames = (Array.isArray(parsed) ? parsed : [parsed]) as readonly Record<
      string,
      unknown
    >[];
    for (const frame of frames) this.#frame(frame);
  }

  #frame(frame: Record<string, unknown>): void {
    const { channel, id } = frame as { channel: string; id: number };
    switch (frame.type) {
      case 'subscribe':
        this.#subscribed.add(channel);
        return this.send({ type: 'subscribed', id, channel, ...this.log.facts(channel) });
      case 'unsubscribe':
        this.#subscribed.delete(channel);
        return;
      case 'ping':
        this.send({ type: 'pong' });
        return this.beat();
      case 'publish': {
        const key = JSON.stringify([this.log.epoch, channel, frame.key]);
        const seq = this.#keys.get(key) ?? this.publish(channel, frame.data).seq;
        this.#keys.set(key, seq);
        return this.send({ type: 'ack', id, channel, epoch: this.log.epoch, seq });
      }
      case 'recover': {
        const { items: asked, limit } = frame as unknown as RecoverFrame;
        const items = asked.map((item) => this.#item(item, limit));
        return this.send({ type: 'recovered', id, items });
      }
    }
  }

  #item({ channel, epoch, since = 0 }: RecoverFrame['items'][number], limit?: number): unknown {
    const answer = this.#answer({ channel, epoch, seq: since }, limit);
    const body = 'body' in answer ? (answer.body as object) : { retryInMs: answer.retryInMs };
    return { channel, ...body, status: answer.status };
  }

  #answer(question: RecoverRequest, limit = Infinity): HistoryAnswer {
    const { channel, epoch, seq } = question;
    this.questions.push({ channel, epoch, seq });
    const most = Math.min(limit, this.options.page ?? 1_000);
    return (
      this.answers.shift() ?? { status: 200, body: this.log.page({ channel, epoch, seq }, most) }
    );
  }
}
