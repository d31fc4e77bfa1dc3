// Compiled by `npx tsc -p test`, never run: what the types allow, and what they refuse.
import { createClient, type Channel, type Client, LastseqError } from '../../src/index.js';

interface Chat {
  readonly text: string;
}
type Channels = { 'room:42': Chat; presence: readonly string[] };

export const client: Client<Channels> = createClient<Channels>({ url: 'wss://example.test' });

interface Rooms {
  readonly 'room:42': Chat;
}
// What takes a client takes one of a map as well, be it an interface or a type.
export const some: readonly Client[] = [client, createClient<Rooms>({ url: 'wss://example.test' })];
// @ts-expect-error -- no data is known without a map
some[0]?.channel('room:42').subscribe(({ data }) => data.text);

const room = client.channel('room:42', { start: { last: 50 } });
room.subscribe(({ data }) => data.text.length);
room.subscribe({ message: async ({ seq }) => seq + 1, gap: ({ to }) => to ?? 'unknown' });
void room.publish({ text: 'hello' }, { timeoutMs: 5_000, key: 'k' });
// @ts-expect-error -- data of another shape
void room.publish({ txt: 'hello' });
// @ts-expect-error -- the data of a chat has no such field
room.subscribe(({ data }) => data.missing);
// @ts-expect-error -- message handlers are not optional
room.subscribe({ gap: () => undefined });
// @ts-expect-error -- there is no such event
room.on('message', () => undefined);
// @ts-expect-error -- there is no such event
client.on('message', () => undefined);

const other: Channel<Chat> = client.channel<Chat>('elsewhere');
other.subscribe(({ data }) => data.text);
// @ts-expect-error -- no data is known of a channel that is not in the map
client.channel('unknown').subscribe(({ data }) => data.text);

// @ts-expect-error -- an address is no number; it may be left out where the dialect brings a transport
createClient({ url: 5 });
// @ts-expect-error -- an option that does not exist
createClient({ url: 'wss://example.test', retries: 5 });
// @ts-expect-error -- a start that does not exist
client.channel('room:42', { start: 'newest' });
// @ts-expect-error -- a number of messages, not a text
client.channel('room:42', { start: { last: '50' } });
// @ts-expect-error -- a position has both
client.channel('room:42', { start: { seq: 5 } });

client.channel('room:42', {
  snapshot: async ({ reason, position, signal }) => {
    await fetch(`/state?${reason}`, { signal });
    return { epoch: position.epoch, seq: position.seq };
  },
});
client.channel('room:42', { snapshot: async () => undefined });
// @ts-expect-error -- a snapshot returns a position or nothing
client.channel('room:42', { snapshot: () => 'state' });

client.on('state', (state) => {
  if (state.name === 'waiting') state.retryInMs?.toFixed();
  if (state.name === 'failed') state.code.toFixed();
  // @ts-expect-error -- an open connection has no wait
  if (state.name === 'open') void state.retryInMs;
});
client.on('error', (failure) => {
  if (failure.code === 'schema') failure.details.issues.slice();
  if (failure.code === 'handler_failed') failure.details.seq?.toFixed();
  // @ts-expect-error -- a handler that hangs is no message that does not fit
  if (failure.code === 'handler_timeout') void failure.details.issues;
  const any: LastseqError = failure;
  void any;
});
room.on('state', (state) => {
  if (state.name === 'recovering') state.head.toFixed();
  // @ts-expect-error -- a live channel has no reason
  if (state.name === 'live') void state.reason;
});

export async function loop(): Promise<void> {
  for await (const item of room) {
    if (item.type === 'gap') item.from.toFixed();
    else item.data.text.trim();
    item.commit?.();
    // @ts-expect-error -- only messages have data
    void item.data;
  }
}

const error = new LastseqError('channel_refused', { channel: 'room:42', reason: 'forbidden' });
error.details.reason.trim();
// @ts-expect-error -- details belong to their code
new LastseqError('channel_refused', { detail: 'x' });
// @ts-expect-error -- there is no such code
new LastseqError('oops', {});
