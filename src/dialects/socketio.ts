/** A Socket.IO server: events with one object, rooms that are joined, acknowledgements. */
import { checkOptions, FUNCTION, isNames, type Rule } from '../check-options.js';
import { bad, isRecord, readRefusal } from '../core/codec.js';
import type { ClientFrame, DecodedFrame } from '../core/frames.js';
import type {
  SocketIoArrival,
  SocketIoCall,
  SocketIoEvent,
  SocketIoFrame,
} from '../ports/socket-io.js';
import type { Dialect } from './dialect.js';
import { FieldReader } from './fields.js';
import { FOREIGN_RULES, foreignDialect, type ForeignOptions } from './foreign.js';

/** The field of the sender is 'userId' by default. */
export interface SocketIoOptions extends ForeignOptions {
  /** Names of events, where they differ from the defaults. */
  readonly events?:
    | {
        /** Brings a message. @default 'message' */
        readonly message?: string | undefined;
        /** Tells the head of a channel now and then. @default none */
        readonly heads?: string | undefined;
        /** Joins a channel; `false` when the server does so by itself. @default 'join' */
        readonly join?: string | false | undefined;
        /** Leaves a channel; `false` when the server takes no such event. @default 'leave' */
        readonly leave?: string | false | undefined;
        /** Publishes. @default 'send_message' */
        readonly publish?: string | undefined;
      }
    | undefined;
  /**
   * What goes with `join`, `leave` and `publish`.
   * @default the channel's name; with `publish` `{ channel, content, key }`: what a drop has left
   *   without an answer is sent again with the same key
   */
  readonly payload?: ((frame: SocketIoFrame) => unknown) | undefined;
  /**
   * Does the server acknowledge `join` and `publish`? Then `join` may answer with `{ epoch, head, oldest }`,
   * `publish` answers with `{ seq, epoch }`, and either with `{ error }` to refuse. Without
   * acknowledgements `join` counts as done when it is sent, and `channel.publish` cannot resolve.
   * @default false
   */
  readonly acknowledges?: boolean | undefined;
}

const EVENTS = ['message', 'heads', 'join', 'leave', 'publish'];

const RULES: Readonly<Record<keyof SocketIoOptions, Rule>> = {
  ...FOREIGN_RULES,
  events: [
    'an object of names, join and leave may be false',
    (v) => isNames(v, EVENTS, ['join', 'leave']),
  ],
  payload: FUNCTION,
  acknowledges: ['true or false', (v) => typeof v === 'boolean'],
};

/**
 * The dialect, and the events that its transport has to listen to.
 * @throws LastseqError `bad_option`, naming the option and its value.
 */
export function socketIoDialect(options: SocketIoOptions): {
  readonly dialect: Dialect;
  readonly events: readonly string[];
} {
  checkOptions(options, RULES, 'socketIo options');
  const { acknowledges = false, payload = defaultPayload } = options;
  const { message = 'message', heads, join = 'join', leave = 'leave' } = options.events ?? {};
  const { publish = 'send_message' } = options.events ?? {};
  const { from = 'userId', ...fields } = options.fields ?? {};
  const reader = new FieldReader({ ...fields, from }, options.numbering);
  const event = (name: string | false, frame: SocketIoFrame): SocketIoEvent | undefined =>
    name === false ? undefined : { event: name, payload: payload(frame) };

  const encode = (frame: ClientFrame): SocketIoCall | undefined => {
    const answered = acknowledges ? 'acknowledged' : 'sent';
    switch (frame.type) {
      case 'subscribe': {
        const undo = event(leave, { type: 'unsubscribe', channel: frame.channel });
        return { frame, emit: event(join, frame), answered, undo };
      }
      case 'unsubscribe':
        return { frame, emit: event(leave, frame), answered: 'never' };
      case 'publish':
        return {
          frame,
          emit: event(publish, frame),
          answered: acknowledges ? 'acknowledged' : 'never',
        };
      default:
        return undefined;
    }
  };

  const answer = (frame: SocketIoFrame, payload: unknown): readonly DecodedFrame[] => {
    if (frame.type === 'unsubscribe') return [];
    const { channel, id } = frame;
    const raw = isRecord(payload) ? payload : {};
    const { error } = raw;
    // Whatever it is made of: a channel that is refused must not pass for one that is served.
    if (error) return [{ type: 'error', id, channel, ...readRefusal({ code: error }) }];
    if (frame.type === 'subscribe') return reader.joined(raw, { channel, id });
    const position = reader.position(raw);
    return position === undefined
      ? [bad('the acknowledgement lacks the number', channel)]
      : [{ type: 'ack', id, channel, position }];
  };

  const decode = (arrival: SocketIoArrival): readonly DecodedFrame[] => {
    const { payload } = arrival;
    if ('answerTo' in arrival) return answer(arrival.answerTo, payload);
    if (!isRecord(payload)) return [bad('not an object')];
    return [arrival.event === heads ? reader.heads(payload) : reader.message(payload)];
  };

  return {
    events: heads === undefined ? [message] : [message, heads],
    dialect: {
      ...foreignDialect(options, reader, heads),
      decode: (data) => decode(data as SocketIoArrival),
      encode: (frames) => frames.map(encode).filter((call) => call !== undefined),
    },
  };
}

function defaultPayload(frame: SocketIoFrame): unknown {
  const { channel } = frame;
  return frame.type === 'publish' ? { channel, content: frame.data, key: frame.key } : channel;
}
