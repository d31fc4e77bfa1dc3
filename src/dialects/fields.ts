/**
 * Where a server's own JSON has what a client decides by: one list of names, for live messages, for
 * recovery answers and for what the server says of its log. Pure; what does not fit is a value.
 */
import { ascending, bad, isRecord, readFacts, type Raw } from '../core/codec.js';
import type {
  BadFrame,
  Facts,
  MessageFrame,
  Page,
  PageMessage,
  RecoverRequest,
  ServerFrame,
} from '../core/frames.js';
import { isCount, isPosition, isSeq, NO_EPOCH, type Position } from '../core/position.js';
import type { Numbering } from '../core/settings.js';

/** Names of fields. Each names a property of the object itself: there are no paths. */
export interface Fields {
  /** In a message: its channel. @default 'channel' */
  readonly channel?: string | undefined;
  /** In a message: its number, a safe integer >= 1. @default 'seq' */
  readonly seq?: string | undefined;
  /** In a message: what the app gets as `data`. @default none: the whole object */
  readonly data?: string | undefined;
  /**
   * In messages and in what the server says of its log: the name of this life of the log, a string that
   * changes whenever numbers may be used again. @default none: the server has no epochs
   */
  readonly epoch?: string | undefined;
  /**
   * In a message: the number of the one before it that this reader may see.
   * @default with `numbering: 'sparse'` 'prev', else none
   */
  readonly prev?: string | undefined;
  /** In a message: its id, a string or a number. @default 'id' */
  readonly id?: string | undefined;
  /** In a message: its time, milliseconds since 1970 or a text such as ISO 8601. @default 'timestamp' */
  readonly ts?: string | undefined;
  /** In a message: who sent it, a string or a number. @default 'from', in Socket.IO 'userId' */
  readonly from?: string | undefined;
  /** In a recovery answer that is no bare list: the list of messages. @default 'messages' */
  readonly messages?: string | undefined;
  /** In a recovery answer: true when it was cut short. @default 'more' */
  readonly more?: string | undefined;
  /** The newest number of the channel's log. @default 'head' */
  readonly head?: string | undefined;
  /** The oldest number that the log still holds. @default 'oldest' */
  readonly oldest?: string | undefined;
}

const DEFAULT_FIELDS = {
  channel: 'channel',
  seq: 'seq',
  id: 'id',
  ts: 'timestamp',
  from: 'from',
  messages: 'messages',
  more: 'more',
  head: 'head',
  oldest: 'oldest',
};

type Names = typeof DEFAULT_FIELDS & Pick<Fields, 'data' | 'epoch' | 'prev'>;

/** Made when it is asked for, so that an app without such a dialect need not hold it. */
export const fieldNames = (): readonly string[] => [
  ...Object.keys(DEFAULT_FIELDS),
  'data',
  'epoch',
  'prev',
];

export class FieldReader {
  readonly #names: Names;

