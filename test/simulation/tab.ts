/** One page life of one tab. Dies by a crash or a reload; the next page life is another one. */
import type { DecodedFrame } from '../../src/core/frames.js';
import type { Position, StoredPosition } from '../../src/core/position.js';
import type { Session } from '../../src/core/session.js';
import type { Effect, Input, PageSignal, Start } from '../../src/core/vocabulary.js';
import type { ChannelPlan } from './plan.js';
import type { World } from './world.js';

/** The app's side of a channel. */
export interface AppSide {
  readonly isIdle: boolean;
  /** Items not finished, gaps and snapshots included. */
  readonly queued: number;
  readonly messagesQueued: number;
  readonly isFailed: boolean;
  /** Nobody listens for a while. */
  deafen(): void;
  /** Somebody listens again. */
  listen(): void;
}

export abstract class Tab {
  abstract readonly session: Session;
  abstract readonly channels: ReadonlyMap<string, AppSide>;
  /** Positions of a store that lives as long as the page. */
  readonly memory = new Map<string, StoredPosition>();
  /** Recovery calls over HTTP whose answer is still wanted. */
  readonly calls = new Set<number>();
  /** Where reading began although the store had not answered. */
  readonly blind = new Map<string, Position>();
  /** Channels of which something was handled. */
  readonly marked = new Set<string>();
  /** What the app sees of each channel. */
  readonly states = new Map<string, string>();
  readonly publishes = new Set<number>();
  isDead = false;
  isClosed = false;
  isFrozen = false;
  /** After `pagehide`, until the page is back. */
  isHiddenForGood = false;
  connection = 'idle';
  attempt = 0;
  /** What a frozen page has not run. */
  protected backlog: (() => void)[] = [];

  constructor(
    readonly world: World,
    readonly id: number,
  ) {}

  /** Something comes to the page, or the app asks for something. */
  abstract enter(input: Input): void;
  abstract received(attempt: number, frames: readonly DecodedFrame[]): void;
  /** The app wants the channel; it may have it already. */
  abstract join(plan: ChannelPlan): void;
  abstract publish(id: number, channel: string, timeoutMs: number | undefined): void;

  /** Runs a task; a frozen page runs it when it thaws. */
  run(work: () => void): void {
    if (this.isDead) return;
    if (this.isFrozen) this.backlog.push(work);
    else work();
  }

  signal(signal: PageSignal): void {
    this.run(() => {
      if (signal === 'pagehide') this.isHiddenForGood = this.connection !== 'idle';
      else if (signal === 'pageshow' || signal === 'visible' || signal === 'resume')
        this.isHiddenForGood = false;
      this.enter({ type: 'page', signal });
    });
  }

  freeze(): void {
    this.isFrozen = true;
  }

  /** What piled up runs first, then the timers that are overdue. */
  thaw(): void {
    if (!this.isFrozen) return;
    this.isFrozen = false;
    const { backlog } = this;
    this.backlog = [];
    for (const work of backlog) this.run(work);
  }

  /** The page is gone. Nothing of it runs any more. */
  die(): void {
    this.isDead = true;
  }

  protected get seed(): number {
    return (this.world.plan.settings.seed + this.id * 7_919) | 0;
  }

  protected startOf({ name, start }: ChannelPlan): Start {
    switch (start) {
      case 'last':
        return { last: 3 };
      case 'own':
        return this.world.oracle.ownPosition(name) ?? 'latest';
      default:
        return start;
    }
  }

  protected seesState(effect: Extract<Effect, { type: 'channelState' | 'connectionState' }>): void {
    const { name } = effect.state;
    if (effect.type === 'connectionState') {
      this.world.count(`connection ${this.connection} -> ${name}`);
      this.connection = name;
      return;
    }
    const before = this.states.get(effect.channel) ?? 'idle';
    this.world.count(`channel ${before} -> ${name}`);
    this.states.set(effect.channel, name);
  }
}
