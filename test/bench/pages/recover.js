import './timed-socket.js';
import { opened } from './timed-socket.js';

/** A client, and how long it takes it to get what it missed. */
export async function contender(open, url, options) {
  let handled = 0;
  let reached = () => undefined;
  let [target, first] = [Infinity, 0];
  const { ready } = open(
    url,
    () => {
      handled += 1;
      first ||= performance.now();
      if (handled === target) reached();
    },
    options,
  );
  await ready;

  return (count) =>
    watched(async () => {
      [target, first] = [handled + count, 0];
      const done = new Promise((resolve) => (reached = resolve));
      await fetch(`/cut?count=${count}`, { method: 'POST' });
      await done;
      return { ms: performance.now() - opened(), firstMs: first - opened() };
    });
}

/** What could be done without a protocol: one call, one parse, one loop. */
export const baseline = () => async () =>
  watched(async () => {
    let handled = 0;
    let first = 0;
    const from = performance.now();
    const messages = JSON.parse(await (await fetch('/messages')).text());
    for (const { data } of messages) {
      if (data.id > 0) handled += 1;
      first ||= performance.now();
    }
    if (handled !== messages.length) throw new Error('messages are missing');
    return { ms: performance.now() - from, firstMs: first - from };
  });

/** Adds the longest task that the work took of the main thread; the browser tells those above 50 ms. */
async function watched(work) {
  let longestMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestMs = Math.max(longestMs, duration);
  });
  observer.observe({ type: 'longtask' });
  const figures = await work();
  await new Promise((resolve) => setTimeout(resolve, 60));
  observer.disconnect();
  return { ...figures, longestMs };
}
