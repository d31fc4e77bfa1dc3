// A server with one counter for everything, as people run it, unchanged: the mapped dialect in a real
// browser, over its own WebSocket and its own recovery call.
import { expect, test } from 'vitest';
import { startGlobalCounterServer } from '../support/global-counter-server.mjs';
import { atEnd, eventually, openTab, startSite, upTo } from './harness.js';

type Server = Awaited<ReturnType<typeof startGlobalCounterServer>>;

async function startServer(
  options?: Parameters<typeof startGlobalCounterServer>[0],
): Promise<Server> {
  const tokens = { 'ticket-alice': 'alice', 'token-alice': 'alice', 'token-alice-2': 'alice' };
  const server = await startGlobalCounterServer({ tokens, ...options });
  atEnd(server.close);
  return server;
}

/** A page of another origin, as these servers mostly have it. */
async function openPage(server: Server) {
  const { port } = server;
  const site = await startSite({
    connectSrc: () => `ws://127.0.0.1:${port} http://127.0.0.1:${port}`,
  });
  const tab = await openTab(site.origin);
  return {
    ...tab,
    origin: site.origin,
    /** Starts alice's client. @param facts the server says what a client needs */
    connect: (start: 'stored' | 'earliest' = 'stored', facts = false) =>
      tab.run(
        (origin, begin, withFacts) => {
          const asked: boolean[] = [];
          Object.assign(window, { asked });
          window.app.start(
            {
              url: () => `${origin.replace('http', 'ws')}/ws?token=ticket-alice`,
              recover: `${origin}/websocket/messages`,
              token: ({ refresh }) => {
                asked.push(refresh);
                return refresh ? 'token-alice-2' : 'token-alice';
              },
              dialect: window.Lastseq.mappedDialect({
                channel: 'main',
                numbering: 'monotonic',
                joined: 'connected',
                fields: {
                  seq: 'sequence_number',
                  data: 'content',
                  ...(withFacts && { epoch: 'epoch' }),
                },
                ...(withFacts && { heads: 'heartbeat' }),
              }),
            },
            { main: { start: begin } },
          );
        },
        server.origin,
        start,
        facts,
      ),
    items: () => tab.items('main'),
    stored: () => tab.stored('main'),
    ready: () => tab.ready('main'),
    asked: () => tab.run(() => (window as unknown as { asked: boolean[] }).asked),
  };
}

/** Publishes messages that know their number. */
async function publish(server: Server, numbers: readonly number[], to?: string): Promise<void> {
  for (const n of numbers) await server.publish({ n }, to === undefined ? {} : { to });
}

test('after a drop comes exactly what followed, and nothing of the others', async () => {
  const server = await startServer({ first: 42 });
  const tab = await openPage(server);
  await tab.connect();
  await tab.ready();
  await publish(server, [42, 43, 44], 'alice');
  await eventually(tab.items).toEqual([42, 43, 44]);

  server.breakAll();
  await publish(server, upTo(144, 45), 'bob');
  await publish(server, [145], 'alice');
  await publish(server, [146]);
  await publish(server, [147], 'bob');
  const before = server.recoveries.length;
  await eventually(tab.items).toEqual([42, 43, 44, 145, 146]);
  await tab.ready();
  await publish(server, [148], 'alice');
  await eventually(tab.items).toEqual([42, 43, 44, 145, 146, 148]);

  expect(server.recoveries.length - before).toBeLessThanOrEqual(2);
  expect((await tab.seen()).errors).toEqual([]);
});

test('a reload goes on behind what was stored', async () => {
  const server = await startServer();
  const tab = await openPage(server);
  await tab.connect();
  await tab.ready();
  await publish(server, [1, 2, 3], 'alice');
  await eventually(tab.items).toEqual([1, 2, 3]);
  // Live messages prove nothing about what lies between them: an answer of the log does.
  server.breakAll();
  await eventually(tab.stored).toBe(3);

  await tab.goto(`${tab.origin}/elsewhere`);
  await publish(server, upTo(50, 4), 'bob');
  await publish(server, [51, 52], 'alice');
  await tab.goto(tab.origin);
  await tab.connect();
  await eventually(tab.items).toEqual([51, 52]);
});

