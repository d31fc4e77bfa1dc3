/**
 * The faults: real ones, made at the server, for the clients of one pane or of both. What clients do
 * about them is not known here.
 */
import { Link } from './link.mjs';

/** The panes by the name that their tokens begin with, and what the room calls them. */
export const PANES = { ada: 'Ada', grace: 'Grace' };

const BURST = 1_000;
const MAX_COUNT = 50;
/** Longer than a heartbeat, so that the head is heard of before the messages come. */
const DELAY_MS = 3_000;
/** Between two messages that follow a fault: slow enough to watch, too fast to wait for. */
const STEP_MS = 60;
const CHATTER_MS = 800;
/** A forgotten tab must not fill the log for ever. */
const CHATTER_MESSAGES = 200;
const MAX_REFUSED_TOKENS = 1_000;

const LINES = [
  'Wind south-west, four. Visibility good.',
  'Pilot on board at the outer buoy.',
  'Tide turns in twenty minutes.',
  'North pier light is on.',
  'Ferry leaves berth two.',
  'Tug standing by.',
  'Fog bank off the cape, lifting.',
  'Berth five is free.',
];

export class Faults {
  #parts;
  #links = new Map();
  /** Panes whose every token is refused, and single tokens that are not good any more. */
  #refusing = new Set();
  #refusedTokens = new Set();
  #timers = new Set();
  #chatter;
  #said = 0;

  /** @param {{ say(text: string): void, expire(): void, restart(): void }} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** The hub's `onConnection`. */
  connected(socket, request) {
    const link = new Link(socket, request, () => this.#links.delete(request));
    this.#links.set(request, link);
  }

  /** The hub's `authorize`. A token is the name of a pane, a dot, and something that is used once. */
  authorize({ token, request }) {
    const pane = token?.split('.')[0];
    if (this.#refusing.has(pane) || this.#refusedTokens.has(token)) return 'unauthorized';
    // A recovery over HTTP has a request of its own, and no connection.
    const link = this.#links.get(request);
    if (link !== undefined) Object.assign(link, { pane, token });
    return { principal: Object.hasOwn(PANES, pane) ? PANES[pane] : 'Guest' };
  }

  /** What is switched on now. */
  state() {
    return { chatter: this.#chatter !== undefined, refusing: [...this.#refusing] };
  }

  say(text) {
    this.#parts.say(text);
  }

  /**
   * Makes a fault.
   *
   * @returns {string} what was done, in a sentence for the page.
   * @throws TypeError for a command that is none.
   */
  make(command) {
    const { fault, target = 'both', count = 3, talk = true } = command ?? {};
    const panes = target === 'both' ? Object.keys(PANES) : [target];
    const fits = Number.isInteger(count) && count >= 1 && count <= MAX_COUNT;
    if (!Object.hasOwn(MAKE, fault) || !fits || panes.some((pane) => !Object.hasOwn(PANES, pane))) {
      throw new TypeError('expected { fault, target, count, talk }');
    }
    const links = [...this.#links.values()].filter(({ pane }) => panes.includes(pane));
    const who = panes.map((pane) => PANES[pane]).join(' and ');
    return MAKE[fault](this, { links, panes, who, count, talk });
  }

  close() {
    clearInterval(this.#chatter);
    for (const timer of this.#timers) clearTimeout(timer);
    // A half-open connection would not even notice that the hub closes it.
    for (const link of this.#links.values()) link.cut();
  }

  /** Messages that show what the fault does: at once, or one after the other. */
  follow(talk, count, stepMs = 0) {
    if (!talk) return;
    for (let i = 0; i < count; i += 1) {
      if (stepMs === 0) this.#speak();
      else this.#later(i * stepMs, () => this.#speak());
    }
  }

  burst() {
    for (let i = 1; i <= BURST; i += 1) this.say(`Burst, ${i} of ${BURST}.`);
  }

  expire() {
    this.#parts.expire();
  }

  restart() {
    this.#parts.restart();
  }

  refuseToken(link) {
    if (this.#refusedTokens.size >= MAX_REFUSED_TOKENS) this.#refusedTokens.clear();
    this.#refusedTokens.add(link.token);
    link.refuseToken();
  }

  refuseAll(panes, on) {
    for (const pane of panes) {
      if (on) this.#refusing.add(pane);
      else this.#refusing.delete(pane);
    }
  }

  toggleChatter() {
    const on = this.#chatter === undefined;
    clearInterval(this.#chatter);
    this.#chatter = undefined;
    if (!on) return false;
    let left = CHATTER_MESSAGES;
    this.#chatter = setInterval(() => {
      this.#speak();
      left -= 1;
      if (left === 0) this.toggleChatter();
    }, CHATTER_MS);
    return true;
  }

  #speak() {
    this.say(LINES[this.#said % LINES.length]);
    this.#said += 1;
  }

  #later(inMs, act) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, inMs);
    this.#timers.add(timer);
  }
}

/** Every fault by its name. Each does it, and says what was done. */
const MAKE = {
  cut(faults, { links, who, count, talk }) {
    for (const link of links) link.cut();
    faults.follow(talk, count);
    return `The connection of ${who} was cut.`;
  },
  'half-open'(faults, { links, who, count, talk }) {
    for (const link of links) link.goHalfOpen();
    faults.follow(talk, count);
    return `The connection of ${who} has gone silent. It takes 5 seconds to notice.`;
  },
  drop(faults, { links, who, count, talk }) {
    for (const link of links) link.arm('drop', count);
    faults.follow(talk, count + 1, STEP_MS);
    return `The next ${count} messages to ${who} are lost on the way.`;
  },
  duplicate(faults, { links, who, count, talk }) {
    for (const link of links) link.arm('duplicate', count);
    faults.follow(talk, count, STEP_MS);
    return `The next ${count} messages to ${who} are sent twice.`;
  },
  reorder(faults, { links, who, count, talk }) {
    for (const link of links) link.arm('reorder', Math.max(count, 2));
    faults.follow(talk, Math.max(count, 2), STEP_MS);
    return `The next ${Math.max(count, 2)} messages to ${who} come in reverse.`;
  },
  delay(faults, { links, who, count, talk }) {
    for (const link of links) link.delay(count, DELAY_MS);
    faults.follow(talk, count, STEP_MS);
    return `The next ${count} messages to ${who} take ${DELAY_MS / 1_000} seconds longer.`;
  },
  burst(faults) {
    faults.burst();
    return `${BURST.toLocaleString('en')} messages were published at once.`;
  },
  expire(faults, { links, who, count, talk }) {
    // Only who is away can miss what expires.
    for (const link of links) link.cut();
    faults.follow(talk, count);
    faults.expire();
    return `${who} was cut off, and the log expired meanwhile.`;
  },
  restart(faults, { count, talk }) {
    faults.restart();
    faults.follow(talk, count);
    return 'The server was restarted: an empty log with a new epoch.';
  },
  'refuse-once'(faults, { links, who, count, talk }) {
    for (const link of links) faults.refuseToken(link);
    faults.follow(talk, count);
    return `The token of ${who} is not good any more. A fresh one is.`;
  },
  refuse(faults, { links, panes, who, count, talk }) {
    faults.refuseAll(panes, true);
    for (const link of links) faults.refuseToken(link);
    faults.follow(talk, count);
    return `Every token of ${who} is refused until you accept them again.`;
  },
  accept(faults, { panes, who }) {
    faults.refuseAll(panes, false);
    return `Tokens of ${who} are accepted again. Who has given up comes back by “Connect again”.`;
  },
  chatter(faults) {
    return faults.toggleChatter() ? 'The server talks.' : 'The server is quiet.';
  },
};
