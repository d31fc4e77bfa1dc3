// Judges what clients of several hubs tell by what publishers were told. It knows nothing of sockets,
// faults or time, only how often Redis has lost its data:
//
// - a number of an epoch is one message for everybody, and a message has one number in an epoch;
// - within an epoch, a client gets 1, 2, 3 ... and nothing twice;
// - what it does not get is named by a gap that follows the last one, and only where an epoch ended;
// - nobody comes back to an epoch that it has left, and there are no more epochs than losses;
// - in the end everybody stands at the head, and the head is not below any number that was promised.

/**
 * @typedef {{ epoch: string | undefined, last: number, left: Set<string> }} Place
 *   where a client stands in a channel; without an epoch between the gap and the next message
 */

export class Judge {
  /** @type {string[]} */
  violations = [];
  counts = { published: 0, acked: 0, delivered: 0, recovered: 0, epochGaps: 0 };
  /** How often a channel may have got a new epoch. */
  losses = 0;
  /** @type {Map<string, number>} messages by channel, epoch and number */
  #messages = new Map();
  /** @type {Map<string, number>} numbers by epoch and message */
  #numbers = new Map();
  /** @type {Map<string, number>} the greatest acked number, by channel and epoch */
  #acked = new Map();
  /** @type {Map<string, Set<string>>} by channel */
  #epochs = new Map();
  /** @type {Map<string, Place>} by client and channel */
  #places = new Map();

  /**
   * @param {string} channel
   * @param {string} epoch
   * @param {number} seq
   * @param {number} id
   */
  acked(channel, epoch, seq, id) {
    this.counts.acked += 1;
    this.#learn('an ack', channel, epoch, seq, id);
    const key = `${channel} ${epoch}`;
    this.#acked.set(key, Math.max(seq, this.#acked.get(key) ?? 0));
  }

  /**
   * @param {string} client
   * @param {{ channel: string, epoch: string, seq: number, recovered: boolean, data: { id: number } }} message
   */
  message(client, { channel, data, epoch, recovered, seq }) {
    this.counts.delivered += 1;
    if (recovered) this.counts.recovered += 1;
    const who = `${client} in ${channel}`;
    this.#learn(who, channel, epoch, seq, data.id);
    const place = this.#place(client, channel);
    if (place.epoch === undefined) {
      if (place.left.has(epoch)) this.#complain(`${who} is back in ${epoch}`);
      if (seq !== 1) this.#complain(`${who} begins ${epoch} with ${seq}`);
    } else if (epoch !== place.epoch) {
      this.#complain(`${who} goes from ${place.epoch} to ${epoch} without a gap`);
    } else if (seq !== place.last + 1) {
      this.#complain(`${who} gets ${seq} after ${place.last} in ${epoch}`);
    }
    Object.assign(place, { epoch, last: seq });
  }

  /**
   * @param {string} client
   * @param {{ channel: string, epoch: string, from: number, to?: number, reason: string }} gap
   */
  gap(client, { channel, epoch, from, reason, to }) {
    const place = this.#place(client, channel);
    const shown = `${client} in ${channel} is told of a gap ${from}-${to ?? '?'} ${reason} in ${epoch}`;
    if (reason !== 'epoch' || to !== undefined) return this.#complain(shown);
    const isHere = place.epoch === epoch || (place.epoch === undefined && !place.left.has(epoch));
    const last = place.epoch === undefined ? 0 : place.last;
    if (!isHere || from !== last + 1) {
      this.#complain(`${shown}, and stands at ${place.epoch} ${place.last}`);
    }
    this.counts.epochGaps += 1;
    place.left.add(epoch);
    Object.assign(place, { epoch: undefined, last: 0 });
    if (place.left.size > this.losses) this.#complain(`${shown}, after ${this.losses} losses`);
  }

  /**
   * Does a client stand at the head?
   * @param {string} client
   * @param {{ channel: string, epoch: string, head: number }} facts
   */
  isComplete(client, { channel, epoch, head }) {
    const place = this.#place(client, channel);
    return head === 0 || (place.epoch === epoch && place.last === head);
  }

  /**
   * @param {string[]} clients
   * @param {{ channel: string, epoch: string, head: number }[]} facts of every channel, in the end
   */
  finish(clients, facts) {
    for (const fact of facts) {
      const { channel, epoch, head } = fact;
      const acked = this.#acked.get(`${channel} ${epoch}`) ?? 0;
      if (acked > head) this.#complain(`${channel} has lost ${head + 1} to ${acked} of ${epoch}`);
      const epochs = this.#epochs.get(channel)?.size ?? 0;
      if (epochs > this.losses + 1) {
        this.#complain(`${channel} had ${epochs} epochs, after ${this.losses} losses`);
      }
      for (const client of clients) {
        if (this.isComplete(client, fact)) continue;
        const place = this.#place(client, channel);
        const stands = `stands at ${place.epoch} ${place.last}, not at ${epoch} ${head}`;
        this.#complain(`${client} in ${channel} ${stands}`);
      }
    }
  }

  /**
   * @param {string} who
   * @param {string} channel
   * @param {string} epoch
   * @param {number} seq
   * @param {number} id
   */
  #learn(who, channel, epoch, seq, id) {
    const known = this.#messages.get(`${channel} ${epoch} ${seq}`);
    if (known !== undefined && known !== id) {
      this.#complain(`${who} has ${id} as ${seq} of ${epoch}, others have ${known}`);
    }
    this.#messages.set(`${channel} ${epoch} ${seq}`, id);
    const number = this.#numbers.get(`${epoch} ${id}`);
    if (number !== undefined && number !== seq) {
      this.#complain(`${who} has ${id} as ${seq} of ${epoch}, it is ${number} as well`);
    }
    this.#numbers.set(`${epoch} ${id}`, seq);
    const epochs = this.#epochs.get(channel);
    if (epochs === undefined) this.#epochs.set(channel, new Set([epoch]));
    else epochs.add(epoch);
  }

  /**
   * @param {string} client
   * @param {string} channel
   */
  #place(client, channel) {
    const key = `${client} ${channel}`;
    const place = this.#places.get(key) ?? { epoch: undefined, last: 0, left: new Set() };
    this.#places.set(key, place);
    return place;
  }

  /** @param {string} violation */
  #complain(violation) {
    this.violations.push(violation);
  }
}
