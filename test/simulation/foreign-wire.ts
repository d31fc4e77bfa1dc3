/** One connection at a time to another people's server: frames are text, late, lost, twice, out of place. */
import type { ClientFrame } from '../../src/core/frames.js';
import type { Agenda } from './agenda.js';
import type { Dice } from './dice.js';
import { CHANNEL, type Entry, type ForeignPlan, type ForeignServer } from './foreign-server.js';

interface Socket {
  readonly attempt: number;
  attached: boolean;
  beats: boolean;
  /** When the last frame that keeps its place arrives. */
  lastAt: number;
}

interface Client {
  readonly isFaulty: () => boolean;
  /** @param data as the transport of the dialect hands it on. */
  readonly received: (attempt: number, data: unknown) => void;
}

export class ForeignWire {
  #socket: Socket | undefined;

  constructor(
    private readonly plan: ForeignPlan,
    private readonly dice: Dice,
    private readonly agenda: Agenda,
    private readonly server: ForeignServer,
    private readonly client: Client,
  ) {}

  /** Of the socket that is open. */
  get attempt(): number | undefined {
    return this.#socket?.attempt;
  }

  open(attempt: number): void {
    this.#socket = { attempt, attached: false, beats: false, lastAt: 0 };
  }

  /** @returns the attempt whose socket it was, if one was open. */
  close(): number | undefined {
    const { attempt } = this;
    this.#socket = undefined;
    return attempt;
  }

  /** Hands a message to the client, if it is there, and may see it. */
  publish(entry: Entry): void {
    const { client, dice, plan } = this;
    if (entry.channel !== CHANNEL || entry.hidden) return;
    const socket = this.#socket;
    if (!socket?.attached) return;
    if (client.isFaulty() && dice.chance(plan.drop)) return;
    const times = client.isFaulty() && dice.chance(plan.twice) ? 2 : 1;
    const json = this.server.json(entry);
    for (let i = 0; i < times; i += 1) this.#down(socket, 'message', json);
  }

  /** The client sent a frame. */
  sent(frame: ClientFrame): void {
    const socket = this.#socket;
    if (socket === undefined || frame.type !== 'subscribe') return;
    const { plan } = this;
    this.agenda.in(this.dice.between(1, 20), () => {
      if (this.#socket !== socket) return;
      socket.attached = true;
      const facts = plan.joinFacts ? this.server.facts() : {};
      if (plan.heads && !socket.beats) this.#beat(socket);
      socket.beats = true;
      if (plan.socketio) this.#down(socket, 'join', facts, frame);
      else this.#down(socket, 'joined', { type: 'subscribed', channel: CHANNEL, ...facts });
    });
  }

  #beat(socket: Socket): void {
    this.agenda.in(10_000, () => {
      if (this.#socket !== socket) return;
      this.#down(socket, 'heads', { type: 'heads', channel: CHANNEL, ...this.server.facts() });
      this.#beat(socket);
    });
  }

  #down(socket: Socket, event: string, json: unknown, answerTo?: ClientFrame): void {
    const text = JSON.stringify(json);
    const isFree = this.plan.reorders && event === 'message';
    const soon = this.agenda.now + this.dice.between(2, 40);
    const at = isFree ? soon : Math.max(soon, socket.lastAt);
    if (!isFree) socket.lastAt = at;
    this.agenda.at(at, () => {
      if (this.#socket !== socket) return;
      const payload = JSON.parse(text) as unknown;
      const arrival = answerTo === undefined ? { event, payload } : { answerTo, payload };
      this.client.received(socket.attempt, this.plan.socketio ? arrival : text);
    });
  }
}
