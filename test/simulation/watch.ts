/** Bounds, quiet and pending work: what holds after every single input. */
import type { Effect, Input } from '../../src/core/vocabulary.js';
import type { Tab } from './tab.js';
import { DELIVERED_MS } from './plan.js';
import type { Reading } from './reading.js';
import type { World } from './world.js';

/** Dials in any second beyond this are a storm: backoff starts at 50 ms in these worlds. */
const MOST_DIALS = 40;
/** Questions in any second, for one channel. */
const MOST_ASKED = 150;
/** The longest wait between two questions about a known difference, with all jitter and one timeout. */
const IDLE_MS = 4_500;
/** What a closed client may still do: write its last positions, and tell the app. */
const AFTER_CLOSE = new Set([
  'save',
  'hangUp',
  'abort',
  'connectionState',
  'channelState',
  'published',
  'notice',
]);

interface Activity {
  at: number;
  last: number;
  head: number;
  /** The last subscribe sent. */
  join: number;
}

export class Watch {
  readonly #activity = new Map<Tab, Map<string, Activity>>();
  readonly #recent = new Map<string, number[]>();

  constructor(private readonly world: World) {}

  effects(client: Tab, input: Input, effects: readonly Effect[]): void {
    const { oracle } = this.world;
    this.#joined(client, input, effects);
    for (const effect of effects) {
      if (input.type === 'close' && !AFTER_CLOSE.has(effect.type))
        oracle.fail('I8', `${effect.type} after close`);
      switch (effect.type) {
        case 'dial':
          if (client.isHiddenForGood && input.type !== 'join')
            oracle.fail('I8', 'a page that is hidden for good dials');
          this.#rate(`dial ${client.id}`, MOST_DIALS);
          this.#quiet('dial');
          break;
        case 'fetch':
          this.#asked(client, effect.request.channel);
          break;
        case 'send':
          for (const frame of effect.frames) {
            if (frame.type === 'recover')
              for (const { channel } of frame.items) this.#asked(client, channel);
            if (frame.type === 'subscribe') {
              this.#of(client, frame.channel).join = frame.id;
              this.#quiet('subscribe');
            }
          }
          break;
        case 'channelState': {
          const { state } = effect;
          if (input.type !== 'close' && oracle.reading(client, effect.channel) === undefined)
            oracle.fail('I8', `${effect.channel} is ${state.name}, nobody wants it`);
          if (state.name === 'stalled') {
            this.world.count(`stalled ${state.reason}`);
            const waits = state.reason !== 'handler' && state.reason !== 'timeout';
            if (waits && state.retryInMs === undefined)
              oracle.fail('L6', `${effect.channel} is stalled for ${state.reason} with no retry`);
          }
          break;
        }
        case 'problem':
          this.world.count(`problem ${effect.problem.code}`);
          break;
        case 'notice':
          this.world.count(`notice ${effect.notice.event}`);
      }
    }
  }

  /** A join reply that shows a difference starts work in the same step. */
  #joined(client: Tab, input: Input, effects: readonly Effect[]): void {
    if (client.connection !== 'open') return;
    if (input.type !== 'frames' || input.attempt !== client.attempt) return;
    const { channels, settings } = this.world.plan;
    // A connection that ended in the same step has nothing to ask.
    if (effects.some(({ type }) => type === 'hangUp')) return;
    // With several channels on one socket a free call cannot be told from here.
    if (settings.carrier === 'socket' && channels.length > 1) return;
    for (const frame of input.frames) {
      if (frame.type !== 'subscribed' || client.states.get(frame.channel) !== 'joining') continue;
      const { channel, epoch, head, id } = frame;
      if (id !== this.#of(client, channel).join) continue;
      const numbers = client.session.numbers(channel);
      if (numbers?.epoch !== epoch || numbers.last >= head) continue;
      let queued = client.channels.get(channel)?.queued ?? 0;
      for (const effect of effects)
        if (effect.type === 'deliver' && effect.channel === channel) queued += effect.items.length;
      const mayWait = client.calls.size >= settings.maxCalls || queued > settings.maxQueued / 2;
      const works = effects.some(({ type }) => type === 'fetch' || type === 'send');
      const stalls = effects.some(
        (effect) => effect.type === 'channelState' && effect.state.name === 'stalled',
      );
      if (!works && !mayWait && !stalls)
        this.world.oracle.fail('I12', `${channel}: ${numbers.last} of ${head}, and no question`);
    }
  }

