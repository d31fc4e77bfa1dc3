/** Time and chance of the machine. */
import type { Clock } from '../ports/clock.js';

/** The longest that a timer can wait; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * `performance.now` and `Date.now` disagree by less than this unless the machine slept or somebody
 * set the wall clock. Taking the greater of the two at every reading would need no bound, but adds
 * up their rounding: a clock that is read often would run at twice the speed.
 */
const DISAGREEMENT_MS = 1_000;

/**
 * `performance.now` alone stands still while a machine sleeps (https://crbug.com/1206450), `Date.now`
 * alone goes where somebody sets it. This clock follows the first and adds what the second says was
 * slept. A wall clock set back changes nothing; one set forward looks like sleep, which is harmless:
 * the core probes after a sleep and gives nothing up.
 *
 * `after` may call back early for waits beyond 24.8 days: the core takes a needless wake-up for nothing.
 */
export function systemClock(): Clock {
  const steady = steadyNow();
  let lead = Date.now() - steady();
  let slept = 0;
  let last = 0;

  return {
    now() {
      const elapsed = steady();
      const ahead = Date.now() - elapsed - lead;
      if (Math.abs(ahead) >= DISAGREEMENT_MS) {
        lead += ahead;
        slept += Math.max(ahead, 0);
      }
      last = Math.max(last, elapsed + slept);
      return last;
    },

    wall: () => Date.now(),

    after(inMs, callback) {
      const timer = globalThis.setTimeout(callback, Math.min(Math.max(inMs, 0), MAX_TIMER_MS));
      return () => globalThis.clearTimeout(timer);
    },

    soon: taskQueue(),

    seed() {
      try {
        return globalThis.crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
      } catch {
        // There is none; or it throws outside of a request, as Cloudflare's does while a module is loaded.
        return Math.floor(Math.random() * 2 ** 32);
      }
    },
  };
}

function steadyNow(): () => number {
  const { performance } = globalThis as Partial<typeof globalThis>;
  return typeof performance?.now === 'function' ? () => performance.now() : () => Date.now();
}

/**
 * One task per callback, so that one that throws is reported and the next still runs. Messages are
 * not throttled in hidden pages, as timers are. The channel lives only while something waits: an
 * open port keeps a Node process alive, and a browser never collects it.
 */
function taskQueue(): (callback: () => void) => void {
  const waiting: (() => void)[] = [];
  let channel: MessageChannel | undefined;

  const runOne = (): void => {
    try {
      waiting.shift()?.();
    } finally {
      if (waiting.length === 0) {
        channel?.port1.close();
        channel = undefined;
      }
    }
  };

  return (callback) => {
    if (typeof globalThis.MessageChannel !== 'function') {
      globalThis.setTimeout(callback, 0);
      return;
    }
    waiting.push(callback);
    if (channel === undefined) {
      channel = new globalThis.MessageChannel();
      channel.port1.onmessage = runOne;
    }
    channel.port2.postMessage(0);
  };
}
