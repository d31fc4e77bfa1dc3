// The demo in a real Chromium: every button makes its fault, and afterwards both panes show the same
// messages or name the numbers that are lost. It serves what `npm run build` left in dist; `npm test`
// builds first.
import { existsSync, readFileSync } from 'node:fs';
import type { BrowserContext, Browser as Puppet, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launch } from '../support/browsers.mjs';

interface Demo {
  readonly url: string;
  readonly faults: { say(text: string): void; make(command: object): string };
  close(): Promise<void>;
}
type PaneId = 'ada' | 'grace';

const root = new URL('../..', import.meta.url);
/** What the server says before anybody came. */
const WELCOMES = ['1', '2', '3'];
/** For waits that end as soon as what is waited for is there. */
const SOON = { timeout: 20_000, interval: 50 };

let browser: Awaited<ReturnType<typeof launch>>;
let puppet: Puppet;
/** A profile of its own for every test: a port that comes again must not bring old records along. */
let profile: BrowserContext;
let demo: Demo;
let page: Page;
let troubles: string[];

/** Starts the demo. Imported by address: the type check must not need a build. */
async function start(options: object = {}): Promise<Demo> {
  const module = new URL('demo/server.mjs', root).href;
  const { startDemo } = (await import(/* @vite-ignore */ module)) as {
    startDemo(options: object): Promise<Demo>;
  };
  return startDemo({ port: 0, ...options });
}

/** Opens a tab whose every complaint is kept. */
async function open(url: string): Promise<Page> {
  const tab = await profile.newPage();
  tab.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) troubles.push(message.text());
  });
  tab.on('pageerror', (error) => troubles.push(String(error)));
  await tab.goto(url);
  return tab;
}

/** The list of a pane as a reader sees it: numbers and, for a gap, its range; with `texts`, the words. */
function list(pane: PaneId, texts = false, tab = page): Promise<string[]> {
  return tab.$$eval(
    `#${pane} [data-part="list"] > li`,
    (rows, wanted) =>
      rows.map((row) => {
        const { gap, seq } = (row as HTMLElement).dataset;
        return `${gap ?? seq}${wanted ? ` ${row.querySelector('.text')?.textContent}` : ''}`;
      }),
    texts,
  );
}

/** How many cells of the timeline show this fate. */
const cells = (pane: PaneId, selector: string) =>
  page.$$eval(`#${pane} .strip .cell${selector}`, (found) => found.length);

const field = (pane: PaneId, name: string, tab = page) =>
  tab.$eval(`#${pane} [data-field="${name}"]`, ({ textContent }) => textContent);

/** Writes down whatever a field of a pane says from now on, however briefly. */
async function watch(pane: PaneId, name: string): Promise<() => Promise<string[]>> {
  const said = await page.evaluateHandle(
    (root, wanted) => {
      const entries: string[] = [];
      const look = (selector: string) => document.querySelectorAll(`#${root} ${selector}`);
      const [element] = look(`[data-field="${wanted}"]`);
      new MutationObserver(() => {
        const rows = look('[data-part="list"] > li').length;
        entries.push(`${element?.textContent} after ${rows} messages`);
      }).observe(element as Element, { childList: true, characterData: true, subtree: true });
      return entries;
    },
    pane,
    name,
  );
  return () => said.jsonValue();
}

const press = (fault: string) => page.click(`[data-fault="${fault}"]`);

async function choose(target: PaneId | 'both'): Promise<void> {
  await page.click(`#faults input[value="${target}"]`);
}

async function write(pane: PaneId, text: string): Promise<void> {
  await page.type(`#${pane} [data-part="input"]`, text);
  await page.click(`#${pane} [data-part="form"] button`);
}

/** The numbers `from` to `to`, as the lists show them. */
const run = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

/** Both panes show these rows, with the same words, and say that they are complete. */
async function bothShow(rows: string[], words = true, tab = page): Promise<void> {
  for (const pane of ['ada', 'grace'] as const) {
    await expect.poll(() => list(pane, false, tab), SOON).toEqual(rows);
    await expect.poll(() => field(pane, 'channel', tab), SOON).toBe('live');
    await expect.poll(() => field(pane, 'connection', tab), SOON).toBe('open');
  }
  if (words) expect(await list('ada', true, tab)).toEqual(await list('grace', true, tab));
}

