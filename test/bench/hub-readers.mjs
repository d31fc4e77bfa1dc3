// Readers of a server, in a process of their own: as many WebSockets as are asked for, that do nothing
// with what they get. Not a WebSocket library: reading must cost less than what is measured.
// Answers `{ port, path, count, hello }` when all are connected and have got an answer to `hello`.
import { connect } from 'node:net';

/** One text frame as a client must send it: masked, here with zeros. @param {string} text */
function frame(text) {
  const body = Buffer.from(text);
  if (body.length > 125) throw new Error('too long for this');
  return Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body]);
}

/**
 * @param {number} port
 * @param {string} path
 * @param {string} hello
 */
const reader = (port, path, hello) =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', reject);
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    socket.once('data', () => {
      if (hello === '') return resolve(undefined);
      socket.write(frame(hello));
      socket.once('data', resolve);
      socket.resume();
    });
  });

process.on('message', async (/** @type {any} */ { count, hello, path, port }) => {
  // A few at a time: a burst of them would overflow the server's queue.
  for (let i = 0; i < count; i += 50) {
    const some = Array.from({ length: Math.min(50, count - i) }, () => reader(port, path, hello));
    await Promise.all(some);
  }
  process.send?.({ connected: count });
});
process.on('disconnect', () => process.exit());
