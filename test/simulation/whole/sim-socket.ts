/**
 * The WebSocket of a simulated page. The transport that ships, and the library below it, take the
 * constructor and their timers from the page: for one schedule both are of the world.
 */
import type { ClientFrame } from '../../../src/core/frames.js';
import type { TransportEvent, TransportFactory } from '../../../src/ports/transport.js';
import { webSocketTransport } from '../../../src/adapters/websocket-transport.js';
import type { Dice } from '../dice.js';
import type { Link } from '../link.js';
import type { World } from '../world.js';
import { sendOver, withGlobals } from './ports.js';
import type { WholeClient } from './whole-client.js';

/** A browser waits this long for the other end's word before it reports a close that it began. */
const CLOSE_MS = 30_000;
/** After an `error` most sockets report their close in the same task; some much later. */
const LATE_CLOSE_CHANCE = 0.3;
/** And some never do. */
const NO_CLOSE_CHANCE = 0.1;

/** The sockets of the schedule that runs, by page life and attempt. */
let sockets = new Map<WholeClient, Map<number, SimSocket>>();
let world: World | undefined;
let dice: Dice;

/** The transport that ships. What the world has for the tab goes to the socket of that attempt. */
export const socketTransport =
  (tab: WholeClient): TransportFactory =>
  (emit) => {
    tab.emit = (event) => {
      if (event.type !== 'available') sockets.get(tab)?.get(event.attempt)?.hear(event);
    };
    return webSocketTransport([])(emit);
  };

/** Runs a schedule of a page with such sockets. */
export function withSockets<Value>(of: World, run: () => Promise<Value>): Promise<Value> {
  world = of;
  dice = of.dice.fork('sockets');
  sockets = new Map();
  const lent = {
    WebSocket: SimSocket,
    setTimeout: (callback: () => void, ms: number) => {
      const timer = { isOff: false };
      of.agenda.in(ms + dice.between(0, 4), () => {
        if (!timer.isOff) callback();
      });
      return timer;
    },
    clearTimeout: (timer: { isOff: boolean } | undefined) => {
      if (timer !== undefined) timer.isOff = true;
    },
  };
  return withGlobals(lent, run);
}

class SimSocket extends EventTarget {
  binaryType = 'blob';
  readyState = 0;
  readonly #tab: WholeClient;
  readonly #link: Link | undefined;

  constructor(url: string) {
    super();
    const tab = world?.tabs.find(({ id }) => url.endsWith(`/${id}`)) as WholeClient | undefined;
    if (tab === undefined) throw new SyntaxError(`the address ${url} is none`);
    this.#tab = tab;
    // A timer of a page that is gone: in truth it would not have come.
    if (tab.isDead) return;
    this.#link = tab.world.server.dial(tab, tab.attempt);
    const known = sockets.get(tab) ?? new Map<number, SimSocket>();
    sockets.set(tab, known.set(tab.attempt, this));
  }

  /** The world has something for this socket. */
  hear(event: Exclude<TransportEvent, { type: 'available' }>): void {
    if (event.type === 'dropped') return this.#drop(event.code);
    if (event.type === 'opened') {
      if (this.readyState !== 0) return;
      this.readyState = 1;
      this.#fire('open');
    } else if (this.readyState === 1) this.#fire('message', { data: event.data });
  }

  send(frames: readonly ClientFrame[]): void {
    if (this.readyState === 1 && this.#link !== undefined) sendOver(this.#link, frames);
  }

  close(code = 1000, reason = ''): void {
    if (code !== 1000 && (code < 3000 || code > 4999)) throw new RangeError(`close code ${code}`);
    if (new TextEncoder().encode(reason).length > 123) throw new SyntaxError('the reason is long');
    if (this.readyState >= 2) return;
    const wasOpen = this.readyState === 1;
    this.readyState = 2;
    this.#link?.hangUp();
    this.#closeLater(wasOpen && dice.chance(0.5) ? code : 1006);
  }

  /** The server, or the network, has ended it. */
  #drop(code: number): void {
    if (this.readyState >= 2) return;
    const isLate = code === 1006 && dice.chance(LATE_CLOSE_CHANCE);
    this.readyState = isLate ? 2 : 3;
    if (code === 1006) this.#fire('error');
    if (!isLate) return this.#close(code);
    this.#closeLater(code);
  }

  #close(code: number): void {
    this.readyState = 3;
    this.#fire('close', { code, reason: '' });
  }

  #closeLater(code: number): void {
    if (dice.chance(NO_CLOSE_CHANCE)) return;
    this.#tab.world.agenda.in(dice.between(0, CLOSE_MS), () => {
      this.#tab.run(() => {
        this.#close(code);
      });
    });
  }

  #fire(type: string, facts: { code?: number; reason?: string; data?: unknown } = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), facts));
  }
}
