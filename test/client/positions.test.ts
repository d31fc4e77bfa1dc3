// Positions that no message brings: they wait behind what was delivered, and are stored with it.
import { expect, test } from 'vitest';
import { createClient, monotonic, nativeDialect, type Dialect } from '../../src/index.js';
import type { ChannelOptions } from '../../src/index.js';
import { setup, thrown, type Setup } from './harness.js';

interface Open extends Setup {
  readonly seen: number[];
  readonly stored: () => number | undefined;
}

/** Live at 2. The handler is given every message as the app has it. */
async function open(
  channel: ChannelOptions,
  handler: (message: { readonly seq: number; readonly commit: () => void }) => unknown = () =>
    undefined,
  dialect?: Dialect,
): Promise<Open> {
  const base = setup(dialect === undefined ? {} : { options: { dialect } });
  const seen: number[] = [];
  base.publishTo(2);
  base.room(channel).subscribe((message) => {
    seen.push(message.seq);
    return handler({ seq: message.seq, commit: () => message.commit?.() });
  });
  await base.pass(500);
  return { ...base, seen, stored: () => base.store.kept.get('room')?.seq };
}

const message = (seq: number, prev: number) => ({
  ...{ type: 'message', channel: 'room', epoch: 'e1', seq, prev, data: seq },
});
const heads = (head: number, visible: number) => ({
  type: 'heads',
  heads: { room: ['e1', head, null, visible] },
});

test('a head with nothing for this reader is stored, and is the position of the channel', async () => {
  const { network, pass, room, seen, stored } = await open({});
  network.socket.receive(message(5, 2));
  network.socket.receive(heads(40, 5));
  await pass(500);
  expect(seen).toEqual([5]);
  expect(stored()).toBe(40);
  expect(room().position).toEqual({ epoch: 'e1', seq: 40 });
  expect(room().inspect()).toMatchObject({ last: 40, head: 40, held: 0 });
});

test('it is stored behind what was delivered before, when that is handled', async () => {
  let done = (): void => undefined;
  const { network, pass, stored } = await open({}, () => new Promise<void>((yes) => (done = yes)));
  network.socket.receive(message(5, 2));
  network.socket.receive(heads(40, 5));
  await pass(500);
  expect(stored()).toBe(2);
  done();
  await pass(500);
  expect(stored()).toBe(40);
});

test('with manual commits it is stored when all before it is committed', async () => {
  const commits: (() => void)[] = [];
  const { network, pass, stored } = await open({ commit: 'manual' }, ({ commit }) => {
    commits.push(commit);
  });
  network.socket.receive(message(5, 2));
  network.socket.receive(message(9, 5));
  network.socket.receive(heads(40, 9));
  await pass(500);
  commits[1]?.();
  await pass(500);
  expect(stored()).toBe(2);
  commits[0]?.();
  await pass(500);
  expect(stored()).toBe(40);
});

test('a handler that is tried again holds it back, and a skip lets it go', async () => {
  let failing = true;
  const options = { onHandlerError: 'retry', maxAttempts: 2 } as const;
  const { errors, network, pass, room, stored } = await open(options, () => {
    if (failing) throw new Error('not now');
  });
  network.socket.receive(message(5, 2));
  network.socket.receive(heads(40, 5));
  await pass(5_000);
  expect(errors).toEqual(['handler_failed', 'handler_failed']);
  expect(stored()).toBe(2);
  failing = false;
  room().skip();
  await pass(500);
  expect(stored()).toBe(40);
});

const rising: Dialect = { ...nativeDialect, numbering: 'monotonic', tracker: monotonic };

test('rising numbers are stored when the log has answered for them, not when they come', async () => {
  const { publishTo, pass, room, seen, server, stored } = await open({}, undefined, rising);
  publishTo(4);
  await pass(1_000);
  expect(seen).toEqual([3, 4]);
  expect(stored()).toBe(2);
  expect(room().position).toEqual({ epoch: 'e1', seq: 2 });
  server.cut();
  publishTo(6);
  await pass(5_000);
  expect(seen).toEqual([3, 4, 5, 6]);
  expect(stored()).toBe(6);
  expect(room().position).toEqual({ epoch: 'e1', seq: 6 });
});

