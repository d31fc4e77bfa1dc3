/** The list of messages and gaps. Text only: nothing is ever read as HTML. */
import { MAX_ITEMS } from './conversation.js';

/** So near to its end a list follows what is added. */
const NEAR_PX = 40;

const REASONS = {
  truncated: 'the server no longer holds them',
  epoch: 'the server started a new log',
  rewind: 'the log went back',
  hole: 'the log never had them',
  unreachable: 'they could not be had in time',
};

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** What a gap says, in words. */
export function gapText({ from, to, reason }) {
  const numbers =
    to === undefined
      ? `Lost from number ${from} on`
      : to === from
        ? `Number ${from} is lost`
        : `Numbers ${from} to ${to} are lost`;
  return `${numbers}: ${REASONS[reason] ?? reason}.`;
}

export class ChatList {
  #list;
  #jump;
  #pending = [];

  /** @param own the name whose messages are one's own. */
  constructor({ list, jump, own }) {
    this.#list = list;
    this.#jump = jump;
    this.own = own;
    jump.addEventListener('click', () => {
      this.#toEnd();
      list.focus();
    });
    list.addEventListener('scroll', () => this.#showJump());
    // Other widths need other heights: whoever read the newest line still does.
    new ResizeObserver(() => this.#follows && this.#toEnd()).observe(list);
  }

  #follows = true;

  add(item) {
    this.#pending.push(item);
  }

  /** Puts what was added into the page; once per frame. */
  render() {
    if (this.#pending.length === 0) return;
    const fresh = this.#pending.splice(0).slice(-MAX_ITEMS);
    this.#list.append(...fresh.map((item) => this.#row(item)));
    while (this.#list.childElementCount > MAX_ITEMS) this.#list.firstElementChild.remove();
    if (this.#follows) this.#toEnd();
    else this.#showJump();
  }

  #toEnd() {
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#follows = true;
    this.#showJump();
  }

  #showJump() {
    const { clientHeight, scrollHeight, scrollTop } = this.#list;
    this.#follows = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    this.#jump.hidden = this.#follows;
  }

  #row(item) {
    const row = element('li', item.type === 'gap' ? 'gap' : 'message');
    if (item.type === 'gap') {
      const range = `${item.from}–${item.to ?? '?'}`;
      row.dataset.gap = range;
      row.append(element('span', 'seq', range), element('p', 'text', gapText(item)));
      return row;
    }
    row.dataset.seq = item.seq;
    row.dataset.author =
      item.from === this.own ? 'own' : item.from === 'Server' ? 'server' : 'other';
    const meta = element('p', 'meta');
    meta.append(element('b', 'author', item.from || 'Somebody'));
    if (item.ts > 0) meta.append(element('time', '', clock.format(item.ts)));
    if (item.recovered) meta.append(element('span', 'recovered', 'recovered'));
    row.append(element('span', 'seq', String(item.seq)), meta, element('p', 'text', item.text));
    return row;
  }
}

export function element(name, className = '', text = '') {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  made.textContent = text;
  return made;
}
