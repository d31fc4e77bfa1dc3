// Judges what pages tell by what was published. It knows nothing of sockets, faults or time:
//
// - order: within a life of a page, numbers follow one another; each comes once.
// - gaps: what is missing is named by exactly one gap, before the next message, and truly: a truncated
//   gap ends where the log had forgotten, an epoch gap where the server had been replaced.
// - positions: what is stored was handled before.
// - lives: a page begins no further than where the pages of its namespace had come to; or, when its
//   storage was too slow to say where that was, it names what it passed over as soon as it knows.

/**
 * @typedef {import('./page.mjs').Told} Told
 * @typedef {object} Place where a life stands in a channel
 * @property {string | undefined} epoch undefined after an epoch gap: the next message tells
 * @property {number} last
 * @property {string} left the epoch before
 *
 * @typedef {object} Beginning a life began at `to` + 1; when its storage was too slow, it names what lies before
 * @property {string} epoch
 * @property {number} to
 * @property {string | undefined} owed why it has to; undefined where others of its namespace had come as far
 * @property {[epoch: string, seq: number][]} done handled while it owes; not stored, so of no use to others
 *
 * @typedef {object} Owner a namespace and channel: who shares stored positions
 * @property {Map<string, number>} handled the greatest number handled, by epoch
 * @property {Set<string>} left epochs whose end was named
 * @property {boolean} stored
 *
 * @typedef {{ server: string, channel: string, epoch: string | undefined, seq: number | undefined }} Published
 */

export class Oracle {
  /** @type {string[]} */
  violations = [];
  /** `repeated`: handled before in the same namespace, by another tab or an earlier page. `unheard`: channels of closed tabs whose last words came late. */
  counts = { sent: 0, delivered: 0, recovered: 0, repeated: 0, stored: 0, unheard: 0 };
  /** @type {Map<string, number>} gaps by reason */
  gaps = new Map();
  /** @type {Map<string, number>} errors by code */
  errors = new Map();
  /** Numbers that truncated gaps named. */
  lost = 0;
  /** @type {Map<number, { server: string, namespace: string, places: Map<string, Place>, done: Map<string, [string, number]>, beginnings: Map<string, Beginning> }>} */
  #lives = new Map();
  /** @type {Map<string, Owner>} */
  #owners = new Map();
  /** @type {Map<number, Published>} */
  #published = new Map();
  /** @type {Map<string, { order: number, server: string }>} */
  #epochs = new Map();
  /** @type {Map<string, number>} head by epoch and channel */
  #heads = new Map();
  /** @type {Map<string, number>} messages whose number is not known yet, by server and channel */
  #underWay = new Map();
  #maxLength;

  /** @param {number} maxLength how many messages a channel keeps */
  constructor(maxLength) {
    this.#maxLength = maxLength;
  }

  /**
   * A server began, with a new log.
   * @param {string} server
   * @param {string} epoch
   */
  began(server, epoch) {
    this.#epochs.set(epoch, { order: this.#epochs.size, server });
    for (const key of this.#underWay.keys()) {
      if (key.startsWith(`${server} `)) this.#underWay.delete(key);
    }
  }

  /**
   * Messages are about to be appended. When the server dies first, nobody may ever know their numbers.
   * @param {string} server
   * @param {string} channel
   * @param {number} first
   * @param {number} count
   */
  publishing(server, channel, first, count) {
    const published = { server, channel, epoch: undefined, seq: undefined };
    for (let i = 0; i < count; i++) this.#published.set(first + i, { ...published });
    const key = `${server} ${channel}`;
    this.#underWay.set(key, (this.#underWay.get(key) ?? 0) + count);
  }

