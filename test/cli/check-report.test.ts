// What the checker prints: tokens are no part of it, and are taken out of nothing else.
import { expect, test } from 'vitest';
import { settingsOf } from '../../src/cli/check/given.js';
import { json, table } from '../../src/cli/check/report.js';
import type { Report } from '../../src/cli/check/run.js';

/** A report in which a server has quoted the token. */
const quoting = (token: string): Report => ({
  passed: true,
  rules: [{ id: 'a', title: 'It passes', verdict: 'pass', evidence: `it said ${token}` }],
});

const settings = (token: string) => settingsOf({ urls: [`ws://host/${token}`], token });

test.each(['secret', 'a"b\\c'])('the token %s is printed nowhere', (token) => {
  const printed = json(quoting(token), settings(token));
  expect(JSON.parse(printed).rules[0].evidence).toBe('it said [token]');
  expect(printed).not.toContain(JSON.stringify(token).slice(1, -1));
  expect(table(quoting(token), settings(token))).toContain('it said [token]');
});

test.each(['pass', '1', 't', 'rules'])('the token %s leaves the report as it is', (token) => {
  expect(JSON.parse(json(quoting(token), settings(token)))).toMatchObject({
    format: 'lastseq-check',
    version: 1,
    passed: true,
    rules: [{ id: 'a', title: 'It passes', verdict: 'pass' }],
  });
  expect(table(quoting(token), settings(token))).toMatch(/^pass {2}a {2}It passes$/m);
});

test('of a token that begins with the other nothing is left', () => {
  const both = settingsOf({ urls: ['ws://host/'], token: 'secret', strangerToken: 'secret-bob' });
  expect(JSON.parse(json(quoting('secret-bob'), both)).rules[0].evidence).toBe('it said [token]');
});
