import { passed } from './timed-socket.js';
import { openMany } from '../clients/lastseq.js';

let handled = 0;
let target = Infinity;
let reached = () => undefined;

export async function prepare(count) {
  const names = Array.from({ length: count }, (_, i) => `room-${i}`);
  await openMany(`ws://${location.host}/realtime`, names, () => {
    handled += 1;
    if (handled === target) reached();
  });
}

/** The connection drops, and every channel misses one message. */
export async function resume(count) {
  target = handled + count;
  const done = new Promise((resolve) => (reached = resolve));
  await fetch('/cut', { method: 'POST' });
  await done;
  const { openedAt, ...traffic } = passed();
  return { ms: performance.now() - openedAt, ...traffic };
}

/** The same number of bytes in one answer. */
export async function fetchOnce(bytes) {
  const from = performance.now();
  const messages = JSON.parse(await (await fetch(`/bytes?count=${bytes}`)).text());
  if (messages.length === 0) throw new Error('nothing came');
  return performance.now() - from;
}