/** Ends this life of the demo and begins another, with other options. */
async function restartWith(options: object): Promise<void> {
  await page.close();
  await demo.close();
  demo = await start(options);
  page = await open(demo.url);
}

beforeAll(async () => {
  if (!existsSync(new URL('dist/lastseq.min.js', root))) {
    throw new Error('no dist: npm run build comes first');
  }
  browser = await launch('chromium');
  puppet = (await browser.open('about:blank')).page.browser();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  troubles = [];
  profile = await puppet.createBrowserContext();
  demo = await start();
  page = await open(demo.url);
  await bothShow(WELCOMES);
});

afterEach(async () => {
  await profile.close();
  await demo.close();
  expect(troubles).toEqual([]);
});

describe('a fault for Ada alone', () => {
  test('cut: what was said meanwhile is recovered', async () => {
    await press('cut');
    await bothShow(run(1, 6));
    expect(await cells('ada', '[data-fate="recovered"]')).toBe(6);
    expect(await cells('grace', '[data-fate="live"]')).toBe(3);
  });

  test('half-open: the silence is noticed, and what was said into it is recovered', async () => {
    const said = await watch('ada', 'connection');
    await press('half-open');
    await bothShow(run(1, 6));
    // With what was there before, and nothing of what was said since.
    expect((await said())[0]).toMatch(/gone silent.* after 3 messages$/);
  });

  test('drop: the message after the hole shows it, and the hole is filled', async () => {
    await press('drop');
    await bothShow(run(1, 7));
    expect(await cells('ada', '[data-seq="4"][data-fate="recovered"]')).toBe(1);
    expect(await cells('grace', '[data-fate="live"]')).toBe(4);
  });

  test('duplicate: each is shown once, and marked in the timeline', async () => {
    await press('duplicate');
    await bothShow(run(1, 6));
    await expect.poll(() => cells('ada', '[data-times="2"]'), SOON).toBe(3);
    expect(await cells('grace', '[data-times]')).toBe(0);
    expect(await page.$eval('#ada [data-count="duplicate"]', (e) => e.textContent)).toBe('3');
  });

  test('reorder: what came too early is held until its turn', async () => {
    // A heartbeat would tell the head before the messages come, and they would be fetched instead.
    await restartWith({ heartbeatMs: 60_000 });
    await bothShow(WELCOMES);
    await press('reorder');
    await bothShow(run(1, 6));
    expect(await cells('ada', '[data-fate="held"]')).toBe(2);
    expect(await cells('ada', '[data-seq="4"][data-fate="live"]')).toBe(1);
  });

  test('delay: the heartbeat tells of them, so the late ones come as duplicates', async () => {
    await press('delay');
    await bothShow(run(1, 6));
    expect(await cells('ada', '[data-fate="recovered"]')).toBe(6);
    await expect.poll(() => cells('ada', '[data-times="2"]'), SOON).toBe(3);
    await bothShow(run(1, 6));
  });

  test('expire: a gap names what is lost, and the numbers go on', async () => {
    await press('expire');
    await expect.poll(() => list('grace'), SOON).toEqual(run(1, 6));
    await expect.poll(() => list('ada'), SOON).toEqual([...WELCOMES, '4–6']);
    await write('grace', 'still there?');
    await expect.poll(() => list('ada'), SOON).toEqual([...WELCOMES, '4–6', '7']);
    expect(await cells('ada', '[data-fate="gap"]')).toBe(1);
    expect(await page.$eval('#ada .cell[data-fate="gap"]', (e) => e.textContent)).toBe('4–6');
    expect((await list('ada', true))[3]).toContain('the server no longer holds them');
  });

  test('refuse token: a fresh one is fetched, nobody is asked', async () => {
    await press('refuse-once');
    await bothShow(run(1, 6));
    expect(await cells('ada', '[data-fate="recovered"]')).toBe(6);
  });

  test('refuse all: the pane says so and waits until it is told to connect again', async () => {
    await press('refuse');
    await expect.poll(() => field('ada', 'connection'), SOON).toBe('unauthorized');
    await expect.poll(() => list('grace'), SOON).toEqual(run(1, 6));
    expect(await list('ada')).toEqual(WELCOMES);
    const pressed = () => page.$eval('[data-fault="refuse"]', ({ ariaPressed }) => ariaPressed);
    expect(await pressed()).toBe('true');

    await press('accept');
    await expect.poll(pressed, SOON).toBe('false');
    await page.click('#ada [data-part="again"]');
    await bothShow(run(1, 6));
    expect(await page.$eval('#ada [data-part="again"]', (e) => (e as HTMLElement).hidden)).toBe(
      true,
    );
  });
});

