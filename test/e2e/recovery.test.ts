// Fetching what was missed, as a browser does it: long backlogs, many channels, other origins, rights.
import type { WebSocket } from 'ws';
import { expect, test } from 'vitest';
import { eventually, openTab, startSite, upTo, type Site } from './harness.js';

/** Statuses of the answers to recovery calls over HTTP, as `GET 200`. */
function recoveriesOf(site: Site): string[] {
  const answers: string[] = [];
  site.server.on('request', ({ method, url }, response) => {
    if (url?.startsWith('/recover') !== true) return;
    response.on('finish', () => answers.push(`${method} ${response.statusCode}`));
  });
  return answers;
}

test('a backlog of 10,000 messages comes whole and in order, and lets the page work in between', async () => {
  const site = await startSite();
  site.publish(10_000);
  const tab = await openTab(site.origin);
  await tab.run(() => {
    // How far delivery was whenever the page had a turn.
    const turns: { timers: number[]; messages: number[] } = { timers: [], messages: [] };
    Object.assign(window, { turns });
    const had = () => window.app.seen.items.room?.length ?? 0;
    const timer = () => {
      turns.timers.push(had());
      if (had() < 10_000) setTimeout(timer);
    };
    timer();
    addEventListener('message', () => {
      turns.messages.push(had());
      if (had() < 10_000) postMessage(0);
    });
    postMessage(0);
  });
  // With so much work a page of 1,000 messages takes 50 ms at least, which is many slices.
  await tab.start({}, { room: { start: 'earliest' } }, { busyMs: 0.05 });
  await eventually(async () => (await tab.items()).length).toBe(10_000);
  expect(await tab.items()).toEqual(upTo(10_000));
  const turns = await tab.run(
    () => (window as unknown as { turns: Record<'timers' | 'messages', number[]> }).turns,
  );
  for (const had of [turns.timers, turns.messages]) {
    const steps = had.map((count, i) => count - (had[i - 1] ?? 0));
    // Messages are slow by our own making, so this is about slices, not about the machine: one has
    // room for 160 of them at most, and the page must come between any few.
    expect(Math.max(...steps)).toBeLessThan(500);
  }
});

test('a backlog comes over HTTP from another origin', async () => {
  const site: Site = await startSite({
    origins: (origin) => origin === site.origin,
    connectSrc: () => `'self' http://localhost:${site.port}`,
  });
  const answers = recoveriesOf(site);
  site.publish(2_500);
  const tab = await openTab(site.origin);
  const recover = `http://localhost:${site.port}/recover`;
  await tab.start({ recover }, { room: { start: 'earliest' } });
  await eventually(async () => (await tab.items()).length).toBe(2_500);
  expect(await tab.items()).toEqual(upTo(2_500));
  // Without a token the call needs no leave. The first of several pages is a small one.
  expect(answers).toEqual(['GET 200', 'GET 200', 'GET 200', 'GET 200']);
});

test('an origin that the server does not know gets no backlog, and the page is told', async () => {
  const site: Site = await startSite({
    origins: (origin, { url }) => origin === site.origin && url?.startsWith('/recover') !== true,
    connectSrc: () => `'self' http://localhost:${site.port}`,
  });
  site.publish(3);
  const tab = await openTab(site.origin);
  const recover = `http://localhost:${site.port}/recover`;
  await tab.start({ recover }, { room: { start: 'earliest' } });
  await eventually(async () => (await tab.seen()).channels).toContain('room stalled');
  expect(await tab.items()).toEqual([]);
  expect(await tab.run(() => window.app.client.state.name)).toBe('open');
});

/** Starts a client that has an old token, and a new one when the old one is refused. */
async function startWithToken(site: Site, channels: Record<string, { start: 'earliest' }>) {
  const tab = await openTab(site.origin);
  await tab.run(
    (recover, wanted) => {
      const asked: boolean[] = [];
      Object.assign(window, { asked });
      const token = ({ refresh }: { readonly refresh: boolean }) => {
        asked.push(refresh);
        return refresh ? 'new' : 'old';
      };
      window.app.start({ token, recover }, wanted);
    },
    `http://localhost:${site.port}/recover`,
    channels,
  );
  /** Per call of the app's token function, whether a fresh one was wanted. */
  const asked = () => tab.run(() => (window as unknown as { asked: boolean[] }).asked);
  return { ...tab, asked };
}

test('a token that the recovery refuses is renewed once, and the backlog comes', async () => {
  const site: Site = await startSite({
    origins: (origin) => origin === site.origin,
    connectSrc: () => `'self' http://localhost:${site.port}`,
    authorize: ({ action, token }) =>
      action === 'recover' && token === 'old' ? 'unauthorized' : {},
  });
  const answers = recoveriesOf(site);
  site.publish(3);
  const tab = await startWithToken(site, { room: { start: 'earliest' } });
  await eventually(tab.items).toEqual([1, 2, 3]);
  expect(await tab.asked()).toEqual([false, true]);
  // The browser asks for leave first, because of the token.
  expect(answers[0]).toBe('OPTIONS 204');
  expect(answers.filter((answer) => !answer.startsWith('OPTIONS'))).toEqual(['GET 401', 'GET 200']);
  expect((await tab.seen()).errors).toEqual([]);
});

