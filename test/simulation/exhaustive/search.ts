/**
 * Every state that the small world can come to, each met once, the nearest first. In every state all that
 * can happen is tried, and the judge looks on. In the end it is seen that a world that is well from then
 * on comes to rest with everything delivered, from whatever state.
 */
import { Violation } from '../oracle.js';
import type { Action } from './action.js';
import { fingerprint } from './fingerprint.js';
import type { Beginning, Scope } from './scope.js';
import { BEGINNINGS } from './scope.js';
import { type SessionMaker, SmallWorld } from './small-world.js';
import { Trail, type Step } from './trail.js';

export interface Finding {
  readonly rule: string;
  readonly text: string;
  readonly beginning: Beginning;
  /** What happened, from the beginning to the broken rule. */
  readonly path: readonly string[];
}

export interface Outcome {
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  /** How often each action was taken. */
  readonly actions: ReadonlyMap<Action, number>;
  readonly finding: Finding | undefined;
}

export interface Options {
  readonly session?: SessionMaker;
  /** Called now and then, with all states so far and those that wait to be looked at. */
  readonly told?: (states: number, waiting: number, depth: number) => void;
}

const TELL_EVERY = 50_000;

export function search(scope: Scope, options: Options = {}): Outcome {
  const actions = new Map<Action, number>();
  let states = 0;
  let transitions = 0;
  let depth = 0;
  for (const beginning of BEGINNINGS) {
    const before = states;
    const told = (here: number, waiting: number, at: number): void => {
      options.told?.(before + here, waiting, at);
    };
    const one = new Search(scope, beginning, actions, { ...options, told });
    const finding = one.run();
    states += one.states;
    transitions += one.transitions;
    depth = Math.max(depth, one.depth);
    if (finding !== undefined) return { states, transitions, depth, actions, finding };
  }
  return { states, transitions, depth, actions, finding: undefined };
}

class Search {
  readonly #ids = new Map<number, number>();
  /** How each state was come to: from which one, by what. */
  readonly #steps: Step[] = [];
  readonly #depths: number[] = [];
  /** Where a world that is well goes from each state; -1 where it stays. */
  readonly #next: number[] = [];
  readonly #isComplete: boolean[] = [];
  readonly #trail: Trail;
  transitions = 0;

  constructor(
    scope: Scope,
    private readonly beginning: Beginning,
    private readonly actions: Map<Action, number>,
    private readonly options: Options,
  ) {
    this.#trail = new Trail(new SmallWorld(scope, beginning, options.session), this.#steps);
  }

  get states(): number {
    return this.#steps.length;
  }

  get depth(): number {
    return this.#depths.at(-1) ?? 0;
  }

  run(): Finding | undefined {
    this.#meet(this.#trail.world, undefined);
    for (let id = 0; id < this.states; id += 1) {
      const finding = this.#expand(id);
      if (finding !== undefined) return finding;
      if (id > 0 && id % TELL_EVERY === 0) this.options.told?.(id, this.states - id, this.depth);
    }
    return this.#unsettled();
  }

  #expand(id: number): Finding | undefined {
    const trail = this.#trail;
    const { world } = trail;
    trail.goTo(id);
    const fair = world.fair();
    this.#isComplete[id] = world.isComplete;
    this.#next[id] = -1;
    for (const action of world.enabled()) {
      this.actions.set(action, (this.actions.get(action) ?? 0) + 1);
      this.transitions += 1;
      try {
        world.act(action);
        const next = this.#meet(world, { from: id, action });
        if (action === fair) this.#next[id] = next;
      } catch (error) {
        return this.#finding(error, id, action);
      }
      trail.goBack();
    }
    return undefined;
  }

  /** @returns the state's number, a new one when nobody has been here. */
  #meet(world: SmallWorld, step: Step | undefined): number {
    const print = fingerprint(world);
    const known = this.#ids.get(print);
    if (known !== undefined) return known;
    const id = this.states;
    this.#ids.set(print, id);
    this.#steps.push(step ?? { from: -1, action: undefined });
    this.#depths.push(step === undefined ? 0 : (this.#depths[step.from] ?? 0) + 1);
    return id;
  }

  /** The nearest state from which a world that is well does not come to a good end. */
  #unsettled(): Finding | undefined {
    const ends = new Map<number, boolean>();
    for (let id = 0; id < this.states; id += 1) {
      const way: number[] = [];
      const onWay = new Set<number>();
      let at = id;
      while (at !== -1 && !ends.has(at) && !onWay.has(at)) {
        way.push(at);
        onWay.add(at);
        at = this.#next[at] ?? -1;
      }
      const last = way.at(-1) ?? id;
      const isWell =
        ends.get(at) ??
        (at === -1
          ? this.#isComplete[last] === true
          : way.slice(way.indexOf(at)).some((state) => this.#isComplete[state] === true));
      for (const state of way) ends.set(state, isWell);
      if (!isWell) return this.#neverEnding(id);
    }
    return undefined;
  }

  #neverEnding(id: number): Finding {
    const seen = new Set<number>();
    let end = id;
    while (!seen.has(end) && (this.#next[end] ?? -1) !== -1) {
      seen.add(end);
      end = this.#next[end] ?? -1;
    }
    this.#trail.goTo(end);
    const text = `I6: it comes to rest, and ${this.#trail.world.describe()}`;
    const path = [...this.#told(id), '… and then nothing but what a world does that is well'];
    return { rule: 'I6', text, beginning: this.beginning, path };
  }

  #finding(error: unknown, id: number, action: Action): Finding {
    const isRule = error instanceof Violation;
    const text = error instanceof Error ? (isRule ? error.message : error.stack) : String(error);
    const path = [...this.#told(id), action];
    const rule = isRule ? error.rule : 'thrown';
    return { rule, text: text ?? '', beginning: this.beginning, path };
  }

  #told(id: number): string[] {
    return this.#trail.tell(id);
  }
}