  /**
   * They were appended, from number `seq` on.
   * @param {string} epoch
   * @param {number} first
   * @param {number} count
   * @param {number} seq
   */
  appended(epoch, first, count, seq) {
    this.counts.sent += count;
    for (let i = 0; i < count; i++) this.#learn(first + i, epoch, seq + i);
    const { channel, server } = /** @type {Published} */ (this.#published.get(first));
    const key = `${server} ${channel}`;
    this.#underWay.set(key, Math.max(0, (this.#underWay.get(key) ?? 0) - count));
  }

  /**
   * @param {number} life
   * @param {string} server
   * @param {string} namespace
   */
  born(life, server, namespace) {
    this.#lives.set(life, {
      server,
      namespace,
      places: new Map(),
      done: new Map(),
      beginnings: new Map(),
    });
  }

  /**
   * Does a life stand at the head of a channel?
   * @param {number} life
   * @param {string} channel
   * @param {string} epoch
   */
  isComplete(life, channel, epoch) {
    const place = this.#lives.get(life)?.places.get(channel);
    return place?.epoch === epoch && place.last === this.#head(channel, epoch);
  }

  /**
   * What a life has passed over and not named yet.
   * @param {number} life
   */
  owedBy(life) {
    const beginnings = [...(this.#lives.get(life)?.beginnings.values() ?? [])];
    return beginnings.flatMap(({ owed }) => owed ?? []);
  }

  /**
   * For a complaint: where a life stands.
   * @param {number} life
   * @param {string} channel
   */
  standing(life, channel) {
    const place = this.#lives.get(life)?.places.get(channel);
    return place ? `${place.epoch} ${place.last}` : 'nowhere';
  }

  /**
   * @param {string} namespace
   * @param {string} server
   * @param {string} channel
   */
  hasStored(namespace, server, channel) {
    return this.#owner(namespace, server, channel).stored;
  }

  /** @param {Told} told */
  hear(told) {
    switch (told.kind) {
      case 'message':
        return this.#message(told);
      case 'gap':
        return this.#gap(told);
      case 'done':
        return this.#done(told, told.epoch, told.seq);
      case 'stored':
        return this.#stored(told);
      case 'had':
        return this.#had(told);
      case 'error':
        this.errors.set(told.code, (this.errors.get(told.code) ?? 0) + 1);
    }
  }

  /** @param {Told & { kind: 'message' }} told */
  #message(told) {
    const { channel, epoch, id, life, recovered, seq } = told;
    const { places, server } = this.#life(life);
    this.counts.delivered += 1;
    if (recovered) this.counts.recovered += 1;

    const published = this.#published.get(id);
    if (published?.server !== server || published.channel !== channel) {
      return this.#complain(told, 'was never published there');
    }
    this.#learn(id, epoch, seq, told);

    const place = places.get(channel);
    if (place === undefined) this.#begins(told, epoch, seq);
    else if (place.epoch === undefined) this.#entersAfterGap(told, place, epoch, seq);
    else if (epoch !== place.epoch) this.#complain(told, `came without a gap after ${place.epoch}`);
    else if (seq <= place.last) this.#complain(told, `came again, or late: after ${place.last}`);
    else if (seq > place.last + 1) this.#complain(told, `came after ${place.last} without a gap`);
    places.set(channel, { epoch, last: seq, left: place?.left ?? '' });
  }

  /** @param {Told & { kind: 'gap' }} told */
  #gap(told) {
    const { channel, epoch, from, life, reason, to } = told;
    const { beginnings, places } = this.#life(life);
    this.gaps.set(reason, (this.gaps.get(reason) ?? 0) + 1);
    const beginning = beginnings.get(channel);
    if (beginning !== undefined && this.#explains(told, beginning)) return;
    let place = places.get(channel);
    if (place === undefined) {
      this.#begins(told, epoch, from);
      place = { epoch, last: from - 1, left: '' };
    } else if (place.epoch === undefined) {
      this.#entersAfterGap(told, place, epoch, from);
      place = { epoch, last: from - 1, left: place.left };
    }
    if (epoch !== place.epoch || from !== place.last + 1) {
      this.#complain(told, `does not follow ${place.epoch} ${place.last}`);
    }
    if (reason === 'epoch' && to === undefined) {
      const known = this.#epochs.get(epoch);
      const replaced = [...this.#epochs.values()].some(
        ({ order, server }) => server === known?.server && order > known.order,
      );
      if (!replaced) this.#complain(told, 'names the end of a log that lives');
      this.#ownerOf(life, channel).left.add(epoch);
      places.set(channel, { epoch: undefined, last: 0, left: epoch });
      return;
    }
    if (reason !== 'truncated' || to === undefined || to < from) {
      return this.#complain(told, 'is a gap that these servers give no cause for');
    }
    if (to > this.#forgotten(channel, epoch)) this.#complain(told, 'names what the log holds');
    this.lost += to - from + 1;
    places.set(channel, { ...place, epoch, last: to });
    this.#done(told, epoch, to);
  }

  /**
   * @param {Told} told
   * @param {string} epoch
   * @param {number} seq
   */
  #done({ channel, life }, epoch, seq) {
    const { beginnings, done } = this.#life(life);
    done.set(channel, [epoch, seq]);
    const beginning = beginnings.get(channel);
    if (beginning?.owed !== undefined) return void beginning.done.push([epoch, seq]);
    const { handled } = this.#ownerOf(life, channel);
    if (seq <= (handled.get(epoch) ?? 0)) this.counts.repeated += 1;
    handled.set(epoch, Math.max(seq, handled.get(epoch) ?? 0));
  }

  /** @param {Told & { kind: 'stored' }} told */
  #stored(told) {
    const { channel, epoch, life, seq } = told;
    this.counts.stored += 1;
    const { done, places } = this.#life(life);
    const owner = this.#ownerOf(life, channel);
    const [doneEpoch, doneSeq] = done.get(channel) ?? [];
    const place = places.get(channel);
    if (place === undefined && !owner.stored) {
      // The first page of all began here: what lay before was never asked for.
      owner.handled.set(epoch, seq);
      places.set(channel, { epoch, last: seq, left: '' });
    } else if (epoch === doneEpoch) {
      if (seq > (doneSeq ?? 0)) this.#complain(told, `is ahead of what was handled: ${doneSeq}`);
    } else if (place !== undefined && place.epoch !== epoch && place.epoch !== undefined) {
      // A write that was on its way when an epoch gap was told.
      if (seq > (owner.handled.get(epoch) ?? 0))
        this.#complain(told, 'is ahead of what was handled');
    } else if (seq > Math.max(owner.handled.get(epoch) ?? 0, this.#forgotten(channel, epoch))) {
      this.#complain(told, 'is ahead of what was handled, in an epoch just entered');
    }
    owner.stored = true;
  }

  /**
   * What a page noted down where the pages after it can read it.
   * @param {Told & { kind: 'had' }} told
   */
  #had({ channel, handled, late, left, life }) {
    const owner = this.#ownerOf(life, channel);
    const { beginnings } = this.#life(life);
    if (late) beginnings.delete(channel);
    if (beginnings.get(channel)?.owed !== undefined) return;
    let isNews = false;
    for (const epoch of left) {
      if (!owner.left.has(epoch)) isNews = true;
      owner.left.add(epoch);
    }
    for (const [epoch, seq] of Object.entries(handled)) {
      if (seq <= (owner.handled.get(epoch) ?? 0)) continue;
      isNews = true;
      owner.handled.set(epoch, seq);
    }
    if (isNews) this.counts.unheard += 1;
  }

  /**
   * The first that a life has of a channel.
   * @param {Told} told
   * @param {string} epoch
   * @param {number} seq
   */
  #begins(told, epoch, seq) {
    const { channel, life } = told;
    const { handled, left, stored } = this.#ownerOf(life, channel);
    if (!stored) return;
    const had = handled.get(epoch);
    const isEntered = [...left].some((before) => this.#isBefore(before, epoch));
    const isKnown =
      had === undefined ? isEntered && seq - 1 <= this.#forgotten(channel, epoch) : seq <= had + 1;
    const owed = `${JSON.stringify(told)} begins beyond what its namespace has handled: ${had}`;
    const beginning = { epoch, to: seq - 1, owed: isKnown ? undefined : owed, done: [] };
    this.#life(life).beginnings.set(channel, beginning);
  }

  /**
   * Is this the gap that names what a life passed over at its beginning? Its storage told a place that
   * others of its namespace may have come further than since.
   * @param {Told & { kind: 'gap' }} told
   * @param {Beginning} beginning
   */
  #explains({ channel, epoch, from, life, reason, to }, beginning) {
    const { handled, left } = this.#ownerOf(life, channel);
    if (from > (handled.get(epoch) ?? 0) + 1) return false;
    const isSame = reason === 'unreachable' && epoch === beginning.epoch && to === beginning.to;
    const isOlder = reason === 'epoch' && this.#isBefore(epoch, beginning.epoch);
    if (!isSame && !isOlder) return false;
    if (isOlder) left.add(epoch);
    this.#life(life).beginnings.delete(channel);
    for (const [of, seq] of beginning.done) handled.set(of, Math.max(seq, handled.get(of) ?? 0));
    return true;
  }

  /**
   * An epoch gap has no end: it names what the new log had forgotten as well.
   * @param {Told} told
   * @param {Place} place
   * @param {string} epoch
   * @param {number} seq
   */
  #entersAfterGap(told, place, epoch, seq) {
    if (!this.#isBefore(place.left, epoch)) this.#complain(told, `is older than ${place.left}`);
    if (seq - 1 > this.#forgotten(told.channel, epoch)) {
      this.#complain(told, 'is not the first of the new epoch');
    }
  }

  /**
   * @param {string} epoch
   * @param {string} than
   */
  #isBefore(epoch, than) {
    const [a, b] = [this.#epochs.get(epoch), this.#epochs.get(than)];
    return a !== undefined && b !== undefined && a.server === b.server && a.order < b.order;
  }

  /**
   * @param {string} channel
   * @param {string} epoch
   */
  #head(channel, epoch) {
    return this.#heads.get(`${epoch} ${channel}`) ?? 0;
  }

  /**
   * The greatest number that the log may have forgotten by now.
   * @param {string} channel
   * @param {string} epoch
   */
  #forgotten(channel, epoch) {
    const server = this.#epochs.get(epoch)?.server ?? '';
    const underWay = this.#underWay.get(`${server} ${channel}`) ?? 0;
    return Math.max(0, this.#head(channel, epoch) + underWay - this.#maxLength);
  }

  /**
   * The number of a message, from the server or from the first page that has it.
   * @param {number} id
   * @param {string} epoch
   * @param {number} seq
   * @param {Told} [told]
   */
  #learn(id, epoch, seq, told) {
    const published = /** @type {Published} */ (this.#published.get(id));
    if (published.epoch === undefined) Object.assign(published, { epoch, seq });
    else if (published.epoch !== epoch || published.seq !== seq) {
      const where = told ?? { life: 0, channel: published.channel };
      this.#complain(where, `has another number as well: ${published.epoch} ${published.seq}`);
    }
    const key = `${epoch} ${published.channel}`;
    this.#heads.set(key, Math.max(seq, this.#heads.get(key) ?? 0));
  }

  /** @param {number} life */
  #life(life) {
    const known = this.#lives.get(life);
    if (known === undefined) throw new Error(`life ${life} was not announced`);
    return known;
  }

  /**
   * @param {number} life
   * @param {string} channel
   */
  #ownerOf(life, channel) {
    const { namespace, server } = this.#life(life);
    return this.#owner(namespace, server, channel);
  }

  /**
   * @param {string} namespace
   * @param {string} server
   * @param {string} channel
   */
  #owner(namespace, server, channel) {
    const key = JSON.stringify([namespace, server, channel]);
    let owner = this.#owners.get(key);
    if (owner === undefined) {
      owner = { handled: new Map(), left: new Set(), stored: false };
      this.#owners.set(key, owner);
    }
    return owner;
  }

  /**
   * @param {object} told
   * @param {string} why
   */
  #complain(told, why) {
    this.violations.push(`${JSON.stringify(told)} ${why}`);
  }
}
