/**
 * The app's side of a channel in one page life: what `Delivery` does, without promises. Handlers take
 * virtual time, throw, are tried again or passed over; the commit log is the one that ships.
 */
import { CommitLog, type Ending, markOf } from '../../src/commit-log.js';
import type { Position } from '../../src/core/position.js';
import type { Item } from '../../src/core/vocabulary.js';
import { handlerOf, loadedState, snapshotOf } from './app.js';
import type { Client } from './client.js';
import type { ChannelPlan } from './plan.js';
import type { AppSide } from './tab.js';
import type { World } from './world.js';

interface Entry {
  readonly item: Item;
  readonly tok: string | undefined;
}

export class DeliveryModel implements AppSide {
  readonly #commits: CommitLog;
  readonly #queue: Entry[] = [];
  #state: 'ready' | 'working' | 'failed' | 'closed' = 'ready';
  #failures = 0;
  #resuming = false;
  messagesQueued = 0;
  #isDeaf = false;

  constructor(
    private readonly world: World,
    private readonly client: Client,
    readonly plan: ChannelPlan,
  ) {
    const channel = plan.name;
    this.#commits = new CommitLog(plan.manual, (count, mark) => {
      if (count > 0) client.input({ type: 'handled', channel, count, ...(mark ? { mark } : {}) });
      else if (mark !== undefined) client.input({ type: 'committed', channel, mark });
    });
  }

  deafen(): void {
    this.#isDeaf = true;
  }

  listen(): void {
    this.#isDeaf = false;
    this.pump();
  }

  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  /** Items not finished, gaps and snapshots included. */
  get queued(): number {
    return this.#queue.length;
  }

  get isFailed(): boolean {
    return this.#state === 'failed';
  }

  push(items: readonly Item[], tok: string | undefined): void {
    for (const item of items) {
      this.#queue.push({ item, tok });
      if (item.type === 'message') this.messagesQueued += 1;
    }
    this.pump();
  }

  pump(): void {
    while (this.#state === 'ready' && this.#queue.length > 0 && !this.#isDeaf && !this.#resuming) {
      if (this.#queue.length > 1 && this.world.dice.chance(0.1)) {
        this.#commits.flush();
        return this.#later();
      }
      this.#deliver();
    }
    this.#commits.flush();
  }

  redeliver(): void {
    if (this.#state !== 'failed') return;
    this.#state = 'ready';
    this.#deliver(true);
    this.pump();
  }

  skip(): void {
    const item = this.#queue[0]?.item;
    if (this.#state !== 'failed' || item === undefined) return;
    this.#state = 'ready';
    this.world.oracle.passedOver(this.plan.name, item);
    this.#finish('skipped');
    this.pump();
  }

  close(): void {
    this.#state = 'closed';
    this.#queue.length = 0;
    this.messagesQueued = 0;
    this.#commits.close();
  }

  /** The rest of a long backlog waits for the next task. */
  #later(): void {
    this.#resuming = true;
    this.#after(this.world.dice.between(0, 3), () => {
      this.#resuming = false;
      this.pump();
    });
  }

  #after(ms: number, work: () => void): void {
    this.world.agenda.in(ms, () => {
      this.client.run(work);
    });
  }

  #deliver(again = false): void {
    const { world } = this;
    const entry = this.#queue[0];
    if (entry === undefined) return;
    const { item } = entry;
    if (item.type === 'snapshot') return this.#load(item);
    if (item.type === 'position') return this.#finish('handled');
    const commit = this.plan.manual && !again ? this.#commits.committer() : undefined;
    if (commit !== undefined) {
      // The app commits when it likes, later and in any order.
      if (world.dice.chance(0.5)) this.#after(world.dice.between(0, 150), commit);
      else this.#onFinish = commit;
    }
    const { fails, takes } = handlerOf(world, this.#failures);
    const settle = (): void => {
      if (!fails) world.oracle.handled(this.client, this.plan.name, item);
      this.#settled(fails);
    };
    if (takes === undefined) return settle();
    this.#work(takes, settle);
  }

  #onFinish: (() => void) | undefined;

  #load(item: Extract<Item, { type: 'snapshot' }>): void {
    const { world } = this;
    const channel = this.plan.name;
    const { fails, takes } = snapshotOf(world, this.#failures);
    this.#work(takes, () => {
      if (fails) return this.#failed();
      const { real, told } = loadedState(world, this.plan);
      world.oracle.snapshotLoaded(this.client, channel, real);
      this.#queue.shift();
      this.#state = 'ready';
      this.#failures = 0;
      this.#tell(told, item);
    });
  }

  #tell(position: Position | undefined, item: Extract<Item, { type: 'snapshot' }>): void {
    const channel = this.plan.name;
    this.world.oracle.snapshotTaken(this.client, channel, position ?? item.position);
    this.client.input({ type: 'snapshotTaken', channel, ...(position ? { position } : {}) });
    this.pump();
  }

  #work(ms: number, done: () => void): void {
    this.#state = 'working';
    this.#commits.flush();
    this.client.input({ type: 'handling', channel: this.plan.name });
    this.#after(ms, () => {
      // A handler that outlives its channel still does its work; only nobody listens any more.
      if (this.#state !== 'working') return;
      this.#state = 'ready';
      done();
      this.pump();
    });
  }

  #settled(fails: boolean): void {
    const item = this.#queue[0]?.item;
    if (item === undefined || this.#state === 'closed') return;
    if (!fails) return this.#finish('handled');
    if (this.plan.onHandlerError === 'skip') {
      this.world.oracle.passedOver(this.plan.name, item);
      return this.#finish('handled');
    }
    this.#failed();
  }

  #failed(): void {
    const kind = this.#queue[0]?.item.type === 'snapshot' ? 'snapshot' : 'handler';
    this.#failures += 1;
    this.#commits.flush();
    this.#state = 'failed';
    this.client.input({ type: 'handlerFailed', channel: this.plan.name, kind });
  }

  #finish(ending: Ending): void {
    const entry = this.#queue.shift();
    if (entry === undefined) return;
    if (entry.item.type === 'message') this.messagesQueued -= 1;
    this.#failures = 0;
    this.#state = 'ready';
    const { item, tok } = entry;
    if (item.type !== 'snapshot') {
      const mark = markOf(item, tok);
      if (mark !== undefined) this.world.oracle.marked(this.client, this.plan.name, mark);
      this.#commits.finished(mark, ending);
    }
    const commit = this.#onFinish;
    this.#onFinish = undefined;
    commit?.();
  }
}
