/** The channels that are wanted, by name; and which of them this input concerned. */
import { ChannelMachine, type ChannelHost } from './channel-machine.js';
import type { ChannelIntent } from './vocabulary.js';

export class Channels {
  readonly #machines = new Map<string, ChannelMachine>();
  /**
   * What they accepted is handed on at the end of the input. In order, one perhaps several times: to
   * finish again changes nothing, and a set costs more than all else that is done for a message.
   */
  #touched: ChannelMachine[] = [];
  readonly #host: ChannelHost;

  constructor(host: Omit<ChannelHost, 'touch'>) {
    this.#host = { ...host, touch: (machine) => this.#touch(machine) };
  }

  /** Is there one that the server serves, or was asked to? What it refused has nothing to answer. */
  get areWanted(): boolean {
    for (const { isWanted } of this.#machines.values()) if (isWanted) return true;
    return false;
  }

  get names(): Iterable<string> {
    return this.#machines.keys();
  }

  has(channel: string): boolean {
    return this.#machines.has(channel);
  }

  /** For a look: nothing comes for the channel. */
  peek(channel: string): ChannelMachine | undefined {
    return this.#machines.get(channel);
  }

  /** Something comes for the channel. */
  find(channel: string): ChannelMachine | undefined {
    const machine = this.#machines.get(channel);
    if (machine !== undefined) this.#touch(machine);
    return machine;
  }

  /** Something comes for all of them. */
  *all(): Generator<ChannelMachine> {
    for (const machine of this.#machines.values()) {
      this.#touch(machine);
      yield machine;
    }
  }

  /** A channel is wanted. @returns its machine when it is a new one. */
  join(channel: string, intent: ChannelIntent): ChannelMachine | undefined {
    this.#host.ctx.deadlines.clear(`leave ${channel}`);
    const known = this.#machines.get(channel);
    if (known !== undefined && !known.hasFailed) return undefined;
    if (known !== undefined) this.#drop(channel, known);
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
    if (machine.isBusy) this.release(channel);
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
