/** The position store as the driver uses it: whatever it does comes back as an input that fits. */
import { isStoredPosition, type Position } from './core/position.js';
import type { Effect, Input } from './core/vocabulary.js';
import type { PositionStore } from './ports/position-store.js';
import { promiseTry } from './promise-try.js';

export class Storage {
  #lastSave: Promise<unknown> = Promise.resolve();
  #wipes = 0;

  constructor(
    private readonly store: PositionStore,
    private readonly stored: (channel: string, position: Position) => void,
    private readonly enter: (input: Input) => void,
  ) {}

  load(channel: string): void {
    const wipes = this.#wipes;
    void promiseTry<unknown>(() => this.store.load(channel)).then(
      (position) => {
        // A store may hold anything; what is no position is none. Nor is what has been wiped since.
        const known = wipes === this.#wipes && isStoredPosition(position) ? position : undefined;
        this.enter({ type: 'loaded', channel, position: known });
      },
      () => this.enter({ type: 'loaded', channel, failed: true }),
    );
  }

  save({ id, writes }: Extract<Effect, { type: 'save' }>): void {
    const saving = promiseTry<unknown>(() => this.store.save(writes)).then(
      (answer) => {
        const refused = Array.isArray(answer) ? (answer as readonly string[]) : [];
        for (const { channel, position } of writes) {
          // One that was given up and settles late is behind the one that was made instead.
          if (saving === this.#lastSave && !refused.includes(channel))
            this.stored(channel, position);
        }
        this.enter({ type: 'saved', id, refused });
      },
      () => this.enter({ type: 'saved', id, refused: [], failed: true }),
    );
    this.#lastSave = saving;
  }

  forget(): Promise<void> {
    this.#wipes += 1;
    return promiseTry(() => this.store.forget());
  }

  /**
   * Lets go of the database once everything is written: the page may be frozen or cached, and an open
   * one would keep other tabs from deleting it.
   */
  async release(): Promise<void> {
    let last;
    do {
      // One write may follow another, and a handler that closes us comes before the write that it makes.
      last = this.#lastSave;
      await last;
    } while (last !== this.#lastSave);
    this.store.release();
  }
}
