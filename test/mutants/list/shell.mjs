/** What is around the core: the driver, the queue to the app and its handlers, storage, address and token. */

/** @type {readonly import('../mutants.mjs').Mutant[]} */
export const shell = [
  // --- the driver ---
  {
    name: 'input-inside-an-input',
    rule: 'an input waits until the one before it is done with',
    file: 'src/driver.ts',
    find: `    if (this.#running) return;`,
    replace: ``,
  },
  {
    name: 'timer-never-earlier',
    rule: 'an earlier deadline moves the timer',
    file: 'src/driver.ts',
    find: `(this.#timer !== undefined && this.#timer.at <= at)`,
    replace: `this.#timer !== undefined`,
  },
  {
    name: 'late-address-is-dialled',
    rule: 'an address that comes after its attempt was given up is not dialled',
    file: 'src/driver.ts',
    find: `return !this.#closed && number === this.#attempt;`,
    replace: `return !this.#closed;`,
  },
  {
    name: 'failed-save-is-called-saved',
    rule: 'a write that failed is tried again',
    file: 'src/storage.ts',
    find: `this.enter({ type: 'saved', id, refused: [], failed: true })`,
    replace: `this.enter({ type: 'saved', id, refused: [] })`,
  },
  {
    name: 'failed-load-is-nothing-stored',
    rule: 'a store that fails is not one that holds nothing',
    file: 'src/storage.ts',
    find: `this.enter({ type: 'loaded', channel, failed: true })`,
    replace: `this.enter({ type: 'loaded', channel, position: undefined })`,
  },
  {
    name: 'refused-is-forgotten',
    rule: 'an owner that was replaced writes no more',
    file: 'src/storage.ts',
    find: `this.enter({ type: 'saved', id, refused });`,
    replace: `this.enter({ type: 'saved', id, refused: [] });`,
  },
  {
    name: 'late-token-wins',
    rule: 'the answer to an older question does not replace a newer token',
    file: 'src/dialer.ts',
    find: `if (question !== this.#questions)`,
    replace: `if (question < 0)`,
  },

  // --- the channel and its queue ---
  {
    name: 'join-on-its-way-forgotten',
    rule: 'a channel is not forgotten while the core is about to join it',
    file: 'src/driver.ts',
    find: `return this.session.has(channel) || this.#inputs.some(asks);`,
    replace: `return this.session.has(channel);`,
    byTests: true,
  },
  {
    name: 'handlers-go-with-the-queue',
    rule: 'a channel that is asked for before it is left keeps its handlers',
    file: 'src/delivery.ts',
    find: `    this.host.parts.turn.cancel(this);`,
    replace: `    this.host.parts.turn.cancel(this);
    this.host.end();`,
  },
  {
    name: 'queue-outlives-its-channel',
    rule: 'what is queued when a channel is left comes from the log, once',
    file: 'src/shared-channel.ts',
    find: `    this.delivery?.close();
    this.delivery = undefined;`,
    replace: `    this.delivery = undefined;`,
  },
  {
    name: 'checked-after-the-leave',
    rule: 'a message that is checked when its channel is left goes to nobody',
    file: 'src/recipients.ts',
    find: `this.isOpen() && host.has('message')`,
    replace: `host.has('message')`,
  },
  {
    name: 'one-of-two-handles-leaves',
    rule: 'a channel is left when its last handle is closed',
    file: 'src/shared-channel.ts',
    find: `if (isHolder && this.#holders === 0)`,
    replace: `if (isHolder)`,
  },
  {
    name: 'backlog-never-goes-on',
    rule: 'a backlog that is cut into slices goes on',
    file: 'src/delivery.ts',
    find: `        return this.host.parts.turn.later(this);`,
    replace: `        return;`,
  },
  {
    name: 'turn-forgets-who-waits',
    rule: 'who found the turn over is served in the next',
    file: 'src/turn.ts',
    find: `      if (this.#waiting.size > 0) this.#schedule();`,
    replace: ``,
  },
  {
    name: 'batch-loses-its-last',
    rule: 'every item of a batch is handed out',
    file: 'src/backlog.ts',
    find: `if (this.#next < (this.#batches[0]?.items.length ?? 0)) return;`,
    replace: `if (this.#next + 1 < (this.#batches[0]?.items.length ?? 0)) return;`,
  },
  {
    name: 'removed-before-its-turn-served',
    rule: 'a handler that was not called has not had the item',
    file: 'src/recipients.ts',
    find: `this.calls = this.host.calls;`,
    replace: `this.calls = this.host.calls + 1;`,
    byTests: true,
  },
  {
    name: 'finished-is-lost-at-a-new-join',
    rule: 'what a run has finished counts when one of its handlers asks for the channel anew',
    file: 'src/shared-channel.ts',
    find: `    this.delivery?.flush();
    this.parts.driver.input({ type: 'join'`,
    replace: `    this.parts.driver.input({ type: 'join'`,
  },
  {
    name: 'ended-loop-is-overtaken',
    rule: 'a loop that a signal ends is at work until its body is',
    file: 'src/iterator.ts',
    find: `    offered?.done(DECLINED);`,
    replace: `    offered?.done(DECLINED);
    taken?.done(ABANDONED);
    taken = undefined;`,
  },
  {
    name: 'never-asked-is-let-go',
    rule: 'an item that a loop never asked for waits for whoever comes next',
    file: 'src/iterator.ts',
    find: `offered?.done(DECLINED);`,
    replace: `offered?.done(ABANDONED);`,
    byTests: true,
  },
  {
    name: 'removed-handler-runs',
    rule: 'a handler that was removed is not called',
    file: 'src/listeners.ts',
    find: `if (handler === undefined || entry.isGone) continue;`,
    replace: `if (handler === undefined) continue;`,
    byTests: true,
  },
  {
    name: 'left-loop-commits',
    rule: 'a loop that is left has not finished what it has',
    file: 'src/iterator.ts',
    find: `taken?.done(ABANDONED);`,
    replace: `taken?.done();`,
    byTests: true,
  },
];
