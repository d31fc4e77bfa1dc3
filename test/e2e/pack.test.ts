// The package as an app gets it: packed, unpacked elsewhere beside its dependencies, and used there.
// Needs no network, because the dependencies are links to the ones installed here. It packs what
// `npm run build` left in dist; `npm test` builds first.
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import vm from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const app = mkdtempSync(join(tmpdir(), 'lastseq-app-'));
const installed = join(app, 'node_modules/lastseq');
const entries = ['lastseq', 'lastseq/server', 'lastseq/server/redis', 'lastseq/testing'];

const packed = () => readdirSync(installed, { recursive: true, encoding: 'utf8' });
const run = promisify(execFile);

/** Runs a program in the app's folder; fails with all that it printed. */
async function inApp(program: string, ...args: string[]): Promise<string> {
  try {
    return (await run(program, args, { cwd: app })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error([program, ...args].join(' ') + `\n${stdout}${stderr}`);
  }
}

/** Runs a script of the app with plain Node; the ending of its name says which module system. */
function script(name: string, code: string): Promise<string> {
  writeFileSync(join(app, name), code);
  return inApp(process.execPath, name);
}

function link(name: string): void {
  const path = join(app, 'node_modules', name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(root, 'node_modules', name), path, 'dir');
}

beforeAll(async () => {
  if (!existsSync(join(root, 'dist/index.js')))
    throw new Error('no dist: npm run build comes first');
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true }');
  mkdirSync(installed, { recursive: true });
  await inApp('npm', 'pack', root, '--ignore-scripts', '--silent');
  const tarball = readdirSync(app).find((name) => name.endsWith('.tgz')) ?? '';
  await inApp('tar', '-xzf', tarball, '-C', installed, '--strip-components=1');
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  Object.keys(dependencies).forEach(link);
  // Who uses the server kit with TypeScript has these. No @types/ws: ours must not ask for them.
  link('@types/node');
});

afterAll(() => rmSync(app, { recursive: true, force: true }));

