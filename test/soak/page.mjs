// What runs in the pages. Both functions are sent as text, so they use nothing from outside.

/**
 * What a page tells, at once and one way: it may be gone a moment later.
 * @typedef {{ life: number, channel: string } & (
 *   | { kind: 'message', epoch: string, seq: number, id: number, recovered: boolean }
 *   | { kind: 'gap', epoch: string, from: number, to?: number, reason: string }
 *   | { kind: 'done', epoch: string, seq: number }
 *   | { kind: 'stored', epoch: string, seq: number }
 *   | { kind: 'had', handled: Record<string, number>, left: string[], late: boolean }
 *   | { kind: 'error', code: string }
 * )} Told
 */

/**
 * @typedef {object} Life one life of a page
 * @property {number} life its number
 * @property {string} url
 * @property {string} [recover] recovery by GET, at this address
 * @property {string} namespace
 * @property {readonly string[]} channels
 * @property {number} slowEvery every so many messages the handler takes its time
 */

/** Counts timers that are set and have not fired: what a closed client must not leave. */
export function countTimers() {
  const pending = new Set();
  const { clearInterval, clearTimeout, setInterval, setTimeout } = window;
  const scope = /** @type {any} */ (window);
  scope.pendingTimers = pending;
  scope.setTimeout = (/** @type {(...args: any[]) => void} */ run, /** @type {number} */ ms) => {
    const id = setTimeout(() => {
      pending.delete(id);
      run();
    }, ms);
    pending.add(id);
    return id;
  };
  scope.setInterval = (/** @type {() => void} */ run, /** @type {number} */ ms) => {
    const id = setInterval(run, ms);
    pending.add(id);
    return id;
  };
  scope.clearTimeout = (/** @type {number} */ id) => {
    pending.delete(id);
    clearTimeout(id);
  };
  scope.clearInterval = (/** @type {number} */ id) => {
    pending.delete(id);
    clearInterval(id);
  };
}

/**
 * Begins a life of the page: reads its channels from where its namespace stopped.
 * @param {Life} life
 */
export function live({ channels, life, namespace, recover, slowEvery, url }) {
  const scope = /** @type {any} */ (window);
  /** @type {{ createClient: typeof import('../../src/index.js').createClient }} */
  const { createClient } = scope.Lastseq;
  const tell = (/** @type {object} */ told) => scope.tell(JSON.stringify({ life, ...told }));
  // The last words of a tab that is closed are not heard any more, while its storage is still written.
  // So handlers also note down where they were, for the page that comes after.
  for (const [key, notes] of Object.entries(localStorage)) {
    if (key.startsWith('had ')) tell({ ...JSON.parse(notes), kind: 'had' });
  }
  const client = createClient({
    url,
    ...(recover && { recover }),
    namespace,
    connectTimeoutMs: 1_000,
    maxBackoffMs: 2_000,
    flushMs: 50,
    maxQueued: 200,
    logger: (entry) => {
      if (entry.event === 'stored') {
        tell({ kind: 'stored', channel: entry.channel, ...entry.position });
      }
    },
  });
  scope.client = client;
  client.on('error', ({ code }) => tell({ kind: 'error', channel: '', code }));
  for (const name of channels) {
    const channel = /** @type {import('../../src/index.js').Channel<{ id: number }>} */ (
      client.channel(name, { start: 'stored' })
    );
    /** @type {{ life: number, channel: string, handled: Record<string, number>, left: string[], late: boolean }} */
    const had = { life, channel: name, handled: {}, left: [], late: false };
    const note = () => localStorage.setItem(`had ${life} ${name}`, JSON.stringify(had));
    channel.subscribe({
      message: async ({ data, epoch, recovered, seq }) => {
        tell({ kind: 'message', channel: name, epoch, seq, id: data.id, recovered });
        if (seq % slowEvery === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        tell({ kind: 'done', channel: name, epoch, seq });
        had.handled[epoch] = seq;
        note();
      },
      gap: (gap) => {
        tell({ ...gap, kind: 'gap' });
        if (gap.to === undefined) had.left.push(gap.epoch);
        else if (gap.reason !== 'unreachable') had.handled[gap.epoch] = gap.to;
        // What a slow storage made it pass over: named after it began.
        else had.late = true;
        note();
      },
    });
  }
}
