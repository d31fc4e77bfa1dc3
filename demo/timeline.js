/**
 * The strip of sequence numbers: one cell for each, marked by what became of it. A shape or a letter
 * says the same as the colour; the legend counts them for those who see neither.
 *
 * Changes are collected and put into the page once per frame: a burst is one change.
 */
import { element, gapText } from './chat-list.js';
import { MAX_ITEMS } from './conversation.js';

const WORDS = {
  live: 'came live',
  held: 'came too early and was held',
  recovered: 'was recovered from the log',
  awaited: 'is known to exist and is not here yet',
  kept: 'was kept in this page',
};

export class Timeline {
  #strip;
  #legend;
  /** One run of numbers per epoch: `{ epoch, box, cells, first, last }`. */
  #lives = [];
  #changes = [];
  #tally = { live: 0, held: 0, recovered: 0, duplicate: 0, gap: 0 };
  #count = 0;

  constructor({ strip, legend }) {
    this.#strip = strip;
    this.#legend = legend;
  }

  get tally() {
    return this.#tally;
  }

  /** An item of the conversation: it arrived now, or (`kept`) in an earlier life of the page. */
  item(item, kept = false) {
    if (item.type === 'gap') this.#changes.push(() => this.#gap(item));
    else {
      const fate = kept ? 'kept' : item.recovered ? 'recovered' : 'live';
      this.#changes.push(() => this.#arrived(item, fate));
    }
  }

  /** A message came before its turn. */
  held(epoch, seq) {
    this.#changes.push(() => {
      const cell = this.#cell(this.#life(epoch), seq);
      if (cell?.dataset.fate === 'awaited') {
        cell.dataset.early = '';
        this.#mark(cell, seq, 'held');
      }
    });
  }

  /** A message came once more. */
  duplicate(epoch, seq) {
    this.#changes.push(() => {
      this.#tally.duplicate += 1;
      // The second copy may be noticed before the first one is handed to the app.
      const cell = this.#cell(this.#life(epoch), seq);
      if (cell === undefined) return;
      cell.dataset.times = Number(cell.dataset.times ?? 1) + 1;
      this.#mark(cell, seq, cell.dataset.fate);
    });
  }

  /** Applies what happened. @param known how far the numbers are known to reach, and in which epoch. */
  render({ epoch, last = 0, head = 0 } = {}) {
    const changed = this.#changes.length > 0;
    for (const change of this.#changes.splice(0)) change();
    if (epoch !== undefined && head > last) {
      const life = this.#life(epoch);
      const from = Math.max(life.last ?? last, last, head - MAX_ITEMS);
      for (let seq = from + 1; seq <= head; seq += 1) this.#cell(life, seq);
      if (from < head) this.#toEnd();
    }
    if (!changed) return;
    this.#trim();
    this.#toEnd();
    for (const [fate, count] of Object.entries(this.#tally)) {
      this.#legend.querySelector(`[data-count="${fate}"]`).textContent = count;
    }
  }

  #toEnd() {
    this.#strip.scrollTop = this.#strip.scrollHeight;
  }

  #arrived({ epoch, seq }, fate) {
    const cell = this.#cell(this.#life(epoch), seq);
    if (cell === undefined) return;
    const wasHeld = cell.dataset.early !== undefined && fate === 'live';
    delete cell.dataset.early;
    const final = wasHeld ? 'held' : fate;
    this.#mark(cell, seq, final);
    if (final !== 'kept') this.#tally[final] += 1;
  }

  #gap(gap) {
    const { epoch, from, to } = gap;
    const life = this.#life(epoch);
    const end = to ?? life.last ?? from;
    for (let seq = from; seq <= end; seq += 1) this.#remove(life, seq);
    const cell = element('i', 'cell', `${from}–${to ?? '?'}`);
    Object.assign(cell.dataset, { fate: 'gap', seq: from });
    cell.title = gapText(gap);
    life.box.insertBefore(cell, life.cells.get(end + 1) ?? null);
    life.first ??= from;
    life.last = Math.max(life.last ?? end, end);
    this.#tally.gap += 1;
    this.#count += 1;
  }

  /** The cell of a number; made when it is new, together with those before it that are missing. */
  #cell(life, seq) {
    life.first ??= seq;
    const start = Math.max((life.last ?? seq - 1) + 1, seq - MAX_ITEMS);
    for (let next = start; next <= seq; next += 1) {
      const cell = element('i', 'cell');
      cell.dataset.seq = next;
      this.#mark(cell, next, 'awaited');
      life.cells.set(next, cell);
      life.box.append(cell);
      this.#count += 1;
    }
    life.last = Math.max(life.last ?? seq, seq);
    return life.cells.get(seq);
  }

  #mark(cell, seq, fate) {
    cell.dataset.fate = fate;
    const { times } = cell.dataset;
    cell.title = `${seq} ${WORDS[fate]}${times === undefined ? '' : ` and came ${times} times`}`;
  }

  #life(epoch) {
    const current = this.#lives.at(-1);
    const known = this.#lives.find((life) => life.epoch === epoch);
    if (known !== undefined || (epoch === undefined && current !== undefined)) {
      return known ?? current;
    }
    const box = element('div', 'life');
    box.append(element('span', 'epoch', `epoch ${String(epoch).slice(0, 4)}`));
    this.#strip.append(box);
    const life = { epoch, box, cells: new Map(), first: undefined, last: undefined };
    this.#lives.push(life);
    return life;
  }

  #remove(life, seq) {
    const cell = life.cells.get(seq);
    if (cell === undefined) return;
    cell.remove();
    life.cells.delete(seq);
    this.#count -= 1;
  }

  /** The oldest cells go, so that a page that stays open for weeks does not grow. */
  #trim() {
    while (this.#count > MAX_ITEMS) {
      const [oldest] = this.#lives;
      const cell = oldest.box.querySelector('.cell');
      if (cell === null) {
        oldest.box.remove();
        this.#lives.shift();
        continue;
      }
      cell.remove();
      if (oldest.cells.get(Number(cell.dataset.seq)) === cell) {
        oldest.cells.delete(Number(cell.dataset.seq));
      }
      this.#count -= 1;
    }
  }
}
