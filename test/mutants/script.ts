/** A session and the time, for tests that say step by step what comes in. */
import type { ClientFrame, DecodedFrame, Facts, Page } from '../../src/core/frames.js';
import type { Session } from '../../src/core/session.js';
import { sessionFor } from '../../src/core/session-for.js';
import { DEFAULT_SETTINGS, type Settings } from '../../src/core/settings.js';
import type { ChannelIntent, Effect, Input, Item } from '../../src/core/vocabulary.js';

export const CHANNEL = 'room';
export const LATEST: ChannelIntent = { start: 'latest', snapshot: false, maxAttempts: 5 };

type Of<Type extends Effect['type']> = Extract<Effect, { type: Type }>;

export class Script {
  readonly session: Session;
  now = 1_000;
  /** What the last step brought. */
  effects: readonly Effect[] = [];

  constructor(settings: Partial<Settings> = {}) {
    this.session = sessionFor({ ...DEFAULT_SETTINGS, carrier: 'fetch', ...settings });
  }

  enter(input: Input): this {
    this.effects = this.session.handle(input, this.now);
    return this;
  }

  /** Frames of the socket that is open, unless another attempt is named. */
  frames(frames: readonly DecodedFrame[], attempt = 1): this {
    return this.enter({ type: 'frames', attempt, frames });
  }

  /** Lets time pass, deadline by deadline; `effects` are those of all of it. */
  pass(ms: number): this {
    const until = this.now + ms;
    const all: Effect[] = [];
    for (;;) {
      const at = this.session.nextDeadline();
      if (at === undefined || at > until) break;
      this.now = Math.max(this.now, at);
      all.push(...this.session.handle({ type: 'tick' }, this.now));
    }
    this.now = until;
    this.effects = all;
    return this;
  }

  all<Type extends Effect['type']>(type: Type): readonly Of<Type>[] {
    return this.effects.filter((effect): effect is Of<Type> => effect.type === type);
  }

  /** The next question to the log: one of this step, or of the next half minute of a healthy connection. */
  call(): Of<'fetch'> | undefined {
    for (let i = 0; i < 60 && this.all('fetch').length === 0; i += 1) {
      this.frames([{ type: 'pong' }]).pass(500);
    }
    return this.all('fetch')[0];
  }

  first<Type extends Effect['type']>(type: Type): Of<Type> {
    const [effect] = this.all(type);
    if (effect === undefined) throw new Error(`there is no ${type}`);
    return effect;
  }

  /** The owner token of the positions that the messages of this step mark. */
  get tok(): string {
    return this.first('deliver').tok ?? '';
  }

  get sent(): readonly ClientFrame[] {
    return this.all('send').flatMap(({ frames }) => frames);
  }

  sentOf<Type extends ClientFrame['type']>(
    type: Type,
  ): readonly Extract<ClientFrame, { type: Type }>[] {
    return this.sent.filter(
      (frame): frame is Extract<ClientFrame, { type: Type }> => frame.type === type,
    );
  }

  get items(): readonly Item[] {
    return this.all('deliver').flatMap(({ items }) => items);
  }

  /** Numbers of the messages, and the reasons of the gaps, that this step handed to the app. */
  get told(): readonly (number | string)[] {
    return this.items.map((item) => {
      if (item.type === 'message') return item.seq;
      return item.type === 'gap' ? item.gap.reason : item.type;
    });
  }

  /** Joined at `head` and live, on connection `attempt`. */
  live(head = 5, intent: ChannelIntent = LATEST): this {
    this.enter({ type: 'join', channel: CHANNEL, intent });
    this.enter({ type: 'opened', attempt: 1 });
    return this.subscribed({ epoch: 'e', head, oldest: 1 });
  }

  /** The connection breaks, and another one opens: attempt 2. */
  reconnected(): this {
    this.enter({ type: 'dropped', attempt: 1, code: 1006, reason: '' });
    return this.enter({ type: 'connect' }).enter({ type: 'opened', attempt: 2 });
  }

  subscribed(facts: Facts): this {
    return this.frames([{ type: 'subscribed', channel: CHANNEL, ...facts }]);
  }

  message(...seqs: readonly number[]): this {
    return this.frames(seqs.map(message));
  }

  heads(head: number, epoch = 'e'): this {
    return this.frames([{ type: 'heads', heads: [{ channel: CHANNEL, epoch, head }] }]);
  }

  /** Answers a call over HTTP. */
  answer(id: number, page: Partial<Page>): this {
    return this.enter({
      type: 'recovered',
      id,
      tokenVersion: 0,
      answer: { status: 200, page: pageOf(page) },
    });
  }

  refuse(id: number, status: number, retryInMs?: number, tokenVersion = 0): this {
    const answer = { status, channel: CHANNEL, ...(retryInMs === undefined ? {} : { retryInMs }) };
    return this.enter({ type: 'recovered', id, tokenVersion, answer });
  }
}

export function message(seq: number): DecodedFrame {
  return { type: 'message', channel: CHANNEL, epoch: 'e', seq, data: seq };
}

export function pageOf(page: Partial<Page>): Page {
  return { channel: CHANNEL, epoch: 'e', head: 5, oldest: 1, messages: [], more: false, ...page };
}

export function messages(from: number, to: number): { seq: number; data: number }[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ seq: from + i, data: from + i }));
}
