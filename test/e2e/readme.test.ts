// The documents, held against the code: examples compile, links lead somewhere, tables and diagrams
// name exactly what there is, example frames can be read, and the Python server serves the client.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { decodeFrames, decodePage } from '../../src/core/codec.js';
import { CLOSE } from '../../src/core/frames.js';
import { createClient, LastseqError, type Gap, type Message } from '../../src/index.js';
import * as testing from '../../src/testing/index.js';
import { readFrames } from '../../src/server/request-frames.js';
import { check } from '../cli/harness.js';
import { faultProxy } from '../support/faultproxy.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = [
  'README.md',
  'PROTOCOL.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
];
const readme = read('README.md');
const protocol = read('PROTOCOL.md');

interface Block {
  readonly language: string;
  readonly code: string;
  readonly line: number;
  /** What the example takes for granted: declarations in a comment before it, which readers do not see. */
  readonly given: string;
}

function blocks(text: string, ...languages: string[]): Block[] {
  const pattern = /(?:<!-- given\n([\s\S]*?)-->\n\n)?^```(\w+.*)\n([\s\S]*?)^```$/gm;
  return [...text.matchAll(pattern)]
    .map(([, given = '', language = '', code = ''], i, all) => ({
      language,
      code,
      given,
      line: text.slice(0, all[i]!.index).split('\n').length,
    }))
    .filter(({ language }) => languages.includes(language));
}

/** The cells of the table whose first heading is `heading`, in the section of that title. */
function table(text: string, section: string, heading: string): string[][] {
  const from = text.search(new RegExp(`^#+ ${section}$`, 'm'));
  expect(from, `the section ${section}`).toBeGreaterThanOrEqual(0);
  const lines = text.slice(from).split('\n');
  const start = lines.findIndex((line) => new RegExp(`^\\| ${heading} +\\|`).test(line));
  expect(start, `the table of ${section}`).toBeGreaterThanOrEqual(0);
  const rows = lines.slice(
    start + 2,
    lines.findIndex((line, i) => i > start && line === ''),
  );
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
}

/** The code names in the first column. */
const names = (rows: readonly string[][]): string[] =>
  rows.flatMap(([first = '']) => [...first.matchAll(/`(\w+)`/g)].map(([, name = '']) => name));

/** The text of a declaration in a source file: from its name to the line that closes it. */
function declaration(path: string, start: RegExp, end: RegExp): string {
  const text = read(path);
  const from = text.search(start);
  expect(from, `${String(start)} in ${path}`).toBeGreaterThanOrEqual(0);
  const rest = text.slice(from);
  return rest.slice(0, rest.search(end));
}

const literals = (text: string): string[] =>
  [...text.matchAll(/'(\w+)'/g)].map(([, name = '']) => name);

