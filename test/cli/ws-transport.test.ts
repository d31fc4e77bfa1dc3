import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import { wsTransport } from '../../src/cli/check/ws-transport.js';
import { atEnd } from '../server/harness.js';

test('a server that says no good-bye is left in time', async () => {
  const server = createServer();
  atEnd(() => void server.close());
  server.on('upgrade', ({ headers }, socket) => {
    const key = `${headers['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    const upgrade = 'HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n';
    socket.write(`${upgrade}Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
    atEnd(() => void socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const emit = vi.fn();
  const transport = wsTransport({ protocols: [], origin: undefined, timeoutMs: 100 })(emit);
  transport.open(1, `ws://127.0.0.1:${port}/`);
  await vi.waitFor(() => expect(emit).toHaveBeenCalledWith({ type: 'opened', attempt: 1 }));
  transport.close(1000, '');
  await vi.waitFor(() =>
    expect(emit).toHaveBeenLastCalledWith(expect.objectContaining({ type: 'dropped', code: 1006 })),
  );
});
