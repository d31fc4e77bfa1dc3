// What a stranger is refused is judged by an answer, never by the lack of one.
import { expect, test } from 'vitest';
import { settingsOf } from '../../src/cli/check/given.js';
import { run } from '../../src/cli/check/run.js';
import type { Verdict } from '../../src/server/index.js';
import { startHub } from '../server/harness.js';

test.each([
  ['forbidden', 'pass', 'status 403'],
  ['limit', 'not checkable', 'status 429'],
  [undefined, 'not checkable', 'status 503'],
] as const)('a stranger for whom the rule answers %s: %s', async (answer, verdict, evidence) => {
  const { port, url } = await startHub({
    authorize: ({ token }): Verdict => (token === 'me' ? {} : (answer as Verdict)),
    onError: () => undefined,
  });
  const { rules } = await run(
    settingsOf({
      urls: [url],
      recover: [`http://127.0.0.1:${port}/recover`],
      send: ['publish'],
      token: 'me',
      strangerToken: 'somebody else',
      timeoutMs: 2_000,
    }),
  );
  expect(rules.find(({ id }) => id === 'auth-stranger')).toMatchObject({ verdict, evidence });
});
