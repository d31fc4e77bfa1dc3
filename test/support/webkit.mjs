// WebKitGTK over raw WebDriver: its small browser speaks no other protocol, and fetch is enough.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasDisplay } from './browsers.mjs';

/** @returns {Promise<number>} */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });

/** Starts the driver in its own process group: closing must also end Xvfb and the browser. */
async function startDriver() {
  const port = await freePort();
  // Without a display, creating a session hangs and leaves the driver behind.
  const command = hasDisplay() ? [] : ['xvfb-run', '-a'];
  const [program = '', ...args] = [...command, 'WebKitWebDriver', `--port=${port}`];
  // stdio is ignored because the browser inherits it, and a pipe would keep this process waiting.
  const driver = spawn(program, args, { detached: true, stdio: 'ignore' });
  const kill = () => {
    process.off('exit', kill);
    try {
      if (driver.pid !== undefined) process.kill(-driver.pid, 'SIGTERM');
    } catch {
      // It has ended already.
    }
  };
  process.once('exit', kill);
  /**
   * @param {"GET" | "POST" | "DELETE"} method
   * @param {string} path
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  const send = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(30_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { value } = /** @type {{ value: any }} */ (await response.json());
    if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  };
  for (let attempt = 0; ; attempt++) {
    try {
      await send('GET', '/status');
      return { send, kill };
    } catch (error) {
      if (attempt === 80) {
        kill();
        throw error;
      }
      await sleep(100);
    }
  }
}

/**
 * @param {string} binary
 * @returns {Promise<import("./browsers.mjs").Browser>}
 */
export async function launchWebKit(binary) {
  const { send, kill } = await startDriver();
  const options = { 'webkitgtk:browserOptions': { binary, args: ['--automation'] } };
  const session = await send('POST', '/session', { capabilities: { alwaysMatch: options } }).catch(
    (error) => {
      kill();
      throw error;
    },
  );
  const base = `/session/${session.sessionId}`;
  await send('POST', `${base}/timeouts`, { script: 30_000, pageLoad: 30_000 });

  // WebDriver has one current window, so the tabs take turns.
  /** @type {Promise<unknown>} */
  let turn = Promise.resolve();
  /**
   * @template T
   * @param {string} handle
   * @param {() => T | Promise<T>} job
   * @returns {Promise<T>}
   */
  const inWindow = (handle, job) => {
    const mine = turn
      .catch(() => {})
      .then(() => send('POST', `${base}/window`, { handle }))
      .then(job);
    turn = mine;
    return mine;
  };

  const first = await send('GET', `${base}/window`);
  // The first window is the visible one, and a test run hangs in a hidden tab: open() takes it first.
  let firstIsFree = true;

  return {
    name: 'webkit',
    version: `WebKitGTK ${session.capabilities.browserVersion}`,
    async open(url) {
      const useFirst = firstIsFree;
      firstIsFree = false;
      /** @type {string} */
      const handle = useFirst
        ? first
        : await inWindow(
            first,
            async () => (await send('POST', `${base}/window/new`, { type: 'tab' })).handle,
          );
      /** @type {import("./browsers.mjs").Tab} */
      const tab = {
        get page() {
          /** @returns {never} */
          const refuse = () => {
            throw new Error('WebKit is driven without puppeteer: there is no page');
          };
          return refuse();
        },
        goto: (to) => inWindow(handle, () => send('POST', `${base}/url`, { url: to })),
        run: (fn, ...args) =>
          inWindow(handle, async () => {
            const [ok, value] = await send('POST', `${base}/execute/async`, {
              args,
              script: `
                const args = [...arguments], done = args.pop();
                Promise.resolve().then(() => (${fn})(...args)).then(
                  (value) => done([true, value ?? null]),
                  (error) => done([false, String(error)]),
                );`,
            });
            if (!ok) throw new Error(value);
            return value;
          }),
        front: () => inWindow(handle, () => {}),
        close: () => inWindow(handle, () => send('DELETE', `${base}/window`)),
      };
      await tab.goto(url);
      return tab;
    },
    async close() {
      await send('DELETE', base).catch(() => {});
      kill();
    },
  };
}
