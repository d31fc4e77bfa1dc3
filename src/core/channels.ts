/** The channels that are wanted, by name; and which of them this input concerned. */
import { ChannelMachine, type ChannelHost } from './channel-machine.js';
import type { ChannelIntent } from './vocabulary.js';

export class Channels {
  readonly #machines = new Map<string, ChannelMachine>();
  /**
   * The channels that this input concerned, to be finished at its end. One may be listed more than once:
   * finishing it again changes nothing, and a set would cost more than all else that a message costs.
   */
  #touched: ChannelMachine[] = [];
  readonly #host: ChannelHost;

  constructor(host: Omit<ChannelHost, 'touch'>) {
    this.#host = { ...host, touch: (machine) => this.#touch(machine) };
  }

  /** Is any channel joined or being joined? Only then does the server have something to answer. */
  get areWanted(): boolean {
    for (const { join } of this.#machines.values()) if (join.isWanted) return true;
    return false;
  }

  get names(): Iterable<string> {
    return this.#machines.keys();
  }

  has(channel: string): boolean {
    return this.#machines.has(channel);
  }

  /** Looks a channel up without marking it as concerned by this input. */
  peek(channel: string): ChannelMachine | undefined {
    return this.#machines.get(channel);
  }

  /** Looks a channel up and marks it as concerned by this input. */
  find(channel: string): ChannelMachine | undefined {
    const machine = this.#machines.get(channel);
    if (machine !== undefined) this.#touch(machine);
    return machine;
  }

  /** Every channel, each marked as concerned by this input. */
  *all(): Generator<ChannelMachine> {
    for (const machine of this.#machines.values()) {
      this.#touch(machine);
      yield machine;
    }
  }

  /** A channel is wanted. @returns its machine when it is a new one, or was refused before. */
  join(channel: string, intent: ChannelIntent): ChannelMachine | undefined {
    this.#host.ctx.disarm(`leave ${channel}`);
    const known = this.find(channel);
    if (known !== undefined) {
      if (!known.failed) return undefined;
      if (known.revive()) return known;
      this.#drop(channel, known);
    }
    const machine = new ChannelMachine(channel, intent, this.#host);
    this.#machines.set(channel, machine);
    this.#touch(machine);
    return machine;
  }

  /** Nobody has a handle any more: leave a little later, unless one comes. */
  release(channel: string): void {
    const { ctx } = this.#host;
    ctx.arm(`leave ${channel}`, ctx.settings.leaveDelayMs);
  }

  leave(channel: string): void {
    const machine = this.find(channel);
    if (machine === undefined) return;
    // A handler at work may still finish: what it is handling must not be delivered to the next handle.
    if (machine.consumer.isBusy) this.release(channel);
    else this.#drop(channel, machine);
  }

  close(): void {
    for (const machine of this.all()) machine.close();
    this.#machines.clear();
  }

  /** The input is done. */
  finish(): void {
    for (const machine of this.#touched) machine.finish();
    this.#touched = [];
  }

  #touch(machine: ChannelMachine): void {
    if (this.#touched.at(-1) !== machine) this.#touched.push(machine);
  }

  #drop(channel: string, machine: ChannelMachine): void {
    machine.close();
    this.#machines.delete(channel);
    this.#touched = this.#touched.filter((one) => one !== machine);
    this.#host.ctx.emit({ type: 'left', channel });
  }
}
