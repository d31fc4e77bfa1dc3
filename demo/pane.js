/** One pane: a client of its own, the room as it sees it, and what it shows of both. */
import { ChatList, gapText } from './chat-list.js';
import { Conversation } from './conversation.js';
import { Outbox } from './outbox.js';
import { Status } from './status.js';
import { Timeline } from './timeline.js';

const ROOM = 'room:harbour';
/** The script tag's global. */
const { createClient } = globalThis.Lastseq;

/** Screen readers are told at most this often; a burst is one sentence. */
const ANNOUNCE_MS = 1_500;

export class Pane {
  #name;
  #client;
  #room;
  #conversation;
  #list;
  #timeline;
  #status;
  #live;
  #frame;
  #news = { count: 0, last: '', state: '' };
  #announcing;

  /** @param recover the address of the recovery call; undefined: over the socket. */
  constructor(root, { id, name, recover }) {
    const $ = (part) => root.querySelector(`[data-part="${part}"]`);
    this.#name = name;
    this.#live = $('announcer');
    this.#list = new ChatList({ list: $('list'), jump: $('jump'), own: name });
    this.#timeline = new Timeline({ strip: $('strip'), legend: $('legend') });
    this.#status = new Status({ root, again: $('again') });
    this.#conversation = new Conversation(id, {
      position: () => this.#room.position,
      onSaved: () => this.#changed(),
    });
    for (const item of this.#conversation.items) {
      this.#list.add(item);
      this.#timeline.item(item, true);
    }

    this.#client = createClient({
      url: '/realtime',
      recover,
      // A real app would fetch it. Each is used until the server says that it is not good any more.
      token: () => `${id}.${crypto.randomUUID()}`,
      namespace: `demo-${id}`,
      logger: (entry) => this.#log(entry),
    });
    this.#client.on('state', (state) => this.#status.connection(state));
    // `unauthorized` and the like are states too, and shown as such; here they must be heard, or they
    // count as uncaught.
    this.#client.on('error', (error) => this.#announce({ state: error.message }));
    this.#room = this.#client.channel(ROOM, { start: this.#conversation.start });
    this.#room.on('state', (state) => {
      this.#status.channel(state);
      this.#announce({ state: state.name });
    });
    this.#room.subscribe({
      message: (message) => this.#show(this.#conversation.addMessage(message)),
      gap: (gap) => this.#show(this.#conversation.addGap(gap)),
    });
    addEventListener('pagehide', () => this.#conversation.flush());

    // A button that goes with the press would drop the focus to the top of the page.
    const keepFocus = () => root.focus({ preventScroll: true });
    const outbox = new Outbox({
      list: $('outbox'),
      publish: (data, options) => this.#room.publish(data, options),
      onFailed: (text) => this.#announce({ state: `Not sent: ${text}` }),
      onPressed: keepFocus,
    });
    $('form').addEventListener('submit', (event) => {
      event.preventDefault();
      const input = $('input');
      const text = input.value.trim();
      if (text === '') return;
      input.value = '';
      outbox.send(text);
    });
    $('again').addEventListener('click', () => {
      keepFocus();
      this.#client.connect();
    });
    this.#changed();
  }

  /** Wipes what this pane keeps in the browser. */
  async forget() {
    this.#conversation.forget();
    await this.#client.forget();
    await this.#client.close();
  }

  #show(item) {
    this.#list.add(item);
    this.#timeline.item(item);
    this.#announce(
      item.type === 'gap' ? { state: gapText(item) } : { message: `${item.from}: ${item.text}` },
    );
    this.#changed();
  }

  #log(entry) {
    if (entry.event === 'held' || entry.event === 'duplicate') {
      this.#timeline[entry.event](this.#room.position?.epoch, entry.seq);
    }
    this.#changed();
  }

  /** Something is new: draw it with the next frame. */
  #changed() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      const { position, last, head, held } = this.#room.inspect();
      this.#list.render();
      this.#timeline.render({ epoch: position?.epoch, last, head });
      const stored = this.#conversation.stored?.seq;
      this.#status.numbers({ last: position?.seq, stored, head: Math.max(head, last), held });
    });
  }

  #announce({ message, state }) {
    if (message !== undefined) {
      this.#news.count += 1;
      this.#news.last = message;
    }
    if (state !== undefined) this.#news.state = state;
    this.#announcing ??= setTimeout(() => {
      this.#announcing = undefined;
      const { count, last, state: shown } = this.#news;
      this.#news = { count: 0, last: '', state: '' };
      const messages = count === 0 ? '' : count === 1 ? last : `${count} new messages. ${last}`;
      this.#live.textContent = [this.#name, shown, messages].filter(Boolean).join('. ');
    }, ANNOUNCE_MS);
  }
}
