// The clock and the page signals in a page.
import { afterEach, expect, test } from 'vitest';
import { domPageSignals } from '../../src/adapters/page-signals-dom.js';
import { systemClock } from '../../src/adapters/system-clock.js';
import type { PageSignal } from '../../src/core/vocabulary.js';

let stop = (): void => undefined;

afterEach(() => stop());

const listen = (): PageSignal[] => {
  const signals: PageSignal[] = [];
  stop = domPageSignals().listen((signal) => signals.push(signal));
  return signals;
};

test('signals: a page is heard until the stop, and not after it', () => {
  const signals = listen();
  signals.length = 0;
  dispatchEvent(new Event('online'));
  dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
  dispatchEvent(new PageTransitionEvent('pageshow', { persisted: false }));
  dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
  document.dispatchEvent(new Event('freeze'));
  const expected: PageSignal[] = ['online', 'pagehide', 'pageshow', 'freeze'];
  expect(signals.filter((signal) => signal !== 'hidden')).toEqual(expected);
  stop();
  dispatchEvent(new Event('online'));
  dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
  expect(signals.filter((signal) => signal !== 'hidden')).toEqual(expected);
});

test('signals: the visibility told is that of the document', () => {
  const signals = listen();
  const now = document.visibilityState === 'visible' ? 'visible' : 'hidden';
  expect(signals).toEqual(now === 'hidden' ? ['hidden'] : []);
  document.dispatchEvent(new Event('visibilitychange'));
  expect(signals.at(-1)).toBe(now);
});

test('clock: soon runs in order, after microtasks, one task each', async () => {
  const { soon } = systemClock();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    soon(() => {
      order.push('first');
      queueMicrotask(() => order.push('its microtask'));
      soon(() => {
        order.push('third');
        resolve();
      });
    });
    soon(() => order.push('second'));
    queueMicrotask(() => order.push('microtask'));
    order.push('now');
  });
  expect(order).toEqual(['now', 'microtask', 'first', 'its microtask', 'second', 'third']);
});

test('clock: thousands of steps in a row do not slow down as nested timers do', async () => {
  const { soon } = systemClock();
  let steps = 0;
  await new Promise<void>((resolve) => {
    const step = (): void => {
      steps += 1;
      if (steps === 10_000) resolve();
      else soon(step);
    };
    soon(step);
  });
  expect(steps).toBe(10_000);
});

test('clock: it follows time and does not go back', async () => {
  const clock = systemClock();
  const readings = [clock.now()];
  for (let i = 0; i < 1_000; i += 1) readings.push(clock.now());
  const before = performance.now();
  const start = clock.now();
  await new Promise<void>((resolve) => clock.after(20, resolve));
  readings.push(clock.now());
  expect(readings.every((value, i) => i === 0 || value >= (readings[i - 1] ?? 0))).toBe(true);
  const elapsed = clock.now() - start;
  expect(elapsed).toBeGreaterThan(0);
  expect(elapsed).toBeLessThanOrEqual(performance.now() - before);
});

test('clock: a seed is an integer of 32 bits', () => {
  const seed = systemClock().seed();
  expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32).toBe(true);
});
