/** What joins, heads and answers say, and what is believed of it: gaps, snapshots, other epochs. */

/** @type {readonly import('../mutants.mjs').Mutant[]} */
export const facts = [
  {
    name: 'heads-ignored',
    rule: 'heads find what was lost at the end',
    file: 'src/core/frame-router.ts',
    find: `find(channel)?.head(epoch, head);`,
    replace: `void [find(channel), epoch, head];`,
  },
  {
    name: 'heads-as-positions',
    rule: 'a head is a reason to ask, never a position',
    file: 'src/core/follower.ts',
    find: `    this.detector.hint(head);\n    this.pursue(inMs);`,
    replace: `    this.detector.skipTo(head);\n    this.pursue(inMs);`,
  },
  {
    name: 'heads-epoch-ignored',
    rule: 'numbers of different epochs are never compared (heads)',
    file: 'src/core/reader.ts',
    find: `phase.name === 'following' && phase.epoch === epoch) phase.beat(head);`,
    replace: `phase.name === 'following' && epoch !== '') phase.beat(head);`,
  },
  {
    name: 'heads-strangers-dropped',
    rule: 'a strange epoch in heads makes us ask the log',
    file: 'src/core/reader.ts',
    find: `    else if (phase.epoch === epoch) phase.heard(head);\n    else phase.suspect();`,
    replace: `    else if (phase.epoch === epoch) phase.heard(head);`,
  },
  {
    name: 'heads-back-ignored',
    rule: 'a head that went back makes us ask the log',
    file: 'src/core/follower.ts',
    find: `const wentBack = head < this.#beat;`,
    replace: `const wentBack = head < 0;`,
  },
  {
    name: 'suspicion-forgotten',
    rule: 'a suspicion stays until the log was asked',
    file: 'src/core/follower.ts',
    find: `this.#suspicion = true;`,
    replace: ``,
  },
  {
    name: 'suspicion-for-ever',
    rule: 'an answer ends a suspicion',
    file: 'src/core/follower.ts',
    find: `  trust(): void {\n    this.#suspicion = false;`,
    replace: `  trust(): void {`,
  },
  {
    name: 'subscribed-epoch-ignored',
    rule: 'numbers of different epochs are never compared (join)',
    file: 'src/core/reader.ts',
    find: `if (facts.epoch !== phase.epoch || facts.head < phase.detector.last) return phase.suspect(0);`,
    replace: `if (facts.head < phase.detector.last) return phase.suspect(0);`,
  },
  {
    name: 'subscribed-head-behind-ignored',
    rule: 'a join reply behind our position makes us ask the log',
    file: 'src/core/reader.ts',
    find: `if (facts.epoch !== phase.epoch || facts.head < phase.detector.last) return phase.suspect(0);`,
    replace: `if (facts.epoch !== phase.epoch) return phase.suspect(0);`,
  },
  {
    name: 'subscribed-trusted',
    rule: 'a join reply is no position once there is one',
    file: 'src/core/reader.ts',
    find: `if (facts.epoch !== phase.epoch || facts.head < phase.detector.last) return phase.suspect(0);`,
    replace: `if (facts.epoch !== phase.epoch || facts.head < phase.detector.last)
      return void this.follow({ epoch: facts.epoch, seq: facts.head });`,
  },
  {
    name: 'facts-not-compared',
    rule: 'a join reply that shows a difference starts work at once',
    file: 'src/core/channel-machine.ts',
    find: `if (this.#join.answered(id, facts)) this.#reader.compare(facts);`,
    replace: `if (this.#join.answered(id, facts) && this.numbers === undefined) this.#reader.compare(facts);`,
  },
  {
    name: 'join-answer-of-another',
    rule: 'the answer to another subscribe is none',
    file: 'src/core/join.ts',
    find: `(state.name === 'asked' && id !== undefined && id !== state.id)`,
    replace: `(state.name === 'asked' && id !== undefined && id < 0)`,
  },
  {
    name: 'start-not-stored',
    rule: 'a start is stored even when no message ever comes',
    file: 'src/core/reader.ts',
    find: `    this.#enter(position);\n    ledger.mark({ channel, mode: 'replace', position });`,
    replace: `    void [this.#enter(position), ledger, channel];`,
  },
  {
    name: 'echo-not-awaited',
    rule: 'an acknowledged publish is known to be in the log',
    file: 'src/core/frame-router.ts',
    find: `return find(frame.channel)?.heard(frame.position.epoch, frame.position.seq);`,
    replace: `return;`,
  },
  {
    name: 'bad-frame-ignored',
    rule: 'a frame that cannot be read makes us ask the log',
    file: 'src/core/frame-router.ts',
    find: `if (frame.channel !== undefined) find(frame.channel)?.badFrame();`,
    replace: ``,
  },

  // --- discontinuities ---
  {
    name: 'reset-as-duplicate',
    rule: 'a new epoch is read from its oldest message, whatever number we had',
    file: 'src/core/detour.ts',
    find: `seq: had ?? oldest - 1 } };`,
    replace: `seq: had ?? Math.max(lost.from - 1, oldest - 1) } };`,
  },
  {
    name: 'epoch-back-from-the-start',
    rule: 'an epoch that comes back goes on where it was left',
    file: 'src/core/reader.ts',
    find: `this.#left.set(epoch, last);`,
    replace: `void last;`,
  },
  {
    name: 'reset-without-gap',
    rule: 'a discontinuity is named',
    file: 'src/core/reader.ts',
    find: `handout.gap(loss, position);`,
    replace: `void handout;\n    ledger.mark({ channel, mode: 'replace', position });`,
  },
  {
    name: 'gap-after-the-message',
    rule: 'a gap is named before the first message behind it',
    file: 'src/core/handout.ts',
    find: `    if (this.#items.length === 0) return;
    this.ctx.emit({ type: 'deliver', channel: this.channel, items: this.#items, tok });
    this.#items = [];`,
    replace: `    const gaps = this.#items.filter(({ type }) => type === 'gap');
    const others = this.#items.filter(({ type }) => type !== 'gap');
    if (others.length === 0) return;
    this.ctx.emit({ type: 'deliver', channel: this.channel, items: [...others, ...gaps], tok });
    this.#items = [];`,
  },
  {
    name: 'gap-under-the-new-owner',
    rule: 'what was accepted before a gap is marked with the owner of before',
    file: 'src/core/reader.ts',
    find: `handout.gap(loss, position);
    this.flush();`,
    replace: `handout.gap(loss, position);`,
  },
  {
    name: 'gap-from-off-by-one',
    rule: 'a gap begins behind the last message had',
    file: 'src/core/reader.ts',
    find: `const lost = { epoch, from: detector.last + 1, reason };`,
    replace: `const lost = { epoch, from: detector.last + 2, reason };`,
  },
  {
    name: 'gap-to-off-by-one',
    rule: 'a gap ends before the oldest message that is left',
    file: 'src/core/reader.ts',
    find: `this.#lose(phase, verdict, page, since, page.oldest - 1);`,
    replace: `this.#lose(phase, verdict, page, since, page.oldest);`,
  },
  {
    name: 'rewind-at-once',
    rule: 'a rewind is believed when answers agree',
    file: 'src/core/reader.ts',
    find: `if (verdict === 'rewind' && !this.parts.recovery.unconfirmed(verdict)) return;`,
    replace: ``,
  },
  {
    name: 'rewind-clamped',
    rule: 'a position is never set back in silence',
    file: 'src/core/reader.ts',
    find: `if (verdict === 'rewind' && !this.parts.recovery.unconfirmed(verdict)) return;`,
    replace: `if (verdict === 'rewind') return void this.follow({ epoch: page.epoch, seq: page.head });`,
  },
  {
    name: 'claims-mixed',
    rule: 'only answers in a row that say the same are believed',
    file: 'src/core/recovery.ts',
    find: `claim === this.#claim ? this.#unconfirmed + 1 : 1;`,
    replace: `this.#unconfirmed + 1;`,
  },
  {
    name: 'reset-storm-unchecked',
    rule: 'a log that flips for ever costs bounded work',
    file: 'src/core/recovery.ts',
    find: `if (excess <= 0) return;`,
    replace: `if (excess < 1e9) return;`,
  },
  {
    name: 'give-up-one-too-far',
    rule: 'who gives up goes on with what is held',
    file: 'src/core/detour.ts',
    find: `: firstHeld - 1;`,
    replace: `: firstHeld;`,
  },

  // --- snapshots ---
  {
    name: 'no-initial-snapshot',
    rule: 'a state is loaded before anything is delivered',
    file: 'src/core/reader.ts',
    find: `if (intent.snapshot) return this.#reset('initial', position`,
    replace: `if (intent.snapshot && position.seq < 0) return this.#reset('initial', position`,
  },
  {
    name: 'no-snapshot-after-a-loss',
    rule: 'a loss is healed by the snapshot of an app that has one',
    file: 'src/core/reader.ts',
    find: `const { intent, recovery } = this.parts;`,
    replace: `const { recovery } = this.parts;\n    const intent = { snapshot: false };`,
  },
  {
    name: 'snapshot-position-after',
    rule: 'the position is taken before the state is loaded',
    file: 'src/core/reader.ts',
    find: `const after = position ?? target;`,
    replace: `const after = position ?? heard ?? target;`,
  },
  {
    name: 'snapshot-position-ignored',
    rule: 'the state says itself where it ends',
    file: 'src/core/reader.ts',
    find: `const after = position ?? target;`,
    replace: `const after = target;`,
  },
  {
    name: 'snapshot-gap-not-named',
    rule: 'a loss that a snapshot heals is named all the same',
    file: 'src/core/reader.ts',
    find: `undefined) this.follow(after);`,
    replace: `undefined || after.seq >= 0) this.follow(after);`,
  },
  {
    name: 'heard-while-loading-forgotten',
    rule: 'what came while the state was loading is fetched at once',
    file: 'src/core/reader.ts',
    find: `this.heard(known.epoch, known.seq);`,
    replace: ``,
  },
  {
    name: 'snapshot-brings-twice',
    rule: 'a state older than what was delivered brings nothing twice',
    file: 'src/core/detour.ts',
    find: `const to = Math.max(seq, lost.from - 1);`,
    replace: `const to = seq;`,
  },
];
