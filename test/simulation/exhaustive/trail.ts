/** The way to the state that is looked at now, with a photograph of every state on it. */
import type { Action } from './action.js';
import { Photograph } from './photograph.js';
import type { SmallWorld } from './small-world.js';

export interface Step {
  readonly from: number;
  /** Undefined at the beginning. */
  readonly action: Action | undefined;
}

interface Place {
  readonly id: number;
  readonly photograph: Photograph;
}

export class Trail {
  readonly #places: Place[];

  constructor(
    readonly world: SmallWorld,
    private readonly steps: readonly Step[],
  ) {
    this.#places = [{ id: 0, photograph: new Photograph(world) }];
  }

  /** Neighbours in the search have most of their way in common: only the rest is gone anew. */
  goTo(id: number): void {
    const way = this.#wayTo(id);
    let common = 0;
    while (common < way.length && this.#places[common]?.id === way[common]) common += 1;
    this.#places.length = common;
    this.goBack();
    for (const next of way.slice(common)) {
      const { action } = this.steps[next] as Step;
      if (action !== undefined) this.world.act(action);
      this.#places.push({ id: next, photograph: new Photograph(this.world) });
    }
  }

  /** Back to the state that was gone to. */
  goBack(): void {
    this.#places.at(-1)?.photograph.restore();
  }

  /** What happens on the way to a state. */
  tell(id: number): string[] {
    this.goTo(0);
    const lines: string[] = [];
    for (const next of this.#wayTo(id).slice(1)) {
      const { action } = this.steps[next] as Step;
      if (action !== undefined) lines.push(`${action} ${this.world.act(action)}`.trim());
    }
    this.goBack();
    return lines;
  }

  #wayTo(id: number): number[] {
    const way: number[] = [];
    for (let at = id; at !== -1; at = this.steps[at]?.from ?? -1) way.push(at);
    return way.reverse();
  }
}
