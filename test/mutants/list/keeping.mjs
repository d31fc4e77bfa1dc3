/** Handlers and stored positions: what was handled, what is written, and what is read back. */

/** @type {readonly import('../mutants.mjs').Mutant[]} */
export const keeping = [
  // --- handlers ---
  {
    name: 'commit-before-handler',
    rule: 'a position is stored after the handler, not before',
    file: 'src/delivery.ts',
    find: `    this.#settle(this.#recipients.give(item), tried);`,
    replace: `    if (item.type === 'message') {
      const mark = markOf(item, this.#backlog.tok ?? '');
      this.#input({ type: 'committed', channel: this.host.name, mark });
    }
    this.#settle(this.#recipients.give(item), tried);`,
  },
  {
    name: 'handlers-side-by-side',
    rule: 'handlers have one item at a time',
    file: 'src/delivery.ts',
    find: `    void outcome.then((failures) => {
      this.#settled(failures, tried);
      this.resume();
    });`,
    replace: `    void outcome.then((failures) => {
      void failures;
    });
    this.#settled([], tried);`,
  },
  {
    name: 'failed-is-passed-over',
    rule: 'with `retry` a failed item is not passed over',
    file: 'src/delivery.ts',
    find: `const again = kind === 'snapshot' || options.onHandlerError === 'retry';`,
    replace: `const again = kind === 'snapshot' && options.onHandlerError !== 'retry';`,
  },
  {
    name: 'failed-snapshot-is-passed-over',
    rule: 'a snapshot that failed is tried again',
    file: 'src/delivery.ts',
    find: `const again = kind === 'snapshot' || options.onHandlerError === 'retry';`,
    replace: `const again = options.onHandlerError === 'retry';`,
  },
  {
    name: 'delivered-to-nobody',
    rule: 'messages wait until somebody listens',
    file: 'src/delivery.ts',
    find: `!this.#backlog.isEmpty &&
      this.host.has('message')`,
    replace: `!this.#backlog.isEmpty`,
  },
  {
    name: 'gap-nobody-hears',
    rule: 'a gap that no handler takes is reported',
    file: 'src/recipients.ts',
    find: `this.host.parts.report(new LastseqError('gap_unhandled', { channel, from, to, reason }));`,
    replace: `void [LastseqError, channel, from, to, reason];`,
  },
  {
    name: 'retry-for-all-handlers',
    rule: 'only the handlers that failed are tried again',
    file: 'src/delivery.ts',
    find: `this.#settle(this.#recipients.giveAgain(failures), tried);`,
    replace: `this.#deliver(tried);`,
  },
  {
    name: 'slow-handler-holds-its-run-back',
    rule: 'what is finished is said before a handler takes its time',
    file: 'src/delivery.ts',
    find: `    this.#commits.flush();
    this.#input({ type: 'handling'`,
    replace: `    this.#input({ type: 'handling'`,
    byTests: true,
  },
  {
    name: 'snapshot-result-ignored',
    rule: 'the position that a snapshot returns counts',
    file: 'src/recipients.ts',
    find: `this.taken = result;`,
    replace: ``,
  },
  {
    name: 'commits-ignored',
    rule: 'with manual commits only what is committed is stored',
    file: 'src/commit-log.ts',
    find: `first?.finished === true && first.committed;`,
    replace: `first?.finished === true;`,
  },
  {
    name: 'commit-of-a-later-item-counts',
    rule: 'only the unbroken run of committed items is stored',
    file: 'src/commit-log.ts',
    find: `      entry.committed = true;
      this.#advance();`,
    replace: `      entry.committed = true;
      if (entry.mark !== undefined) this.#done(entry.mark);
      this.#advance();`,
  },
  {
    name: 'abandoned-counts-as-handled',
    rule: 'an item that a handler let go of is not finished',
    file: 'src/commit-log.ts',
    find: `      if (ending !== 'abandoned') this.#done(mark);
      else if (mark?.mode === 'replace') this.#abandoned = mark;`,
    replace: `      this.#done(mark);`,
  },
  {
    name: 'replacement-lost-in-a-run',
    rule: 'what follows a replacement in one run is written as a replacement',
    file: 'src/commit-log.ts',
    find: `this.#mark = advanced(this.#mark, advanced(this.#abandoned, mark));`,
    replace: `this.#mark = mark;`,
  },
  {
    name: 'commit-after-close',
    rule: 'commits after a close belong to nobody',
    file: 'src/commit-log.ts',
    find: `    this.#entries.length = 0;
    this.#count = 0;
    this.#mark = undefined;`,
    replace: `    this.#count = 0;
    this.#mark = undefined;`,
  },

  // --- the store ---
  {
    name: 'stored-moves-back',
    rule: 'a stored position only moves up under one owner',
    file: 'src/core/position.ts',
    find: `kept: stored.seq < position.seq ? position : stored,`,
    replace: `kept: position,`,
    byTests: true,
  },
  {
    name: 'owner-not-compared',
    rule: 'a position that somebody else has replaced is not advanced',
    file: 'src/core/position.ts',
    find: `if (stored?.tok === position.tok && stored.epoch === position.epoch) {`,
    replace: `if (stored && (stored.tok === position.tok || mode === 'advance') && stored.epoch === position.epoch) {`,
    byTests: true,
  },
  {
    name: 'replace-refused',
    rule: 'a replacement always wins',
    file: 'src/core/position.ts',
    find: `stored === undefined || mode === 'replace'`,
    replace: `stored === undefined`,
    byTests: true,
  },
  {
    name: 'replace-written-as-advance',
    rule: 'a replacement that waits is advanced as a replacement',
    file: 'src/core/position-ledger.ts',
    find: `this.#dirty.set(write.channel, advanced(waiting, write));`,
    replace: `this.#dirty.set(write.channel, write);`,
  },
  {
    name: 'failed-replacement-kept-as-advance',
    rule: 'a replacement that could not be written stays one',
    file: 'src/core/position-ledger.ts',
    find: `newer === undefined ? write : advanced(write, newer)`,
    replace: `newer ?? write`,
    byTests: true,
  },
  {
    name: 'failed-write-forgotten',
    rule: 'what could not be written is tried again',
    file: 'src/core/position-ledger.ts',
    find: `if (failed) this.#keep(writes);`,
    replace: `if (failed && writes.size === 0) this.#keep(writes);`,
  },
  {
    name: 'failed-write-over-newer',
    rule: 'what could not be written does not replace what came after it',
    file: 'src/core/position-ledger.ts',
    find: `this.#dirty.set(channel, newer === undefined ? write : advanced(write, newer));`,
    replace: `if (newer === undefined || write.position.seq > 0) this.#dirty.set(channel, write);`,
    byTests: true,
  },
  {
    name: 'barred-written-over',
    rule: 'nothing is written over a position that the store has not told',
    file: 'src/core/position-ledger.ts',
    find: `filter(([channel]) => !this.#barred.has(channel))`,
    replace: `filter(([channel]) => channel !== '')`,
  },
  {
    name: 'not-barred-after-timeout',
    rule: 'a store that did not answer in time is not written to',
    file: 'src/core/store-question.ts',
    find: `    ledger.bar(channel);
    ctx.arm(this.#deadline, ctx.settings.backoffCapMs);`,
    replace: `    ctx.arm(this.#deadline, ctx.settings.backoffCapMs);`,
  },
  {
    name: 'barred-until-the-gap-forgotten',
    rule: 'the store remembers what was passed over until the app was told',
    file: 'src/core/position-ledger.ts',
    find: `this.#barred.set(channel, { base, until:`,
    replace: `this.#barred.delete(channel);
    void ({ base, until:`,
    byTests: true,
  },
  {
    name: 'refused-owner-writes-on',
    rule: 'who was replaced writes no more',
    file: 'src/core/position-ledger.ts',
    find: `      this.#barred.set(channel, {});
      this.#dirty.delete(channel);
      this.ctx.notice(`,
    replace: `      this.#dirty.delete(channel);
      this.ctx.notice(`,
    byTests: true,
  },
  {
    name: 'late-load-ignored',
    rule: 'a position that the store tells late is honoured',
    file: 'src/core/store-question.ts',
    find: `else if (base !== undefined) reader.honourLate(stored, base);`,
    replace: ``,
  },
  {
    name: 'late-load-believed-always',
    rule: 'a late position moves nothing back once messages were delivered',
    file: 'src/core/reader.ts',
    find: `if (same && epoch === base.epoch && detector.isStillAt(base.seq)) {`,
    replace: `if (same && epoch === base.epoch) {`,
    byTests: true,
  },
  {
    name: 'rejoin-from-the-store',
    rule: 'a position that waits to be written is newer than the store',
    file: 'src/core/store-question.ts',
    find: `const unsaved = ledger.unsaved(channel);`,
    replace: `const unsaved = reader.phase.name === 'failed' ? ledger.unsaved(channel) : undefined;`,
    byTests: true,
  },
  {
    name: 'store-asked-once',
    rule: 'a store that failed is asked again',
    file: 'src/core/store-question.ts',
    find: `ctx.arm(this.#deadline, ctx.settings.backoffCapMs);`,
    replace: ``,
    byTests: true,
  },
  {
    name: 'hanging-write-waits-for-ever',
    rule: 'a write that hangs ends',
    file: 'src/core/position-ledger.ts',
    find: `this.ctx.arm('save', this.ctx.settings.storageTimeoutMs);`,
    replace: ``,
    byTests: true,
  },
  {
    name: 'hidden-page-does-not-write',
    rule: 'a page that goes away writes first',
    file: 'src/core/session.ts',
    find: `if (signal === 'hidden' || signal === 'pagehide' || signal === 'freeze') this.#ledger.flush();`,
    replace: ``,
    byTests: true,
  },
  {
    name: 'close-does-not-write',
    rule: 'a client that closes writes first',
    file: 'src/core/session.ts',
    find: `    this.#publisher.close();
    this.#ledger.flush();`,
    replace: `    this.#publisher.close();`,
    byTests: true,
  },
  {
    name: 'written-after-forget',
    rule: 'after a log out nothing is written any more',
    file: 'src/core/position-ledger.ts',
    find: `for (const channel of channels) this.#barred.set(channel, {});`,
    replace: `void channels;`,
    byTests: true,
  },
  {
    name: 'store-heard-after-forget',
    rule: 'after a log out nothing is written any more, whatever the store still tells',
    file: 'src/core/session.ts',
    find: `for (const machine of this.#channels.all()) machine.store.forget();`,
    replace: ``,
    byTests: true,
  },
];
