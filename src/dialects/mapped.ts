/** A server that sends plain JSON over a WebSocket: the names are its own, the rules are ours. */
import { checkOptions, FUNCTION, isName, isNames, type Rule } from '../check-options.js';
import { bad, decodeText, isRecord, type Raw } from '../core/codec.js';
import type { ClientFrame, DecodedFrame, RecoverRequest, ServerFrame } from '../core/frames.js';
import { wordsOf } from '../errors.js';
import type { Dialect } from './dialect.js';
import { FieldReader, fieldNames, type Fields } from './fields.js';
import { FOREIGN_RULES, foreignDialect, type ForeignOptions } from './foreign.js';

export interface MappedOptions extends ForeignOptions {
  /** Names of fields, where they differ from the defaults. `type` tells the kinds of frames apart. */
  readonly fields?: (Fields & { readonly type?: string | undefined }) | undefined;
  /**
   * The name of the one channel, for a server with one stream whose messages name none.
   * @default none: every message names its channel
   */
  readonly channel?: string | undefined;
  /**
   * The types of the frames that are messages; such a frame without a number is ephemeral.
   * @default every frame with a number other than 0, `joined` and `heads` excepted
   */
  readonly messages?: string | readonly string[] | undefined;
  /**
   * The type of the frame that says that a channel is served: the answer to a subscribe, or with
   * `channel`, or where it names no channel, what the server says when it has accepted the connection.
   * A number in it is no position; epoch, head and oldest count. @default 'subscribed'
   */
  readonly joined?: string | undefined;
  /** The type of the frame that tells the head of a channel now and then. @default none */
  readonly heads?: string | undefined;
  /**
   * What any other frame means: an `ack`, an `error`, a `welcome`; undefined for nothing.
   * @default such frames mean nothing
   */
  readonly control?: ((frame: Raw) => ServerFrame | undefined) | undefined;
  /**
   * What is sent for a frame of ours, as JSON: `subscribe`, `unsubscribe` and `publish`, and with a
   * token `auth`; undefined for nothing. @default nothing is ever sent
   */
  readonly send?: ((frame: ClientFrame) => unknown) | undefined;
  /**
   * Names of the query parameters of the recovery call, `false` for one that is not sent. `since` is
   * exclusive: the answer has what is above it.
   * @default since, channel (unless `channel` is set), epoch (where the server has one), limit
   */
  readonly query?:
    | {
        readonly since?: string | undefined;
        readonly channel?: string | false | undefined;
        readonly epoch?: string | false | undefined;
        readonly limit?: string | false | undefined;
      }
    | undefined;
}

const RULES: Readonly<Record<keyof MappedOptions, Rule>> = {
  ...FOREIGN_RULES,
  fields: ['an object of names', (v) => isNames(v, [...fieldNames(), 'type'])],
  channel: ['a name', isName],
  messages: ['a type, or a list of types', (v) => [v].flat().every(isName)],
  joined: ['a type', isName],
  heads: ['a type', isName],
  control: FUNCTION,
  send: FUNCTION,
  query: [
    'an object of names or false, since not false',
    (v) => isNames(v, ['since', 'channel', 'epoch', 'limit'], ['channel', 'epoch', 'limit']),
  ],
};

/**
 * The dialect of a server that sends plain JSON. Use it with `recover`: the log is asked there.
 *
 * @throws LastseqError `bad_option`, naming the option and its value.
 */
export function mappedDialect(options: MappedOptions): Dialect {
  checkOptions(options, RULES, 'mappedDialect options');
  const { channel, control, heads, joined = 'subscribed', messages, query = {}, send } = options;
  const { type: typeField = 'type', ...fields } = options.fields ?? {};
  const reader = new FieldReader(fields, options.numbering, channel);
  const types = messages === undefined ? undefined : [messages].flat();

  const read = (raw: unknown): readonly DecodedFrame[] => {
    if (!isRecord(raw)) return [bad('not an object')];
    const given = raw[typeField];
    // Some number their types. An object is none: it may have what makes it no text.
    const type = typeof given === 'number' ? String(given) : given;
    if (type === joined) return reader.joined(raw);
    if (heads !== undefined && type === heads) return [reader.heads(raw)];
    if (types === undefined ? reader.isNumbered(raw) : types.includes(type as string)) {
      return [reader.message(raw)];
    }
    try {
      const meant = control?.(raw);
      // Without types it may as well be null.
      return meant ? [meant] : [];
    } catch (error) {
      return [bad(`control failed: ${wordsOf(error)}`)];
    }
  };

  return {
    ...foreignDialect(options, reader, heads),
    decode: (data) => decodeText(data, read).flat(),
    encode(frames) {
      const wire = frames.map((frame) => send?.(frame)).filter((json) => json !== undefined);
      if (wire.length === 0) return undefined;
      return JSON.stringify(wire.length === 1 ? wire[0] : wire);
    },
    query(request: RecoverRequest, limit) {
      const defaults = {
        since: 'since',
        channel: channel === undefined && 'channel',
        epoch: reader.hasEpochs && 'epoch',
        limit: 'limit',
      };
      const values = { ...request, since: request.seq, limit };
      const pairs = (['since', 'channel', 'epoch', 'limit'] as const).flatMap((key) => {
        const name = query[key] ?? defaults[key];
        return name === false ? [] : [[name, String(values[key])]];
      });
      return Object.fromEntries(pairs) as Record<string, string>;
    },
  };
}
