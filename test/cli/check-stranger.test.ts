// What a stranger is refused is judged by an answer, never by the lack of one.
import { expect, test } from 'vitest';
import { settingsOf, type Given } from '../../src/cli/check/given.js';
import { run } from '../../src/cli/check/run.js';
import type { Verdict } from '../../src/server/index.js';
import { startHub } from '../server/harness.js';

/** A hub whose rule answers a stranger so, and what the checker says of it. */
async function judged(answer: Verdict | undefined, asked: (recover: string) => Given) {
  const { port, url } = await startHub({
    authorize: ({ token }): Verdict => (token === 'me' ? {} : (answer as Verdict)),
    onError: () => undefined,
  });
  const { rules } = await run(
    settingsOf({
      urls: [url],
      send: ['publish'],
      token: 'me',
      strangerToken: 'somebody else',
      timeoutMs: 2_000,
      ...asked(`http://127.0.0.1:${port}/recover`),
    }),
  );
  return (id: string) => rules.find((rule) => rule.id === id);
}

test.each([
  ['forbidden', 'pass', 'status 403', 'forbidden'],
  ['not_found', 'pass', 'status 404', 'not_found'],
  ['limit', 'not checkable', 'status 429', 'limit'],
  [undefined, 'not checkable', 'status 503', 'internal'],
] as const)(
  'a stranger for whom the rule answers %s: %s',
  async (answer, verdict, status, code) => {
    const rule = await judged(answer, (recover) => ({ recover: [recover] }));
    expect(rule('auth-stranger')).toMatchObject({ verdict, evidence: status });
    expect(rule('auth-join')).toMatchObject({
      verdict,
      evidence: `without a token: ${code}, with a stranger's token: ${code}`,
    });
  },
);

test('where recoveries go over the socket, joining is judged all the same', async () => {
  const rule = await judged({}, () => ({}));
  expect(rule('auth-stranger')).toMatchObject({ verdict: 'not checkable' });
  expect(rule('auth-join')).toMatchObject({ verdict: 'fail' });
});
