// The servers of docs/servers.md, run as they stand there: the one on Node against the client of this
// package, over connections that break, the one with Socket.IO, and the script on a real Redis; and the
// clients, against the servers that they are for.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient as createRedis } from 'redis';
import { io as connect } from 'socket.io-client';
import ts from 'typescript';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  createClient,
  mappedDialect,
  socketIo,
  type Channel,
  type Client,
  type Gap,
} from '../../src/index.js';
import { check } from '../cli/harness.js';
import { faultProxy } from '../support/faultproxy.mjs';
import { startGlobalCounterServer } from '../support/global-counter-server.mjs';
import { freePort, startRedis } from '../support/redis.mjs';

const document = readFileSync(new URL('../../docs/servers.md', import.meta.url), 'utf8');
(globalThis as { WebSocket?: unknown }).WebSocket ??= WebSocket;

/** The block of a language that holds a text. */
function block(language: string, mark: string): string {
  const pattern = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  const found = [...document.matchAll(pattern)].find(([, code = '']) => code.includes(mark));
  expect(found, `the block with ${mark}`).toBeDefined();
  return found?.[1] ?? '';
}

// A folder in which an app's own imports are found.
const folder = mkdtempSync(join(tmpdir(), 'lastseq-servers-'));
const modules = join(folder, 'node_modules');
mkdirSync(modules);
const { resolve } = createRequire(import.meta.url);
symlinkSync(dirname(resolve('ws/package.json')), join(modules, 'ws'));
symlinkSync(dirname(resolve('socket.io/package.json')), join(modules, 'socket.io'));
symlinkSync(fileURLToPath(new URL('../..', import.meta.url)), join(modules, 'lastseq'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the checker cannot see without a second instance, a token and an origin. */
const UNASKED = ['one-log', 'auth-without', 'auth-wrong', 'auth-stranger', 'auth-join', 'cors'];

/** Starts a block in a process of its own, as it stands but for the port, and a text that is replaced. */
async function start(
  name: string,
  port: number,
  path = '/recover',
  [from, to]: [from: string, to: string] = ['', ''],
) {
  const code = block('js', `// ${name}`);
  expect(code).toContain('listen(8000)');
  expect(code).toContain(from);
  const own = code.replace('listen(8000)', `listen(${port})`).replace(from, to);
  writeFileSync(join(folder, name), own);
  const node = spawn(process.execPath, [join(folder, name)], { stdio: ['pipe', 'ignore', 'pipe'] });
  let complaints = '';
  node.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  const gone = new Promise((end) => node.once('close', end));
  onTestFinished(async () => {
    node.kill('SIGKILL');
    await gone;
  });
  const status = () =>
    fetch(`http://127.0.0.1:${port}${path}`).then(
      (answer) => answer.status,
      () => complaints,
    );
  await expect.poll(status, { timeout: 10_000 }).toBe(400);
  return {
    say: (...lines: string[]) => void node.stdin.write(lines.map((line) => `${line}\n`).join('')),
    stop: async () => {
      node.kill('SIGKILL');
      await gone;
    },
    complaints: () => complaints,
  };
}

/** Runs the block of a client as it stands, but for its addresses. @returns the client, and what it logs */
function runClient(mark: string, addresses: Record<string, string>, known: object = {}) {
  let code = block('ts', mark).replace(/^import .*$/gm, '');
  for (const [address, own] of Object.entries(addresses)) {
    expect(code).toContain(`'${address}'`);
    code = code.replace(`'${address}'`, `'${own}'`);
  }
  const logged: unknown[] = [];
  const console = { log: (entry: unknown) => void logged.push(entry) };
  const names = { createClient, mappedDialect, socketIo, console, ...known };
  const body = ts.transpile(code, { target: ts.ScriptTarget.ES2022 });
  const run = new Function(...Object.keys(names), `${body}\nreturn client;`);
  const client = run(...Object.values(names)) as Client;
  onTestFinished(() => client.close());
  const errors: string[] = [];
  client.on('error', ({ message }) => void errors.push(message));
  return { client, logged, errors };
}

describe('the server on Node', () => {
  function follow(port: number) {
    const items: string[] = [];
    const client = createClient({
      url: `http://127.0.0.1:${port}/realtime`,
      recover: `http://127.0.0.1:${port}/recover`,
      maxBackoffMs: 1_000,
    });
    onTestFinished(() => client.close());
    const errors: string[] = [];
    client.on('error', ({ message }) => void errors.push(message));
    const room = client.channel<{ text: string }>('room:42', { start: 'earliest' });
    room.subscribe({
      message: ({ data }) => void items.push(data.text),
      gap: ({ from, to, reason }: Gap) => void items.push(`${reason} ${from} to ${to ?? '?'}`),
    });
    return { client, room, items, errors };
  }

  test('serves what was missed and what is live, over a connection that breaks', async () => {
    const port = await freePort();
    const server = await start('server.mjs', port);
    const proxy = await faultProxy(port);
    onTestFinished(() => proxy.close());
    server.say('one', 'two');
    const { client, errors, items, room } = follow(proxy.port);
    await expect.poll(() => items, { timeout: 5_000 }).toEqual(['one', 'two']);
    await room.ready();
    server.say('three');
    await expect.poll(() => items).toEqual(['one', 'two', 'three']);

    proxy.set({ refuse: true });
    proxy.reset();
    await expect.poll(() => client.state.name).not.toBe('open');
    server.say('four', 'five');
    proxy.clear();
    await expect
      .poll(() => items, { timeout: 10_000 })
      .toEqual(['one', 'two', 'three', 'four', 'five']);
    expect(client.stats()).toMatchObject({ gaps: 0, badFrames: 0, reconnects: 1 });
    expect(errors).toEqual([]);
    expect(server.complaints()).toBe('');
  });

  test('answers questions as the checklist says', async () => {
    const port = await freePort();
    const server = await start('server.mjs', port);
    const ask = (query: string) =>
      fetch(`http://127.0.0.1:${port}/recover?channel=room%3A42&${query}`);
    const page = async (query: string) => (await ask(query)).json() as Promise<Record<string, any>>;
    const { epoch } = await page('epoch=x&since=0');
    const since = async (n: number, more = '') => {
      const { messages, ...rest } = await page(`epoch=${epoch}&since=${n}${more}`);
      return { ...rest, seqs: messages.map(({ seq }: { seq: number }) => seq) };
    };
    const facts = (head: number, oldest: number) => ({ channel: 'room:42', epoch, head, oldest });
    expect(await since(0)).toEqual({ ...facts(0, 1), more: false, seqs: [] });
    server.say(...Array.from({ length: 1_010 }, (_, i) => String(i)));
    const head = async () => (await page('epoch=x&since=0')).head;
    await expect.poll(head, { timeout: 10_000 }).toBe(1_010);
    const cut = { ...facts(1_010, 11), more: true, seqs: [11, 12] };
    expect(await since(9, '&limit=2')).toEqual(cut);
    expect(await since(10, '&limit=2')).toEqual(cut);
    expect(await since(1_008, '&limit=2')).toMatchObject({ more: false, seqs: [1_009, 1_010] });
    expect(await since(1_010)).toMatchObject({ more: false, seqs: [] });
    expect(await since(2_000)).toEqual({ ...facts(1_010, 11), more: false, seqs: [] });
    expect((await page('epoch=x&since=3')).messages).toEqual([]);
    for (const bad of ['epoch=x', 'epoch=x&since=', 'epoch=x&since=one', 'since=1']) {
      expect((await ask(bad)).status, bad).toBe(400);
    }
    expect((await ask('epoch=x&since=0')).headers.get('cache-control')).toBe('no-store');
    expect(server.complaints()).toBe('');
  });

  test('holds before the checker', { timeout: 180_000 }, async () => {
    const port = await freePort();
    let server = await start('server.mjs', port);
    const outcome = await check({
      urls: [`ws://127.0.0.1:${port}/realtime`],
      recover: [`http://127.0.0.1:${port}/recover`],
      channel: 'room:42',
      send: [{ name: 'typed', send: ({ marker }) => server.say(marker) }],
      overflow: 1_100,
      restart: async () => {
        await server.stop();
        server = await start('server.mjs', port);
      },
    });
    expect({ ...outcome, unchecked: outcome.unchecked.sort() }).toEqual({
      failed: [],
      unchecked: [...UNASKED, 'ack-number'].sort(),
      said: '',
    });
  });

  test('tells the heads of what a socket is subscribed to, and of nothing else', async () => {
    const port = await freePort();
    const server = await start('server.mjs', port, '/recover', ['20_000', '20']);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/realtime`, 'lastseq.v1');
    onTestFinished(() => socket.terminate());
    const frames: Record<string, any>[] = [];
    socket.on('message', (text) => void frames.push(JSON.parse(String(text))));
    const heads = () => frames.filter(({ type }) => type === 'heads').map((frame) => frame.heads);
    await expect.poll(heads).toContainEqual({});
    socket.send(JSON.stringify({ type: 'subscribe', id: 7, channel: 'room:42' }));
    await expect.poll(() => frames).toContainEqual(expect.objectContaining({ id: 7, head: 0 }));
    server.say('one');
    const epoch = frames.find(({ id }) => id === 7)?.epoch as string;
    await expect.poll(heads).toContainEqual({ 'room:42': [epoch, 1] });
    socket.send(JSON.stringify({ type: 'unsubscribe', channel: 'room:42' }));
    await expect.poll(() => heads().at(-1)).toEqual({});
    expect(frames.filter(({ type }) => type === 'message')).toEqual([
      { type: 'message', channel: 'room:42', epoch, seq: 1, data: { text: 'one' } },
    ]);
  });

  test('that starts again has another epoch, and the client says so', async () => {
    const port = await freePort();
    const first = await start('server.mjs', port);
    first.say('one', 'two');
    const { items, room } = follow(port);
    await expect.poll(() => items).toEqual(['one', 'two']);
    await room.ready();
    await first.stop();
    const second = await start('server.mjs', port);
    second.say('three');
    await expect
      .poll(() => items, { timeout: 10_000 })
      .toEqual(['one', 'two', 'epoch 3 to ?', 'three']);
  });
});

test('the script on Redis numbers, appends and announces in one step', async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const redis = createRedis({ url: server.url });
  await redis.connect();
  onTestFinished(() => redis.destroy());
  const announced: string[] = [];
  const listener = redis.duplicate();
  await listener.connect();
  onTestFinished(() => listener.destroy());
  const keys = ['{room:42}:log', '{room:42}:facts'];
  const [log = '', facts = ''] = keys;
  await listener.subscribe(facts, (text) => void announced.push(text));
  const script = block('lua', 'XADD');
  const append = (data: unknown, epoch: string) =>
    redis.eval(script, { keys, arguments: [JSON.stringify(data), epoch, '3'] });
  const ids = async () => ((await redis.xRange(log, '-', '+')) ?? []).map((entry) => entry?.id);

  for (const n of [1, 2, 3, 4]) expect(await append({ n }, 'fresh')).toEqual(['fresh', String(n)]);
  expect(await ids()).toEqual(['2-0', '3-0', '4-0']);
  await expect
    .poll(() => announced.map((text) => JSON.parse(text) as unknown))
    .toEqual([1, 2, 3, 4].map((n) => ({ epoch: 'fresh', seq: n, data: { n } })));
  expect(await append('later', 'other')).toEqual(['fresh', '5']);

  // An append that fails burns no number.
  await redis.rename(log, 'aside');
  await redis.set(log, 'not a stream');
  await expect(append('lost', 'x')).rejects.toThrow('WRONGTYPE');
  await redis.rename('aside', log);
  expect(await append('kept', 'x')).toEqual(['fresh', '6']);

  await redis.hSet(facts, 'head', '99999999999999');
  await append('far', 'x');
  expect((await ids()).at(-1)).toBe('100000000000000-0');

  // A new life takes nothing of the old one with it.
  await redis.del(facts);
  expect(await append('again', 'second')).toEqual(['second', '1']);
  expect(await ids()).toEqual(['1-0']);
});

test('the Socket.IO server answers join, publishes, and recovers, with the numbers of its log', async () => {
  const port = await freePort();
  const server = await start('socketio-server.mjs', port, '/messages');
  const origin = `http://127.0.0.1:${port}`;
  const socket = connect(origin, { auth: { userId: 'ann' }, transports: ['websocket'] });
  onTestFinished(() => void socket.disconnect());
  const live: Record<string, unknown>[] = [];
  socket.on('message', (message: Record<string, unknown>) => void live.push(message));
  const { epoch, ...facts } = await socket.emitWithAck('join', 'room:42');
  expect(facts).toEqual({ head: 0, oldest: 1 });
  const send = (content: string) =>
    socket.emitWithAck('send_message', { channel: 'room:42', content });
  expect(await send('one')).toEqual({ epoch, seq: 1 });
  expect(await send('two')).toEqual({ epoch, seq: 2 });
  await expect
    .poll(() => live.map(({ content, seq }) => [seq, content]))
    .toEqual([
      [1, 'one'],
      [2, 'two'],
    ]);
  const answer = await fetch(`${origin}/messages?channel=room%3A42&epoch=${epoch}&since=0`);
  const page = (await answer.json()) as Record<string, unknown>;
  expect(answer.headers.get('cache-control')).toBe('no-store');
  // Live and recovered, a message is the same.
  expect(page).toMatchObject({ epoch, head: 2, oldest: 1, more: false, messages: live });
  expect(live[0]).toMatchObject({ channel: 'room:42', epoch, userId: 'ann' });
  expect(server.complaints()).toBe('');
});

test(
  'the Socket.IO server and its client hold before the checker',
  { timeout: 180_000 },
  async () => {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    await start('socketio-server.mjs', port, '/messages');
    const outcome = await check({
      urls: [origin],
      recover: [`${origin}/messages`],
      dialect: (url, end) => {
        const socket = connect(url, { autoConnect: false, forceNew: true });
        end(() => socket.disconnect());
        return socketIo(socket, {
          fields: { epoch: 'epoch' },
          events: { heads: 'heads' },
          acknowledges: true,
        });
      },
      send: ['publish'],
    });
    expect({ ...outcome, unchecked: outcome.unchecked.sort() }).toEqual({
      failed: [],
      unchecked: [...UNASKED, 'overflow', 'restart'].sort(),
      said: '',
    });
  },
);

test('the client of the Socket.IO server publishes, and gets what others publish', async () => {
  const port = await freePort();
  const server = await start('socketio-server.mjs', port, '/messages');
  const origin = `http://127.0.0.1:${port}`;
  const addresses = {
    'http://localhost:8000': origin,
    'http://localhost:8000/messages': `${origin}/messages`,
  };
  const sockets: ReturnType<typeof connect>[] = [];
  onTestFinished(() => sockets.forEach((socket) => socket.disconnect()));
  const io = (url: string) => {
    const socket = connect(url, { forceNew: true });
    sockets.push(socket);
    return socket;
  };
  const { client, errors, logged } = runClient('socketIo(', addresses, { io });
  const room: Channel = client.channel('room:42');
  await room.ready();
  expect(await room.publish('one')).toMatchObject({ seq: 1 });
  const other = io(origin);
  const say = (content: string) =>
    other.emitWithAck('send_message', { channel: 'room:42', content });
  await say('two');
  await expect.poll(() => logged).toEqual(['one', 'two']);
  sockets[0]?.io.engine.close();
  await say('three');
  await expect.poll(() => logged, { timeout: 10_000 }).toEqual(['one', 'two', 'three']);
  expect({ errors, ...client.stats() }).toMatchObject({ errors: [], badFrames: 0, gaps: 0 });
  expect(server.complaints()).toBe('');
});

test('the client of one counter for everything gets what it missed', async () => {
  const server = await startGlobalCounterServer();
  onTestFinished(() => server.close());
  const addresses = {
    'wss://example.com/ws': server.socketUrl(),
    'https://example.com/websocket/messages': server.recoverUrl,
  };
  const getToken = () => Promise.resolve('token-alice');
  const { client, errors, logged } = runClient('mappedDialect(', addresses, { getToken });
  await client.channel('main').ready();
  const contents = () => logged.map((message) => (message as { content: unknown }).content);
  await server.publish('one', { to: 'alice' });
  await expect.poll(contents).toEqual(['one']);
  server.breakAll();
  await server.publish('not for her', { to: 'bob' });
  await server.publish('two', { to: 'alice' });
  await expect.poll(contents, { timeout: 10_000 }).toEqual(['one', 'two']);
  expect({ errors, ...client.stats() }).toMatchObject({ errors: [], badFrames: 0, gaps: 0 });
});
