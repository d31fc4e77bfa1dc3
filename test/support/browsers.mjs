// Finds the browsers of this machine and drives them, with one small handle for all three engines:
//
//   const browser = await launch("chromium") // or "firefox", "webkit"
//   const tab = await browser.open(url)
//   await tab.run((a, b) => a + b, 1, 2)
//   await browser.close()
//
// puppeteer-core is imported only when a browser is launched, so that this file can say what is
// installed before the npm packages are there.
import { accessSync, constants } from 'node:fs';
import { platform } from 'node:process';

/** @typedef {"chromium" | "firefox" | "webkit"} Engine */

/**
 * @typedef {object} Tab
 * @property {import("puppeteer-core").Page} page the puppeteer page; throws in WebKit, which has none
 * @property {<A extends unknown[], R>(fn: string | ((...args: A) => R), ...args: A) => Promise<Awaited<R>>} run
 *   runs a function (or the source of one) in the page; arguments and result must be JSON
 * @property {(url: string) => Promise<unknown>} goto
 * @property {() => Promise<unknown>} front brings the tab to the front, which hides the one before
 * @property {() => Promise<unknown>} close
 */

/**
 * @typedef {object} Browser
 * @property {Engine} name
 * @property {string} version
 * @property {(url: string) => Promise<Tab>} open a new tab of the one profile of this browser
 * @property {() => Promise<void>} close
 */

/** @param {string} path */
const executable = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/**
 * The first of these programs that exists: a path as it is, a bare name looked up on PATH.
 * @param {(string | undefined)[]} names
 * @returns {string | undefined}
 */
export const which = (names) => {
  const folders = (process.env.PATH ?? '').split(':').filter(Boolean);
  for (const name of names) {
    if (!name) continue;
    const paths = name.includes('/') ? [name] : folders.map((folder) => `${folder}/${name}`);
    const found = paths.find(executable);
    if (found) return found;
  }
  return undefined;
};

export const chromiumPath = () =>
  which([
    process.env.CHROMIUM_BIN,
    'chromium',
    'chromium-browser',
    'google-chrome',
    'google-chrome-stable',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ]);

export const firefoxPath = () =>
  which([
    process.env.FIREFOX_BIN,
    'firefox-esr',
    'firefox',
    '/Applications/Firefox.app/Contents/MacOS/firefox',
  ]);

/** The small browser that comes with WebKitGTK; only with its driver and a display is it of use. */
export const webkitPath = () => {
  if (platform !== 'linux' || !which(['WebKitWebDriver'])) return undefined;
  if (!hasDisplay() && !which(['xvfb-run'])) return undefined;
  const folders = ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu`);
  return which(
    folders.flatMap((folder) =>
      ['4.1', '4.0'].map((version) => `${folder}/webkit2gtk-${version}/MiniBrowser`),
    ),
  );
};

export const hasDisplay = () => Boolean(process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY);

/**
 * @param {Engine} name
 * @param {{ networkEnabled?: boolean }} [options] for Chromium and Firefox. `networkEnabled: false`: the
 *   browser does not report what goes over its network. It would copy every WebSocket message to us.
 * @returns {Promise<Browser>}
 */
export async function launch(name, options) {
  const found = { chromium: chromiumPath, firefox: firefoxPath, webkit: webkitPath }[name]();
  if (!found) throw new Error(`${name} was not found on this machine`);
  if (name !== 'webkit') return launchWithPuppeteer(name, found, options);
  const { launchWebKit } = await import('./webkit.mjs');
  return launchWebKit(found);
}

const CHROMIUM_ARGS = [
  '--no-sandbox', // as root there is no other way
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-gpu',
  '--disable-quic',
];

/**
 * @param {"chromium" | "firefox"} name
 * @param {string} executablePath
 * @param {{ networkEnabled?: boolean }} [options]
 * @returns {Promise<Browser>}
 */
async function launchWithPuppeteer(name, executablePath, options) {
  const { default: puppeteer } = await import('puppeteer-core');
  const browser = await puppeteer.launch(
    name === 'chromium'
      ? {
          ...options,
          browser: 'chrome',
          executablePath,
          headless: true,
          args: CHROMIUM_ARGS,
          // The back/forward cache stays on, as users have it.
          ignoreDefaultArgs: ['--disable-back-forward-cache'],
        }
      : {
          ...options,
          browser: 'firefox',
          executablePath,
          headless: true,
          extraPrefsFirefox: {
            // Firefox holds back a WebSocket to a host that just failed. Our tests fail on purpose.
            'network.websocket.delay-failed-reconnects': false,
            'network.proxy.type': 0,
          },
        },
  );
  return {
    name,
    version: await browser.version(),
    async open(url) {
      const page = await browser.newPage();
      await page.goto(url);
      return {
        page,
        run: (fn, ...args) =>
          typeof fn === 'string'
            ? page.evaluate(`(${fn})(...${JSON.stringify(args)})`)
            : /** @type {any} */ (page.evaluate)(fn, ...args),
        goto: (to) => page.goto(to),
        front: () => page.bringToFront(),
        close: () => page.close(),
      };
    },
    close: () => browser.close(),
  };
}
