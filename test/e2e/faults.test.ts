// What networks and servers do to a connection, and what the app in the page sees of it: every
// message once and in order, and a gap where the log itself is gone.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { faultProxy } from '../support/faultproxy.mjs';
import { atEnd, eventually, memoryLog, openTab, startSite, upTo, type Tab } from './harness.js';

/** What finds out silence soon, and on a busy machine silence that is none. */
const HASTY = { heartbeatMs: 200, connectTimeoutMs: 1_000 };

/** A tab whose page and socket come through a proxy. Its client is live. */
async function openThroughProxy({ heartbeatMs, ...options }: Partial<typeof HASTY> = {}) {
  const site = await startSite({ ...(heartbeatMs !== undefined && { heartbeatMs }) });
  const proxy = await faultProxy(site.port);
  atEnd(() => proxy.close());
  const tab = await openTab(`http://127.0.0.1:${proxy.port}`);
  await tab.start(options);
  await tab.ready();
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2]);
  return { site, proxy, tab };
}

const states = async (tab: Tab) => (await tab.seen()).log.filter((entry) => entry !== 'pageshow');

test('a half-open connection is found by the heartbeat that stays away, and replaced', async () => {
  const { site, proxy, tab } = await openThroughProxy(HASTY);
  proxy.set({ both: { blackhole: true } });
  site.publish(3);
  // Nothing else can tell: the socket is open, and the browser thinks that it is online.
  await eventually(() => states(tab)).toContain('waiting dead');
  await eventually(() => states(tab)).toContain('waiting timeout');
  expect(await tab.items()).toEqual([1, 2]);
  proxy.clear();
  await eventually(tab.items).toEqual(upTo(5));
  site.publish(1);
  await eventually(tab.items).toEqual(upTo(6));
});

test('a connection whose way to the server alone is dead is found by the server', async () => {
  const { site, proxy, tab } = await openThroughProxy(HASTY);
  proxy.set({ up: { blackhole: true } });
  await eventually(() => site.hub.stats().deadPeers).toBeGreaterThan(0);
  proxy.clear();
  site.publish(3);
  await eventually(tab.items).toEqual(upTo(5));
});

test.each([2_000, 30_000, 59_000])(
  'a connection cut in the middle of a message, after %i bytes, delivers it once',
  async (cutAfter) => {
    const { site, proxy, tab } = await openThroughProxy();
    proxy.set({ down: { cutAfter } });
    site.log.append('room', { n: 3, filler: 'x'.repeat(60_000) });
    await eventually(() => states(tab)).toContain('waiting closed');
    expect(await tab.items()).toEqual([1, 2]);
    proxy.clear();
    site.publish(2);
    await eventually(tab.items).toEqual(upTo(5));
    expect(await tab.run(() => window.app.client.stats().gaps)).toBe(0);
  },
);

test.each(['reset', 'fin'] as const)('a connection that ends with %s is replaced', async (how) => {
  const { site, proxy, tab } = await openThroughProxy();
  proxy[how]();
  site.publish(3);
  await eventually(tab.items).toEqual(upTo(5));
  expect(await states(tab)).toEqual(['connecting', 'open', 'waiting closed', 'connecting', 'open']);
});

test('slow bytes and jitter change nothing but the time', async () => {
  const { site, proxy, tab } = await openThroughProxy();
  proxy.set({ both: { latency: 30, jitter: 60 } });
  for (let i = 0; i < 30; i += 1) {
    site.publish(1);
    await tab.run(() => undefined);
  }
  await eventually(tab.items).toEqual(upTo(32));
  expect(await states(tab)).toEqual(['connecting', 'open']);
});

test('a restart of the server with its log loses nothing', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2]);
  await site.restart();
  site.publish(2);
  await eventually(tab.items).toEqual(upTo(4));
  expect(await tab.run(() => window.app.client.stats().gaps)).toBe(0);
});

test('a server that announces its restart is left in time, and found again', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2]);
  await site.hub.drain({ spreadMs: 100 });
  site.publish(2);
  await site.restart();
  await eventually(tab.items).toEqual(upTo(4));
});

test('a restart of the server with a new log is a gap, and then the new log from its beginning', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(5);
  await eventually(tab.items).toEqual(upTo(5));
  const fresh = memoryLog();
  await site.restart(fresh);
  // More of it than there was of the old one: the numbers alone would look like a continuation.
  site.publish(7);
  await eventually(tab.items).toEqual([...upTo(5), 'gap 6-? epoch', ...upTo(7)]);
  await eventually(tab.stored).toBe(7);

  await tab.reload();
  await tab.start();
  await tab.ready();
  site.publish(1);
  await eventually(tab.items).toEqual([8]);
});