describe('a fault for both', () => {
  beforeEach(() => choose('both'));

  test('cut: what is sent meanwhile is recovered', async () => {
    await press('cut');
    await bothShow(run(1, 6));
    expect(await cells('grace', '[data-fate="recovered"]')).toBe(6);
  });

  test('burst: a thousand messages, every one with its cell', async () => {
    await press('burst');
    await bothShow(run(1, 1_003));
    for (const pane of ['ada', 'grace'] as const) expect(await cells(pane, '')).toBe(1_003);
    await expect.poll(() => field('ada', 'stored'), SOON).toBe('1003');
  });

  test('burst while Ada is silent: it is recovered page by page', async () => {
    await choose('ada');
    await press('half-open');
    await press('burst');
    await bothShow(run(1, 1_006));
    expect(await cells('ada', '[data-fate="recovered"]')).toBe(1_006);
  });

  test('restart: the new log follows a gap whose end nobody knows', async () => {
    await press('restart');
    await bothShow([...WELCOMES, '4–?', ...run(1, 4)]);
    expect((await list('ada', true))[3]).toContain('the server started a new log');
    await expect.poll(() => field('ada', 'last'), SOON).toBe('4');
    await expect.poll(() => page.$$eval('#ada .life', (lives) => lives.length), SOON).toBe(2);
  });

  test('chatter goes on until it is switched off', async () => {
    await press('chatter');
    await expect.poll(async () => (await list('grace')).length, SOON).toBeGreaterThan(4);
    await press('chatter');
    const pressed = () => page.$eval('[data-fault="chatter"]', ({ ariaPressed }) => ariaPressed);
    await expect.poll(pressed, SOON).toBe('false');
    // Of the log: the last of it may still be on its way to the panes.
    const answer = await fetch(
      new URL('recover?channel=room%3Aharbour&epoch=none&since=0', demo.url),
    );
    const { head } = (await answer.json()) as { head: number };
    await bothShow(run(1, head));
  });

  test('chatter that ends by itself is shown as ended', async () => {
    const pressed = () => page.$eval('[data-fault="chatter"]', ({ ariaPressed }) => ariaPressed);
    await press('chatter');
    await expect.poll(pressed, SOON).toBe('true');
    demo.faults.make({ fault: 'chatter' });
    await expect.poll(pressed, SOON).toBe('false');
  });
});

test('faults on top of faults end the same', async () => {
  await press('drop');
  await press('reorder');
  await press('duplicate');
  await press('cut');
  await press('delay');
  await choose('grace');
  await press('drop');
  await press('half-open');
  // 4 + 3 + 3 + 3 + 3 and 4 + 3 messages follow.
  await bothShow(run(1, 26));
  for (const pane of ['ada', 'grace'] as const) {
    expect(await cells(pane, '[data-fate="recovered"]'), pane).toBeGreaterThan(3);
  }
});

test('recovery over HTTP does the same', async () => {
  await page.goto(`${demo.url}?recover=http`);
  await bothShow(WELCOMES);
  const asked: string[] = [];
  page.on('response', (response) => {
    if (response.url().includes('/recover?')) asked.push(String(response.status()));
  });
  await press('cut');
  await bothShow(run(1, 6));
  expect(asked).toContain('200');
});

