// The tests that need a bad network believe the proxy. So the proxy is tested first.
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { faultProxy } from '../support/faultproxy.mjs';

let echo: net.Server;
let proxy: Awaited<ReturnType<typeof faultProxy>>;
const clients: net.Socket[] = [];

/** A connection through the proxy, and all that happens to it as text. */
async function dial() {
  const socket = net.connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  clients.push(socket);
  const seen = { text: '', end: '' };
  socket.on('data', (chunk) => (seen.text += chunk.toString('latin1')));
  socket.on('end', () => (seen.end ||= 'FIN'));
  socket.on('error', (error: NodeJS.ErrnoException) => (seen.end = error.code ?? ''));
  await new Promise((resolve) => socket.once('connect', resolve).once('error', resolve));
  return { socket, seen };
}

beforeEach(async () => {
  echo = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  proxy = await faultProxy((echo.address() as net.AddressInfo).port);
});

afterEach(async () => {
  for (const socket of clients.splice(0)) socket.destroy();
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

test('without a fault it passes bytes and the end on', async () => {
  const { socket, seen } = await dial();
  socket.end('hello');
  await expect.poll(() => seen).toEqual({ text: 'hello', end: 'FIN' });
  expect(proxy.accepted).toBe(1);
  await expect.poll(() => proxy.open).toBe(0);
});

test('a black hole swallows both ways and keeps the connection', async () => {
  const { socket, seen } = await dial();
  proxy.set({ both: { blackhole: true } });
  socket.write('lost');
  await sleep(100);
  expect(seen).toEqual({ text: '', end: '' });
  proxy.clear();
  socket.write('back');
  await expect.poll(() => seen.text).toBe('back');
});

test('latency delays, jitter keeps the order', async () => {
  const { socket, seen } = await dial();
  proxy.set({ down: { latency: 100, jitter: 50 } });
  const start = performance.now();
  for (const letter of 'abcdef') {
    socket.write(letter);
    await sleep(5);
  }
  await expect.poll(() => seen.text).toBe('abcdef');
  expect(performance.now() - start).toBeGreaterThan(100);
});

test('cut after so many bytes', async () => {
  proxy.set({ down: { cutAfter: 4 } });
  const { socket, seen } = await dial();
  socket.write('abc');
  await expect.poll(() => seen.text).toBe('abc');
  socket.write('defg');
  await expect.poll(() => seen.end).not.toBe('');
  expect('abcd').toContain(seen.text);
});

test('corrupt changes one byte of a chunk', async () => {
  proxy.set({ up: { corrupt: 1 } });
  const { socket, seen } = await dial();
  socket.write('aaaa');
  await expect.poll(() => seen.text.length).toBe(4);
  expect([...seen.text].filter((letter) => letter !== 'a')).toHaveLength(1);
});

test('reset and fin end what is open', async () => {
  const first = await dial();
  await expect.poll(() => proxy.accepted).toBe(1);
  proxy.reset();
  await expect.poll(() => first.seen.end).toBe('ECONNRESET');
  const second = await dial();
  await expect.poll(() => proxy.accepted).toBe(2);
  proxy.fin();
  await expect.poll(() => second.seen.end).toBe('FIN');
});

test('refuse resets, stall says nothing', async () => {
  proxy.set({ refuse: true });
  const refused = await dial();
  await expect.poll(() => refused.seen.end).toBe('ECONNRESET');
  proxy.set({ stall: true });
  const stalled = await dial();
  stalled.socket.write('hello');
  await sleep(100);
  expect(stalled.seen).toEqual({ text: '', end: '' });
});

test('a server that is not there resets', async () => {
  await new Promise((resolve) => echo.close(resolve));
  const { seen } = await dial();
  await expect.poll(() => seen.end).toBe('ECONNRESET');
});
