/**
 * The app's `snapshot` is loading a state that covers the log up to `target`. Nothing is accepted
 * meanwhile; what is heard of the log is remembered, so that it is asked as soon as the state is there.
 */
import type { Loss } from './channel-state.js';
import type { Position } from './position.js';

export class Resetting {
  /** One of a channel's phases. */
  readonly name = 'resetting' as const;
  /** The newest position heard of meanwhile. */
  heard: Position | undefined;

  constructor(
    readonly target: Position,
    readonly lost: Loss | undefined,
    /** The owner token of the place that was lost. */
    readonly tok: string,
  ) {}

  hear(epoch: string, seq: number): void {
    // A strange epoch outweighs any number: it makes us ask the log as soon as the state is loaded.
    const { heard, target } = this;
    if (heard !== undefined && heard.epoch !== target.epoch) return;
    if (epoch !== target.epoch || seq > (heard?.seq ?? target.seq)) this.heard = { epoch, seq };
  }

  /** The log may have gone on, nobody knows how far: it is to be asked. */
  hearNothing(): void {
    this.hear('', this.target.seq);
  }
}
