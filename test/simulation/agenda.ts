/** Virtual time: what is to happen, in order of time, and of scheduling where times are equal. */
interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class Agenda {
  now = 0;
  steps = 0;
  readonly #heap: Event[] = [];
  #order = 0;

  in(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  at(time: number, run: () => void): void {
    const heap = this.#heap;
    const event = { at: Math.max(time, this.now), order: this.#order, run };
    this.#order += 1;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] as Event;
      if (before(above, event)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = event;
  }

  /** Runs the next step that is due up to `until`. @returns false when there is none. */
  step(until: number): boolean {
    const top = this.#heap[0];
    if (top === undefined || top.at > until) {
      this.now = until;
      return false;
    }
    this.#pop();
    this.now = top.at;
    this.steps += 1;
    top.run();
    return true;
  }

  /** Runs what is due up to `until`. */
  run(until: number): void {
    while (this.step(until));
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    const size = heap.length;
    if (last === undefined || size === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (before(last, heap[child] as Event)) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
