import { createClient } from '../../../dist/index.js';

/** Connects, subscribes to one channel, and hands every message's data on. */
export function open(url, handle, options) {
  const client = createClient({ url, ...options });
  const channel = client.channel('room:42', { start: 'latest' });
  channel.subscribe(({ data }) => handle(data));
  return { ready: channel.ready(), close: () => client.close() };
}

/** Many channels on one connection. */
export function openMany(url, names, handle) {
  const client = createClient({ url });
  const channels = names.map((name) => client.channel(name));
  for (const channel of channels) channel.subscribe(handle);
  return Promise.all(channels.map((channel) => channel.ready()));
}
