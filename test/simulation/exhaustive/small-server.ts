/** The server of the small world: one connection and what is on its way over it, and the calls beside it. */
import type {
  ClientFrame,
  DecodedFrame,
  Facts,
  MessageFrame,
  Page,
  RecoverRequest,
  ServerFrame,
} from '../../../src/core/frames.js';
import type { ChannelLog } from '../truth.js';

/** One connection as the client sees it, until one of both ends it. */
export interface Link {
  readonly attempt: number;
  /** `silent`: nothing passes any more, and neither end knows. */
  state: 'dialing' | 'open' | 'silent';
  isAttached: boolean;
  readonly up: ClientFrame[];
  readonly replies: ServerFrame[];
  /** Live frames: a stream of their own, because the fan-out may be faster or slower than answers. */
  readonly live: MessageFrame[];
}

/** A recovery call beside the socket. */
export interface Call {
  readonly id: number;
  readonly request: RecoverRequest;
  readonly limit: number;
  page: Page | undefined;
}

export class SmallServer {
  link: Link | undefined;
  calls: Call[] = [];

  constructor(
    readonly log: ChannelLog,
    private readonly channel: string,
  ) {}

  dial(attempt: number): void {
    const ways = { up: [], replies: [], live: [] };
    this.link = { attempt, state: 'dialing', isAttached: false, ...ways };
  }

  receive(frames: readonly ClientFrame[]): void {
    if (this.link?.state === 'open') this.link.up.push(...frames);
  }

  fetch(id: number, request: RecoverRequest, limit: number): void {
    this.calls.push({ id, request, limit, page: undefined });
  }

  abort(id: number): void {
    this.calls = this.calls.filter((call) => call.id !== id);
  }

  publish(): string {
    const { channel, link, log } = this;
    const seq = log.append(0);
    const { epoch } = log.log;
    const slot = log.log.at(seq);
    const data = slot?.kind === 'entry' ? slot.uid : 0;
    if (link?.state === 'open' && link.isAttached)
      link.live.push({ type: 'message', channel, epoch, seq, data });
    return `${epoch} ${seq}`;
  }

  /** Another log, and nobody says so. */
  replace(): string {
    this.log.replace(0);
    return this.log.log.epoch;
  }

  /** @returns the attempt that succeeded. */
  accept(): number {
    if (this.link !== undefined) this.link.state = 'open';
    return this.link?.attempt ?? 0;
  }

  /** @returns the attempt whose connection ends, with all that is on its way. */
  cut(): number {
    const attempt = this.link?.attempt ?? 0;
    this.link = undefined;
    return attempt;
  }

  /** The page is gone. */
  leave(): void {
    this.cut();
    this.calls = [];
  }

  /** Nothing passes from here on. */
  hush(): string {
    if (this.link !== undefined)
      this.link = { ...this.link, state: 'silent', up: [], replies: [], live: [] };
    return '';
  }

  beat(): string {
    const { channel, link } = this;
    const { epoch, head } = this.log.log;
    const heads = link?.isAttached === true ? [{ channel, epoch, head }] : [];
    link?.replies.push({ type: 'heads', heads });
    return `${epoch} ${head}`;
  }

  /** Answers the first frame of the client. */
  serve(): string {
    const { channel, link, log } = this;
    const frame = link?.up.shift();
    if (link === undefined || frame === undefined) return '';
    if (frame.type === 'subscribe') {
      link.isAttached = true;
      link.replies.push({ type: 'subscribed', id: frame.id, channel, ...log.log.facts });
    } else if (frame.type === 'unsubscribe') link.isAttached = false;
    else if (frame.type === 'ping') link.replies.push({ type: 'pong' });
    else if (frame.type === 'recover') {
      const items = frame.items.map((item) => {
        return { status: 200, page: this.#page(item, frame.limit ?? Infinity) } as const;
      });
      link.replies.push({ type: 'recovered', id: frame.id, items });
    }
    return frame.type;
  }

  /** Reads the log for a call; the answer is on its way then, and may grow old. */
  read(): string {
    const call = this.calls.find(({ page }) => page === undefined);
    if (call === undefined) return '';
    call.page = this.#page(call.request, call.limit);
    return `${call.page.epoch}, ${call.page.messages.length} of ${call.page.head}`;
  }

  /** Is something on its way? */
  get isBusy(): boolean {
    const { calls, link } = this;
    if (calls.length > 0) return true;
    if (link === undefined || link.state === 'silent') return false;
    return link.state === 'dialing' || [link.up, link.replies, link.live].some((way) => way.length);
  }

  #page({ epoch, seq }: RecoverRequest, limit: number): Page {
    const { channel, log } = this;
    const facts: Facts = log.log.facts;
    if (epoch !== facts.epoch) return { ...facts, channel, messages: [], more: false };
    return log.page(seq, limit);
  }
}

/** What a frame is about, in a few words. */
export function wording(frame: DecodedFrame | undefined): string {
  if (frame?.type === 'message') return `${frame.epoch} ${frame.seq}`;
  if (frame?.type === 'subscribed') return `subscribed ${frame.epoch} ${frame.head}`;
  return frame?.type ?? '';
}
