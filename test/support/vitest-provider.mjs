// A vitest browser provider over launch(): the same test files run in Chromium, Firefox and WebKit.
import { defineBrowserProvider } from '@vitest/browser';
import { launch } from './browsers.mjs';

/** @typedef {import("./browsers.mjs").Browser} Browser */
/** @typedef {import("./browsers.mjs").Engine} Engine */
/** @typedef {import("vitest/node").BrowserCommandContext} Context */

/**
 * The launched browsers by engine. Promises, so that two early callers share one launch.
 * @type {Map<string, Promise<Browser>>}
 */
const running = new Map();

/** @param {string} name */
const browserOf = (name) => {
  let browser = running.get(name);
  if (!browser) {
    browser = launch(/** @type {Engine} */ (name));
    running.set(name, browser);
  }
  return browser;
};

/**
 * The tabs that tests opened beside the one they run in.
 * @type {Map<number, import("./browsers.mjs").Tab>}
 */
const tabs = new Map();
let lastTab = 0;

/** @param {number} id */
const tabOf = (id) => {
  const tab = tabs.get(id);
  if (!tab) throw new Error(`no tab ${id} is open`);
  return tab;
};

/**
 * For tests that need a second tab of the same profile: `import { commands } from "vitest/browser"`.
 * Their types are in vitest-browser.d.ts.
 */
export const tabCommands = {
  /**
   * @param {Context} context
   * @param {string} url
   */
  async openTab({ project }, url) {
    const tab = await (await browserOf(project.config.browser.name)).open(url);
    tabs.set(++lastTab, tab);
    return lastTab;
  },
  /**
   * @param {Context} _context
   * @param {number} id
   * @param {string} code
   */
  runInTab: (_context, id, code) => tabOf(id).run(`async () => (${code})`),
  /**
   * @param {Context} _context
   * @param {number} id
   */
  async closeTab(_context, id) {
    await tabOf(id).close();
    tabs.delete(id);
  },
};

export const anyBrowser = () =>
  defineBrowserProvider({
    name: 'any-browser',
    supportedBrowser: ['chromium', 'firefox', 'webkit'],
    options: {},
    providerFactory(project) {
      const { name } = project.config.browser;
      return {
        name: 'any-browser',
        supportsParallelism: false,
        initScripts: [],
        getCommandsContext: () => ({}),
        async openPage(_session, url) {
          await (await browserOf(name)).open(url);
        },
        async close() {
          const browser = running.get(name);
          running.delete(name);
          await (await browser)?.close();
        },
      };
    },
  });
