/** The heap is not cleaned up for fewer stale entries than this. */
const MAX_STALE = 64;

/**
 * Every time limit of the client, by name. The shell owns one timer and asks for the earliest.
 * A wake-up that comes for nothing changes nothing.
 *
 * What happens when one is due:
 *
 * | name            | meaning                                                            |
 * | --------------- | ------------------------------------------------------------------ |
 * | `retry`         | the wait before the next connection attempt is over                |
 * | `connect`       | token, url and handshake took too long: the attempt failed         |
 * | `watchdog`      | no frame for 2.5 heartbeats: probe, or give the socket up          |
 * | `probe`         | nothing came after a probe: the connection is dead                 |
 * | `hold`          | the server has said nothing: send what is kept back all the same   |
 * | `flush`         | changed positions are written                                      |
 * | `save`          | a write did not settle: storage counts as broken                   |
 * | `token`         | the token provider did not settle                                  |
 * | `load C`        | the store did not answer in time: go on without it                 |
 * | `join C`        | no answer to `subscribe`, or its retry is due: subscribe again     |
 * | `poll C`        | the server sends no heads: ask the log                             |
 * | `settle C`      | the reorder window is over, or a retry is due: ask the log         |
 * | `giveup C`      | the app prefers fresh to complete                                  |
 * | `leave C`       | nobody came back to the channel: leave it                          |
 * | `handler C`     | a handler did not settle, or its retry is due                      |
 * | `recover N`     | recovery call N took too long                                      |
 * | `publish N`     | publish N was not acknowledged                                     |
 */
export class Deadlines {
  readonly #live = new Map<string, number>();
  /** Binary heap of [at, name]; an entry whose time is no longer the live one is stale and skipped. */
  #heap: (readonly [at: number, name: string])[] = [];

  /** Sets or moves a deadline. */
  set(name: string, at: number): void {
    if (this.#live.get(name) === at) return;
    this.#live.set(name, at);
    const heap = this.#heap;
    let i = heap.push([at, name]) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(i, parent)) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  clear(name: string): void {
    this.#live.delete(name);
    // Most time limits are long and are cleared early: their entries would stay until that time comes.
    if (this.#heap.length > 2 * this.#live.size + MAX_STALE) this.#compact();
  }

  /** Entries kept, the stale ones too. */
  get size(): number {
    return this.#heap.length;
  }

  has(name: string): boolean {
    return this.#live.has(name);
  }

  /** The earliest deadline, or undefined when there is none. */
  next(): number | undefined {
    this.#dropStale();
    return this.#heap[0]?.[0];
  }

  /** Removes and returns the earliest deadline that is due at `now`. */
  takeDue(now: number): { readonly name: string; readonly at: number } | undefined {
    this.#dropStale();
    const top = this.#heap[0];
    if (top === undefined || top[0] > now) return undefined;
    this.#live.delete(top[1]);
    this.#pop();
    return { name: top[1], at: top[0] };
  }

  clearAll(): void {
    this.#live.clear();
    this.#heap.length = 0;
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top && !this.#isLive(top); top = this.#heap[0]) this.#pop();
  }

  /** Rebuilds the heap without stale entries: a sorted array is a heap. */
  #compact(): void {
    this.#heap = this.#heap.filter((entry) => this.#isLive(entry)).sort(([a], [b]) => a - b);
  }

  #isLive([at, name]: readonly [at: number, name: string]): boolean {
    return this.#live.get(name) === at;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let i = 0; ;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && this.#before(child, least)) least = child;
      }
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #before(i: number, j: number): boolean {
    return (this.#heap[i]?.[0] ?? 0) < (this.#heap[j]?.[0] ?? 0);
  }

  #swap(i: number, j: number): void {
    const heap = this.#heap;
    const a = heap[i];
    const b = heap[j];
    if (a === undefined || b === undefined) return;
    heap[i] = b;
    heap[j] = a;
  }
}
