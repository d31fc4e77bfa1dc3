/**
 * What a reload shows again: the messages and gaps of one pane, and the position they reach to.
 *
 * Both are in one record that is written in one step, and the position goes back to lastseq as
 * `start`. So they can never disagree, and a reload shows every message once, however old the record
 * is: what it lacks is fetched. Two tabs of one pane write the same record; each writing is whole.
 */

/** Items kept per pane. Older ones go first. */
export const MAX_ITEMS = 2_000;
const SAVE_MS = 250;
/** Others may publish what they like; what is kept of it is bounded. */
const MAX_TEXT = 1_000;

export class Conversation {
  items = [];
  /** Up to here the record holds the conversation; undefined while there is no record. */
  stored;
  #key;
  #position;
  #onSaved;
  #timer;

  /** @param parts `position` says how far the items reach, at any moment outside of a handler. */
  constructor(pane, { position, onSaved }) {
    this.#key = `lastseq-demo:1:${pane}`;
    this.#position = position;
    this.#onSaved = onSaved;
    const { items, position: stored } = read(this.#key) ?? {};
    if (Array.isArray(items) && stored) Object.assign(this, { items, stored });
  }

  /** Where the client goes on: behind what is here, or at the beginning of the room. */
  get start() {
    return this.stored ?? 'earliest';
  }

  addMessage({ type, seq, epoch, from = '', ts = 0, data, recovered }) {
    const text = String(data?.text ?? '').slice(0, MAX_TEXT);
    return this.#add({ type, seq, epoch, from, ts, text, recovered });
  }

  addGap({ type, epoch, from, to, reason }) {
    return this.#add({ type, epoch, from, to, reason });
  }

  /** Writes the record: soon after a change, and at once when the page goes away. */
  save() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const position = this.#position();
    if (position === undefined) return;
    try {
      localStorage.setItem(this.#key, JSON.stringify({ position, items: this.items }));
      this.stored = position;
      this.#onSaved();
    } catch {
      // Full or forbidden: the record stays behind, as the page shows, and what it lacks is fetched.
    }
  }

  /** Writes what has not been written yet. */
  flush() {
    if (this.#timer !== undefined) this.save();
  }

  forget() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#position = () => undefined;
    try {
      localStorage.removeItem(this.#key);
    } catch {
      // Nothing was kept either.
    }
  }

  #add(item) {
    this.items.push(item);
    if (this.items.length > MAX_ITEMS) this.items.splice(0, this.items.length - MAX_ITEMS);
    this.#timer ??= setTimeout(() => this.save(), SAVE_MS);
    return item;
  }
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}