describe('examples compile as an app would write them', () => {
  const react = `
    declare module 'react' {
      export function useSyncExternalStore<Snapshot>(
        subscribe: (listener: () => void) => () => void,
        get: () => Snapshot,
        getOnServer?: () => Snapshot,
      ): Snapshot;
    }`;

  function compile(text: string, forNode: boolean): string[] {
    const files = new Map<string, { readonly source: string; readonly from: number }>();
    for (const { code, given, language, line } of blocks(text, 'ts', 'tsx')) {
      if (/'(lastseq\/server|node:\w+)'/.test(code) !== forNode) continue;
      const name = join(root, 'test/e2e', `block-${line}.${language}`);
      files.set(name, { source: `${given}\n${code}\nexport {};\n`, from: line });
    }
    expect(files.size).toBeGreaterThan(0);
    files.set(join(root, 'test/e2e/block-react.d.ts'), { source: react, from: 0 });
    const options: ts.CompilerOptions = {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      jsx: ts.JsxEmit.ReactJSX,
      lib: forNode ? ['lib.es2022.d.ts'] : ['lib.es2022.d.ts', 'lib.dom.d.ts'],
      types: forNode ? ['node'] : [],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: true,
      paths: {
        lastseq: [join(root, 'dist/index.d.ts')],
        'lastseq/server': [join(root, 'dist/server.d.ts')],
        'lastseq/testing': [join(root, 'dist/testing.d.ts')],
      },
    };
    const host = ts.createCompilerHost(options);
    const { fileExists, getSourceFile } = host;
    host.fileExists = (name) => files.has(name) || fileExists.call(host, name);
    host.getSourceFile = (name, target, ...rest) => {
      const file = files.get(name);
      return file === undefined
        ? getSourceFile.call(host, name, target, ...rest)
        : ts.createSourceFile(name, file.source, target);
    };
    const program = ts.createProgram([...files.keys()], options, host);
    return ts.getPreEmitDiagnostics(program).map(({ file, messageText, start = 0 }) => {
      const text = ts.flattenDiagnosticMessageText(messageText, '\n');
      if (file === undefined) return text;
      const { line } = file.getLineAndCharacterOfPosition(start);
      const at = files.get(file.fileName)?.from ?? '?';
      const code = file.text.split('\n')[line]?.trim() ?? '';
      return `block of line ${at}, at \`${code}\`: ${text}`;
    });
  }

  test('those for the browser', { timeout: 60_000 }, () => {
    expect(compile(readme, false)).toEqual([]);
  });

  test('those for Node', { timeout: 60_000 }, () => {
    expect(compile(readme, true)).toEqual([]);
  });

  test.each(['servers', 'troubleshooting'])('those of docs/%s.md', { timeout: 60_000 }, (page) => {
    expect(compile(read(`docs/${page}.md`), false)).toEqual([]);
  });

  test('the shapes of the protocol', { timeout: 60_000 }, () => {
    expect(compile(protocol, false)).toEqual([]);
  });
});

test('the example of a test passes', async () => {
  const { code = '' } =
    blocks(readme, 'ts').find(({ code }) => code.includes("from 'vitest'")) ?? {};
  const body = ts.transpile(code.replace(/^import .*$/gm, ''), { target: ts.ScriptTarget.ES2022 });
  let example = (): Promise<void> => Promise.reject(new Error('no test was made'));
  const collect = (_name: string, run: () => Promise<void>) => void (example = run);
  const known = { ...testing, expect, test: collect };
  new Function(...Object.keys(known), body)(...Object.values(known));
  await example();
});

describe('links lead somewhere', () => {
  /** As GitHub makes an anchor of a heading. */
  const anchor = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
  const anchors = (text: string): string[] =>
    [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      anchor(heading),
    );

  test.each(documents)('%s', (document) => {
    const text = read(document).replace(/^```[\s\S]*?^```$/gm, '');
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const dead = targets.filter((target) => {
      if (/^https?:/.test(target)) return false;
      const [file = '', fragment] = target.split('#');
      const path = file === '' ? document : join(dirname(document), file);
      if (!existsSync(join(root, path))) return true;
      return fragment !== undefined && !anchors(read(path)).includes(fragment);
    });
    expect(dead).toEqual([]);
  });

  test('no two headings of a document share an anchor', () => {
    for (const document of documents.slice(0, 2)) {
      const all = anchors(read(document));
      expect(new Set(all).size, document).toBe(all.length);
    }
  });
});

