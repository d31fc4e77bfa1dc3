// The checker against a server that is sound but for one defect at a time, which it has to name.
import { expect, test, vi } from 'vitest';
import { atEnd } from '../server/harness.js';
import type { Defect } from '../support/defects.mjs';
import { startFaultyServer } from '../support/faulty-server.mjs';
import { check } from './harness.js';

// Each sends hundreds of messages: the limit is for a test that fails, not for a busy machine.
vi.setConfig({ testTimeout: 180_000 });

/** Everything that can be checked of one instance. */
async function checkFaulty(...defects: Defect[]) {
  const server = await startFaultyServer({ defects, maxLength: 200 });
  atEnd(() => server.close());
  const { publishUrl, recoverUrl, restart, token, url } = server;
  return check({
    urls: [url],
    recover: [`${recoverUrl}?app=check`],
    send: ['publish', `POST ${publishUrl} {"channel":"{channel}","data":"{marker}"}`],
    token,
    strangerToken: 'token-bob',
    origin: 'http://app.example',
    overflow: 300,
    // A command may return before the old server is gone.
    restart: () => void setTimeout(restart, 100),
    // What must come, comes; what does not come, takes this long.
    timeoutMs: 2_000,
  });
}

test('a sound server of the protocol', async () => {
  // Its log keeps no more than what four publish at once, and that is just enough.
  expect(await checkFaulty()).toEqual({ failed: [], unchecked: ['one-log'], said: '' });
});

test.each<[Defect, readonly string[]]>([
  ['other-habits', ['one-log']],
  ['steps-of-three', ['one-log']],
  ['join-closed-1008', ['one-log']],
  ['join-closed-1013', ['one-log', 'auth-join']],
  ['join-unanswered', ['one-log', 'auth-join']],
  ['sockets-last', ['one-log']],
])('a sound server of another kind: %s', async (habit, unchecked) => {
  expect(await checkFaulty(habit)).toEqual({ failed: [], unchecked, said: '' });
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
    ['rising', 'concurrent', 'overflow'],
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
  [
    'login-page',
    ['auth-without', 'auth-wrong'],
    /^auth-without: status 200, but the answer is no JSON$/m,
  ],
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
  ['cacheable', ['no-store'], /Cache-Control: no-cache/],
  ['no-cors', ['cors'], /Access-Control-Allow-Origin: missing/],
  ['wrong-ack', ['ack-number'], /^ack-number: the ack of m1 says 2, readers got 1$/],
  ['every-other-deaf', ['delivered'], /^delivered: #2 .* did not get m1, m2, m3/],
  ['duplicate-numbers', ['one-number', 'concurrent'], /^concurrent: m\d+ and m\d+ are both \d+$/m],
  [
    'odd-refusals',
    ['auth-without', 'auth-wrong'],
    /^auth-without: status 403\nauth-wrong: status 500$/,
  ],
  ['refused-join', ['connect'], /^connect: #2 /],
  ['refused-when-alone', ['paths'], /^paths: POST \S+: status 409 \(1 of \d+ messages\)$/],
  ['full', ['paths'], /^paths: publish over \S+: refused by the server /],
  ['lossy', ['delivered'], /^delivered: #1 .* did not get m5, sent by publish/],
  ['renumbered-repeats', ['one-number'], /^one-number: m1 is 1 and 2 on #1/],
  ['epoch-of-log', ['epochs'], /^epochs: \S+-log \(the log\), /],
  ['epoch-of-heads', ['epochs'], /another \(heads on #\d/],
  ['epoch-of-messages', ['epochs'], /another \(a message on #\d/],
  [
    'unreadable',
    ['facts', 'since-required', 'ahead', 'other-epoch'],
    /^facts: .*the answer is no JSON$/m,
  ],
  ['no-recovery', ['facts', 'ahead', 'other-epoch'], /^facts: .*: status 404$/m],
  ['head-behind', ['facts'], /^facts: a page with head 7 holds 8$/m],
  [
    'head-ahead',
    ['rising', 'offline', 'concurrent', 'settled', 'overflow'],
    /^rising: 9 is missing, although the page reaches to 9 /m,
  ],
  ['oldest-of-question', ['overflow'], /^overflow: since \d+ .* says that it is complete/],
  [
    'since-skips',
    ['rising', 'since-exclusive', 'paging', 'offline', 'concurrent', 'settled'],
    /^since-exclusive: since 7 \S+ gave no 8, which is/m,
  ],
  ['since-negative', ['since-required'], /^since-required: since=-1: status 200/],
  ['since-is-500', ['since-required'], /^since-required: since=abc: status 500/],
  [
    'endless',
    ['facts', 'nothing-new', 'paging'],
    /^nothing-new: since 8 \S+ said that there is more, and gave nothing$/m,
  ],
  ['join-ahead', ['head'], /^head: the join of #\d .* says 9, the log ends at 8$/],
  ['cors-of-another', ['cors'], /Access-Control-Allow-Origin: http:\/\/another.example, to http/],
  ['preflight-without-origin', ['cors'], /^cors: the preflight is answered with status 200$/],
  ['preflight-needs-token', ['cors'], /^cors: the preflight is answered with status 401$/],
  ['cors-after-access', ['cors'], /^cors: .* with status 401: missing$/],
  ['preflight-moved', ['cors'], /^cors: the preflight is answered with status 307$/],
  ['no-cors-headers', ['cors'], /^cors: Access-Control-Allow-Headers: missing$/],
];

test.each(FAULTS)('%s', async (defect, rules, words) => {
  const { failed, said } = await checkFaulty(defect);
  expect(failed).toEqual(rules);
  expect(said).toMatch(words);
});

test('who can publish by the socket alone opens another after a restart', async () => {
  const server = await startFaultyServer({ defects: ['same-epoch'] });
  atEnd(() => server.close());
  const { recoverUrl, restart, token, url } = server;
  const given = { urls: [url], recover: [recoverUrl], send: ['publish'], token, restart };
  const { failed, said } = await check(given);
  expect(failed).toEqual(['restart']);
  expect(said).toMatch(/ was the newest number, then 1 is new, and the epoch is still /);
});

/** A server that is open to everybody, and a page that makes its recovery call. */
async function checkOpen(defect: Defect, originOf: (recoverUrl: string) => string) {
  const server = await startFaultyServer({ defects: ['open-join', 'open-recovery', defect] });
  atEnd(() => server.close());
  const { recoverUrl, url } = server;
  return check({
    urls: [url],
    recover: [recoverUrl],
    send: ['publish'],
    origin: originOf(recoverUrl),
  });
}

test('a page that has no token to send asks for no leave to send it', async () => {
  const { said, unchecked } = await checkOpen('preflight-needs-token', () => 'http://app.example');
  expect(said).toBe('');
  expect(unchecked).not.toContain('cors');
});

test('a page on the origin of the recovery needs no leave at all', async () => {
  const { said, unchecked } = await checkOpen(
    'no-cors',
    (recoverUrl) => new URL(recoverUrl).origin,
  );
  expect(said).toBe('');
  expect(unchecked).toContain('cors');
});
