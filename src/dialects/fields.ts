/**
 * Where a server's own JSON has what a client decides by: one list of names, for live messages, for
 * recovery answers and for what the server says of its log. Pure; what does not fit is a value.
 */
import { ascending, bad, isRecord, readFacts, type Raw } from '../core/codec.js';
import type { BadFrame, MessageFrame, PageMessage, ServerFrame } from '../core/frames.js';
import { isCount, isPosition, isSeq, NO_EPOCH, type Position } from '../core/position.js';
import type { Numbering } from '../core/settings.js';

/** Names of fields. Each names a property of the object itself: there are no paths. */
export interface Fields {
  /** In a message: its channel, a string or a number. @default 'channel' */
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
    readonly numbering: Numbering = 'contiguous',
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

  /** May there be numbers of others between ours? */
  get sharesCounter(): boolean {
    return this.numbering !== 'contiguous';
  }

  /** Has it a number that a message may have? Control frames are known to carry 0. */
  isNumbered(raw: Raw): boolean {
    const seq = raw[this.#names.seq];
    return isPresent(seq) && seq !== 0;
  }

  /** The channel that a frame is about. */
  channelOf(raw: Raw): string | undefined {
    return text('channel', this.channel ?? raw[this.#names.channel]).channel;
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
    const { epoch, head, oldest = 1 } = this.log(raw);
    // The last number may be that of somebody else, and without epochs we look for it in the log.
    const isPlace = this.hasEpochs || !this.sharesCounter;
    const facts = isPlace ? readFacts({ epoch, head, oldest }) : undefined;
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

  /** What a frame or an answer says of the log of its channel. What it does not have is undefined. */
  log(raw: Raw): Readonly<Record<'epoch' | 'head' | 'messages' | 'more' | 'oldest', unknown>> {
    const { head, messages, more, oldest } = this.#names;
    return {
      epoch: this.#epochOf(raw),
      head: raw[head] ?? undefined,
      messages: raw[messages],
      more: raw[more] ?? undefined,
      oldest: raw[oldest] ?? undefined,
    };
  }

  /** Is a message of an answer another channel's? Some servers answer with those of all channels. */
  isOther(raw: unknown, channel: string): boolean {
    return isRecord(raw) && isPresent(raw[this.#names.channel]) && this.channelOf(raw) !== channel;
  }

  /** Is it a message whose number is none? */
  isUnreadable(raw: unknown): boolean {
    return isRecord(raw) && this.isNumbered(raw) && this.seqOf(raw) === undefined;
  }

  /** The number of a message in an answer, if it can be read. */
  seqOf(raw: unknown): number | undefined {
    const seq = isRecord(raw) ? raw[this.#names.seq] : undefined;
    return isSeq(seq) ? seq : undefined;
  }

  /** Messages of an answer. One that cannot be read leaves a hole, and a hole is named to the app. */
  pageMessages(list: readonly unknown[]): readonly PageMessage[] {
    return ascending(
      list.flatMap((raw) => {
        const seq = this.seqOf(raw);
        return seq === undefined ? [] : { seq, ...this.#contents(raw as Raw) };
      }),
    );
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
  name: 'channel' | 'id' | 'from',
  value: unknown,
): { readonly channel?: string; readonly id?: string; readonly from?: string } {
  return typeof value === 'string' || typeof value === 'number' ? { [name]: String(value) } : {};
}
