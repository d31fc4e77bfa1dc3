// What the checker prints: tokens are no part of it, and are taken out of nothing else. And what it calls
// a pass: never that nothing was looked at.
import { expect, test } from 'vitest';
import { settingsOf } from '../../src/cli/check/given.js';
import { json, table } from '../../src/cli/check/report.js';
import { stranger, withoutToken, wrongToken } from '../../src/cli/check/rules/access.js';
import { delivered } from '../../src/cli/check/rules/delivery.js';
import type { Report } from '../../src/cli/check/run.js';
import { rising } from '../../src/cli/check/rules/log.js';
import { judge } from '../../src/cli/check/verdict.js';
import type { Findings } from '../../src/cli/check/findings.js';

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

test('evidence of several lines is one line of the table', () => {
  expect(table(quoting('wrong version\nnumber:\n'), settings('secret'))).toMatch(
    /^ {9}it said wrong version number: ?$/m,
  );
});

test('of a token that begins with the other nothing is left', () => {
  const both = settingsOf({ urls: ['ws://host/'], token: 'secret', strangerToken: 'secret-bob' });
  expect(JSON.parse(json(quoting('secret-bob'), both)).rules[0].evidence).toBe('it said [token]');
});

test('where no path took a message, it is not said that all of them arrived, or that none leaked', () => {
  const sent = [{ marker: 'm1', lane: 'publish', seq: undefined, failure: 'refused' }];
  const heard = [{ connection: '#1', copies: [], expected: [] }];
  const skipped = { skipped: '' };
  const answer = { status: 200, page: { messages: [] } };
  const found = {
    access: { recoveries: { stranger: { answer, leaked: 0 } } },
    live: { since: { epoch: 'e', seq: 0 }, sent, heard, walks: [] },
    ...{ concurrent: skipped, offline: skipped, overflow: skipped, strays: [] },
  };
  expect(judge(delivered, found as unknown as Findings, settings('secret'))).toEqual({
    verdict: 'not checkable',
    evidence: 'nothing was published',
  });
  expect(judge(stranger, found as unknown as Findings, settings('secret'))).toEqual({
    verdict: 'not checkable',
    evidence: 'nothing was published that could leak',
  });
});

test.each([
  [withoutToken, 'without'],
  [wrongToken, 'wrong'],
] as const)('who is led to a page for people has read no messages: $0.id', (rule, key) => {
  const answer = { status: 200, problem: 'the answer is no JSON' };
  const found = { access: { recoveries: { [key]: answer } } } as unknown as Findings;
  const verdict = judge(rule, found, settings('secret'));
  expect(verdict).toMatchObject({
    verdict: 'fail',
    evidence: 'status 200, but the answer is no JSON',
  });
  expect(verdict).not.toMatchObject({ harm: rule.harm });
});

test.each([
  ['is no hole where the page says so', 6, { verdict: 'pass' }],
  [
    'is one where it does not',
    1,
    { verdict: 'fail', evidence: '3 is missing before 6 in the log of a' },
  ],
])('what a log drops between two pages %s', (_, oldest, verdict) => {
  const copy = (seq: number) => ({ key: `lastseq-check-a-${seq}`, seq, epoch: 'e' });
  const page = (of: number, more: boolean, ...seqs: number[]) => ({
    ...{ channel: 'c', epoch: 'e', head: 7, oldest: of, more },
    messages: seqs.map((seq) => ({ seq, data: seq })),
  });
  const since = { epoch: 'e', seq: 0 };
  const pages = [page(1, true, 1, 2), page(oldest, false, 6, 7)];
  const walk = { instance: 'a', since, pages, copies: [1, 2, 6, 7].map(copy), problem: undefined };
  const found = { live: { since, sent: [], heard: [], walks: [walk] } };
  expect(judge(rising, found as unknown as Findings, settings('secret'))).toMatchObject(verdict);
});
