/** One connection: two ordered streams of frames with latency, either of which may die in silence. */
import type { ClientFrame, DecodedFrame } from '../../src/core/frames.js';
import type { Tab } from './tab.js';
import type { Server } from './server.js';
import type { World } from './world.js';

interface Packet {
  readonly frames: DecodedFrame[];
  sent: boolean;
}

export class Link {
  /** Channels that the server sends to this link. */
  readonly attached = new Set<string>();
  /** When the token was issued that the client has shown; undefined before it has shown one. */
  issuedAt: number | undefined;
  isOpen = false;
  /** Frames in one direction vanish while both ends think the connection is well. */
  losesDown = false;
  losesUp = false;
  #closed = false;
  #hungUp = false;
  #downAt = 0;
  #upAt = 0;
  #last: Packet | undefined;

  constructor(
    private readonly world: World,
    private readonly server: Server,
    readonly client: Tab,
    readonly attempt: number,
    readonly instance: number,
  ) {}

  /** Is it of no use to the server any more? */
  get isOver(): boolean {
    return this.#closed || this.#hungUp;
  }

  open(): void {
    if (this.#hungUp) return;
    this.isOpen = true;
    this.client.enter({ type: 'opened', attempt: this.attempt });
  }

  /** Server to client. */
  down(frame: DecodedFrame): void {
    if (this.#closed || !this.isOpen) return;
    const { agenda, dice, plan } = this.world;
    if (plan.arrays && this.#last?.sent === false && dice.chance(0.5)) {
      this.#last.frames.push(frame);
      return;
    }
    const packet: Packet = { frames: [frame], sent: false };
    this.#last = packet;
    this.#downAt = Math.max(this.#downAt, agenda.now + this.world.latency());
    agenda.at(this.#downAt, () => {
      packet.sent = true;
      if (this.losesDown) return;
      // A transport that lets frames of a socket through that was given up already.
      if (this.#hungUp && !this.world.strike('lateFrames', 1)) return;
      this.client.received(this.attempt, packet.frames);
    });
  }

  /** Client to server. */
  up(frames: readonly ClientFrame[]): void {
    if (this.#closed || this.#hungUp || !this.isOpen) return;
    const { agenda } = this.world;
    this.#upAt = Math.max(this.#upAt, agenda.now + this.world.latency());
    agenda.at(this.#upAt, () => {
      if (this.losesUp || this.#closed) return;
      for (const frame of frames) this.server.receive(this, frame);
    });
  }

  /** The token in hand, shown at its place among the frames. */
  show(issuedAt: number): void {
    if (this.#closed || this.#hungUp) return;
    const { agenda } = this.world;
    this.#upAt = Math.max(this.#upAt, agenda.now + this.world.latency());
    agenda.at(this.#upAt, () => {
      if (this.losesUp || this.#closed) return;
      this.issuedAt = issuedAt;
      this.server.authenticated(this);
    });
  }

  /** The server, or the network with a sound, ends it. */
  close(code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    const at = Math.max(this.#downAt, this.world.agenda.now + this.world.latency());
    this.world.agenda.at(at, () => {
      if (this.#hungUp || this.losesDown) return;
      this.#hungUp = true;
      this.client.enter({ type: 'dropped', attempt: this.attempt, code, reason: '' });
    });
  }

  /** The client gives it up. The server learns of it a little later. */
  hangUp(): void {
    if (this.#hungUp) return;
    this.#hungUp = true;
    this.world.agenda.in(this.world.latency(), () => {
      this.#closed = true;
    });
  }
}
