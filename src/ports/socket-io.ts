import type { ClientFrame } from '../core/frames.js';

/** The part of a `Socket` of socket.io-client 4 that is used. */
export interface SocketIoSocket {
  readonly connected: boolean;
  /** Does it connect by itself, at the next attempt of its manager? There may be none. */
  readonly active: boolean;
  /** Its manager, and the connection of that: 'opening', 'open', 'closing' or 'closed'. */
  readonly io?: { readonly engine: { readonly readyState: string } };
  connect(): unknown;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
}

/** An event to send, with one argument. */
export interface SocketIoEvent {
  readonly event: string;
  readonly payload: unknown;
}

/** The frames of ours that a Socket.IO server may want to hear of. */
export type SocketIoFrame = Extract<ClientFrame, { type: 'subscribe' | 'unsubscribe' | 'publish' }>;

/** What a frame of ours is for a Socket.IO server. */
export interface SocketIoCall {
  readonly frame: SocketIoFrame;
  /** Undefined: the server needs no such event. */
  readonly emit: SocketIoEvent | undefined;
  /**
   * When it counts as answered: when the server acknowledges it, when it was sent (for a server that
   * acknowledges nothing), or never.
   */
  readonly answered: 'acknowledged' | 'sent' | 'never';
  /** Takes it back; sent when the transport is closed and the app's socket stays open. */
  readonly undo?: SocketIoEvent | undefined;
}

/** What comes from the server: an event, or the answer to a frame of ours. */
export type SocketIoArrival =
  SocketIoEvent | { readonly answerTo: SocketIoFrame; readonly payload: unknown };
