/** The flags of `lastseq check`, as they were typed. */
import { parseArgs } from 'node:util';
import type { Given } from './given.js';
import type { MappedGiven } from './mapped-given.js';
import { UsageError } from './usage-error.js';

export interface Flags {
  readonly given: Given;
  readonly config: string | undefined;
  readonly json: boolean;
}

/** @throws UsageError. */
export function readFlags(args: readonly string[]): Flags {
  const { values } = parse(args);
  const { config, json = false } = values;
  const given: Given = {
    urls: values.url,
    recover: values.recover,
    channel: values.channel,
    send: values.send,
    token: values.token,
    strangerToken: values['stranger-token'],
    origin: values.origin,
    connections: number('connections', values.connections),
    overflow: number('overflow', values.overflow),
    restart: values.restart,
    watchMs: seconds('watch', values.watch),
    timeoutMs: seconds('timeout', values.timeout),
    mapped: mappedOf(values),
  };
  return { given, config, json };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const texts = { type: 'string', multiple: true } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        url: texts,
        recover: texts,
        channel: text,
        send: texts,
        token: text,
        'stranger-token': text,
        origin: text,
        connections: text,
        overflow: text,
        restart: text,
        watch: text,
        timeout: text,
        config: text,
        numbering: text,
        field: texts,
        query: texts,
        messages: texts,
        joined: text,
        heads: text,
        'one-channel': { type: 'boolean' },
        json: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** A server that sends JSON of its own, as far as flags can tell it. */
function mappedOf(values: ReturnType<typeof parse>['values']): MappedGiven | undefined {
  const { messages, joined, heads, numbering } = values;
  const told = { messages, joined, heads, numbering };
  const mapped = {
    ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
    ...(values.field !== undefined && { fields: pairs('field', values.field) }),
    ...(values.query !== undefined && { query: pairs('query', values.query) }),
    ...(values['one-channel'] === true && { oneChannel: true }),
  };
  return Object.keys(mapped).length === 0 ? undefined : mapped;
}

/** `seq=sequence_number`; a name may be `false` for what is not sent. */
function pairs(name: string, texts: readonly string[]): Record<string, string | false> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, key = '', value = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
      if (key === '') throw new UsageError(`--${name} wants OURS=THEIRS, not ${text}`);
      return [key, value === 'false' ? false : value];
    }),
  );
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,7}$/.test(text)) throw new UsageError(`--${name} wants a whole number, not ${text}`);
  return Number(text);
}

function seconds(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,5}(\.\d+)?$/.test(text)) throw new UsageError(`--${name} wants seconds, not ${text}`);
  // Not what binary fractions make of it, 16,100.000000000002: a deadline takes whole milliseconds only.
  return Math.round(Number(text) * 1_000);
}