  settled(client: Tab, find: (channel: string) => Reading | undefined): void {
    const { oracle, plan } = this.world;
    const { maxHeld, maxQueued } = plan.settings;
    for (const [channel, delivery] of client.channels) {
      if (find(channel) === undefined) continue;
      if (delivery.messagesQueued > maxQueued)
        oracle.fail('I7 queue', `${channel}: ${delivery.messagesQueued} of ${maxQueued}`);
      const activity = this.#of(client, channel);
      const numbers = client.session.numbers(channel);
      // Whoever begins anew may begin at the numbers of before, and has done nothing since.
      if (numbers === undefined) {
        activity.at = this.world.agenda.now;
        continue;
      }
      if (numbers.held > maxHeld)
        oracle.fail('I7 held', `${channel}: ${numbers.held} of ${maxHeld}`);
      const { head, last } = numbers;
      const state = client.states.get(channel);
      const waiting = client.connection !== 'open' || state === 'joining' || state === 'stalled';
      if (last !== activity.last || head !== activity.head || waiting || !delivery.isIdle) {
        activity.last = last;
        activity.head = head;
        activity.at = this.world.agenda.now;
      } else if (head > last && this.world.agenda.now - activity.at > IDLE_MS) {
        oracle.fail('L6', `${channel} knows of ${head}, has ${last}, and does nothing`);
      }
    }
  }

  /** The world has been well for long: everything is delivered, stored, and calm. */
  finish(): void {
    for (const client of this.world.tabs) {
      if (client.isClosed) continue;
      for (const plan of this.world.plan.channels) this.#finished(client, plan.name);
    }
  }

  #finished(client: Tab, channel: string): void {
    const { oracle } = this.world;
    const { epoch, head } = this.world.log(channel).log;
    const numbers = client.session.numbers(channel);
    const state = client.states.get(channel);
    const where = `${channel} of tab ${client.id}: ${client.connection}, ${state}`;
    if (numbers?.epoch !== epoch || numbers.last !== head || numbers.head !== head)
      oracle.fail('I6', `${where}, ${JSON.stringify(numbers)}, the log has ${epoch} ${head}`);
    const at = oracle.reading(client, channel)?.at;
    if (at?.epoch !== epoch || at.seq !== head)
      oracle.fail('I6', `${where}, the app has ${JSON.stringify(at)} of ${epoch} ${head}`);
    if (state !== 'live' || client.connection !== 'open') oracle.fail('I6', where);
    if (client.channels.get(channel)?.isIdle !== true)
      oracle.fail('I6', `${where}, queue not empty`);
    if (client.publishes.size > 0) oracle.fail('I6', 'a publish was never settled');
    if (this.world.tabs.length > 1 || this.world.store.tampered.has(channel)) return;
    const { persistent } = this.world.plan.settings;
    const stored = (persistent ? this.world.store.records : client.memory).get(channel);
    if (stored?.epoch !== epoch || stored.seq !== head)
      oracle.fail('I6 stored', `${where}, stored ${JSON.stringify(stored)} of ${epoch} ${head}`);
  }

  #asked(client: Tab, channel: string): void {
    this.#rate(`ask ${client.id} ${channel}`, MOST_ASKED);
    if (this.world.plan.numbers.pollMs === false) this.#quiet('recovery');
    this.world.count('asked');
    this.#of(client, channel).at = this.world.agenda.now;
  }

  #quiet(what: string): void {
    if (this.world.agenda.now > DELIVERED_MS) this.world.oracle.fail('I6 quiet', what);
  }

  #rate(what: string, most: number): void {
    const { now } = this.world.agenda;
    const times = this.#recent.get(what) ?? [];
    this.#recent.set(what, times);
    times.push(now);
    while ((times[0] ?? now) < now - 1_000) times.shift();
    if (times.length > most) this.world.oracle.fail('I7 rate', `${what}: ${times.length} a second`);
  }

  #of(client: Tab, channel: string): Activity {
    const channels = this.#activity.get(client) ?? new Map<string, Activity>();
    this.#activity.set(client, channels);
    const known = channels.get(channel);
    if (known !== undefined) return known;
    const activity = { at: 0, last: 0, head: 0, join: 0 };
    channels.set(channel, activity);
    return activity;
  }
}
