import { createServer } from 'node:http';
import { openPage, withBrowser } from './page.mjs';
import { threadTime } from './cpu.mjs';
import { profile } from './profile.mjs';
import { onPost, serveHub } from './servers.mjs';
import { payload } from './wire.mjs';
const count = 10000;
await withBrowser(async (browser) => {
  const server = createServer();
  const { cut, log } = serveHub(server);
  onPost(server, '/cut', () => { cut(); for (let i = 0; i < count; i++) log.append(`room-${i}`, JSON.parse(payload(i))); });
  server.on('request', (request, response) => {
    const url = new URL(request.url ?? '/', 'http://page');
    if (url.pathname !== '/bytes') return;
    const length = Math.ceil(Number(url.searchParams.get('count')) / payload(1).length);
    response.end(`[${Array.from({ length }, (_, i) => payload(i)).join(',')}]`);
  });
  const page = await openPage(browser, `export * from './pages/resume.js';`, server);
  await page.run((n) => window.Entry.prepare(n), count);
  const cpu = await threadTime(page.page);
  const resume = () => page.run((n) => window.Entry.resume(n), count);
  for (let i = 0; i < 6; i++) { const b = await cpu(); const s0 = process.cpuUsage(); const r = await resume(); const s = process.cpuUsage(s0); const f = await page.run((n) => window.Entry.fetchOnce(n), r.receivedBytes); console.log(r.ms.toFixed(0), 'page cpu', (await cpu() - b).toFixed(0), 'server cpu', ((s.user + s.system) / 1000).toFixed(0), 'fetch', f.toFixed(0), (r.ms / f).toFixed(2)); }
  const shares = await profile(page.page, resume);
  for (const { name, share } of shares.slice(0, 40)) console.log((share * 100).toFixed(1), name);
  await page.close();
});