describe('tables of the README name exactly what there is', () => {
  /** What an option that does not exist is answered with: the names of those that do. */
  function optionsBy(call: () => void): string[] {
    try {
      call();
    } catch (error) {
      const { expected = '' } = (error as LastseqError<'bad_option'>).details;
      return expected.replace('one of ', '').split(', ');
    }
    throw new Error('a strange option was taken');
  }
  const clientOptions = optionsBy(() => createClient({ url: 'ws://x', strange: 1 } as never));
  const channelOptions = optionsBy(() =>
    createClient({ url: 'ws://x' }).channel('a', { strange: 1 } as never),
  );

  test('options of the client', () => {
    expect(names(table(readme, 'Of the client', 'option'))).toEqual(clientOptions);
  });

  test('options of a channel', () => {
    expect(names(table(readme, 'Of a channel', 'option'))).toEqual(channelOptions);
  });

  test.each([
    ['Of the client', 'ClientOptions'],
    ['Of a channel', 'ChannelOptions'],
  ])('defaults and bounds of the options %s', (section, type) => {
    const source = declaration(
      'src/options.ts',
      new RegExp(`^export interface ${type}`, 'm'),
      /^}/m,
    );
    for (const [option = '', byDefault = '', meaning] of table(readme, section, 'option')) {
      const name = option.replaceAll('`', '');
      const [, doc = ''] =
        new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*readonly ${name}\\?`).exec(source) ?? [];
      const said = /@default ([^\n*]+?) *(?:\n|\*|$)/.exec(doc)?.[1];
      if (said !== undefined) expect(said, name).toContain(byDefault.replace(/^`(.*)`$/, '$1'));
      const bounds = /(?:Milliseconds, )?([\d,]+ to [\d,]+)/.exec(doc)?.[1];
      if (bounds !== undefined) expect(meaning, name).toContain(bounds);
    }
  });

  test('options of the hub, and their defaults', () => {
    const source = declaration('src/server/options.ts', /^export interface HubOptions/m, /^}/m);
    const rows = table(readme, 'In Node, with `lastseq/server`', 'option');
    const options = [...source.matchAll(/^ {2}readonly (\w+)/gm)].map(([, name = '']) => name);
    expect(names(rows)).toEqual(options);
    for (const [option = '', byDefault = ''] of rows) {
      if (!/^[\d,]+$/.test(byDefault)) continue;
      const name = option.replaceAll('`', '');
      const doc = source
        .slice(0, source.indexOf(`readonly ${name}`))
        .split('/**')
        .at(-1);
      expect(doc?.replace(/\s+\*\s+/g, ' '), name).toContain(`Default ${byDefault}`);
    }
  });

  test('error codes', () => {
    const source = declaration('src/errors.ts', /^export interface ErrorDetails/m, /^}/m);
    const codes = [...source.matchAll(/^ {2}(\w+):/gm)].map(([, code = '']) => code);
    expect(names(table(readme, 'States, events, errors', 'code'))).toEqual(codes);
  });

  test('gap reasons and stall reasons', () => {
    const vocabulary = 'src/core/vocabulary.ts';
    const reasons = declaration(vocabulary, /^export type GapReason/m, /^$/m);
    expect(names(table(readme, 'What is promised', 'gap reason'))).toEqual(literals(reasons));
    const stalls = declaration(vocabulary, /^export type StallReason/m, /;$/m);
    const rows = table(readme, 'States, events, errors', 'stalled because');
    expect(names(rows)).toEqual(literals(stalls));
  });

  test('starts', () => {
    const start = declaration('src/core/vocabulary.ts', /^export type Start /m, /;$/m);
    const rows = table(readme, 'Where reading starts', '`start`');
    expect(rows.flatMap(([first = '']) => literals(first))).toEqual(literals(start));
  });

  test.each([
    ['ConnectionState', 0],
    ['ChannelState', 1],
  ])('states of the diagram of %s', (type, index) => {
    const source = declaration(
      'src/core/vocabulary.ts',
      new RegExp(`^export type ${type}`, 'm'),
      /;\n\n/,
    );
    const states = [...source.matchAll(/name: '(\w+)'/g)].map(([, name = '']) => name);
    const diagram = blocks(readme, 'mermaid')[index]?.code ?? '';
    const steps = [...diagram.matchAll(/^ *(\w+|\[\*\]) --> (\w+|\[\*\])/gm)];
    const drawn = steps.flatMap(([, from, to]) => [from, to]).filter((state) => state !== '[*]');
    expect([...new Set(drawn)].sort()).toEqual([...states].sort());
  });

  test.each([
    ['README.md', readme, 'Close codes'],
    ['PROTOCOL.md', protocol, 'Close codes'],
  ])('close codes in %s', (_document, text, section) => {
    const codes = table(text, section, 'code').map(([code]) => code);
    for (const code of Object.values(CLOSE)) {
      if (code !== CLOSE.normal) expect(codes).toContain(String(code));
    }
  });
});

