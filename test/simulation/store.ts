/** The browser's position store, shared by its tabs: transactions one after the other, slow and broken. */
import { mergePosition, type PositionWrite, type StoredPosition } from '../../src/core/position.js';
import type { Tab } from './tab.js';
import type { World } from './world.js';

export class Store {
  readonly records = new Map<string, StoredPosition>();
  /** Channels whose record was taken away or set back: what is delivered again is no fault of ours. */
  readonly tampered = new Set<string>();
  #freeAt = 0;
  #generation = 0;
  readonly #older: Map<string, StoredPosition>[] = [];

  constructor(private readonly world: World) {}

  load(client: Tab, channel: string): void {
    const { world } = this;
    this.#transact(client, (works) => {
      const position = this.#recordsOf(client).get(channel);
      client.run(() => {
        if (!works) client.enter({ type: 'loaded', channel, failed: true });
        else client.enter({ type: 'loaded', channel, ...(position ? { position } : {}) });
      });
      world.count('store load');
    });
  }

  save(client: Tab, id: number, writes: readonly PositionWrite[]): void {
    const { world } = this;
    this.#transact(client, (works) => {
      const refused: string[] = [];
      // A failure may hide a success: the answer was lost, the write was not.
      if (works || world.dice.chance(0.3)) {
        const records = this.#recordsOf(client);
        if (world.dice.chance(0.2)) this.#older.push(new Map(records));
        for (const write of writes) {
          const before = records.get(write.channel);
          const { accepted, kept } = mergePosition(before, write);
          records.set(write.channel, kept);
          if (!accepted) refused.push(write.channel);
          world.oracle.stored(write, before, kept);
        }
      }
      client.run(() => {
        if (works) client.enter({ type: 'saved', id, refused });
        else client.enter({ type: 'saved', id, refused: [], failed: true });
      });
      world.count('store save');
    });
  }

  /** The browser evicted it, or the user cleared it. */
  empty(): void {
    for (const channel of this.records.keys()) this.tampered.add(channel);
    this.records.clear();
  }

  /** A profile was restored from a backup. */
  rollBack(): void {
    const older = this.#older[this.world.dice.between(0, this.#older.length - 1)];
    if (older === undefined) return;
    this.empty();
    for (const [channel, record] of older) this.records.set(channel, record);
  }

  /** The connection is given up: what hangs in it is lost, or comes to its end first all the same. */
  release(): void {
    if (this.world.dice.chance(0.5)) return;
    this.#generation += 1;
    this.#freeAt = this.world.agenda.now;
  }

  #recordsOf(client: Tab): Map<string, StoredPosition> {
    return this.world.plan.settings.persistent ? this.records : client.memory;
  }

  #transact(client: Tab, work: (works: boolean) => void): void {
    const { world } = this;
    const { agenda, dice } = world;
    let takes = dice.between(0, 5);
    if (world.strike('storeSlow', 0.7)) takes = dice.between(0, 250);
    if (world.strike('storeHang', 0.4)) takes = dice.between(200, 2_000);
    // Transactions on one store come one after the other, whoever started them.
    this.#freeAt = Math.max(this.#freeAt, agenda.now + takes);
    const works = !world.strike('storeFail', 0.7);
    const generation = this.#generation;
    agenda.at(this.#freeAt, () => {
      if (generation !== this.#generation) return;
      // What was on its way when the page died may or may not have come through.
      if (client.isDead && dice.chance(0.5)) return;
      work(works);
    });
  }
}