  /** @param channel the one channel of a server whose messages name none */
  constructor(
    fields: Fields,
    private readonly numbering: Numbering | undefined,
    private readonly channel?: string,
  ) {
    const given = Object.entries(fields).filter(([, name]) => name !== undefined);
    this.#names = {
      ...DEFAULT_FIELDS,
      // Elsewhere a field of that name is the app's, a price or a page: it would talk a lost message away.
      ...(numbering === 'sparse' && { prev: 'prev' }),
      ...(Object.fromEntries(given) as object),
    };
  }

  get hasEpochs(): boolean {
    return this.#names.epoch !== undefined;
  }

  /** Has it a number that a message may have? Control frames are known to carry 0. */
  isNumbered(raw: Raw): boolean {
    const seq = raw[this.#names.seq];
    return isPresent(seq) && seq !== 0;
  }

  /** The channel that a frame is about. */
  channelOf(raw: Raw): string | undefined {
    const name = this.channel ?? raw[this.#names.channel];
    return typeof name === 'string' ? name : undefined;
  }

  /** A live message. Without a number it is ephemeral. */
  message(raw: Raw): MessageFrame | BadFrame {
    const channel = this.channelOf(raw);
    if (channel === undefined) return bad('message without a channel');
    const seq = raw[this.#names.seq];
    if (isPresent(seq) && !isSeq(seq)) return bad('seq is not a safe integer >= 1', channel);
    const epoch = this.#epochOf(raw);
    if (isPresent(epoch) && typeof epoch !== 'string') return bad('epoch is not a string', channel);
    return {
      type: 'message',
      channel,
      ...this.#contents(raw),
      ...(isSeq(seq) && { seq }),
      ...(typeof epoch === 'string' && { epoch }),
    };
  }

  /** What a frame says of the log of its channel; undefined when it does not say enough. */
  #facts(raw: Raw): Facts | undefined {
    const { head, oldest } = this.#names;
    return readFacts({
      epoch: this.#epochOf(raw),
      head: raw[head],
      oldest: raw[oldest] ?? 1,
    });
  }

  /**
   * The server serves a channel, and says what it can of its log. One that names no channel serves each
   * that is wanted, also one that is opened later.
   * @param to the subscribe that this answers, where that is known
   */
  joined(
    raw: Raw,
    to: { readonly id?: number; readonly channel?: string } = {},
  ): readonly ServerFrame[] {
    const answer = to.id === undefined ? {} : { id: to.id };
    const channel = to.channel ?? this.channelOf(raw);
    const facts = this.#facts(raw);
    const all = channel === undefined || channel === this.channel;
    const found: ServerFrame[] = all ? [{ type: 'joined', ...answer }] : [];
    if (channel !== undefined && facts !== undefined) {
      found.push({ type: 'subscribed', channel, ...answer, ...facts });
    } else if (!all) found.push({ type: 'joined', channel, ...answer });
    return found;
  }

  /** What an acknowledgement of a publish says; undefined when it lacks the number or the epoch. */
  position(raw: Raw): Position | undefined {
    const position = { epoch: this.#epochOf(raw), seq: raw[this.#names.seq] };
    return isPosition(position) && position.seq > 0 ? position : undefined;
  }

  /** The head of one channel. */
  heads(raw: Raw): ServerFrame | BadFrame {
    const channel = this.channelOf(raw);
    const epoch = this.#epochOf(raw);
    const head = raw[this.#names.head];
    return channel === undefined || typeof epoch !== 'string' || !isCount(head)
      ? bad('heads lack channel, epoch or head')
      : { type: 'heads', heads: [{ channel, epoch, head }] };
  }

  /**
   * A recovery answer: a list of messages, or an object that holds one. What the server does not say
   * is taken from the list: that is all that can be known then.
   */
  page(body: unknown, { channel, seq: since }: RecoverRequest): Page | BadFrame {
    const names = this.#names;
    const about: Raw = isRecord(body) ? body : {};
    const list = Array.isArray(body) ? (body as readonly unknown[]) : about[names.messages];
    if (!Array.isArray(list)) return bad('the answer is no list and holds none', channel);
    const own: readonly unknown[] = list.filter((raw: unknown) => !this.#isOther(raw, channel));
    const messages = this.#read(own);
    const end = own.at(-1);
    // A hole shows by what comes after it, or by a head: at the end there may be neither.
    const isHidden = this.numbering === 'monotonic' || !isPresent(about[names.head]);
    if (isHidden && isRecord(end) && this.isNumbered(end) && !isSeq(end[names.seq]))
      return bad('seq is not a safe integer >= 1', channel);
    const epoch = this.#epochOf(about);
    if (typeof epoch !== 'string' || epoch === '') return bad('the answer lacks epoch', channel);
    const last = Math.max(since, messages.at(-1)?.seq ?? 0);
    const oldest = about[names.oldest] ?? 1;
    if (!isSeq(oldest)) return bad('oldest is not a safe integer >= 1', channel);
    const more = about[names.more];
    // One counter for all channels, and an answer with all of them: it reaches to the last, whosever it is.
    const all = this.numbering === 'monotonic' ? this.#read(list) : messages;
    const upto = Math.max(since, all.at(-1)?.seq ?? 0);
    const head = about[names.head] ?? Math.max(more === true ? upto : last, oldest - 1);
    if (!isCount(head) || oldest > head + 1) return bad('head does not fit', channel);
    // A server that tells its head and stops before it may have cut the answer: the next one, which
    // has nothing new, will say. One message may be the overlap that we asked for ourselves.
    const stopped = !isPresent(more) && upto < head && upto > since + (this.hasEpochs ? 0 : 1);
    const page = { channel, epoch, head, oldest, messages, more: more === true || stopped };
    return page.more && upto > last ? { ...page, upto } : page;
  }

  #read(list: readonly unknown[]): readonly PageMessage[] {
    return ascending(
      list.flatMap((raw) => {
        const seq = isRecord(raw) && raw[this.#names.seq];
        // A message that cannot be read leaves a hole, and a hole is named to the app.
        return isSeq(seq) ? { seq, ...this.#contents(raw as Raw) } : [];
      }),
    );
  }

  /** Of another channel: from a server that answers with all of them. */
  #isOther(raw: unknown, channel: string): boolean {
    return isRecord(raw) && isPresent(raw[this.#names.channel]) && this.channelOf(raw) !== channel;
  }

  #contents(raw: Raw): Omit<PageMessage, 'seq'> {
    const { data, from, id, prev, seq, ts } = this.#names;
    const before = prev && raw[prev];
    const time = raw[ts];
    const at = typeof time === 'string' ? Date.parse(time) : time;
    return {
      data: data === undefined ? raw : raw[data],
      // One that is not below the number would make a hole of the message itself, and of what follows.
      ...(isCount(before) && before < (raw[seq] as number) && { prev: before }),
      ...text('id', raw[id]),
      ...text('from', raw[from]),
      ...(Number.isFinite(at) && { ts: at as number }),
    };
  }

  #epochOf(raw: Raw): unknown {
    return this.#names.epoch === undefined ? NO_EPOCH : raw[this.#names.epoch];
  }
}

/** JSON has null where a field has no value. */
function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function text(
  name: 'id' | 'from',
  value: unknown,
): { readonly id?: string; readonly from?: string } {
  return typeof value === 'string' || typeof value === 'number' ? { [name]: String(value) } : {};
}
