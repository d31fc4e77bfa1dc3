/** What went into the core, each input in a line. */
import type { DecodedFrame, RecoveryAnswer } from '../core/frames.js';
import type { Position } from '../core/position.js';
import type { Input, Start } from '../core/vocabulary.js';

type Words<Value extends { readonly type: string }> = {
  readonly [Type in Value['type']]: (value: Extract<Value, { readonly type: Type }>) => string;
};

const INPUTS: Words<Input> = {
  connect: () => 'the app connects',
  close: () => 'the app closes the client',
  join: ({ channel, intent }) => `the app joins ${channel} from ${startInWords(intent.start)}`,
  release: ({ channel }) => `nobody holds ${channel} any more`,
  publish: ({ id, channel, key }) => `the app publishes to ${channel} (publish ${id}, key ${key})`,
  retry: ({ channel }) => `the app has ${channel} try again`,
  forget: () => 'the app forgets the stored positions',
  handled: ({ channel, count, mark }) =>
    `${channel}: ${count} handled${mark ? `, up to ${positionInWords(mark.position)}` : ''}`,
  committed: ({ channel, mark }) => `${channel}: committed up to ${positionInWords(mark.position)}`,
  handling: ({ channel }) => `${channel}: a handler is at work`,
  handlerFailed: ({ channel, kind }) => `${channel}: the ${kind} failed`,
  snapshotTaken: ({ channel, position }) =>
    `${channel}: the snapshot is loaded${position ? ` at ${positionInWords(position)}` : ''}`,
  available: () => 'the socket of the app is there again',
  opened: ({ attempt }) => `socket ${attempt} is open`,
  frames: ({ attempt, frames }) => `socket ${attempt} says: ${framesInWords(frames)}`,
  dropped: ({ attempt, code }) => `socket ${attempt} is closed with ${code}`,
  token: ({ outcome, version }) => `token ${version} is ${outcome}`,
  recovered: ({ id, answer }) => `answer to fetch ${id}: ${answerInWords(answer)}`,
  loaded: ({ channel, failed, position }) =>
    `stored position of ${channel}: ${failed ? 'cannot be read' : position ? positionInWords(position) : 'none'}`,
  saved: ({ id, failed, refused }) =>
    `save ${id} ${failed ? 'failed' : 'is done'}${refused.length > 0 ? `, refused for ${refused.join(', ')}` : ''}`,
  page: ({ signal }) => `the page: ${signal}`,
  tick: () => 'the timer',
};

const FRAMES: Words<DecodedFrame> = {
  welcome: ({ caps, retrySpreadMs }) =>
    `welcome (${caps.join(', ') || 'no capabilities'})${retrySpreadMs === undefined ? '' : `, spread retries over ${retrySpreadMs} ms`}`,
  subscribed: ({ channel, epoch, head, oldest }) =>
    `subscribed to ${channel} (${factsInWords(epoch, oldest, head)})`,
  joined: ({ channel = 'whatever is wanted' }) => `joined to ${channel}`,
  message: ({ channel, epoch, seq }) =>
    seq === undefined
      ? `${channel} ephemeral`
      : `${channel} ${seq}${epoch === undefined ? '' : ` of epoch ${epoch}`}`,
  heads: ({ heads }) =>
    `heartbeat${heads.map(({ channel, head }) => `, ${channel} is at ${head}`).join('')}`,
  unsubscribed: ({ channel, code, retry }) =>
    `unsubscribed from ${channel}: ${code}${retry ? ', may be tried again' : ''}`,
  error: ({ channel, code, id }) =>
    `error ${code}${id === undefined ? '' : ` to request ${id}`}${channel === undefined ? '' : ` about ${channel}`}`,
  recovered: ({ id, items }) => `answer to request ${id}: ${items.map(answerInWords).join('; ')}`,
  ack: ({ id, position }) => `publish ${id} is ${positionInWords(position)}`,
  pong: () => 'pong',
  goaway: ({ spreadMs }) => `go away within ${spreadMs} ms`,
  bad: ({ reason }) => `a frame that fits no rule: ${reason}`,
};

export function inputInWords(input: Input): string {
  return inWords(INPUTS, input);
}

/** A file may hold what this version does not know: that is shown as it is. */
export function inWords<Value extends { readonly type: string }>(
  words: Words<Value>,
  value: Value,
): string {
  const known = Object.hasOwn(words, value.type)
    ? (words[value.type as Value['type']] as (value: Value) => string)
    : JSON.stringify;
  return known(value);
}

export function positionInWords({ epoch, seq }: Position): string {
  return `${seq} of epoch ${epoch}`;
}

/** `3 to 5, 9` for 3, 4, 5, 9. */
export function numbersInWords(numbers: readonly number[]): string {
  const runs: { from: number; to: number }[] = [];
  for (const n of numbers) {
    const last = runs.at(-1);
    if (last?.to === n - 1) last.to = n;
    else runs.push({ from: n, to: n });
  }
  return runs.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)).join(', ');
}

function framesInWords(frames: readonly DecodedFrame[]): string {
  return frames.length === 0 ? 'nothing' : frames.map((frame) => inWords(FRAMES, frame)).join('; ');
}

function startInWords(start: Start): string {
  if (typeof start === 'string') return start;
  return 'last' in start ? `the last ${start.last}` : positionInWords(start);
}

function answerInWords(answer: RecoveryAnswer): string {
  if (!('page' in answer)) {
    const why = 'reason' in answer ? answer.reason : `status ${answer.status}`;
    return `${answer.channel} could not be fetched: ${why}`;
  }
  const { channel, epoch, head, messages, more, oldest, void: empty = [] } = answer.page;
  const had = messages.length > 0 ? numbersInWords(messages.map(({ seq }) => seq)) : 'nothing';
  const voids = empty.map(([from, to]) => `, void ${from} to ${to}`).join('');
  return `${channel} ${had}${voids}${more ? ', and there is more' : ''} (${factsInWords(epoch, oldest, head)})`;
}

const factsInWords = (epoch: string, oldest: number, head: number): string =>
  `epoch ${epoch} holds ${oldest} to ${head}`;
