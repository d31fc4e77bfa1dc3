import { createClient } from '../../../dist/index.js';

/** Connects, subscribes to one channel, and hands every message's data on. */
export function open(url, handle, options) {
  const client = createClient({ url, ...options });
  const channel = client.channel('room:42', { start: 'latest' });
  channel.subscribe(({ data }) => handle(data));
  return { ready: channel.ready(), close: () => client.close() };
}
