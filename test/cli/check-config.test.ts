// A config file is the user's own: what is wrong in it is said by name, not by a stack.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/cli/check/config-file.js';
import { UsageError } from '../../src/cli/check/usage-error.js';
import { atEnd } from '../server/harness.js';

function configFile(content: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'lastseq-config-'));
  atEnd(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'check.json');
  writeFileSync(file, JSON.stringify(content));
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
])('%j is refused by name', async (content, words) => {
  const reading = readConfig(configFile(content));
  await expect(reading).rejects.toThrow(UsageError);
  await expect(reading).rejects.toThrow(words);
});

test('what is as it should be is taken as it is', async () => {
  const content = { urls: ['ws://host'], recover: ['http://host'], send: ['publish'], mapped: {} };
  expect(await readConfig(configFile(content))).toEqual(content);
});
