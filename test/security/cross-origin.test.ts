// A page of somebody else in a real Chromium, in which the user is logged in by a cookie: it can
// neither open a socket nor read the past. Headers alone are in test/server/origin.test.ts.
import { expect, test } from 'vitest';
import { openTab, startSite } from '../e2e/harness.js';

test('a page of another origin gets nothing with the cookies of the user', async () => {
  const asked: [action: string, cookie: string | undefined][] = [];
  const site = await startSite({
    authorize: ({ action, request }) => {
      asked.push([action, request.headers.cookie]);
      return {};
    },
  });
  site.publish(3);
  const { epoch } = site.log.facts('room');
  const evil = await startSite({
    connectSrc: () => `'self' ${site.origin} ws://127.0.0.1:${site.port}`,
  });

  // Cookies know no ports: the browser sends this one to both sites.
  const tab = await openTab(site.origin);
  await tab.run(() => void (document.cookie = 'session=ann; path=/'));
  await tab.goto(evil.origin);
  const attempt = () =>
    tab.run(
      async (origin, socketUrl, query) => {
        const get = async (init: RequestInit): Promise<string> => {
          try {
            const response = await fetch(`${origin}/recover?${query}`, init);
            return `${response.type} ${response.status} ${await response.text()}`;
          } catch {
            return 'failed';
          }
        };
        const socket = new WebSocket(socketUrl, 'lastseq.v1');
        const opened = await new Promise<string>((resolve) => {
          socket.onopen = () => resolve('open');
          socket.onclose = () => resolve('closed');
        });
        return {
          opened,
          plain: await get({ credentials: 'include' }),
          // Answers without CORS are there, and cannot be looked at.
          opaque: await get({ credentials: 'include', mode: 'no-cors' }),
          preflighted: await get({
            credentials: 'include',
            headers: { Authorization: 'Bearer x' },
          }),
        };
      },
      site.origin,
      `ws://127.0.0.1:${site.port}/realtime`,
      `channel=room&epoch=${epoch}&since=0`,
    );
  expect(await attempt()).toEqual({
    opened: 'closed',
    plain: 'failed',
    opaque: 'opaque 0 ',
    preflighted: 'failed',
  });
  // A GET without CORS has no Origin, so it cannot be told from one of no browser; nobody can read it.
  expect(asked).toEqual([['recover', 'session=ann']]);
  const { accepted, messagesOut, originRefusals } = site.hub.stats();
  expect({ accepted, messagesOut }).toEqual({ accepted: 0, messagesOut: 0 });
  expect(originRefusals).toBe(3);

  // The same page code on the site's own origin, with the same cookie.
  await tab.goto(site.origin);
  const own = await attempt();
  expect([own.opened, own.plain.slice(0, 9)]).toEqual(['open', 'basic 200']);
  expect(asked.every(([, cookie]) => cookie === 'session=ann')).toBe(true);
});
