// @vitest-environment node
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { projects } from '../support/projects.mjs';
import { violations } from './law.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

const filesIn = (folder: string): string[] =>
  existsSync(root + folder)
    ? readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
        .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
        .sort()
    : [];

const sources = new Map(
  [...filesIn('src'), ...filesIn('demo')]
    .filter((path) => /\.(ts|js|mjs|html|css)$/.test(path))
    .map((path) => [path, readFileSync(root + path, 'utf8')]),
);

// Parses all of src: on a busy machine that takes longer than the default allows.
test('src and demo keep the law of the imports', { timeout: 60_000 }, () => {
  expect(sources.size).toBeGreaterThan(0);
  expect(violations(sources)).toEqual([]);
});

test('every test file is in a folder that one of the projects runs', () => {
  const run = Object.values(projects).flat();
  const lost = filesIn('test')
    .filter((path) => path.endsWith('.test.ts') && !path.includes('/node_modules/'))
    .filter((path) => !run.includes(`test/${path.split('/')[1] ?? ''}/**/*.test.ts`));
  expect(lost).toEqual([]);
});

describe('the law', () => {
  const lawful = new Map([
    ['src/index.ts', `export { createClient } from './create-client.js';`],
    [
      'src/create-client.ts',
      `import mitt from 'mitt';
       import { socket } from './adapters/socket.js';
       import { store } from './adapters/store.js';`,
    ],
    ['src/core/frames.ts', ''],
    ['src/core/session.ts', `import { parse } from './frames.js';`],
    ['src/ports/transport.ts', `import type { Frame } from '../core/frames.js';`],
    [
      'src/adapters/socket.ts',
      `import Socket from 'reconnecting-websocket';
       import type { Transport } from '../ports/transport.js';`,
    ],
    ['src/adapters/store.ts', `import { get } from 'idb-keyval';`],
    [
      'src/server/hub.ts',
      `import { createServer } from 'node:http';
       import { WebSocketServer } from 'ws';
       import { parse } from '../core/frames.js';`,
    ],
    [
      'src/cli/index.ts',
      `import { readFileSync } from 'node:fs';
       import { WebSocket } from 'ws';
       import type { Transport } from '../ports/transport.js';
       import { parse } from '../core/frames.js';`,
    ],
    ['src/testing/index.ts', `import { store } from '../adapters/store.js';`],
    ['demo/page.js', 'x\n'.repeat(300)],
  ]);

  test('finds nothing in a lawful set of files', () => {
    expect(violations(lawful)).toEqual([]);
  });

  // Each of these replaces or adds one file of the lawful set, and is told so.
  test.each([
    ['core imports only core', 'src/core/session.ts', `import { x } from '../client.js';`],
    ['core imports only core', 'src/core/session.ts', `import x from 'fast-check';`],
    ['core imports only core', 'src/core/session.ts', `import type { X } from '../ports/t.js';`],
    ['core imports only core', 'src/core/session.ts', `type X = import('../client.js').X;`],
    ['only types', 'src/ports/transport.ts', `import { x } from '../core/frames.js';`],
    ['only types', 'src/ports/transport.ts', `import { type X } from '../core/frames.js';`],
    ['only from core', 'src/ports/transport.ts', `import type { X } from '../client.js';`],
    ['only ports and core', 'src/adapters/more.ts', `import type { X } from '../client.js';`],
    ['a and @b/b;', 'src/adapters/more.ts', `import { a } from 'a'; import { b } from '@b/b/c';`],
    ['only the composition root', 'src/driver.ts', `import { store } from './adapters/store.js';`],
    ['only the composition root', 'src/driver.ts', `await import('./adapters/store.js');`],
    ['only the composition root', 'src/driver.ts', `export * from './adapters/store.js';`],
    ['and the command line import Node', 'src/driver.ts', `import { x } from 'node:fs';`],
    ['the command line shares only', 'src/cli/index.ts', `import { x } from '../client.js';`],
    ['the command line shares only', 'src/cli/index.ts', `import { x } from '../ports/x.js';`],
    ['no package but ws', 'src/cli/index.ts', `import { x } from 'socket.io-client';`],
    ['nothing imports the command line', 'src/index.ts', `import { x } from './cli/index.js';`],
    ['nothing imports the command line', 'src/server/hub.ts', `import '../cli/index.js';`],
    ['and the command line import ws', 'src/driver.ts', `import { x } from 'ws';`],
    ['outside src', 'src/driver.ts', `import { x } from '../test/support/x.js';`],
    ['src/index.ts -> src/server', 'src/index.ts', `import type { Hub } from './server/hub.js';`],
    ['shares only core', 'src/server/hub.ts', `import type { X } from '../options.js';`],
    ['src/create-client.ts and src/driver.ts;', 'src/driver.ts', `import mitt from 'mitt';`],
    ['mitt is imported by no file', 'src/create-client.ts', ''],
    ['circle: src/core/', 'src/core/frames.ts', `import { x } from './session.js';`],
    ['301 lines; 300 is the most', 'src/driver.ts', '//\n'.repeat(301)],
    ['301 lines; 300 is the most', 'demo/page.js', 'x\n'.repeat(301)],
    ['src/driver.ts:1 has the type any', 'src/driver.ts', `const x: any = 1;`],
    ['src/driver.ts:2 has @ts-ignore', 'src/driver.ts', `\n// @ts-ignore\nx();`],
  ])('says: %s', (message, path, text) => {
    const found = violations(new Map([...lawful, [path, text]]));
    expect(found).toEqual(expect.arrayContaining([expect.stringContaining(message)]));
  });
});
