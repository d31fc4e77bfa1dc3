// @vitest-environment node
/** A server that quotes what it was shown: a token in an address is not in the report. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { settingsOf } from '../../src/cli/check/given.js';
import { json, table } from '../../src/cli/check/report.js';
import { run } from '../../src/cli/check/run.js';
import { atEnd } from '../server/harness.js';

test.each([
  ['as it was typed', 'key=hush-hush', 'hush-hush'],
  ['in percents, quoted without', 'key=hush%2Fhush%3D', 'hush/hush='],
  ['in percents, quoted with', 'key=hush%2Fhush%3D', 'hush%2Fhush%3D'],
])('a token in an address, %s', async (_, query, quoted) => {
  const server = new WebSocketServer({ port: 0 });
  atEnd(() => void server.close());
  server.on('connection', (socket) => socket.close(4401, `${quoted} has run out`));
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const settings = settingsOf({ urls: [`ws://127.0.0.1:${port}/live?v=1&${query}`] });
  const report = await run(settings);
  for (const text of [table(report, settings), json(report, settings)]) {
    expect(text).toContain('[token] has run out');
    expect(text).not.toContain('hush');
    expect(text).toContain('#1 to ws://127.0.0.1');
  }
});