test('a token that has expired is renewed once', async () => {
  const server = await startServer();
  const tab = await openPage(server);
  await tab.connect();
  await tab.ready();
  await publish(server, [1], 'alice');
  await eventually(tab.items).toEqual([1]);
  server.expire('token-alice');
  server.breakAll();
  await publish(server, [2, 3], 'alice');
  await eventually(tab.items).toEqual([1, 2, 3]);
  const statuses = server.recoveries.map((call) => call.slice(0, 3));
  expect(statuses.filter((status) => status !== '200')).toEqual(['401']);
  expect((await tab.asked()).filter((refresh) => refresh)).toEqual([true]);
  expect((await tab.seen()).errors).toEqual([]);
});

test('a buffer that shows that it no longer reaches back: the app is told', async () => {
  const server = await startServer({ maxLength: 5 });
  const tab = await openPage(server);
  await tab.connect();
  await tab.ready();
  await publish(server, [1, 2], 'alice');
  await eventually(tab.items).toEqual([1, 2]);
  server.breakAll();
  await publish(server, upTo(20, 3), 'alice');
  await eventually(tab.items).toEqual([1, 2, 'gap 1-15 truncated', 16, 17, 18, 19, 20]);
});

test('a buffer that holds nothing for us any more proves nothing: no loss is claimed', async () => {
  const server = await startServer({ maxLength: 5 });
  const tab = await openPage(server);
  await tab.connect();
  await tab.ready();
  await publish(server, [1, 2], 'alice');
  await eventually(tab.items).toEqual([1, 2]);
  const before = server.recoveries.length;
  server.breakAll();
  await publish(server, [3], 'alice');
  await publish(server, upTo(20, 4), 'bob');
  await eventually(() => server.recoveries.length).toBeGreaterThan(before);
  await publish(server, [21], 'alice');
  await eventually(tab.items).toEqual([1, 2, 21]);
});

test('with epoch, head and oldest the same loss is told', async () => {
  const server = await startServer({ maxLength: 5, facts: true });
  const tab = await openPage(server);
  await tab.connect('stored', true);
  await tab.ready();
  await publish(server, [1, 2], 'alice');
  await eventually(tab.items).toEqual([1, 2]);
  server.breakAll();
  await publish(server, [3], 'alice');
  await publish(server, upTo(20, 4), 'bob');
  await eventually(tab.items).toEqual([1, 2, 'gap 1-3 truncated']);
});

test.each([
  ['without an epoch', false],
  ['with a new epoch', true],
])('a restart that counts from 1 again is noticed, %s', async (_, facts) => {
  const server = await startServer({ facts });
  const tab = await openPage(server);
  await tab.connect('stored', facts);
  await tab.ready();
  await publish(server, [1, 2, 3], 'alice');
  await eventually(tab.items).toEqual([1, 2, 3]);
  server.breakAll();
  await eventually(tab.stored).toBe(3);
  server.restart();
  await publish(server, [1, 2], 'alice');
  const reason = facts ? 'epoch' : 'rewind';
  await eventually(tab.items).toEqual([1, 2, 3, `gap 4-? ${reason}`, 1, 2]);
});

test('a restart is noticed by what came live, though no answer had shown it yet', async () => {
  const server = await startServer();
  const tab = await openPage(server);
  await tab.connect();
  await tab.ready();
  await publish(server, [1, 2, 3], 'alice');
  await eventually(tab.items).toEqual([1, 2, 3]);
  server.restart();
  await publish(server, [1, 2], 'alice');
  await eventually(tab.items).toEqual([1, 2, 3, 'gap 3-? rewind', 1, 2]);
});
