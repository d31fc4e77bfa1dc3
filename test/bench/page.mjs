// A page in Chromium with code of ours in it, and a server behind it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { launch } from '../support/browsers.mjs';
import { bundle } from './bundle.mjs';

/**
 * Runs `work` with a browser that ends with it. It does not report what goes over its network, unless it is
 * asked to: that was most of what a stream of messages cost.
 * @template Result
 * @param {(browser: Awaited<ReturnType<typeof launch>>) => Promise<Result>} work
 * @param {{ networkEnabled?: boolean }} [options] `networkEnabled`: as setting a page offline requires.
 */
export async function withBrowser(work, { networkEnabled = false } = {}) {
  const browser = await launch('chromium', { networkEnabled });
  try {
    return await work(browser);
  } finally {
    await browser.close();
  }
}

/**
 * Opens a page that runs `code`, bundled; what it exports is `Entry` in the page. Answers every GET
 * that nobody else answers with the page.
 * @param {Awaited<ReturnType<typeof launch>>} browser
 * @param {string} code imports are relative to this folder
 * @param {import('node:http').Server} [server] others may be served beside the page
 */
export async function openPage(browser, code, server = createServer()) {
  const script = (await bundle(code, { format: 'iife', minify: false })).code;
  server.on('request', (request, response) => {
    if (response.headersSent || response.writableEnded) return;
    const { pathname } = new URL(request.url ?? '/', 'http://page');
    if (pathname === '/entry.js') response.setHeader('Content-Type', 'text/javascript').end(script);
    else if (pathname === '/') response.setHeader('Content-Type', 'text/html').end(HTML);
    else if (pathname === '/favicon.ico') response.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const tab = await browser.open(`http://127.0.0.1:${port}/`);
  return {
    port,
    page: tab.page,
    run: tab.run,
    close: async () => {
      await tab.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const HTML =
  '<!doctype html><meta charset="utf-8"><title>bench</title><script src="/entry.js"></script>';
