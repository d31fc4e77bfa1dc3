/** The one composition root: checks the options, picks the adapters, wires the parts. */
import { fetchHistory } from './adapters/fetch-history.js';
import { idbPositionStore } from './adapters/idb-position-store.js';
import { memoryPositionStore } from './adapters/memory-position-store.js';
import { domPageSignals } from './adapters/page-signals-dom.js';
import { systemClock } from './adapters/system-clock.js';
import { webSocketTransport } from './adapters/websocket-transport.js';
import { LastseqClient, type Client } from './client.js';
import type { Ports } from './driver.js';
import { resolveOptions, type ClientOptions } from './options.js';

/**
 * Makes a client. It is inert until `connect()` or the first subscription: no socket, no database, no
 * listener; safe in Node and while rendering on a server.
 *
 * @throws LastseqError `bad_option`, naming the option and its value.
 */
export function createClient<Channels extends object = object>(
  options: ClientOptions,
): Client<Channels> {
  return createClientWith(options, {});
}

/** The same over other ports: for tests, and for worlds that are no browser. */
export function createClientWith<Channels extends object = object>(
  options: ClientOptions,
  ports: Partial<Ports>,
): Client<Channels> {
  const resolved = resolveOptions(options);
  const { dialect, namespace, recover } = resolved;
  // Without a database the page's memory must do; the client says so. Asked for by name: where storage
  // is forbidden, looking at it throws.
  const persistent = ports.store !== undefined || 'indexedDB' in globalThis;
  const client = new LastseqClient(
    resolved,
    {
      transport: ports.transport ?? dialect.transport ?? webSocketTransport(dialect.protocols),
      history: ports.history ?? fetchHistory(recover ?? ''),
      store:
        ports.store ??
        (persistent ? idbPositionStore(storeKey(resolved.url, namespace)) : memoryPositionStore()),
      clock: ports.clock ?? systemClock(),
      signals: ports.signals ?? domPageSignals(),
    },
    persistent,
  );
  return client as Client<Channels>;
}

/**
 * Positions of another server are other positions; one that a function names, or the app's own socket
 * leads to, goes by the namespace alone.
 */
function storeKey(url: ClientOptions['url'], namespace: string): string {
  const server = typeof url === 'function' ? '' : String(url ?? '').split(/[?#]/)[0];
  return JSON.stringify([server, namespace]);
}
