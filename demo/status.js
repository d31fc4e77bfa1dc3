/** The status card of a pane: both states and the numbers, in words. */

const REASONS = {
  closed: 'closed',
  refused: 'refused',
  timeout: 'no answer',
  dead: 'gone silent',
  token: 'no token',
  offline: 'offline',
  pagehide: 'page hidden',
  restart: 'server restarts',
};
const STALLS = { recovery: 'recovery fails', refused: 'refused', resets: 'log flips' };

/** How often the countdown to the next attempt is drawn. */
const COUNTDOWN_MS = 100;

export class Status {
  #fields;
  #again;
  #dueAt = 0;
  #countdown;
  #connection = { name: 'idle' };

  constructor({ root, again }) {
    this.#fields = Object.fromEntries(
      Array.from(root.querySelectorAll('[data-field]'), (field) => [field.dataset.field, field]),
    );
    this.#again = again;
  }

  connection(state) {
    this.#connection = state;
    clearInterval(this.#countdown);
    if (state.name === 'waiting' && state.retryInMs !== undefined) {
      this.#dueAt = performance.now() + state.retryInMs;
      this.#countdown = setInterval(() => this.#showConnection(), COUNTDOWN_MS);
    }
    this.#again.hidden = state.name !== 'unauthorized' && state.name !== 'failed';
    this.#showConnection();
  }

  channel(state) {
    this.#set('channel', describeChannel(state), state.name);
  }

  numbers({ last, stored, head, held }) {
    this.#set('last', last ?? '–');
    this.#set('stored', stored ?? '–');
    this.#set('head', head ?? '–');
    this.#set('held', held ?? 0);
  }

  #showConnection() {
    const left = Math.max(0, this.#dueAt - performance.now());
    this.#set('connection', describeConnection(this.#connection, left), this.#connection.name);
  }

  #set(name, text, state) {
    const field = this.#fields[name];
    const value = String(text);
    if (field.textContent !== value) field.textContent = value;
    if (state !== undefined) field.dataset.state = state;
  }
}

/** @param leftMs until the next attempt, when one is due. */
export function describeConnection(state, leftMs) {
  switch (state.name) {
    case 'connecting':
      return `connecting, attempt ${state.attempt}`;
    case 'waiting': {
      const why = REASONS[state.reason] ?? state.reason;
      return state.retryInMs === undefined
        ? `waiting (${why})`
        : `retry in ${(leftMs / 1_000).toFixed(1)} s (${why})`;
    }
    case 'failed':
      return `failed, code ${state.code}`;
    default:
      return state.name;
  }
}

export function describeChannel(state) {
  switch (state.name) {
    case 'recovering':
      return `recovering from ${state.since} to ${state.head}`;
    case 'stalled':
      return `stalled (${STALLS[state.reason] ?? state.reason})`;
    case 'failed':
      return `failed (${state.code})`;
    default:
      return state.name;
  }
}
