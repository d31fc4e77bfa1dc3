/** The control panel: each button is one command to the server, which makes the fault. */

/** How often a talking server is asked whether it still talks: it stops by itself, or for another tab. */
const LOOK_MS = 2_000;

export class ControlPanel {
  #form;
  #note;
  #look;

  constructor(form, { onForget }) {
    this.#form = form;
    this.#note = form.querySelector('[data-part="note"]');
    form.addEventListener('submit', (event) => event.preventDefault());
    for (const button of form.querySelectorAll('button[data-fault]')) {
      button.addEventListener('click', () => void this.#make(button.dataset.fault));
    }
    form.querySelector('[data-part="forget"]').addEventListener('click', onForget);
    void this.#load();
  }

  async #make(fault) {
    const { count, talk, target } = this.#form.elements;
    const [least, most] = [Number(count.min), Number(count.max)];
    const wanted = Math.min(most, Math.max(least, Math.round(Number(count.value)) || least));
    count.value = wanted;
    const command = { fault, target: target.value, count: wanted, talk: talk.checked };
    try {
      const response = await fetch('/faults', { method: 'POST', body: JSON.stringify(command) });
      const { error, note, ...state } = await response.json();
      this.#note.textContent = note ?? `The server refused: ${error}.`;
      if (response.ok) this.#show(state);
    } catch {
      this.#note.textContent = 'The demo’s server cannot be reached.';
    }
  }

  /** What is switched on, by an earlier life of this page or by another tab. */
  async #load() {
    try {
      this.#show(await (await fetch('/faults')).json());
    } catch {
      this.#note.textContent = 'The demo’s server cannot be reached.';
    }
  }

  #show({ chatter, refusing }) {
    this.#form.querySelector('[data-fault="chatter"]').ariaPressed = String(chatter);
    this.#form.querySelector('[data-fault="refuse"]').ariaPressed = String(refusing.length > 0);
    this.#form.querySelector('[data-fault="accept"]').disabled = refusing.length === 0;
    clearTimeout(this.#look);
    if (chatter) this.#look = setTimeout(() => void this.#load(), LOOK_MS);
  }
}
