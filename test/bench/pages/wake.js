import { createClient } from '../../../dist/index.js';

const client = createClient({ url: '/realtime' });
const channel = client.channel('room:42', { start: 'latest' });
let handled = 0;
let [target, reached] = [Infinity, () => undefined];
/** When the page was told of the world, by what it was told. */
const told = {};

const look = () => {
  if (channel.state.name === 'live' && handled === target) reached();
};
channel.subscribe(() => {
  handled += 1;
  look();
});
channel.on('state', look);
addEventListener('online', () => (told.online = performance.now()), true);
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') told.visible = performance.now();
});

export const ready = () => channel.ready();
export const state = () => client.state.name;

/** Resolves when the channel is live and `count` more messages have been handled. */
export async function complete(count) {
  target = handled + count;
  await new Promise((resolve) => (reached = resolve));
  const now = performance.now();
  return { at: Date.now(), online: now - told.online, visible: now - told.visible };
}

/** One question and its answer. */
export async function roundTrip() {
  const from = performance.now();
  await fetch('/favicon.ico', { cache: 'no-store' });
  return performance.now() - from;
}