describe('example frames of PROTOCOL.md', () => {
  const lines = (mark: string): string[] =>
    blocks(protocol, 'text')
      .flatMap(({ code }) => code.split('\n'))
      .filter((line) => line.startsWith(mark))
      .map((line) => line.slice(mark.length));

  test('of the server can be read by the client', () => {
    const frames = lines('S> ');
    expect(frames.length).toBeGreaterThan(10);
    for (const frame of frames) {
      expect(
        decodeFrames(frame).filter(({ type }) => type === 'bad'),
        frame,
      ).toEqual([]);
    }
  });

  test('of the client can be read by the hub', () => {
    const frames = lines('C> ');
    expect(frames.length).toBeGreaterThan(5);
    for (const frame of frames) {
      expect(
        readFrames(frame, 500)?.filter(({ type }) => type === 'refused'),
        frame,
      ).toEqual([]);
    }
  });

  test('of the recovery call can be read by the client', () => {
    const pages = lines('200 ');
    expect(pages.length).toBeGreaterThan(2);
    for (const page of pages) {
      const body: unknown = JSON.parse(page);
      expect(decodePage(body, 'room:1'), page).not.toHaveProperty('type');
    }
  });
});

const hasPython = spawnSync('python3', ['-c', 'import asyncio; asyncio.to_thread']).status === 0;

