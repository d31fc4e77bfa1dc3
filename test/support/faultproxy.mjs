// A TCP proxy on loopback whose faults can be switched while connections are open. It needs no
// privileges, and does to a WebSocket what a browser's offline emulation cannot: half-open
// connections, resets, stalls, slow and broken bytes.
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What happens to the bytes of one direction.
 * @typedef {object} Fault
 * @property {boolean} [blackhole] bytes and the end of the stream are swallowed: a half-open connection
 * @property {number} [latency] milliseconds that every chunk is late; order is kept
 * @property {number} [jitter] up to so many milliseconds more
 * @property {number} [rate] bytes per second
 * @property {number} [cutAfter] the connection breaks once so many bytes have passed since it opened
 * @property {number} [corrupt] chance, 0 to 1, that a chunk has one byte flipped
 */

/**
 * @typedef {object} Faults
 * @property {Fault} [both]
 * @property {Fault} [up] from the client to the server; instead of `both`
 * @property {Fault} [down] from the server to the client; instead of `both`
 * @property {boolean} [refuse] new connections are reset at once
 * @property {boolean} [stall] new connections are accepted and never answered
 */

/**
 * @typedef {object} FaultProxy
 * @property {number} port
 * @property {number} accepted how many connections were made so far
 * @property {number} open how many are open now
 * @property {(faults: Faults) => void} set replaces all faults, for open and for new connections
 * @property {() => void} clear
 * @property {() => void} reset breaks every open connection; Node sends FIN and then RST
 * @property {() => void} fin ends every open connection properly, with FIN alone
 * @property {() => Promise<void>} close
 */

/**
 * @param {number} targetPort
 * @param {{ host?: string, random?: () => number }} [options] `random` makes jitter and corruption
 *   repeatable
 * @returns {Promise<FaultProxy>}
 */
export async function faultProxy(targetPort, { host = '127.0.0.1', random = Math.random } = {}) {
  /** @type {Set<net.Socket[]>} */
  const connections = new Set();
  /** @type {Faults} */
  let faults = {};
  let accepted = 0;

  /**
   * @param {net.Socket} from
   * @param {net.Socket} to
   * @param {'up' | 'down'} direction
   */
  const pipe = (from, to, direction) => {
    const fault = () => faults[direction] ?? faults.both ?? {};
    let passed = 0;
    let chain = Promise.resolve();

    /**
     * @param {Buffer} chunk
     * @param {Fault} at the fault when the chunk came in
     * @param {number} due
     */
    const forward = async (chunk, at, due) => {
      const wait = due - Date.now();
      if (wait > 0) await sleep(wait);
      if (at.rate) await sleep((chunk.length / at.rate) * 1000);
      if (to.destroyed) return;
      const room = at.cutAfter === undefined ? Infinity : Math.max(0, at.cutAfter - passed);
      passed += chunk.length;
      if (chunk.length > room) {
        to.write(chunk.subarray(0, room));
        from.resetAndDestroy();
        to.resetAndDestroy();
      } else if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    };

    from.on('data', (chunk) => {
      const at = fault();
      if (at.blackhole) return;
      if (at.corrupt && random() < at.corrupt) {
        const index = Math.floor(random() * chunk.length);
        chunk.writeUInt8(chunk.readUInt8(index) ^ 0xff, index);
      }
      const due = Date.now() + (at.latency ?? 0) + random() * (at.jitter ?? 0);
      chain = chain.then(() => forward(chunk, at, due));
    });
    from.on('end', () => {
      if (!fault().blackhole) chain = chain.then(() => void to.end());
    });
    from.on('error', () => {
      if (!fault().blackhole) to.resetAndDestroy();
    });
    from.on('close', () => {
      if (!fault().blackhole) chain = chain.then(() => void to.destroy());
    });
  };

  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    accepted++;
    client.on('error', () => {});
    if (faults.refuse) {
      client.resetAndDestroy();
      return;
    }
    const sockets = [client];
    connections.add(sockets);
    const forget = () => {
      if (sockets.every((socket) => socket.destroyed)) connections.delete(sockets);
    };
    client.on('close', forget);
    if (faults.stall) {
      client.resume(); // read and dropped, so that the end of the stream is noticed
      client.on('end', () => client.end());
      return;
    }
    const upstream = net.connect({ port: targetPort, host, allowHalfOpen: true, noDelay: true });
    sockets.push(upstream);
    upstream.on('close', forget);
    client.setNoDelay(true);
    pipe(client, upstream, 'up');
    pipe(upstream, client, 'down');
  });
  await new Promise((resolve) => server.listen(0, host, () => resolve(undefined)));

  /** @param {(socket: net.Socket) => void} act */
  const each = (act) => [...connections].flat().forEach(act);
  return {
    port: /** @type {net.AddressInfo} */ (server.address()).port,
    get accepted() {
      return accepted;
    },
    get open() {
      return connections.size;
    },
    set: (next) => {
      faults = next;
    },
    clear: () => {
      faults = {};
    },
    reset: () => each((socket) => socket.resetAndDestroy()),
    fin: () => each((socket) => socket.end()),
    close: () =>
      new Promise((resolve) => {
        each((socket) => socket.destroy());
        server.close(() => resolve());
      }),
  };
}