test('while the log is asked, the timeline shows what waits and what is awaited', async () => {
  await page.goto(`${demo.url}?recover=http`);
  await bothShow(WELCOMES);
  const waiting: (() => Promise<void>)[] = [];
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    if (request.url().includes('/recover?')) waiting.push(() => request.continue());
    else void request.continue();
  });
  await press('drop');
  await expect.poll(() => waiting.length, SOON).toBeGreaterThan(0);
  await expect.poll(() => cells('ada', '[data-fate="awaited"]'), SOON).toBe(3);
  await expect.poll(() => cells('ada', '[data-seq="7"][data-early]'), SOON).toBe(1);
  expect(await field('ada', 'channel')).toBe('recovering from 3 to 7');
  expect([await field('ada', 'last'), await field('ada', 'head')]).toEqual(['3', '7']);
  expect(await field('ada', 'held')).toBe('1');
  for (const go of waiting) await go();
  await bothShow(run(1, 7));
  expect(await cells('ada', '[data-fate="awaited"]')).toBe(0);
});

describe('a reload', () => {
  test('shows what was there and what was missed, in order and once', async () => {
    await write('ada', 'before');
    await bothShow(run(1, 4));
    await page.goto('about:blank');
    for (const text of ['missed one', 'missed two']) demo.faults.say(text);
    await page.goto(demo.url);
    await bothShow(run(1, 6));
    expect((await list('ada', true)).slice(3)).toEqual([
      '4 before',
      '5 missed one',
      '6 missed two',
    ]);
    expect(await cells('ada', '[data-fate="kept"]')).toBe(4);
    expect(await cells('ada', '[data-fate="recovered"]')).toBe(2);
  });

  test('in the middle of a burst loses nothing and repeats nothing', async () => {
    await press('burst');
    await page.reload();
    await bothShow(run(1, 1_003));
  });

  test('without a goodbye, as in a crash', async () => {
    await write('grace', 'written down');
    await bothShow(run(1, 4));
    await expect.poll(() => field('grace', 'stored'), SOON).toBe('4');
    const session = await page.createCDPSession();
    await session.send('Page.enable');
    // No event of the page runs, pagehide included.
    const crashed = new Promise((resolve) => page.once('error', resolve));
    void session.send('Page.crash').catch(() => undefined);
    await crashed;
    demo.faults.say('missed');
    page = await open(demo.url);
    await bothShow(run(1, 5));
  });

  test('of a page that could not write its record any more repeats nothing', async () => {
    await expect.poll(() => field('ada', 'stored'), SOON).toBe('3');
    await page.evaluate(() => {
      Storage.prototype.setItem = () => {
        throw new DOMException('full', 'QuotaExceededError');
      };
    });
    await write('ada', 'said and not written down');
    await bothShow(run(1, 4));
    expect(await field('ada', 'stored')).toBe('3');
    await page.reload();
    await bothShow(run(1, 4));
    expect(await cells('ada', '[data-fate="kept"]')).toBe(3);
    await expect.poll(() => field('ada', 'stored'), SOON).toBe('4');
  });

  test('shows gaps again, once, where they were', async () => {
    await choose('both');
    await press('expire');
    await bothShow([...WELCOMES, '4–6'], false);
    await page.reload();
    await bothShow([...WELCOMES, '4–6']);
    await page.goto('about:blank');
    demo.faults.make({ fault: 'restart', count: 1 });
    for (let i = 0; i < 2; i += 1) {
      await page.goto(demo.url);
      await bothShow([...WELCOMES, '4–6', '7–?', ...run(1, 2)]);
    }
  });

  test('names what was lost while nobody looked', async () => {
    await bothShow(WELCOMES);
    await expect.poll(() => field('ada', 'stored'), SOON).toBe('3');
    await page.goto('about:blank');
    demo.faults.make({ fault: 'expire', count: 2 });
    demo.faults.say('after');
    await page.goto(demo.url);
    await bothShow([...WELCOMES, '4–5', '6']);
  });

  test('after "forget" begins at the oldest message again', async () => {
    await Promise.all([page.waitForNavigation(), page.click('[data-part="forget"]')]);
    await bothShow(WELCOMES);
    expect(await cells('ada', '[data-fate="kept"]')).toBe(0);
  });
});

