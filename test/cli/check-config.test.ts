// A config file is the user's own: what is wrong in it is said by name, not by a stack.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/cli/check/config-file.js';
import { readFlags } from '../../src/cli/check/flags.js';
import { settingsOf, type Given } from '../../src/cli/check/given.js';
import { UsageError } from '../../src/cli/check/usage-error.js';
import { atEnd } from '../server/harness.js';

function configFile(content: object | string): string {
  const folder = mkdtempSync(join(tmpdir(), 'lastseq-config-'));
  atEnd(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'check.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

test.each([
  [{ urls: [5] }, 'urls must be a list of texts'],
  [{ recover: [null] }, 'recover must be'],
  [{ send: [null] }, 'send must be'],
  [{ send: [{ name: 'mine' }] }, 'send must be'],
  [{ channel: 5 }, 'channel must be a text'],
  [{ token: 5 }, 'token must be a text'],
  [{ origin: {} }, 'origin must be a text'],
  [{ mapped: null }, 'mapped must be an object'],
  [{ dialect: 'mapped' }, 'dialect must be'],
  [{ restart: 5 }, 'restart must be'],
])('%j is refused by name', async (content, words) => {
  const reading = readConfig(configFile(content));
  await expect(reading).rejects.toThrow(UsageError);
  await expect(reading).rejects.toThrow(words);
});

test('what is as it should be is taken as it is', async () => {
  const content = { urls: ['ws://host'], recover: ['http://host'], send: ['publish'], mapped: {} };
  expect(await readConfig(configFile(content))).toEqual(content);
});

test.each([{ connections: 2.5 }, { overflow: 1.5 }, { watchMs: 100.5 }, { timeoutMs: 100.5 }])(
  'half of a thing is refused: %j',
  (given) => {
    expect(() => settingsOf({ urls: ['ws://host'], ...given })).toThrow('in whole numbers');
  },
);

test.each([
  [{ fields: { seq: 'n', foo: 'bar' } }, '--field: there is no foo, ours are channel, seq,'],
  [
    { query: { after: 'since' } },
    '--query: there is no after, ours are since, channel, epoch, limit',
  ],
])('a name that is none of ours is refused by name: %j', (mapped, words) => {
  const refused = () => settingsOf({ urls: ['ws://host'], mapped });
  expect(refused).toThrow(UsageError);
  expect(refused).toThrow(words);
});

test.each(['--channel', '--token', '--stranger-token'])('an empty %s is refused', (flag) => {
  const { given } = readFlags(['--url', 'ws://host', flag, '']);
  expect(() => settingsOf(given)).toThrow(new UsageError(`${flag} is empty`));
});

const thrower = (): never => {
  throw new Error('no socket');
};

test.each([
  [{}, 'dialect must have protocols, decode, encode and decodePage'],
  [() => undefined, 'dialect must have protocols, decode, encode and decodePage'],
  [thrower, 'dialect: no socket'],
])('a dialect that is none is refused by name: %s', (dialect, words) => {
  const given = { urls: ['ws://host'], dialect } as unknown as Given;
  expect(() => settingsOf(given)).toThrow(new UsageError(words));
});

test('seconds that are no binary fraction are whole milliseconds all the same', () => {
  const { given } = readFlags(['--url', 'ws://host', '--timeout', '16.1', '--watch', '2.01']);
  expect(settingsOf(given)).toMatchObject({ timeoutMs: 16_100, watchMs: 2_010 });
});

test.each([
  [['--timeout', '0.05'], '--timeout must be 0.1 to 600 seconds, not 0.05'],
  [['--timeout', '601'], '--timeout must be 0.1 to 600 seconds, not 601'],
  [['--watch', '3601'], '--watch must be 0.001 to 3600 seconds, not 3601'],
])('bounds are told in the unit of the flag: %j', (flags, words) => {
  const { given } = readFlags(['--url', 'ws://host', ...flags]);
  expect(() => settingsOf(given)).toThrow(words);
});

test.each(['{"token": hush}', `{"urls": [], "token": hush, "origin": "http://host.example"}`])(
  'what is no JSON is not quoted, as there may be a token in it: %s',
  async (text) => {
    await expect(readConfig(configFile(text))).rejects.toThrow(
      /^cannot read \S+: Unexpected token 'h' is not valid JSON$/,
    );
  },
);
