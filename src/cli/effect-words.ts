/** What the core decided and why, each effect in a line. */
import type { ClientFrame } from '../core/frames.js';
import type { ChannelState, ConnectionState, Effect, Item, Notice } from '../core/vocabulary.js';
import { inWords, numbersInWords, positionInWords } from './input-words.js';

type Words = Parameters<typeof inWords<Effect>>[0];

const EFFECTS: Words = {
  askToken: ({ refresh, version }) => `asks for token ${version}${refresh ? ', a fresh one' : ''}`,
  dial: ({ attempt }) => `dials, attempt ${attempt}`,
  hangUp: ({ attempt, code, reason }) => `closes socket ${attempt} with ${code} (${reason})`,
  authenticate: () => 'shows the token',
  send: ({ frames }) => `sends ${frames.map(frameInWords).join('; ')}`,
  fetch: ({ id, limit, request }) =>
    `fetch ${id}: ${request.channel} after ${positionInWords(request)}, at most ${limit}`,
  abort: ({ id }) => `gives up fetch ${id}`,
  load: ({ channel }) => `reads the stored position of ${channel}`,
  save: ({ id, writes }) =>
    `save ${id}: ${writes.map(({ channel, mode, position }) => `${channel} ${mode} ${positionInWords(position)}`).join('; ')}`,
  forget: () => 'wipes the stored positions',
  releaseStore: () => 'lets go of the storage',
  deliver: ({ channel, items }) => `delivers ${channel} ${itemsInWords(items)}`,
  ephemeral: ({ channel }) => `delivers ${channel} ephemeral`,
  redeliver: ({ channel }) => `delivers ${channel} the same item again`,
  left: ({ channel }) => `has left ${channel}`,
  published: ({ id, result }) =>
    result.ok
      ? `publish ${id} is ${positionInWords(result.position)}`
      : `publish ${id} failed: ${result.code}`,
  connectionState: ({ state }) => `CONNECTION ${stateInWords(state)}`,
  channelState: ({ channel, state }) => `CHANNEL ${channel} ${stateInWords(state)}`,
  storageState: ({ state }) => `STORAGE ${state}`,
  problem: ({ problem: { code, ...details } }) => `PROBLEM ${code}${particulars(details)}`,
  notice: ({ notice }) => `because: ${noticeInWords(notice)}`,
};

export function effectInWords(effect: Effect): string {
  return inWords(EFFECTS, effect);
}

function noticeInWords(notice: Notice): string {
  switch (notice.event) {
    case 'held':
      return `${notice.channel} ${notice.seq} is held, numbers before it are missing`;
    case 'duplicate':
      return `${notice.channel} ${notice.seq} was had before`;
    case 'dropped':
      return `${notice.channel} ${notice.seq} has no room, and is fetched again`;
    case 'asked':
      return `the log of ${notice.channel} is asked for what comes after ${notice.since}`;
    case 'answered': {
      const head = notice.head === undefined ? '' : `, head ${notice.head}`;
      const detail = notice.detail === undefined ? '' : `: ${notice.detail}`;
      return `the log of ${notice.channel} answered with status ${notice.status}${head}${detail}`;
    }
    case 'hint':
      return `${notice.channel} is said to be at ${notice.head}`;
    case 'badFrame':
      return `a frame fits no rule: ${notice.reason}`;
    case 'slept':
      return `the timer came ${Math.round(notice.lateMs)} ms late: the page slept`;
    case 'positionReplaced':
      return `somebody else replaced the stored position of ${notice.channel}`;
    case 'probe':
      return 'a sign of life is asked for';
    default:
      return JSON.stringify(notice);
  }
}

const stateInWords = ({ name, ...data }: ConnectionState | ChannelState): string =>
  name + particulars(data);

/** `, reason closed, retryInMs 412` */
function particulars(data: object): string {
  return Object.entries(data)
    .map(([name, value]: [string, unknown]) => {
      const shown = typeof value === 'number' ? Math.round(value * 10) / 10 : value;
      return `, ${name} ${String(shown)}`;
    })
    .join('');
}

function frameInWords(frame: ClientFrame): string {
  switch (frame.type) {
    case 'subscribe':
    case 'unsubscribe':
      return `${frame.type} ${frame.channel}`;
    case 'recover': {
      const what = frame.items.map((item) => `${item.channel} after ${positionInWords(item)}`);
      return `recover ${what.join(', ')} (request ${frame.id})`;
    }
    case 'publish':
      return `publish ${frame.id} to ${frame.channel}`;
    default:
      return frame.type;
  }
}

/** Messages in runs, and between them what is no message. */
function itemsInWords(items: readonly Item[]): string {
  const parts: string[] = [];
  let run: number[] = [];
  const endRun = (): void => {
    if (run.length > 0) parts.push(numbersInWords(run));
    run = [];
  };
  for (const item of items) {
    if (item.type === 'message') {
      run.push(item.seq);
      continue;
    }
    endRun();
    if (item.type === 'snapshot') {
      parts.push(`a snapshot (${item.reason}) at ${positionInWords(item.position)}`);
    } else if (item.type === 'position') {
      parts.push(`the position ${positionInWords(item.after.position)}`);
    } else {
      const { from, reason, to } = item.gap;
      parts.push(`a gap from ${from} to ${to ?? 'an unknown number'} (${reason})`);
    }
  }
  endRun();
  return parts.join(', then ');
}
