// What the page's own rules and its memory have to do with us: its policy, its listeners, its sockets.
import { expect, test } from 'vitest';
import { eventually, openTab, startSite, upTo, type Tab } from './harness.js';

test('the bundle works where no script but the own and no eval is allowed', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  // The policy is really there.
  expect(
    await tab.run(() => {
      const script = document.createElement('script');
      script.textContent = 'window.ranInline = true';
      document.head.append(script);
      return 'ranInline' in window;
    }),
  ).toBe(false);
  await eventually(async () => (await tab.seen()).uncaught).toHaveLength(1);

  // In a task of the page: what the debugger calls, as `run` does, may evaluate what it likes.
  await tab.run(() => {
    setTimeout(() => window.app.start({ recover: '/recover' }, { room: { start: 'earliest' } }));
  });
  await eventually(async () => (await tab.seen()).channels).toContain('room live');
  site.publish(3);
  await eventually(tab.items).toEqual([1, 2, 3]);
  await eventually(tab.stored).toBe(3);
  // What the client did broke none of it.
  expect((await tab.seen()).uncaught).toHaveLength(1);
});

test('a socket that the policy forbids is tried again and again, with waits, and harms nothing', async () => {
  const site = await startSite({ connectSrc: () => "'self'" });
  const tab = await openTab(site.origin);
  await tab.run(() => {
    let allowed = false;
    type Turn = { at: number; state: { name: string; retryInMs?: number } };
    const turns: Turn[] = [{ at: performance.now(), state: { name: 'idle' } }];
    Object.assign(window, { turns, allow: () => (allowed = true) });
    window.app.start({
      url: () => (allowed ? '/realtime' : 'wss://forbidden.example/realtime'),
      maxBackoffMs: 1_000,
    });
    window.app.client.on('state', (state) => turns.push({ at: performance.now(), state }));
  });
  const forbidden = async () =>
    (await tab.seen()).uncaught.filter((line) => line.startsWith('connect-src'));
  await eventually(async () => (await forbidden()).length).toBeGreaterThanOrEqual(3);
  const waits = await tab.run(() => {
    type Turn = { at: number; state: { name: string; retryInMs?: number } };
    const { turns } = window as unknown as { turns: Turn[] };
    return turns.flatMap(({ state }, i) => {
      const [before, next] = [turns[i - 1], turns[i + 1]];
      if (state.name !== 'waiting' || before === undefined || next === undefined) return [];
      // From the turn before: a wait begins with its task, and a handler hears of it some time later.
      return [{ announced: state.retryInMs ?? 0, real: next.at - before.at }];
    });
  });
  expect(waits.length).toBeGreaterThanOrEqual(2);
  // One millisecond is the grain of timers.
  for (const { announced, real } of waits) expect(real).toBeGreaterThanOrEqual(announced - 1);
  expect(Math.min(...waits.map(({ announced }) => announced))).toBeGreaterThan(0);
  expect(new Set((await tab.seen()).log)).toEqual(
    new Set(['pageshow', 'connecting', 'waiting refused']),
  );

  await tab.run(() => (window as unknown as { allow(): void }).allow());
  await tab.ready();
  site.publish(2);
  await eventually(tab.items).toEqual([1, 2]);
  const { errors, uncaught } = await tab.seen();
  expect(errors).toEqual([]);
  expect(uncaught).toEqual(await forbidden());
});

test('a socket that the browser does not make is told with its reason', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.run(() => {
    const { nativeDialect } = window.Lastseq;
    window.app.start({ dialect: { ...nativeDialect, protocols: ['no name'] } });
    window.app.client.on('error', ({ message }) => window.app.seen.log.push(message));
  });
  await eventually(async () => (await tab.seen()).errors).toContain('url_failed');
  expect((await tab.seen()).log.join()).toMatch(/url failed.*'no name' is invalid/);
});

