/** What the server says, brought to the machine that it concerns. */
import type { Auth } from './auth.js';
import type { Channels } from './channels.js';
import type { Connection } from './connection.js';
import type { Context } from './context.js';
import type { DecodedFrame } from './frames.js';
import type { Publisher } from './publisher.js';
import type { RecoveryCalls } from './recovery-calls.js';

export interface RouterParts {
  readonly ctx: Context;
  readonly connection: Connection;
  readonly auth: Auth;
  readonly calls: RecoveryCalls;
  readonly publisher: Publisher;
  /** The channels that are wanted; a frame for any other is late, and dropped. */
  readonly channels: Channels;
}

export class FrameRouter {
  constructor(private readonly parts: RouterParts) {}

  frames(frames: readonly DecodedFrame[]): void {
    this.parts.connection.heard();
    for (const frame of frames) this.#frame(frame);
  }

  #frame(frame: DecodedFrame): void {
    const { auth, calls, channels, connection, ctx, publisher } = this.parts;
    switch (frame.type) {
      case 'message':
        return channels.find(frame.channel)?.message(frame);
      case 'heads':
        for (const head of frame.heads) channels.find(head.channel)?.head(head);
        return;
      case 'subscribed':
        this.#served();
        return channels.find(frame.channel)?.subscribed(frame.id, frame);
      case 'joined':
        this.#served();
        if (frame.channel !== undefined) return channels.find(frame.channel)?.joined(frame.id);
        ctx.servesAll = true;
        for (const machine of channels.all()) machine.joined(undefined);
        return;
      case 'recovered':
        connection.answered();
        for (const item of frame.items) {
          if (item.status === 401) connection.refused();
          calls.answered(frame.id, item);
        }
        return void calls.ended(frame.id, 'the answer leaves the channel out');
      case 'ack':
        // A client that only publishes is shown nothing else: each of its refusals would follow the last one.
        auth.accepted(connection.tokenVersion);
        publisher.acked(frame.id, frame.position);
        // Our own message is in the log: when its echo does not come, the log is asked.
        return channels.find(frame.channel)?.reader.heard(frame.position.epoch, frame.position.seq);
      case 'error':
        return this.#error(frame);
      case 'unsubscribed':
        return channels.find(frame.channel)?.refused(frame.code, frame.retry);
      case 'welcome':
        ctx.caps = new Set(frame.caps);
        if (frame.heartbeatMs !== undefined) connection.heartbeat(frame.heartbeatMs);
        connection.redial.spreadRetries(frame.retrySpreadMs);
        return calls.setLimits(frame.limits);
      case 'goaway':
        return connection.redial.goaway(frame.spreadMs);
      case 'pong':
        return connection.answered();
      case 'bad':
        ctx.counters.badFrames += 1;
        ctx.notice({ event: 'badFrame', reason: frame.reason });
        // It may have been a message: the log is asked.
        if (frame.channel !== undefined) channels.find(frame.channel)?.reader.following?.suspect();
    }
  }

  /** The server serves us: it has let us in, and answers. */
  #served(): void {
    const { auth, connection } = this.parts;
    connection.joined();
    connection.answered();
    auth.accepted(connection.tokenVersion);
  }

  #error(frame: Extract<DecodedFrame, { type: 'error' }>): void {
    const { calls, channels, connection, publisher } = this.parts;
    const { channel, code, id, message, retry } = frame;
    const detail = message === undefined ? code : `${code}: ${message}`;
    // Before the others: a publish that was refused for its token waits, and is sent again with a fresh one.
    if (code === 'unauthorized') return connection.refused();
    if (id !== undefined && publisher.failed(id, 'refused', detail)) return;
    if (id !== undefined && calls.ended(id, detail)) return;
    if (channel !== undefined) channels.find(channel)?.refused(code, retry, id);
    else this.parts.ctx.notice({ event: 'badFrame', reason: `server error ${detail}` });
  }
}
