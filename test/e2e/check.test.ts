// The built checker, as `npx lastseq check` runs it: flags, config files, what is printed, and the status.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test, vi } from 'vitest';
import type { Defect } from '../support/defects.mjs';
import { startFaultyServer } from '../support/faulty-server.mjs';
import { startGlobalCounterServer } from '../support/global-counter-server.mjs';
import { atEnd } from './harness.js';

// Hundreds of messages, and processes: the limit is for a test that fails, not for a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lastseq-check-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function check(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, 'check', ...args], (error, out, err) => {
      resolve({ status: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function server(...defects: Defect[]) {
  const started = await startFaultyServer({ defects });
  atEnd(() => started.close());
  const { publishUrl, recoverUrl, restartUrl, token, url } = started;
  const request = (address: string, body: string) =>
    `${process.execPath} -e "fetch('${address}', { method: 'POST', headers: { Authorization: 'Bearer ${token}' }, body: process.argv[1] })" '${body}'`;
  const flags = [
    ...['--url', `${url}?token=${token}`, '--recover', recoverUrl, '--token', token],
    ...['--send', 'publish', '--restart', request(restartUrl, '')],
    ...['--send', `POST ${publishUrl} {"channel":"{channel}","data":"{marker}"}`],
    ...['--send', `sh ${request(publishUrl, '{"channel":"it","data":"{marker}"}')}`],
    ...['--channel', 'it', '--origin', 'http://app.example'],
  ];
  return { ...started, flags };
}

test('a sound server passes: a table, and status 0', async () => {
  const { flags, token } = await server();
  const { err, out, status } = await check(...flags);
  expect(err).toBe('');
  expect(out).not.toContain('FAIL');
  expect(out).toMatch(
    /^pass {2}live-recovered {2,}Live and recovered copies carry the same number$/m,
  );
  expect(out).toMatch(/^pass {2}restart .*\n +epoch \S+ became \S+$/m);
  expect(out).toMatch(/^ {2}- {3}overflow .*\n +give --overflow N/m);
  expect(out).toMatch(/^\d+ passed, 0 failed, \d+ not checkable$/m);
  expect(out).not.toContain(token);
  expect(status).toBe(0);
});

test('a server that never answers is judged too, although waiting for it keeps nothing alive', async () => {
  // As `fetch` waits for some servers that end a connection at once: with no socket, and a deadline
  // that Node does not stay for.
  const config = file(
    'unanswered.mjs',
    `export default {
      urls: ['ws://127.0.0.1:1'],
      recover: [({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject))],
      timeoutMs: 100,
    };`,
  );
  const { err, out, status } = await check('--config', config);
  expect(err).toBe('');
  expect(out).toMatch(/^FAIL {2}connect /m);
  expect(out).toMatch(/^\d+ passed, \d+ failed, \d+ not checkable$/m);
  expect(status).toBe(1);
});

test('a faulty one does not: what goes wrong for users, and status 1', async () => {
  const { flags, token } = await server('live-numbers-per-connection');
  const { out, status } = await check(...flags);
  expect(out).toMatch(
    /^FAIL {2}live-recovered .*\n +m\d+ came live as .*\n +=> After a drop a client/m,
  );
  expect(out).not.toContain(token);
  expect(status).toBe(1);

  const machine = await check(...flags, '--json');
  const report = JSON.parse(machine.out);
  expect(report).toMatchObject({
    format: 'lastseq-check',
    version: 1,
    passed: false,
    channel: 'it',
  });
  expect(report.rules).toContainEqual({
    id: 'live-recovered',
    title: expect.any(String),
    verdict: 'fail',
    evidence: expect.stringMatching(/^m\d+ came live as/),
    harm: expect.stringMatching(/^After a drop/),
  });
  expect(machine.out).not.toContain(token);
  expect(machine.status).toBe(1);
});

test('flags and a JSON file describe a server that sends JSON of its own', async () => {
  const other = await startGlobalCounterServer({ facts: true });
  atEnd(() => other.close());
  const fields = { seq: 'sequence_number', epoch: 'epoch', data: 'content' };
  const common = { urls: [other.socketUrl()], recover: [other.recoverUrl], token: 'token-alice' };
  const send = [`POST ${other.origin}/messages {"content":"{marker}","to":"alice"}`];
  const mapped = { oneChannel: true, joined: 'connected', numbering: 'monotonic', fields };
  const config = file('check.json', JSON.stringify({ ...common, send, mapped }));
  const fromFile = await check('--config', config);
  expect({ err: fromFile.err, failed: fromFile.out.match(/^FAIL.*/gm) }).toEqual({
    err: '',
    failed: null,
  });
  expect(fromFile.status).toBe(0);

  const typed = await check(
    ...['--config', file('rest.json', JSON.stringify({ ...common, send }))],
    ...['--one-channel', '--joined', 'connected', '--numbering', 'monotonic'],
    ...Object.entries(fields).flatMap(([ours, theirs]) => ['--field', `${ours}=${theirs}`]),
  );
  expect({ err: typed.err, failed: typed.out.match(/^FAIL.*/gm) }).toEqual({
    err: '',
    failed: null,
  });
  expect(typed.out).toMatch(/^pass {2}rising .*\n +monotonic, /m);
});

test('a module may hold functions', async () => {
  const { publishUrl, recoverUrl, token, url } = await server();
  const config = file(
    'check.config.mjs',
    `const call = (url, body) => fetch(url, { method: 'POST', headers: { Authorization: 'Bearer ${token}' }, body });
     export default {
       urls: ['${url}'], token: '${token}',
       recover: [async ({ channel, epoch, since, limit, token }) => {
         const query = new URLSearchParams({ channel, epoch, limit, since });
         const headers = token === undefined ? {} : { Authorization: 'Bearer ' + token };
         const response = await fetch('${recoverUrl}?' + query, { headers });
         if (!response.ok) throw Object.assign(new Error('refused'), { status: response.status });
         return response.json();
       }],
       send: [{ name: 'mine', send: ({ channel, marker }) => call('${publishUrl}', JSON.stringify({ channel, data: marker })) }],
     };`,
  );
  const { err, out, status } = await check('--config', config);
  expect({ err, failed: out.match(/^FAIL.*/gm) }).toEqual({ err: '', failed: null });
  expect(out).toMatch(/^pass {2}auth-without .*\n +status 401$/m);
  expect(out).toMatch(/^pass {2}numbered .*\n +mine$/m);
  expect(status).toBe(0);
});

test('without a way to publish it listens to what others do', async () => {
  const { publishUrl, recoverUrl, token, url } = await server('live-numbers-per-connection');
  const headers = { Authorization: `Bearer ${token}` };
  let count = 0;
  const post = () => {
    const body = JSON.stringify({ channel: 'it', data: { n: (count += 1) } });
    return fetch(publishUrl, { method: 'POST', headers, body });
  };
  for (let i = 0; i < 5; i += 1) await post();
  let done = false;
  const others = (async () => {
    while (!done) await post();
  })();
  const { out, status } = await check(
    ...[
      '--url',
      url,
      '--recover',
      recoverUrl,
      '--token',
      token,
      '--channel',
      'it',
      '--watch',
      '0.5',
    ],
  );
  done = true;
  await others;
  expect(out).toMatch(/^FAIL {2}live-recovered /m);
  expect(out).toMatch(/^ {2}- {3}offline .*\n +no sending path/m);
  expect(status).toBe(1);
});

const ws = ['--url', 'ws://127.0.0.1:9/'];

test.each([
  ['no address', [], 'give the WebSocket address'],
  ['no such address', ['--url', 'example.com?token=hush'], '--url is no address: example.com?…'],
  [
    'two recoveries of three',
    [...ws, ...ws, ...ws, '--recover', 'http://a', '--recover', 'http://b'],
    'once for each',
  ],
  ['a recovery that is no address', [...ws, '--recover', '/recover'], '--recover is no address'],
  ['a flag that there is not', [...ws, '--sends', 'publish'], '--sends'],
  [
    'a path that there is not',
    [...ws, '--send', 'carrier pigeon'],
    '--send wants publish, ws TEXT',
  ],
  [
    'a request whose address is none',
    [...ws, '--send', 'POST http://host:port/x {marker}'],
    'wants an address: http://host:port/x',
  ],
  ['a text without a marker', [...ws, '--send', 'ws {"text":"hi"}'], 'needs {marker}'],
  ['a number that is none', [...ws, '--overflow', 'many'], '--overflow wants a whole number'],
  ['a number out of bounds', [...ws, '--connections', '1'], '--connections must be 2 to 100'],
  ['a numbering that there is not', [...ws, '--numbering', 'roman'], 'roman'],
  ['a field that there is not', [...ws, '--field', 'number=n'], 'there is no number'],
  ['no file', ['--config', join(folder, 'none.json')], 'cannot read'],
  ['a file that is no JSON', ['--config', file('bad.json', '{')], 'cannot read'],
  [
    'an option that there is not',
    ['--config', file('odd.json', '{"url":"ws://a"}')],
    'there is no option url',
  ],
  [
    'an option that is no list',
    ['--config', file('single.json', '{"urls":"ws://a"}')],
    'urls must be a list',
  ],
  [
    'a sending path that is no list',
    ['--config', file('path.json', '{"urls":["ws://a"],"send":"publish"}')],
    'send must be a list',
  ],
])('%s: said on stderr, and status 2', async (_what, args, why) => {
  const { err, out, status } = await check(...args);
  expect(out).toBe('');
  expect(err).toContain(why);
  expect(err).toMatch(/^lastseq: /);
  expect(err).not.toContain('    at ');
  expect(status).toBe(2);
});

test('a server that is not there is a failure, not a wrong question', async () => {
  const { out, status } = await check(...ws, '--timeout', '1');
  expect(out).toMatch(
    /^FAIL {2}connect .*\n +#1 to ws:\/\/127.0.0.1:9\/: closed with 1006 \(.*ECONNREFUSED/m,
  );
  expect(status).toBe(1);
});

test('the address of a sending path may have any path that an address can have', async () => {
  const { err, status } = await check(
    ...ws,
    ...['--timeout', '1', '--send', 'POST http://127.0.0.1:9/100%/{channel} {marker}'],
  );
  expect(err).toBe('');
  expect(status).toBe(1);
});

test('--help tells the flags', async () => {
  const { out, status } = await check('--help');
  expect(out).toMatch(/^lastseq check --url URL \[flags\]$/m);
  expect(status).toBe(0);
});
