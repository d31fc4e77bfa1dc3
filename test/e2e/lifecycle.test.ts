// What a page lives through: no network, frozen in the background, kept in the back/forward cache.
import type { WebSocket } from 'ws';
import { expect, test } from 'vitest';
import { eventually, openTab, startSite, upTo, type Site } from './harness.js';

test('without a network the page finds it out, and comes back with everything when there is one', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2]);
  await tab.page.setOfflineMode(true);
  await eventually(async () => (await tab.seen()).log).toContain('waiting offline');
  site.publish(3);
  expect(await tab.run(() => window.app.client.state)).toMatchObject({ retryInMs: 30_000 });
  await tab.page.setOfflineMode(false);
  await eventually(tab.items).toEqual(upTo(5));
  // The announced half minute was not waited for: `online` came, and the next thing was to dial.
  const { log } = await tab.seen();
  expect(log.slice(log.indexOf('offline'))).toEqual([
    'offline',
    'waiting offline',
    'online',
    'connecting',
    'open',
  ]);
  expect(await tab.run(() => window.app.client.stats().gaps)).toBe(0);
});

test('an offline event alone ends no connection that works', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  const framesIn = site.hub.stats().framesIn;
  await tab.run(() => void dispatchEvent(new Event('offline')));
  // It is probed, and answers.
  await eventually(() => site.hub.stats().framesIn).toBeGreaterThan(framesIn);
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2]);
  expect((await tab.seen()).log).toEqual(['pageshow', 'connecting', 'open', 'offline']);
  expect(site.hub.stats().accepted).toBe(1);
});

test('a hidden tab goes on receiving, and is asked nothing when it is looked at again', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  await openTab(`${site.origin}/elsewhere`);
  await eventually(async () => (await tab.seen()).log).toContain('hidden');
  site.publish(3);
  await eventually(tab.items).toEqual([1, 2, 3]);
  await tab.front();
  await eventually(async () => (await tab.seen()).log).toContain('visible');
  site.publish(1);
  await eventually(tab.items).toEqual([1, 2, 3, 4]);
  expect(site.hub.stats().accepted).toBe(1);
});

test.each([
  ['kept its connection', async () => undefined],
  ['lost its connection', (site: Site) => site.restart()],
])('a frozen tab that %s gets what it slept through, once', async (_how, meanwhile) => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2]);
  await openTab(`${site.origin}/elsewhere`);
  await eventually(async () => (await tab.seen()).log).toContain('hidden');

  const cdp = await tab.cdp();
  await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
  await meanwhile(site);
  site.publish(3);
  await cdp.send('Page.setWebLifecycleState', { state: 'active' });
  await tab.front();
  await eventually(tab.items).toEqual(upTo(5));
  site.publish(1);
  await eventually(tab.items).toEqual(upTo(6));
  const { log } = await tab.seen();
  expect(log.filter((entry) => ['freeze', 'resume'].includes(entry))).toEqual(['freeze', 'resume']);
  await eventually(tab.stored).toBe(6);
});

test('a page out of the back/forward cache goes on where it was, with the same handlers', async () => {
  const closes: number[] = [];
  const site = await startSite({
    onConnection: (socket) => {
      (socket as unknown as WebSocket).on('close', (code) => closes.push(code));
    },
  });
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2]);

  await tab.goto(`${site.origin.replace('127.0.0.1', 'localhost')}/elsewhere`);
  // It said goodbye by itself: 1000. An open socket would have been cut with 1001.
  await eventually(() => closes).toEqual([1000]);
  site.publish(3);
  // The navigation ends the page in which this would be answered.
  void tab.run(() => history.back()).catch(() => undefined);
  await eventually(() => tab.items().catch(() => undefined)).toEqual(upTo(5));
  site.publish(1);
  await eventually(tab.items).toEqual(upTo(6));
  await eventually(tab.stored).toBe(6);

  const { log, storage } = await tab.seen();
  expect(log).toContain('pageshow persisted');
  const states = log.filter((entry) => /waiting|connecting|open/.test(entry));
  expect(states).toEqual(['connecting', 'open', 'waiting pagehide', 'connecting', 'open']);
  expect(storage).toEqual(['persistent']);
});

test('a page in the back/forward cache keeps no other tab from deleting the database', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(2);
  await eventually(tab.stored).toBe(2);
  await tab.goto(`${site.origin.replace('127.0.0.1', 'localhost')}/elsewhere`);
  await eventually(() => site.hub.stats().connections).toBe(0);

  const other = await openTab(`${site.origin}/elsewhere`);
  const outcome = await other.run(
    () =>
      new Promise<string>((resolve) => {
        const request = indexedDB.deleteDatabase('lastseq');
        for (const type of ['success', 'error', 'blocked'] as const) {
          request.addEventListener(type, () => resolve(type));
        }
      }),
  );
  expect(outcome).toBe('success');
  site.publish(2);
  await tab.front();
  void tab.run(() => history.back()).catch(() => undefined);
  // The same page, or it would have to begin anew: an open database would have thrown it out.
  await eventually(() => tab.items().catch(() => undefined)).toEqual(upTo(4));
});

test('a client that the app closed stays closed, whatever the page goes through', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  await tab.run(() => window.app.client.close());
  await eventually(() => site.hub.stats().connections).toBe(0);
  await openTab(`${site.origin}/elsewhere`);
  const cdp = await tab.cdp();
  await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
  await cdp.send('Page.setWebLifecycleState', { state: 'active' });
  await tab.page.setOfflineMode(true);
  await tab.page.setOfflineMode(false);
  await tab.front();
  await tab.goto(`${site.origin.replace('127.0.0.1', 'localhost')}/elsewhere`);
  void tab.run(() => history.back()).catch(() => undefined);
  const log = async () => (await tab.seen().catch(() => undefined))?.log;
  await eventually(log).toContain('pageshow persisted');
  for (const event of ['resume', 'online', 'visible']) expect(await log()).toContain(event);
  // A dial would have gone out before what is asked of the page now.
  await tab.run(() => fetch('/elsewhere'));
  expect(site.hub.stats().accepted).toBe(1);
  expect(await tab.run(() => window.app.client.state)).toEqual({ name: 'closed' });
});
