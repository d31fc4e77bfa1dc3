// The checker against a server that is sound but for one defect at a time, which it has to name.
import { expect, test, vi } from 'vitest';
import { atEnd } from '../server/harness.js';
import { startFaultyServer } from '../support/faulty-server.mjs';
import { check } from './harness.js';

// Each sends hundreds of messages: the limit is for a test that fails, not for a busy machine.
vi.setConfig({ testTimeout: 180_000 });

type Defect = NonNullable<NonNullable<Parameters<typeof startFaultyServer>[0]>['defects']>[number];

/** Everything that can be checked of one instance. */
async function checkFaulty(...defects: Defect[]) {
  const server = await startFaultyServer({ defects, maxLength: 250 });
  atEnd(() => server.close());
  const { publishUrl, recoverUrl, restart, token, url } = server;
  return check({
    urls: [url],
    recover: [recoverUrl],
    send: ['publish', `POST ${publishUrl} {"channel":"{channel}","data":"{marker}"}`],
    token,
    strangerToken: 'token-bob',
    origin: 'http://app.example',
    overflow: 300,
    restart,
    // What must come, comes; what does not come, takes this long.
    timeoutMs: 2_000,
  });
}

test('a sound server of the protocol', async () => {
  expect(await checkFaulty()).toEqual({ failed: [], unchecked: ['one-log'], said: '' });
});

const FAULTS: readonly [Defect, readonly string[], RegExp][] = [
  [
    'live-numbers-per-connection',
    ['same-number', 'live-recovered'],
    /live-recovered: m\d+ came live as \d+ .* counted for each connection, the log is counted for all/,
  ],
  [
    'unnumbered-http',
    ['numbered', 'offline', 'concurrent'],
    /^numbered: no usable number on messages by POST [^,]*$/m,
  ],
  ['numbers-as-text', ['numbered'], /^numbered: .* by publish over .*, by POST/m],
  [
    'since-inclusive',
    ['since-exclusive', 'nothing-new'],
    /^since-exclusive: since 7 \S+ gave 7 \(m7\) again$/m,
  ],
  ['since-optional', ['since-required'], /^since-required: without since: status 200/],
  [
    'two-steps',
    ['live-order', 'settled'],
    /^settled: a page since \d+ reached to \d+ without \d+, which came into the log/m,
  ],
  [
    'burnt-numbers',
    ['concurrent', 'overflow'],
    /^concurrent: \d+ is missing before \d+ in the log/m,
  ],
  ['head-of-counter', ['settled'], /^settled: a page since \d+ reached to \d+ without \d+/],
  [
    'same-epoch',
    ['restart'],
    /^restart: \d+ was the newest number, then 1 is new, and the epoch is still/,
  ],
  ['epoch-ignored', ['other-epoch'], /^other-epoch: .* 8 messages, from 1 on/],
  ['epoch-per-connection', ['epochs'], /^epochs: .*the join of #\d/],
  ['open-recovery', ['auth-without', 'auth-wrong', 'auth-stranger'], /^auth-without: status 200$/m],
  ['open-join', ['auth-join'], /a connection without a token joined/],
  ['stranger-join', ['auth-join'], /a connection with a stranger's token joined/],
  [
    'silent-overflow',
    ['overflow'],
    /^overflow: since \d+ the answer of .* begins with \d+, .* says that it is complete/,
  ],
  [
    'numbers-only-when-connected',
    ['offline'],
    /^offline: not in the log of .*: m9 by publish over .*, m10 by POST/,
  ],
  ['number-per-recipient', ['same-number', 'one-number'], /^one-number: m1 is 1 and 2 in the log/m],
  ['numbered-welcome', ['control-frames'], /^control-frames: 'welcome' carries seq 0$/],
  ['stale-join', ['head'], /^head: the join of #\d .* says 7, the log has 8$/],
  ['stale-heads', ['head'], /^head: heads on #\d .* says 0, the log has 8$/],
  ['last-page-only', ['paging'], /^paging: two at a time .* left out 3, 4, 5 and 3 more$/],
  ['empty-is-404', ['nothing-new', 'ahead'], /^nothing-new: since 8 .* answered status 404$/m],
  ['ahead-is-all', ['ahead'], /^ahead: .* 8 messages, from 1 on$/],
  ['cacheable', ['no-store'], /Cache-Control: missing/],
  ['no-cors', ['cors'], /Access-Control-Allow-Origin: missing/],
  ['wrong-ack', ['ack-number'], /^ack-number: the ack of m1 says 2, readers got 1$/],
  ['every-other-deaf', ['delivered'], /^delivered: #2 .* did not get m1, m2, m3/],
  ['duplicate-numbers', ['one-number', 'concurrent'], /^concurrent: m\d+ and m\d+ are both \d+$/m],
  [
    'unreadable',
    ['facts', 'since-required', 'ahead', 'other-epoch'],
    /^facts: .*the answer is no JSON$/m,
  ],
];

test.each(FAULTS)('%s', async (defect, rules, words) => {
  const { failed, said } = await checkFaulty(defect);
  expect(failed).toEqual(rules);
  expect(said).toMatch(words);
});