test('rising numbers with manual commits: the answer of the log waits for the commit of what it covers', async () => {
  const commits: (() => void)[] = [];
  const { publishTo, pass, server, stored } = await open(
    { commit: 'manual' },
    ({ commit }) => void commits.push(commit),
    rising,
  );
  publishTo(4);
  await pass(500);
  server.cut();
  await pass(5_000);
  expect(stored()).toBe(2);
  for (const commit of commits) commit();
  await pass(500);
  expect(stored()).toBe(4);
});

test('a dialect whose numbers only rise brings what follows them', () => {
  const dialect: Dialect = { ...nativeDialect, numbering: 'monotonic' };
  const error = thrown(() => createClient({ url: 'wss://example.test', dialect }));
  expect(error).toMatchObject({ code: 'bad_option', details: { option: 'dialect' } });
  expect(createClient({ url: 'wss://example.test', dialect: rising }).state.name).toBe('idle');
});

test('a dialect with a transport of its own needs no address', async () => {
  const { network, ...base } = setup();
  const dialect: Dialect = { ...nativeDialect, transport: network.transport };
  const client = createClient({ dialect });
  client.connect();
  await base.pass(0);
  expect(network.sockets.map(({ url }) => url)).toEqual(['']);
  await client.close();
});

test('while the first item is a gap, the position is the one before it', async () => {
  let told = (): void => undefined;
  const { pass, publishTo, room, server } = setup();
  publishTo(9);
  server.log.trim('room', 6);
  const channel = room({ start: { epoch: 'e1', seq: 2 } });
  channel.subscribe({
    message: () => undefined,
    gap: () => new Promise<void>((resolve) => (told = resolve)),
  });
  await pass();
  expect(channel.position).toEqual({ epoch: 'e1', seq: 2 });
  told();
  await pass();
  expect(channel.position).toEqual({ epoch: 'e1', seq: 9 });
});

test('while a later snapshot is taken, the position is that of the last message', async () => {
  const { pass, publishTo, room, server } = setup();
  let calls = 0;
  const channel = room({
    snapshot: () => ((calls += 1) === 1 ? Promise.resolve() : new Promise<never>(() => undefined)),
  });
  channel.subscribe({ message: () => undefined, gap: () => undefined });
  await pass();
  publishTo(2);
  await pass();
  server.cut();
  publishTo(9);
  server.log.trim('room', 6);
  await pass(5_000);
  expect([calls, channel.position]).toEqual([2, { epoch: 'e1', seq: 2 }]);
});

test('what nobody has committed does not count in the position, from the first message on', async () => {
  const { pass, publishTo, room } = setup();
  const channel = room({ start: 'earliest', commit: 'manual' });
  const messages: { readonly commit?: () => void }[] = [];
  channel.subscribe((message) => void messages.push(message));
  await pass();
  publishTo(3);
  expect(channel.position?.seq).toBe(0);
  messages[0]?.commit?.();
  expect(channel.position?.seq).toBe(1);
});

test('nor does the first message of a loop that was left by a throw', async () => {
  const { pass, publishTo, room } = setup();
  const channel = room({ start: 'earliest' });
  const loop = channel.items();
  void loop.next();
  await pass();
  publishTo(1);
  await loop.return?.();
  await pass();
  expect([channel.position?.seq, channel.inspect().last]).toEqual([0, 1]);
});

test('numbers that only rise say nothing of a position before the first one is known', async () => {
  const dialect = { ...nativeDialect, numbering: 'monotonic', tracker: monotonic } as const;
  const { pass, publishTo, room } = setup({ options: { dialect } });
  publishTo(3);
  const channel = room({ start: 'earliest' });
  const positions: unknown[] = [];
  channel.subscribe(() => void positions.push(channel.position));
  await pass(1_000);
  expect(positions).toEqual([undefined, undefined, undefined]);
  expect(channel.position).toEqual({ epoch: 'e1', seq: 3 });
});
