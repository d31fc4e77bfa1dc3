// The app's own Socket.IO socket in a real browser: the handler that many have, with a counter in
// memory only, and the mended one.
import { expect, test, vi } from 'vitest';
import { startSocketIoServer } from '../support/socketio-server.mjs';
import { atEnd, eventually, memoryLog, openTab, servePage } from './harness.js';

type Server = Awaited<ReturnType<typeof startSocketIoServer>>;

async function startServer(options?: Parameters<typeof startSocketIoServer>[0]): Promise<Server> {
  const server = await startSocketIoServer({ serve: servePage, ...options });
  atEnd(server.close);
  return server;
}

/** A page whose app has a socket already, and our client on top of it. */
async function openPage(server: Server, { epochs = false } = {}) {
  const tab = await openTab(server.origin);
  await tab.page.addScriptTag({ url: '/socket.io/socket.io.min.js' });
  await tab.run((withEpochs) => {
    const { io } = window as unknown as { io: (how: object) => never };
    const socket = io({ reconnectionDelay: 50, reconnectionDelayMax: 200 });
    const mended = {
      acknowledges: true,
      events: { heads: 'heads' },
      fields: { data: 'content', epoch: 'epoch' },
    };
    window.app.start({
      url: undefined,
      recover: '/messages',
      dialect: window.Lastseq.socketIo(
        socket,
        withEpochs ? mended : { fields: { data: 'content' } },
      ),
    });
  }, epochs);
  return tab;
}

/** Publishes messages that know their own number. */
async function publish(server: Server, numbers: readonly number[]): Promise<void> {
  for (const n of numbers) await server.publish('room', { n });
}

test('a drop in the middle is recovered', async () => {
  const server = await startServer();
  const tab = await openPage(server);
  await tab.ready();
  await eventually(() => server.members('room')).toBe(1);
  await publish(server, [1, 2]);
  await eventually(tab.items).toEqual([1, 2]);
  // In one task, so that no reconnect, however quick, comes between.
  server.breakAll();
  await publish(server, [3, 4, 5]);
  await eventually(tab.items).toEqual([1, 2, 3, 4, 5]);
  await eventually(() => server.members('room')).toBe(1);
  await publish(server, [6]);
  await eventually(tab.items).toEqual([1, 2, 3, 4, 5, 6]);
  const { errors, uncaught } = await tab.seen();
  expect({ errors, uncaught }).toEqual({ errors: [], uncaught: [] });
});

test.each([
  ['with its head', false],
  ['with a list only', true],
])('a restart of a counter that lives in memory is noticed, %s', async (_, bare) => {
  const server = await startServer({ bare });
  const tab = await openPage(server);
  await tab.ready();
  await eventually(() => server.members('room')).toBe(1);
  await publish(server, [1, 2, 3, 4, 5]);
  await eventually(tab.items).toEqual([1, 2, 3, 4, 5]);
  await server.restart();
  await publish(server, [1, 2]);
  await eventually(tab.items).toEqual([1, 2, 3, 4, 5, 'gap 6-? rewind', 1, 2]);
  await eventually(() => server.members('room')).toBe(1);
  await publish(server, [3]);
  await eventually(tab.items).toEqual([1, 2, 3, 4, 5, 'gap 6-? rewind', 1, 2, 3]);
});

test('a restart that is past our number already is noticed by the ids', async () => {
  const server = await startServer();
  const tab = await openPage(server);
  await tab.ready();
  await eventually(() => server.members('room')).toBe(1);
  await publish(server, [1, 2]);
  await eventually(tab.items).toEqual([1, 2]);
  await server.restart();
  await publish(server, [1, 2, 3]);
  await eventually(tab.items).toEqual([1, 2, 'gap 3-? rewind', 1, 2, 3]);
});

test('the mended handler: a drop, a publish, a restart of the log', async () => {
  const log = memoryLog();
  const server = await startServer({ log });
  const tab = await openPage(server, { epochs: true });
  await tab.ready();
  await publish(server, [1]);
  await eventually(tab.items).toEqual([1]);
  const position = await tab.run(() => window.app.client.channel('room').publish({ n: 2 }));
  expect(position.seq).toBe(2);
  server.breakAll();
  await publish(server, [3, 4]);
  await eventually(tab.items).toEqual([1, 2, 3, 4]);
  log.reset();
  await server.restart();
  await publish(server, [1]);
  await eventually(tab.items).toEqual([1, 2, 3, 4, 'gap 5-? epoch', 1]);
});

test('a publish whose acknowledgement is lost is in the log once', async () => {
  const log = memoryLog();
  const server = await startServer({ log });
  const tab = await openPage(server, { epochs: true });
  await tab.ready();
  const append = vi.spyOn(log, 'append').mockImplementationOnce((...given) => {
    const message = log.append(...given);
    server.breakAll();
    return message;
  });
  const position = await tab.run(() =>
    window.app.client.channel('room').publish({ n: 1 }, { timeoutMs: 10_000 }),
  );
  expect(position.seq).toBe(1);
  expect(append.mock.calls.length).toBeGreaterThan(2);
  expect(log.facts('room').head).toBe(1);
  await eventually(tab.items).toEqual([1]);
});

test('when the client is closed the socket stays open, and has left the room', async () => {
  const server = await startServer();
  const tab = await openPage(server);
  await tab.ready();
  await eventually(() => server.members('room')).toBe(1);
  await tab.run(() => window.app.client.close());
  await eventually(() => server.members('room')).toBe(0);
  expect(server.io.of('/').sockets.size).toBe(1);
});
