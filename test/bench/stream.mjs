// Messages per second over a real socket, from the server's publish to the page's handler.
import { createServer } from 'node:http';
import { openPage, withBrowser } from './page.mjs';
import { versionOf } from './peers.mjs';
import { comparison } from './report.mjs';
import { takeTurns } from './rounds.mjs';
import { onPost, publishAll, serveHub, serveWire } from './servers.mjs';
import { WIRES } from './wire.mjs';

/** @typedef {import('node:http').Server} Server */

/** Messages that a server publishes before it looks up: what a batch is made of. */
const PER_TICK = 50;

/** @type {import('./benchmarks.mjs').Benchmark} */
export default function stream({ peers, rounds = 5, smoke }) {
  const count = smoke ? 1_000 : 200_000;
  return withBrowser(async (browser) => {
    const setups = [
      scripted('raw', 'raw', 1),
      scripted('envelope, batches', 'envelope', PER_TICK),
      lastseq('lastseq', PER_TICK),
      lastseq('lastseq, 1 per frame', 1),
      ...(peers ? [scripted('centrifuge, batches', 'centrifuge', PER_TICK)] : []),
    ];
    const contenders = [];
    const tabs = [];
    for (const { code, name, serve } of setups) {
      const server = createServer();
      serve(server);
      const tab = await openPage(browser, code, server);
      tabs.push(tab);
      contenders.push({
        name,
        round: async () => {
          await tab.page.bringToFront();
          return tab.run(inPage, count);
        },
      });
    }
    const samples = await takeTurns(contenders, rounds);
    for (const tab of tabs) await tab.close();
    const table = comparison({
      title: `stream: ${count.toLocaleString('en-US')} messages over a real socket, as fast as they are taken`,
      figure: 'perSecond',
      unit: 'messages/s',
      baseline: 'raw',
      samples,
      notes: [
        `${browser.version}; ${rounds} rounds; more is better. raw: one message per frame from ws ${versionOf('ws')}.`,
        `Batches: ${PER_TICK} messages per tick of the server; the hub puts them into one frame by itself.`,
        `lastseq ${versionOf('lastseq')}${peers ? `, centrifuge ${versionOf('centrifuge')} (scripted server)` : ''}.`,
      ],
    });
    return { tables: [table], raw: { browser: browser.version, samples } };
  });
}

/** Runs in the page. @type {(count: number) => Promise<Record<string, number>>} */
const inPage = async (count) => (await /** @type {any} */ (window).Entry.round)(count);

/** @param {string} client @param {string} path */
const page = (client, path) => `import { contender } from './pages/stream.js';
  import { open } from './clients/${client}.js';
  export const round = contender(open, 'ws://' + location.host + '${path}');`;

/** @param {string} name @param {string} client @param {number} perFrame */
function scripted(name, client, perFrame) {
  const wire = WIRES[client];
  if (wire === undefined) throw new Error(`no wire of ${client}`);
  return {
    name,
    code: page(client, '/'),
    serve(/** @type {Server} */ server) {
      const { sockets, waitingBytes } = serveWire(server, wire);
      let head = 0;
      onPost(server, '/go', (query) =>
        publishAll(waitingBytes, Number(query.get('count')), perFrame, (messages) => {
          const jsons = messages.map((message) => JSON.stringify(message));
          const [json = ''] = jsons;
          const text =
            perFrame === 1 ? wire.one(head + 1, json) : (wire.many?.(head + 1, jsons) ?? '');
          head += jsons.length;
          for (const socket of sockets) socket.send(text);
        }),
      );
    },
  };
}

/** @param {string} name @param {number} perTick */
function lastseq(name, perTick) {
  return {
    name,
    code: page('lastseq', '/realtime'),
    serve(/** @type {Server} */ server) {
      const { log, waitingBytes } = serveHub(server);
      onPost(server, '/go', (query) =>
        publishAll(waitingBytes, Number(query.get('count')), perTick, (messages) => {
          for (const message of messages) log.append('room:42', message);
        }),
      );
    },
  };
}
