// Who does not get in is told why, as far as the server has said it.
import { expect, test } from 'vitest';
import type { Verdict } from '../../src/server/index.js';
import { startHub } from '../server/harness.js';
import { check } from './harness.js';

interface Told {
  readonly channel: string;
  readonly marker: string;
}

async function checkHub(answer: (action: string) => Verdict) {
  const { url } = await startHub({ authorize: ({ action }) => answer(action) });
  return check({ urls: [url], send: ['publish'], timeoutMs: 2_000 });
}

test('a join that the server refuses is not called one without an answer', async () => {
  const { said } = await checkHub((action) => (action === 'connect' ? {} : 'forbidden'));
  expect(said).toMatch(/^connect: #1 to \S+: the join was refused with forbidden, #2 to /);
});

test('a publish that the server refuses is named with the code', async () => {
  const { failed, said } = await checkHub((action) => (action === 'publish' ? 'forbidden' : {}));
  expect(failed).toEqual(['paths']);
  expect(said).toMatch(/^paths: publish over \S+: refused by the server with forbidden \(1 of /);
});

test('where nobody can join, the log is read all the same', async () => {
  const { log, port, url } = await startHub();
  const append = {
    name: 'append',
    send: ({ channel, marker }: Told) => log.append(channel, marker),
  };
  const { failed } = await check({
    urls: [`${url}-of-nobody`],
    recover: [`http://127.0.0.1:${port}/recover`],
    send: [append],
    timeoutMs: 2_000,
  });
  expect(failed).toEqual(['connect']);
});

test('where the log refuses every question, it is not praised for refusing the bad ones', async () => {
  const { port, url } = await startHub();
  const { failed, unchecked } = await check({
    urls: [url],
    recover: [`http://127.0.0.1:${port}/recover-of-nobody`],
    send: ['publish'],
    timeoutMs: 2_000,
  });
  expect(failed).toContain('facts');
  expect(unchecked).toContain('since-required');
});