test('a token that the socket refuses is renewed once, at once', async () => {
  const site: Site = await startSite({
    origins: (origin) => origin === site.origin,
    connectSrc: () => `'self' http://localhost:${site.port}`,
    authorize: ({ token }) => (token === 'new' ? {} : 'unauthorized'),
  });
  site.publish(3);
  const tab = await startWithToken(site, { room: { start: 'earliest' } });
  await eventually(tab.items).toEqual([1, 2, 3]);
  expect(await tab.asked()).toEqual([false, true]);
  const { errors, log } = await tab.seen();
  expect(errors).toEqual([]);
  // Not even a wait in between.
  expect(log.filter((entry) => entry.startsWith('waiting'))).toEqual([]);
});

test('a token that is refused again ends it, without a loop', async () => {
  const site: Site = await startSite({
    origins: (origin) => origin === site.origin,
    connectSrc: () => `'self' http://localhost:${site.port}`,
    authorize: ({ action }) => (action === 'recover' ? 'unauthorized' : {}),
  });
  const answers = recoveriesOf(site);
  site.publish(3);
  const tab = await startWithToken(site, { room: { start: 'earliest' } });
  await eventually(async () => (await tab.seen()).log.at(-1)).toBe('unauthorized');
  await eventually(() => site.hub.stats().connections).toBe(0);
  expect(await tab.asked()).toEqual([false, true]);
  expect(answers.filter((answer) => answer === 'GET 401')).toHaveLength(2);
  expect((await tab.seen()).errors).toEqual(['unauthorized']);
});

test('a channel whose past is forbidden fails alone', async () => {
  const site: Site = await startSite({
    origins: (origin) => origin === site.origin,
    connectSrc: () => `'self' http://localhost:${site.port}`,
    authorize: ({ action, channel }) => (action === 'recover' && channel === 'secret' ? false : {}),
  });
  site.publish(2, 'secret');
  site.publish(2, 'room');
  const start = { start: 'earliest' } as const;
  const tab = await startWithToken(site, { secret: start, room: start });
  await eventually(async () => (await tab.seen()).channels).toContain('secret failed');
  await eventually(tab.items).toEqual([1, 2]);
  site.publish(1, 'secret');
  site.publish(1, 'room');
  await eventually(tab.items).toEqual([1, 2, 3]);
  await tab.ready();
  expect(await tab.items('secret')).toEqual([]);
  const { channels, errors } = await tab.seen();
  expect(errors).toEqual(['channel_refused']);
  // Which of the two is answered first is the network's business.
  expect(channels.filter((entry) => entry.startsWith('secret ')).at(-1)).toBe('secret failed');
  expect(channels.filter((entry) => entry.startsWith('room ')).at(-1)).toBe('room live');
  expect(await tab.asked()).toEqual([false]);
});

test('500 channels resume with a few frames', async () => {
  const sockets: WebSocket[] = [];
  const recovers: unknown[] = [];
  const site = await startSite({
    onConnection: (socket) => {
      const ws = socket as unknown as WebSocket;
      sockets.push(ws);
      ws.on('message', (data: Buffer) => {
        const frames = [JSON.parse(data.toString())].flat() as { type: string }[];
        recovers.push(...frames.filter(({ type }) => type === 'recover'));
      });
    },
  });
  const names = upTo(500).map((n) => `room:${n}`);
  for (const name of names) site.publish(1, name);
  const tab = await openTab(site.origin);
  await tab.start({}, Object.fromEntries(names.map((name) => [name, {}])));
  await tab.run(() =>
    Promise.all(Object.keys(window.app.seen.items).map((name) => window.app.ready(name))),
  );
  expect(recovers).toEqual([]);

  // In one task, so that no reconnect, however quick, comes between.
  sockets[0]?.terminate();
  for (const name of names) site.publish(2, name);
  const items = async () => Object.values((await tab.seen()).items);
  await eventually(items).toEqual(names.map(() => [2, 3]));
  expect(recovers.length).toBeGreaterThan(0);
  expect(recovers.length).toBeLessThanOrEqual(10);
  // And every one of them is stored, for the next page.
  await eventually(async () => Object.values((await tab.seen()).stored)).toEqual(
    names.map(() => 3),
  );
});

test('many channels over HTTP ask at most four at a time', async () => {
  let underWay: (() => void)[] = [];
  let most = 0;
  const site = await startSite({
    // Four calls wait for each other, and a little longer for a fifth.
    authorize: async ({ action }) => {
      if (action !== 'recover') return {};
      await new Promise<void>((resolve) => {
        most = Math.max(most, underWay.push(resolve));
        if (underWay.length !== 4) return;
        setTimeout(() => {
          const all = underWay;
          underWay = [];
          for (const go of all) go();
        }, 20);
      });
      return {};
    },
  });
  const names = upTo(40).map((n) => `room:${n}`);
  for (const name of names) site.publish(2, name);
  const tab = await openTab(site.origin);
  const channels = Object.fromEntries(names.map((name) => [name, { start: 'earliest' as const }]));
  await tab.start({ recover: '/recover' }, channels);
  await eventually(async () => Object.values((await tab.seen()).items)).toEqual(
    names.map(() => [1, 2]),
  );
  expect(most).toBe(4);
});
