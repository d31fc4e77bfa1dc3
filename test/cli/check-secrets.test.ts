// What is wrong with an address is told without what may be secret in it.
import { expect, test } from 'vitest';
import { settingsOf, type Given } from '../../src/cli/check/given.js';

const urls = ['ws://host/live'];

test.each<[string, Given, RegExp]>([
  ['the call', { urls, recover: ['https://me:hush@host/recover'] }, /^--recover .*: .*…@host/],
  ['a request', { urls, send: ['POST https://me:hush@host/{marker}'] }, /^--send POST .*…@host/],
  ['what is no address', { urls: ['htp://me:hush@host/live'] }, /^--url is no address: .*…@host/],
  [
    'no request',
    { urls, send: ['POST //host/?key=hush&text={marker}'] },
    /wants an address: .*\?…$/,
  ],
  ['no marker', { urls, send: ['POST https://host/?key=hush'] }, /needs \{marker\}/],
  ['no sender', { urls, send: ['post https://host/?key=hush&text={marker}'] }, /not post$/],
])('a secret in %s is not printed', (_, given, words) => {
  let said = '';
  try {
    settingsOf(given);
  } catch (error) {
    said = (error as Error).message;
  }
  expect(said).toMatch(words);
  expect(said).not.toContain('hush');
});