test('a client that is only made does nothing', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  const before = await listeners(tab);
  await tab.run(() => {
    window.app.client = window.Lastseq.createClient({ url: '/realtime' });
    window.app.client.channel('room');
  });
  expect(await listeners(tab)).toEqual(before);
  expect(await tab.run(async () => (await indexedDB.databases()).length)).toBe(0);
  expect(site.hub.stats().accepted).toBe(0);
});

/** How many listeners window and document have. */
async function listeners(tab: Tab): Promise<Record<string, number>> {
  const cdp = await tab.cdp();
  const counts: Record<string, number> = {};
  for (const expression of ['window', 'document']) {
    const { result } = await cdp.send('Runtime.evaluate', { expression });
    const { objectId = '' } = result;
    counts[expression] = (
      await cdp.send('DOMDebugger.getEventListeners', { objectId })
    ).listeners.length;
  }
  await cdp.detach();
  return counts;
}

/** How many listeners and documents there are in the whole tab, after everything unused is gone. */
async function alive(tab: Tab) {
  const cdp = await tab.cdp();
  await cdp.send('HeapProfiler.collectGarbage');
  const { documents, jsEventListeners } = await cdp.send('Memory.getDOMCounters');
  await cdp.detach();
  return { documents, jsEventListeners };
}

test('200 clients made and closed leave no socket, no listener and no database open', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  const cycles = (count: number) =>
    tab.run(async (rounds) => {
      for (let i = 0; i < rounds; i += 1) {
        // Closed when it is live, and at every stage before.
        for (const stage of ['made', 'connecting', 'open', 'live']) {
          const client = window.Lastseq.createClient({ url: '/realtime', namespace: `${i}` });
          const room = client.channel('room');
          if (stage !== 'made') room.subscribe(() => undefined);
          if (stage === 'open') {
            await new Promise<void>((resolve) => {
              client.on('state', ({ name }) => name === 'open' && resolve());
            });
          }
          if (stage === 'live') await room.ready();
          void room.close();
          await client.close();
        }
      }
    }, count);
  await cycles(2);
  await eventually(() => site.hub.stats().connections).toBe(0);
  const before = { ...(await listeners(tab)), ...(await alive(tab)) };
  await cycles(48);
  await eventually(() => site.hub.stats().connections).toBe(0);
  expect(site.hub.stats().subscriptions).toBe(0);
  expect(site.hub.stats().accepted).toBeGreaterThanOrEqual(100);
  await eventually(async () => ({ ...(await listeners(tab)), ...(await alive(tab)) })).toEqual(
    before,
  );
  const outcome = await tab.run(
    () =>
      new Promise<string>((resolve) => {
        const request = indexedDB.deleteDatabase('lastseq');
        for (const type of ['success', 'error', 'blocked'] as const) {
          request.addEventListener(type, () => resolve(type));
        }
      }),
  );
  expect(outcome).toBe('success');
  expect((await tab.seen()).uncaught).toEqual([]);
});

test('handlers that come and go with a component cost one subscription', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start();
  await tab.ready();
  const { framesIn } = site.hub.stats();
  await tab.run(async () => {
    for (let i = 0; i < 50; i += 1) {
      const room = window.app.client.channel('room');
      const stop = room.subscribe(() => undefined);
      await Promise.resolve();
      stop();
      stop();
      void room.close();
    }
  });
  site.publish(3);
  await eventually(tab.items).toEqual(upTo(3));
  expect(site.hub.stats()).toMatchObject({ framesIn, subscriptions: 1, accepted: 1 });
});

test('in a worker, where there is no document, it works as in a page', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.run(() => {
    const worker = new Worker('/worker.js');
    worker.onmessage = ({ data }) => window.app.seen.log.push(String(data));
    worker.onerror = ({ message }) => window.app.seen.uncaught.push(message);
  });
  await eventually(async () => (await tab.seen()).log).toContain('live');
  site.publish(3);
  await eventually(async () => (await tab.seen()).log).toEqual(['pageshow', 'live', '1', '2', '3']);
  expect((await tab.seen()).uncaught).toEqual([]);
});