describe('what is packed', () => {
  test('only the build and the documents', () => {
    const strange = packed().filter(
      (path) =>
        !/^(dist|docs)(\/|$)|^(package\.json|LICENSE|README\.md|PROTOCOL\.md|CHANGELOG\.md)$/.test(
          path,
        ),
    );
    expect(strange).toEqual([]);
  });

  test('nothing that names a folder of the machine that built it', () => {
    const telling = packed().filter(
      (path) => /\.\w+$/.test(path) && readFileSync(join(installed, path), 'utf8').includes(root),
    );
    expect(telling).toEqual([]);
  });

  test('declarations that do not mention the dependencies', () => {
    const declarations = packed().filter((path) => /\.d\.c?ts$/.test(path));
    expect(declarations.length).toBeGreaterThanOrEqual(2 * entries.length);
    for (const path of declarations) {
      const text = readFileSync(join(installed, path), 'utf8');
      expect(text, path).not.toMatch(/\bmitt\b|reconnecting-websocket|idb-keyval|from ['"]ws['"]/);
    }
  });
});

describe('in plain Node', () => {
  test.each(entries)('%s is the same by import and by require', async (entry) => {
    const print = `console.log(JSON.stringify(Object.keys(entry).sort()))`;
    const imported = await script('keys.mjs', `import * as entry from '${entry}'; ${print}`);
    const required = await script('keys.cjs', `const entry = require('${entry}'); ${print}`);
    expect(JSON.parse(required)).toEqual(JSON.parse(imported));
    expect(JSON.parse(imported)).not.toEqual([]);
  });

  test('the command line is where npx looks for it', async () => {
    const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      bin: Record<string, string>;
    };
    const program = join(installed, bin.lastseq ?? '');
    expect(readFileSync(program, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(await inApp(process.execPath, program, '--help')).toContain('lastseq replay FILE');
  });

  test('the entries share one LastseqError', async () => {
    const code = `
      const names = ${JSON.stringify(entries)};
      const found = names.map((name) => require(name).LastseqError).filter(Boolean);
      console.log(new Set(found).size);`;
    expect(await script('shared.cjs', code)).toBe('1\n');
  });

  // A module that looks at a global while it is imported breaks server-side rendering.
  test.each([
    ['import', 'quiet.mjs', (entry: string) => `await import('${entry}')`],
    ['require', 'quiet.cjs', (entry: string) => `require('${entry}')`],
  ])('%s touches no global', async (_way, name, load) => {
    const code = `
      const names = ['WebSocket', 'indexedDB', 'document', 'window', 'navigator', 'location',
        'localStorage', 'BroadcastChannel', 'addEventListener', 'fetch', 'setTimeout', 'setInterval'];
      for (const name of names) {
        Object.defineProperty(globalThis, name, {
          configurable: true,
          get() { throw new Error(name + ' was touched at import'); },
        });
      }
      const before = Reflect.ownKeys(globalThis).length;
      ${load('lastseq')};
      ${load('lastseq/testing')};
      if (Reflect.ownKeys(globalThis).length !== before) throw new Error('a global was added');
      console.log('quiet');`;
    expect(await script(name, code)).toBe('quiet\n');
  });

  // What import and require make of a CommonJS default differs; only dialing shows that it works.
  test.each([
    ['import', 'dial.mjs', (name: string) => `await import('${name}')`],
    ['require', 'dial.cjs', (name: string) => `require('${name}')`],
  ])('a client got by %s dials', async (_way, name, load) => {
    const code = `
      const { createClient } = ${load('lastseq')};
      const { WebSocket, WebSocketServer } = ${load('ws')};
      globalThis.WebSocket ??= WebSocket;
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      server.on('connection', () => { console.log('dialed'); process.exit(); });
      server.on('listening', () => {
        const url = 'ws://127.0.0.1:' + server.address().port;
        createClient({ url, namespace: 'test' }).connect();
      });
      setTimeout(() => { console.log('nobody dialed'); process.exit(); }, 10_000);`;
    expect(await script(name, code)).toBe('dialed\n');
  });
});

test('the minified script needs nothing but the language, and leaves one global', () => {
  const code = readFileSync(join(installed, 'dist/lastseq.min.js'), 'utf8');
  const page: Record<string, unknown> = {};
  vm.runInNewContext(code, page);
  expect(Object.keys(page)).toEqual(['Lastseq']);
  expect(page.Lastseq).toHaveProperty('createClient');
});

describe('in TypeScript, declarations checked', () => {
  const browserApp = `
    import { createClient, LastseqError } from 'lastseq';
    import * as testing from 'lastseq/testing';
    interface Chat { readonly text: string }
    const client = createClient({ url: 'wss://example.com/realtime', namespace: 'user-1' });
    const room = client.channel<Chat>('room:42', { start: 'stored' });
    export const stop: () => void = room.subscribe({
      message: (message) => {
        const text: string = message.data.text;
        // @ts-expect-error a string is no number
        const wrong: number = message.data.text;
        console.log(text, wrong, message.seq + 1, message.epoch.length);
      },
      gap: ({ from, to, reason }) => { console.log(from + (to ?? 0), reason); },
    });
    // @ts-expect-error there is no such option
    createClient({ url: 'wss://example.com/realtime', namespace: 'user-1', nonsense: true });
    export const isOurs = (error: unknown): boolean => error instanceof LastseqError;
    export const names: string[] = Object.keys(testing);`;
  const serverApp = `
    import { createHub, memoryLog } from 'lastseq/server';
    export const parts: unknown[] = [createHub, memoryLog];`;

  const compile = async (name: string, options: object, files: Record<string, string>) => {
    const folder = join(app, name);
    mkdirSync(folder);
    for (const [file, code] of Object.entries(files)) writeFileSync(join(folder, file), code);
    const compilerOptions = {
      target: 'ES2022',
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      ...options,
    };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: Object.keys(files) }),
    );
    await inApp(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '-p', folder);
  };

  const browser = { lib: ['ES2022', 'DOM'], types: [] };
  const node = { lib: ['ES2022'], types: ['node'] };
  const bundler = { module: 'ESNext', moduleResolution: 'Bundler' };
  const nodeNext = { module: 'NodeNext', moduleResolution: 'NodeNext' };

  test.each([
    ['bundler', { ...browser, ...bundler }, { 'app.ts': browserApp }],
    ['nodenext', { ...browser, ...nodeNext }, { 'app.mts': browserApp, 'app.cts': browserApp }],
    ['server-bundler', { ...node, ...bundler }, { 'app.ts': serverApp }],
    ['server-nodenext', { ...node, ...nodeNext }, { 'app.mts': serverApp, 'app.cts': serverApp }],
  ])('%s', compile, 60_000);
});
