// The built command line, as `npx lastseq` runs it, with traces of clients that ran for real.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Trace } from '../../src/index.js';
import { faultProxy } from '../support/faultproxy.mjs';
import { atEnd, eventually, loadClient, openTab, startSite, upTo } from './harness.js';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lastseq-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function lastseq(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], { maxBuffer: 1e9 }, (error, out, err) => {
      resolve({ status: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** A client in Node that loses its connection now and then, and its trace. */
async function badDay(options: { readonly inputs: number }): Promise<Trace> {
  vi.stubGlobal('WebSocket', WebSocket);
  atEnd(() => vi.unstubAllGlobals());
  const { createClient } = await loadClient();
  const site = await startSite({ heartbeatMs: 100, origins: '*' });
  const proxy = await faultProxy(site.port);
  atEnd(() => proxy.close());
  const url = `ws://127.0.0.1:${proxy.port}/realtime`;
  const client = createClient({ url, maxBackoffMs: 1_000, trace: options });
  const numbers: number[] = [];
  client
    .channel('room', { start: 'earliest' })
    .subscribe({ message: ({ seq }) => numbers.push(seq), gap: () => numbers.push(-1) });
  for (let round = 0; round < 3; round += 1) {
    for (let i = 0; i < 20; i += 1) {
      site.publish(1);
      await sleep(5);
    }
    proxy.reset();
    site.publish(5);
    await eventually(() => numbers).toEqual(upTo((round + 1) * 25));
  }
  await client.close();
  const trace = client.trace();
  if (trace === undefined) throw new Error('there is no trace');
  return trace;
}

test('a real run replays as it was recorded, in words', async () => {
  const trace = await badDay({ inputs: 10_000 });
  const path = file('run.json', trace);
  const { err, out, status } = await lastseq('replay', path);
  expect(err).toBe('');
  expect(out).toMatch(/^ +0\.0 ms {2}the app joins room from earliest$/m);
  expect(out).toMatch(/^ +CONNECTION waiting, retryInMs [\d.]+, reason closed, code 1006$/m);
  expect(out).toMatch(/^ +because: the log of room is asked for what comes after 20$/m);
  expect(out).toMatch(/^ +delivers room 21 to 25$/m);
  expect(out).toMatch(/^delivered: 75$/m);
  expect(out).toMatch(/^reconnects: 3$/m);
  expect(out.match(/^ +[\d.]+ ms {2}/gm)).toHaveLength(trace.entries.length);
  expect(status).toBe(0);

  // A trace that says otherwise is noticed.
  const entries = trace.entries.map((entry) =>
    entry.input.type === 'opened' ? { ...entry, effects: [] } : entry,
  );
  const other = await lastseq('replay', file('other.json', { ...trace, entries }));
  expect(other.status).toBe(1);
  expect(other.out).toMatch(/^4 times the core decided otherwise than was recorded, first at/m);

  // What nobody can take is named, not thrown.
  const broken = trace.entries.map((entry) =>
    entry.input.type === 'frames' ? { ...entry, input: { type: 'frames', attempt: 1 } } : entry,
  );
  const refused = await lastseq('replay', file('broken.json', { ...trace, entries: broken }));
  expect(refused).toMatchObject({ status: 1, err: expect.stringMatching(/^lastseq: the core/) });
});

test('without its beginning, a trace is printed as it was recorded', async () => {
  const trace = await badDay({ inputs: 60 });
  expect(trace.dropped).toBeGreaterThan(0);
  const { err, out, status } = await lastseq('replay', file('end.json', trace));
  expect(err).toBe('');
  expect(out).toContain(`The first ${trace.dropped} inputs are missing`);
  expect(out).toMatch(/^ +the app closes the client$|ms {2}the app closes the client$/m);
  expect(out).toMatch(/^ +CONNECTION closed$/m);
  expect(status).toBe(0);
});

test('the trace of a page replays', async () => {
  const site = await startSite();
  const tab = await openTab(site.origin);
  await tab.start({ recover: '/recover', trace: true }, { room: { start: 'earliest' } });
  await eventually(async () => (await tab.seen()).channels).toContain('room live');
  site.publish(3);
  await eventually(tab.items).toEqual([1, 2, 3]);
  await site.restart();
  site.publish(3);
  await eventually(tab.items).toEqual(upTo(6));
  const trace = await tab.run(() => JSON.stringify(window.app.client.trace()));
  const { err, out, status } = await lastseq('replay', file('page.json', trace));
  expect(err).toBe('');
  expect(out).toMatch(/^delivered: 6$/m);
  expect(status).toBe(0);
});

test('several traces in one file are replayed one after the other', async () => {
  const trace = { format: 'lastseq-trace', version: 1, settings: {}, dropped: 0, entries: [] };
  const { out, status } = await lastseq('replay', file('two.json', [trace, trace]));
  expect(out).toMatch(/^-- trace 1 of 2$[\s\S]*^-- trace 2 of 2$/m);
  expect(status).toBe(0);
});

const form = { format: 'lastseq-trace', version: 1, settings: {}, dropped: 0, entries: [] };

test.each([
  ['it is not JSON', '{ "format"'],
  ['its "format" is not', { format: 'har' }],
  ['its "format" is not', 'null'],
  ['its version is 2', { ...form, version: 2 }],
  ['it has no "settings"', { ...form, settings: null }],
  ['"dropped" is no number', { ...form, dropped: '1' }],
  ['"entries" is no list', { ...form, entries: {} }],
  ['entry 0 is not', { ...form, entries: [{ atMs: 1, input: 'tick', effects: [] }] }],
  ['entry 0 is not', { ...form, entries: [{ atMs: 1, input: { type: 'tick' }, effects: [1] }] }],
  ['holds no trace', []],
])('a bad file is refused: %s', async (why, content) => {
  const { err, out, status } = await lastseq('replay', file('bad.json', content));
  expect(out).toBe('');
  expect(err).toContain(why);
  expect(err).toMatch(/^lastseq: .*bad\.json .*\n$/);
  expect(status).toBe(1);
});

test.each([
  ['no file of that name', ['replay', join(folder, 'none.json')], 'there is no such file'],
  ['a folder', ['replay', folder], 'EISDIR'],
  ['no file', ['replay'], 'wants one FILE'],
  ['two files', ['replay', 'a', 'b'], 'wants one FILE'],
  ['a command that there is not', ['relpay'], 'there is no command relpay'],
  ['no command', [], 'lastseq replay FILE'],
])('%s: said on stderr, and status 1', async (_what, args, why) => {
  const { err, out, status } = await lastseq(...args);
  expect(out).toBe('');
  expect(err).toContain(why);
  expect(err).not.toContain('    at ');
  expect(status).toBe(1);
});

test.each([['help'], ['--help'], ['-h'], ['replay', '--help']])('%s %s helps', async (...args) => {
  const { err, out, status } = await lastseq(...args);
  expect(out).toContain('lastseq replay FILE');
  expect(err).toBe('');
  expect(status).toBe(0);
});
