/** What is being sent: shown until the server has given it a number, and kept when it has not. */
import { element } from './chat-list.js';

/** Long enough for a half-open connection to be noticed and replaced. */
const TIMEOUT_MS = 15_000;

export class Outbox {
  #list;
  #publish;
  #onFailed;
  #onPressed;

  /**
   * @param parts `publish` sends data under a key: the same key is the same message, however often it
   *   is sent. `onPressed` is called before a button goes that may have the focus.
   */
  constructor({ list, publish, onFailed, onPressed }) {
    this.#list = list;
    this.#publish = publish;
    this.#onFailed = onFailed;
    this.#onPressed = onPressed;
  }

  send(text) {
    const row = element('li');
    const state = element('span', 'state', 'sending');
    row.append(state, element('span', 'text', text));
    const buttons = element('span', 'buttons');
    row.append(buttons);
    this.#list.append(row);
    const key = crypto.randomUUID();

    const attempt = async () => {
      state.textContent = 'sending';
      buttons.replaceChildren();
      try {
        await this.#publish({ text }, { key, timeoutMs: TIMEOUT_MS });
        row.remove();
      } catch (error) {
        state.textContent = `not sent (${error.code ?? 'error'})`;
        buttons.append(
          this.#button('Try again', () => void attempt()),
          this.#button('Discard', () => row.remove()),
        );
        this.#onFailed(text);
      }
    };
    void attempt();
  }

  #button(label, act) {
    const made = element('button', 'small', label);
    made.type = 'button';
    made.addEventListener('click', () => {
      this.#onPressed();
      act();
    });
    return made;
  }
}
