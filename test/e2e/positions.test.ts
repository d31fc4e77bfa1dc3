// Where a page stops is where the next one goes on: reloads, closed tabs, several tabs, crashes.
import { expect, test } from 'vitest';
import { eventually, openTab, startSite, upTo } from './harness.js';

test('a reloaded page gets what it missed, in order, once, and nothing that it had', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  site.publish(3);
  await eventually(tab.stored).toBe(3);
  expect(await tab.items()).toEqual([1, 2, 3]);

  await tab.page.goto(`${site.origin}/elsewhere`);
  await eventually(() => site.hub.stats().connections).toBe(0);
  site.publish(4);
  await tab.goto(site.origin);
  await tab.start();
  await eventually(tab.items).toEqual([4, 5, 6, 7]);

  await eventually(tab.stored).toBe(7);
  await tab.reload();
  await tab.start();
  await tab.ready();
  site.publish(1);
  await eventually(tab.items).toEqual([8]);
});

test('a tab that is opened anew goes on where the closed one stopped', async () => {
  const site = await startSite();
  const first = await openTab(site.origin);
  await first.start();
  await first.ready();
  site.publish(2);
  await eventually(first.stored).toBe(2);
  await first.close();
  await eventually(() => site.hub.stats().connections).toBe(0);
  site.publish(2);
  const second = await openTab(site.origin);
  await second.start();
  await eventually(second.items).toEqual([3, 4]);
});

test('reloads at any moment lose nothing', async () => {
  const site = await startSite();
  // What the page before had when it went: it may have had more than we saw.
  const tab = await openTab(site.origin, () => {
    addEventListener('pagehide', () => {
      sessionStorage.setItem('had', JSON.stringify(window.app.seen.items.room));
    });
  });
  await tab.start();
  await tab.ready();
  // Where it began; without that the next page would begin where the log is then.
  await eventually(tab.stored).toBe(0);
  let last = 0;
  for (let round = 1; round <= 6; round += 1) {
    site.publish(20);
    await eventually(async () => (await tab.items()).length).toBeGreaterThan(0);
    await tab.reload();
    const had = await tab.run(() => JSON.parse(sessionStorage.getItem('had') ?? '[]') as number[]);
    // In order and without holes, from where the last page was or earlier.
    expect(had).toEqual(upTo(had.at(-1) ?? 0, had[0]));
    expect(had[0]).toBeLessThanOrEqual(last + 1);
    last = had.at(-1) ?? 0;
    await tab.start();
  }
  await tab.ready();
  site.publish(1);
  await eventually(async () => (await tab.items()).at(-1)).toBe(121);
  expect((await tab.items())[0]).toBeLessThanOrEqual(last + 1);
});

test('two tabs of one namespace both get every message once', async () => {
  const site = await startSite();
  const [first, second] = [await openTab(site.origin), await openTab(site.origin)];
  const tabs = [first, second];
  await first.start({ namespace: 'ann' });
  // Two that find nothing stored each begin a position of their own, and only the later one is kept.
  await eventually(first.stored).toBe(0);
  await second.start({ namespace: 'ann' });
  for (const tab of tabs) await tab.ready();
  site.publish(5);
  for (const tab of tabs) await eventually(tab.items).toEqual(upTo(5));
  for (const tab of tabs) await eventually(tab.stored).toBe(5);
  for (const tab of tabs) expect((await tab.seen()).storage).toEqual(['persistent']);
});

test('another namespace does not resume where this one stopped', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start({ namespace: 'ann' });
  await tab.ready();
  site.publish(2);
  await eventually(tab.stored).toBe(2);
  await tab.goto(`${site.origin}/elsewhere`);
  site.publish(2);
  await tab.goto(site.origin);
  await tab.start({ namespace: 'bob' });
  await tab.ready();
  site.publish(1);
  await eventually(tab.items).toEqual([5]);
});

test('a second tab that is behind cannot move the stored position back', async () => {
  const site = await startSite();
  const ahead = await openTab(site.origin);
  await ahead.start();
  await ahead.ready();
  site.publish(1);
  await eventually(ahead.stored).toBe(1);
  const behind = await openTab(site.origin);
  await behind.start({}, { room: {} }, { holdAt: 2 });
  await behind.ready();
  site.publish(4);
  await eventually(behind.items).toEqual([2]);
  await eventually(ahead.stored).toBe(5);

  // Its handler settles for message 2 alone: it goes on to 3, and so on, and then stores 5. Stop it at 3.
  await behind.run(() => {
    const { client } = window.app;
    client.channel('room').subscribe(({ seq }) => (seq === 3 ? new Promise(() => {}) : undefined));
    window.app.release();
  });
  await eventually(behind.stored).toBe(2);
  await behind.close();
  await ahead.close();

  site.publish(1);
  const next = await openTab(site.origin);
  await next.start();
  await eventually(next.items).toEqual([6]);
});

test('a tab that starts at a position of its own takes the stored one over from the others', async () => {
  const site = await startSite();
  const old = await openTab(site.origin);
  await old.start();
  await old.ready();
  site.publish(5);
  await eventually(old.stored).toBe(5);
  const { epoch } = site.log.facts('room');
  const own = await openTab(site.origin);
  await own.start({}, { room: { start: { epoch, seq: 1 } } }, { holdAt: 4 });
  await eventually(own.items).toEqual([2, 3, 4]);
  await eventually(own.stored).toBe(3);
  site.publish(1);
  await eventually(old.items).toEqual(upTo(6));
  await eventually(async () => (await old.seen()).log).toContain('position replaced');
  await old.close();
  await own.close();

  const next = await openTab(site.origin);
  await next.start();
  await eventually(next.items).toEqual([4, 5, 6]);
});

test('a tab that crashes while a handler works gets that message again', async () => {
  const site = await startSite();
  const doomed = await openTab(site.origin);
  await doomed.start({}, { room: {} }, { holdAt: 3 });
  await doomed.ready();
  site.publish(5);
  await eventually(doomed.items).toEqual([1, 2, 3]);
  await eventually(doomed.stored).toBe(2);
  const crashed = new Promise((resolve) => doomed.page.once('error', resolve));
  // It never answers: the one who should is gone.
  void (await doomed.cdp()).send('Page.crash').catch(() => undefined);
  await crashed;
  await eventually(() => site.hub.stats().connections).toBe(0);

  const next = await openTab(site.origin);
  await next.start();
  await eventually(next.items).toEqual([3, 4, 5]);
});