test('"forget" begins anew where the browser stores nothing, too', async () => {
  await page.evaluateOnNewDocument(() => {
    const deny = () => {
      throw new DOMException('denied', 'SecurityError');
    };
    IDBFactory.prototype.open = deny;
    Object.defineProperty(window, 'localStorage', { get: deny });
  });
  await page.goto(demo.url);
  await bothShow(WELCOMES);
  const again = page.waitForNavigation();
  await page.click('[data-part="forget"]');
  await again;
  await bothShow(WELCOMES);
});

test('two tabs show the same, and so does the one that was reloaded', async () => {
  const other = await open(demo.url);
  // A tab in the background draws nothing until it is looked at.
  await page.bringToFront();
  await press('drop');
  await bothShow(run(1, 7));
  await other.bringToFront();
  await expect.poll(() => list('ada', false, other), SOON).toEqual(run(1, 7));
  await other.reload();
  await bothShow(run(1, 7), true, other);
});

test('text that looks like HTML stays text', async () => {
  const evil = '<img src=x onerror="document.title=1"><b>bold</b>&amp;';
  await write('ada', evil);
  for (const pane of ['ada', 'grace'] as const) {
    await expect.poll(() => list(pane, true), SOON).toContain(`4 ${evil}`);
    expect(await page.$$eval(`#${pane} .list .text *`, (inside) => inside.length)).toBe(0);
  }
  await page.reload();
  // Connected as well: a page that goes while it connects complains.
  await bothShow(run(1, 4));
  expect(await list('grace', true)).toContain(`4 ${evil}`);
  expect(await page.$$('img')).toEqual([]);
});

test('everything can be done from the keyboard, and focus can be seen', async () => {
  const focused = () => page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200) ?? '');
  const tabTo = async (mark: string) => {
    for (let i = 0; i < 40; i += 1) {
      await page.keyboard.press('Tab');
      if ((await focused()).includes(mark)) {
        const ring = await page.evaluate(() => {
          const element = document.activeElement as HTMLElement;
          // A radio is hidden under its label, which wears the ring.
          const shown = element.matches('[type=radio]') ? element.nextElementSibling : element;
          return getComputedStyle(shown ?? element).outlineStyle;
        });
        expect(ring, mark).not.toBe('none');
        return;
      }
    }
    throw new Error(`${mark} cannot be reached with Tab`);
  };

  await tabTo('href="#ada"');
  await page.keyboard.press('Enter');
  await tabTo('id="ada-text"');
  await page.keyboard.type('typed');
  await page.keyboard.press('Enter');
  await bothShow(run(1, 4));

  await page.reload();
  await tabTo('value="ada"');
  await page.keyboard.press('ArrowDown');
  await tabTo('data-fault="drop"');
  await page.keyboard.press('Space');
  await bothShow(run(1, 8));
  await expect.poll(() => cells('grace', '[data-seq="5"][data-fate="recovered"]'), SOON).toBe(1);
});

test('a message that cannot be sent is announced, and its buttons leave the focus in the pane', async () => {
  const focused = () => page.evaluate(() => document.activeElement?.id);
  const enter = async (button: string) => {
    await page.waitForSelector(`#ada ${button}`, { visible: true });
    await page.focus(`#ada ${button}`);
    await page.keyboard.press('Enter');
  };
  await page.click('input[name="talk"]');
  await press('refuse');
  await enter('[data-part="again"]');
  expect(await focused()).toBe('ada');
  await expect.poll(() => field('ada', 'connection'), SOON).toBe('unauthorized');
  await write('ada', 'lost in the post');
  await page.waitForSelector('#ada .outbox button', SOON);
  const announced = () => page.$eval('#ada [data-part="announcer"]', (e) => e.textContent);
  await expect.poll(announced, SOON).toContain('Not sent: lost in the post');
  await enter('.outbox button:first-child');
  expect(await focused()).toBe('ada');
  await enter('.outbox button:last-child');
  expect(await focused()).toBe('ada');
  expect(await page.$$('#ada .outbox li')).toEqual([]);
}, 60_000);