test('a page that comes back to a new log is told of the gap too', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(5);
  await eventually(tab.stored).toBe(5);
  await tab.goto(`${site.origin}/elsewhere`);
  await site.restart(memoryLog());
  site.publish(2);
  await tab.goto(site.origin);
  await tab.start();
  await eventually(tab.items).toEqual(['gap 6-? epoch', 1, 2]);
});

test('messages that the log no longer holds are a gap that names them', async () => {
  const site = await startSite({ log: memoryLog({ maxLength: 3 }) });
  const proxy = await faultProxy(site.port);
  atEnd(() => proxy.close());
  const tab = await openTab(`http://127.0.0.1:${proxy.port}`);
  await tab.start();
  await tab.ready();
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2]);
  // In one task, so that no reconnect, however quick, comes between.
  proxy.reset();
  site.publish(6);
  await eventually(tab.items).toEqual([1, 2, 'gap 3-5 truncated', 6, 7, 8]);
});

test('a publish whose acknowledgement is lost is in the log once', async () => {
  const { site, proxy, tab } = await openThroughProxy(HASTY);
  proxy.set({ down: { blackhole: true } });
  await tab.run(() => {
    const sent = window.app.client.channel('room').publish({ n: 3 }, { timeoutMs: 60_000 });
    Object.assign(window, { sent });
  });
  await eventually(() => site.log.facts('room').head).toBe(3);
  // The page does not know it. It sends again what it had sent.
  await eventually(() => states(tab)).toContain('waiting dead');
  proxy.clear();
  const position = await tab.run(() => (window as unknown as { sent: Promise<unknown> }).sent);
  expect(position).toEqual({ epoch: site.log.facts('room').epoch, seq: 3 });
  await eventually(tab.items).toEqual([1, 2, 3]);
  expect(site.log.facts('room').head).toBe(3);
});

test('an app that can load its state is asked for it when the log is gone, before what follows', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.run(() => {
    const { seen } = window.app;
    const items = (seen.items.room ??= []);
    const client = window.Lastseq.createClient({ url: '/realtime' });
    window.app.client = client;
    client
      .channel('room', {
        snapshot: async ({ position, reason }) => {
          await fetch('/elsewhere');
          items.push(`state at ${position.seq}, ${reason}`);
        },
      })
      .subscribe({
        message: ({ seq }) => items.push(seq),
        gap: ({ from, healed, reason }) => items.push(`gap from ${from} ${reason} ${healed}`),
      });
  });
  await tab.ready();
  site.publish(2);
  await eventually(tab.items).toEqual(['state at 0, initial', 1, 2]);
  await site.restart(memoryLog());
  site.publish(4);
  await eventually(() => site.hub.stats().subscriptions).toBe(1);
  await tab.ready();
  site.publish(1);
  await eventually(async () => (await tab.items()).at(-1)).toBe(5);
  expect(await tab.items()).toEqual([
    'state at 0, initial',
    1,
    2,
    'state at 4, epoch',
    'gap from 3 epoch snapshot',
    5,
  ]);
});

async function startProcess(port = 0): Promise<{ child: ChildProcess; port: number }> {
  const path = fileURLToPath(new URL('../support/hub-process.mjs', import.meta.url));
  const child = fork(path, [String(port)], { execArgv: [] });
  atEnd(() => child.kill('SIGKILL'));
  const [ready] = (await once(child, 'message')) as [{ port: number }];
  return { child, port: ready.port };
}

async function publishIn(child: ChildProcess, count: number): Promise<void> {
  child.send(count);
  await once(child, 'message');
}

test('a server process that is killed and started again is a gap, never a silence', async () => {
  const first = await startProcess();
  const site = await startSite({ connectSrc: () => `ws://127.0.0.1:${first.port}` });
  const tab = await openTab(site.origin);
  await tab.start({ url: `ws://127.0.0.1:${first.port}/realtime` });
  await tab.ready();
  await publishIn(first.child, 4);
  await eventually(tab.items).toEqual(upTo(4));

  first.child.kill('SIGKILL');
  // Nobody there: it is tried again and again.
  await eventually(() => states(tab)).toContain('waiting refused');
  const second = await startProcess(first.port);
  await publishIn(second.child, 2);
  await eventually(tab.items).toEqual([...upTo(4), 'gap 5-? epoch', 1, 2]);
  await publishIn(second.child, 1);
  await eventually(tab.items).toEqual([...upTo(4), 'gap 5-? epoch', 1, 2, 3]);
  expect((await tab.seen()).uncaught).toEqual([]);
});
