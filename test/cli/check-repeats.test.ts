// @vitest-environment node
/** Servers that say the same again and again: the run must end all the same. */
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { check } from './harness.js';

let server: WebSocketServer | undefined;

afterEach(() => {
  for (const socket of server?.clients ?? []) socket.terminate();
  server?.close();
});

/** Live messages reach the first who joined alone. @param again what every connection is told for ever */
async function start(again: (frame: object | undefined, joined: object | undefined) => object[]) {
  const facts = { epoch: 'e', head: 0, oldest: 1 };
  const readers: WebSocket[] = [];
  const started = new WebSocketServer({ port: 0 });
  server = started;
  started.on('connection', (socket) => {
    let joined: object | undefined;
    let last: object | undefined;
    const send = (frame: object) => socket.send(JSON.stringify(frame));
    socket.on('message', (text: Buffer) => {
      const frame = JSON.parse(text.toString()) as Record<string, unknown>;
      const { channel, data, id, type } = frame;
      if (type === 'subscribe') {
        readers.push(socket);
        joined = { type: 'subscribed', channel, ...facts };
        send({ ...joined, id });
      } else if (type === 'publish') {
        facts.head += 1;
        const { epoch, head: seq } = facts;
        send({ type: 'ack', id, channel, epoch, seq });
        readers[0]?.emit('live', { type: 'message', channel, epoch, seq, data });
      }
    });
    socket.on('live', (frame: object) => send((last = frame)));
    const timer = setInterval(() => again(last, joined).forEach(send), 50);
    socket.on('close', () => clearInterval(timer));
  });
  await new Promise((resolve) => started.on('listening', resolve));
  return `ws://localhost:${(started.address() as AddressInfo).port}`;
}

test.each<[string, Parameters<typeof start>[0]]>([
  ['nothing', () => []],
  ['a message, until somebody confirms it', (last) => (last ? [last] : [])],
  ['the facts, as a heartbeat', (_, joined) => (joined ? [joined] : [])],
])(
  '%s',
  async (_, again) => {
    const url = await start(again);
    const recover = () => Promise.reject(new Error('none'));
    const { failed } = await check({
      urls: [url],
      recover: [recover],
      send: ['publish'],
      timeoutMs: 200,
    });
    expect(failed).toContain('delivered');
  },
  15_000,
);