test.each(['light', 'dark'])('a phone shows it without scrolling sideways (%s)', async (scheme) => {
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.setViewport({ width: 360, height: 740, hasTouch: true, isMobile: true });
  await choose('both');
  await press('expire');
  await press('restart');
  await write('ada', 'x'.repeat(300));
  await expect
    .poll(async () => (await list('grace', true)).at(-1), SOON)
    .toContain('x'.repeat(300));
  await press('refuse');
  await expect.poll(() => field('grace', 'connection'), SOON).toBe('unauthorized');
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  const covered = await page.$eval('#ada .head', (head) => {
    const boxes = Array.from(head.querySelectorAll('h2, dd, button'), (e) =>
      e.getBoundingClientRect(),
    );
    return boxes.some((a, i) =>
      boxes.slice(i + 1).some((b) => {
        const apart =
          a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
        return !apart;
      }),
    );
  });
  expect(covered).toBe(false);
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const [red = 0] = ground.match(/\d+/g)?.map(Number) ?? [];
  expect(red < 128 ? 'dark' : 'light').toBe(scheme);
});

test('the page with a script tag and 12 lines works against the hub', async () => {
  const html = readFileSync(new URL('demo/script-tag.html', root), 'utf8');
  const script = /<script>\n(.*?)\n\s*<\/script>/s.exec(html)?.[1] ?? '';
  expect(script.split('\n').length).toBeLessThanOrEqual(12);

  const guest = await open(`${demo.url}script-tag.html`);
  const lines = () =>
    guest.$$eval('li', (rows) => rows.map(({ textContent }) => textContent ?? ''));
  await expect.poll(async () => (await lines()).length, SOON).toBe(3);
  await guest.type('input', '<i>hello</i>');
  await guest.click('button');
  await expect.poll(async () => (await lines()).at(-1), SOON).toBe('4 Guest: <i>hello</i>');
  await page.bringToFront();
  await bothShow(run(1, 4));
});

test('the page with a script tag says so when a message could not be sent', async () => {
  const guest = await open(`${demo.url}script-tag.html`);
  await expect.poll(() => guest.$$('li').then(({ length }) => length), SOON).toBe(3);
  await guest.setOfflineMode(true);
  await guest.type('input', 'hello?');
  await guest.click('button');
  const last = () => guest.$$eval('li', (rows) => rows.at(-1)?.textContent);
  await expect.poll(last, SOON).toContain('LastseqError: timeout');
  // Chromium prints every handshake that fails.
  troubles = troubles.filter((line) => !line.startsWith('WebSocket connection to'));
});

test('a message sent into silence arrives once', async () => {
  await page.click('input[name="talk"]');
  await press('half-open');
  await write('ada', 'can you hear me?');
  await bothShow(run(1, 4));
  await expect.poll(() => page.$$('#ada [data-part="outbox"] li'), SOON).toEqual([]);
});

test('a path that is no address is not found, and harms nobody', async () => {
  expect((await fetch(`${demo.url}/`)).status).toBe(404);
  expect((await fetch(`${demo.url}?recover=http`)).status).toBe(200);
  await bothShow(WELCOMES);
});

describe('the control endpoint', () => {
  const post = (headers: Record<string, string>, body: unknown) =>
    fetch(new URL('faults', demo.url), {
      method: 'POST',
      headers,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  test('takes no commands of other pages', async () => {
    const command = { fault: 'restart' };
    expect((await post({ Origin: 'http://elsewhere.example' }, command)).status).toBe(403);
    expect((await post({}, command)).status).toBe(403);
    await bothShow(WELCOMES);
  });

  test.each([
    ['not JSON', '{'],
    ['a fault that is none', { fault: 'constructor' }],
    ['a target that is none', { fault: 'cut', target: '__proto__' }],
    ['a count out of bounds', { fault: 'drop', count: 1e9 }],
    ['nothing', null],
    ['too much', { fault: 'cut', more: 'x'.repeat(2_000) }],
  ])('refuses %s', async (_what, body) => {
    const { origin } = new URL(demo.url);
    expect((await post({ Origin: origin }, body)).status).toBe(400);
    await bothShow(WELCOMES);
  });
});
