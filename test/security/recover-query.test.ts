// The recovery call with parameters of every odd kind: 400 and never "everything", whoever asks and
// however it is spelled. The plain cases are in test/server/recover-http.test.ts.
import { request as httpRequest } from 'node:http';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { call, startHub } from '../server/harness.js';

async function startWithSecrets() {
  const asked: (string | undefined)[] = [];
  const started = await startHub({
    authorize: ({ channel }) => {
      asked.push(channel);
      return {};
    },
  });
  for (let i = 1; i <= 3; i += 1) started.log.append('a', `secret ${i}`);
  const { epoch } = started.log.facts('a');
  return { ...started, asked, epoch };
}

describe('since', () => {
  it.each([
    '1e400',
    '-1e400',
    '1e0',
    '0e0',
    '-0',
    '+1',
    '%2B1',
    '01',
    '00',
    '0x0',
    '0b1',
    '0o7',
    '1n',
    '1_000',
    '1,0',
    '1.0',
    '.5',
    '1.',
    '%201',
    '1%20',
    '1%0A',
    '%00',
    '1%00',
    '%EF%BC%91',
    '%D9%A1',
    '%C2%B2',
    'NaN',
    'Infinity',
    'null',
    'undefined',
    'true',
    '[]',
    '[1]',
    '{}',
    '"1"',
    '9007199254740993',
    '18446744073709551616',
    '9'.repeat(4_000),
    '0'.repeat(4_000),
    '%',
    '%zz',
    '%FF',
  ])('of %s is a 400, and the app is not asked', async (since) => {
    const { port, asked, epoch } = await startWithSecrets();
    const answer = await call(port, `/recover?channel=a&epoch=${epoch}&since=${since}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'bad_request' } });
    expect(JSON.stringify(answer.body)).not.toContain('secret');
    expect(asked).toEqual([]);
  });

  it.each([
    'since[]=0',
    'since%5B%5D=0',
    'since[0]=0',
    'Since=0',
    'SINCE=0',
    ' since=0',
    '%20since=0',
    'since%00=0',
    'since;=0',
    'since',
    'since==0',
    '__proto__[since]=0',
    '__proto__.since=0',
    'constructor=0',
    // Twice is ambiguous, however it is spelled.
    'since=0&since=0',
    'since=0&%73ince=0',
    'since=0&sinc%65=9',
    'since=0&since=',
    'since=0&since',
    'channel=a&since=0',
    'channel=b&since=0',
    `since=0${'&since=1'.repeat(1_000)}`,
  ])('as %s is no since, or too many', async (spelled) => {
    const { port, asked, epoch } = await startWithSecrets();
    const path = `/recover?channel=a&epoch=${epoch}&${spelled}`.replaceAll(' ', '+');
    const answer = await call(port, path);
    expect(answer.status).toBe(400);
    expect(asked).toEqual([]);
  });

  it('is not read from a body', async () => {
    const { epoch, port } = await startWithSecrets();
    // Over HTTP a body is no place for parameters.
    const request = httpRequest({ host: '127.0.0.1', port, path: '/recover', method: 'GET' });
    request.end(`channel=a&epoch=${epoch}&since=0`);
    const [response] = await once(request, 'response');
    response.resume();
    expect(response.statusCode).toBe(400);
  });
});

it('parameters longer than any server reads end with an error, not with a page', async () => {
  const { port, asked, epoch } = await startWithSecrets();
  for (const length of [5_000, 10_000, 100_000]) {
    const long = 'x'.repeat(length);
    for (const query of [
      `channel=${long}&epoch=${epoch}&since=0`,
      `channel=a&epoch=${long}&since=0`,
      `channel=a&epoch=${epoch}&since=${'1'.repeat(length)}`,
      `channel=a&epoch=${epoch}&since=0&limit=${'1'.repeat(length)}`,
    ]) {
      const { status } = await call(port, `/recover?${query}`);
      expect([400, 431]).toContain(status);
    }
  }
  expect(asked).toEqual([]);
  expect(
    (await call(port, `/recover?channel=a&epoch=${epoch}&since=2`)).body.messages,
  ).toHaveLength(1);
});

it('paths that only look like the endpoint are not the endpoint', async () => {
  const { port, asked, epoch } = await startWithSecrets();
  const query = `channel=a&epoch=${epoch}&since=0`;
  for (const path of [
    `/recover/?${query}`,
    `//recover?${query}`,
    `/./recover?${query}`,
    `/x/../recover?${query}`,
    `/RECOVER?${query}`,
    `/recover%3F${query}`,
    `/%72ecover?${query}`,
    `/recover;x?${query}`,
    `/recover\\?${query}`,
    `http://elsewhere.example/recover?${query}`,
  ]) {
    expect([path, (await call(port, path)).status]).toEqual([path, 404]);
  }
  expect(asked).toEqual([]);
});