describe.skipIf(!hasPython)('the Python server of the README', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lastseq-python-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  (globalThis as { WebSocket?: unknown }).WebSocket ??= WebSocket;

  async function freePort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  /** Starts the two files as they stand in the README, but for the port. */
  async function startPython(port: number) {
    for (const { code } of blocks(readme, 'python')) {
      const name = /^# (\w+\.py)$/m.exec(code)?.[1] ?? '';
      const own = name === 'server.py' ? code.replace('serve(8000,', `serve(${port},`) : code;
      if (name === 'server.py') expect(own).not.toBe(code);
      writeFileSync(join(folder, name), own);
    }
    const python = spawn('python3', ['-u', join(folder, 'server.py')], {
      cwd: dirname(join(folder, 'server.py')),
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let complaints = '';
    python.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
    onTestFinished(() => void python.kill('SIGKILL'));
    await expect
      .poll(
        () =>
          fetch(`http://127.0.0.1:${port}/recover?channel=a&epoch=b&since=0`).then(
            (r) => r.status,
            String,
          ),
        { timeout: 10_000 },
      )
      .toBe(200);
    return {
      say: (...words: string[]) => void python.stdin.write(words.map((w) => `${w}\n`).join('')),
      stop: async () => {
        python.kill('SIGKILL');
        await new Promise((resolve) => python.once('close', resolve));
      },
      complaints: () => complaints,
    };
  }

  function follow(port: number) {
    const items: (Message<{ text: string }> | Gap)[] = [];
    const client = createClient({
      url: `http://127.0.0.1:${port}/realtime`,
      recover: `http://127.0.0.1:${port}/recover`,
      maxBackoffMs: 1_000,
    });
    onTestFinished(() => client.close());
    const errors: string[] = [];
    client.on('error', ({ message }) => errors.push(message));
    const room = client.channel<{ text: string }>('room:42', { start: 'earliest' });
    const add = (item: Message<{ text: string }> | Gap) => void items.push(item);
    room.subscribe({ message: add, gap: add });
    const texts = () => items.map((item) => (item.type === 'gap' ? item.reason : item.data.text));
    return { client, room, items, texts, errors };
  }

  test('serves what was missed and what is live, over a connection that breaks', async () => {
    const port = await freePort();
    const server = await startPython(port);
    const proxy = await faultProxy(port);
    onTestFinished(() => proxy.close());
    server.say('one', 'two');
    const { client, errors, room, texts } = follow(proxy.port);
    await expect.poll(texts, { timeout: 5_000 }).toEqual(['one', 'two']);
    await room.ready();

    server.say('three', 'ä'.repeat(50_000));
    await expect.poll(texts).toEqual(['one', 'two', 'three', 'ä'.repeat(50_000)]);

    proxy.set({ refuse: true });
    proxy.reset();
    await expect.poll(() => client.state.name).not.toBe('open');
    server.say('five', 'six');
    proxy.clear();
    await expect
      .poll(texts, { timeout: 10_000 })
      .toEqual(['one', 'two', 'three', 'ä'.repeat(50_000), 'five', 'six']);
    await room.ready();
    expect(client.stats()).toMatchObject({ gaps: 0, badFrames: 0, reconnects: 1 });
    expect(errors).toEqual([]);
    expect(server.complaints()).toBe('');
  });

  test('answers questions as the checklist says', async () => {
    const port = await freePort();
    const server = await startPython(port);
    const ask = (query: string) =>
      fetch(`http://127.0.0.1:${port}/recover?channel=room%3A42&${query}`);
    const page = async (query: string) => (await ask(query)).json() as Promise<Record<string, any>>;
    const { epoch } = await page('epoch=x&since=0');
    const since = async (n: number, more = '') => {
      const { messages, ...facts } = await page(`epoch=${epoch}&since=${n}${more}`);
      return { ...facts, seqs: messages.map(({ seq }: { seq: number }) => seq) };
    };
    const facts = (head: number, oldest: number) => ({ channel: 'room:42', epoch, head, oldest });
    expect(await since(0)).toEqual({ ...facts(0, 1), more: false, seqs: [] });

    server.say(...Array.from({ length: 1_010 }, (_, i) => String(i)));
    const published = async () => (await page('epoch=x&since=0')).head;
    await expect.poll(published, { timeout: 10_000 }).toBe(1_010);
    expect(await since(9, '&limit=2')).toEqual({ ...facts(1_010, 11), more: true, seqs: [11, 12] });
    expect(await since(10, '&limit=2')).toEqual({
      ...facts(1_010, 11),
      more: true,
      seqs: [11, 12],
    });
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
    let server = await startPython(port);
    const outcome = await check({
      urls: [`ws://127.0.0.1:${port}/realtime`],
      recover: [`http://127.0.0.1:${port}/recover`],
      channel: 'room:42',
      send: [{ name: 'typed', send: ({ marker }) => server.say(marker) }],
      origin: 'http://app.example',
      overflow: 1_100,
      restart: async () => {
        await server.stop();
        server = await startPython(port);
      },
    });
    const unchecked = ['one-log', 'ack-number', 'auth-without', 'auth-wrong', 'auth-stranger'];
    expect(outcome).toEqual({ failed: [], unchecked: [...unchecked, 'auth-join'], said: '' });
  });

  test('that starts again has another epoch, and the client says so', async () => {
    const port = await freePort();
    const first = await startPython(port);
    first.say('one', 'two', 'three');
    const { items, texts } = follow(port);
    await expect.poll(texts, { timeout: 5_000 }).toEqual(['one', 'two', 'three']);

    await first.stop();
    const second = await startPython(port);
    second.say('another one');
    await expect
      .poll(texts, { timeout: 10_000 })
      .toEqual(['one', 'two', 'three', 'epoch', 'another one']);
    expect(items[3]).toMatchObject({ type: 'gap', from: 4, reason: 'epoch' });
    expect(items[4]).toMatchObject({ seq: 1 });
  });

  test('that has kept less than was missed makes the client name the numbers', async () => {
    const port = await freePort();
    const server = await startPython(port);
    const proxy = await faultProxy(port);
    onTestFinished(() => proxy.close());
    server.say('one');
    const { client, items, texts } = follow(proxy.port);
    await expect.poll(texts, { timeout: 5_000 }).toEqual(['one']);

    proxy.set({ refuse: true });
    proxy.reset();
    await expect.poll(() => client.state.name).not.toBe('open');
    server.say(...Array.from({ length: 1_100 }, (_, i) => `m${i + 2}`));
    const head = () => fetch(`http://127.0.0.1:${port}/recover?channel=room%3A42&epoch=x&since=0`);
    const published = async () => ((await (await head()).json()) as { head: number }).head;
    await expect.poll(published, { timeout: 10_000 }).toBe(1_101);
    proxy.clear();
    await expect.poll(() => items.length, { timeout: 10_000 }).toBe(1 + 1 + 1_000);
    expect(items[1]).toMatchObject({ type: 'gap', from: 2, to: 101, reason: 'truncated' });
    expect(items[2]).toMatchObject({ seq: 102, data: { text: 'm102' } });
    expect(items.at(-1)).toMatchObject({ seq: 1_101, data: { text: 'm1101' } });
  });
});
