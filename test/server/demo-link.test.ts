/** The demo's `Link` wraps `socket.send`, as the types of `onConnection` say that an app may. */
import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import type { HubSocket } from '../../src/server/index.js';
import { connect, startHub } from './harness.js';

interface Link {
  arm(kind: 'drop' | 'duplicate' | 'reorder', count: number): void;
}
type LinkClass = new (socket: HubSocket, request: IncomingMessage, onGone: () => void) => Link;

it('loses and doubles messages, and tells the hub what was written', async () => {
  const file = new URL('../../demo/link.mjs', import.meta.url).href;
  const { Link } = (await import(file)) as { Link: LinkClass };
  const links: Link[] = [];
  const owed: unknown[] = [];
  const { log, url } = await startHub({
    onConnection: (socket, request) => {
      const send = socket.send.bind(socket);
      socket.send = (text, options, written) => {
        if (written !== undefined) owed.push(written);
        send(text, options, written);
      };
      links.push(new Link(socket, request, () => undefined));
    },
  });
  const client = await connect(url);
  await client.subscribe('room:1');
  const tick = () => new Promise((resolve) => setImmediate(resolve));

  links[0]?.arm('drop', 1);
  log.append('room:1', 'lost');
  await tick();
  await tick();
  links[0]?.arm('duplicate', 1);
  log.append('room:1', 'twice');
  expect(await client.next('message')).toMatchObject({ seq: 2, data: 'twice' });
  expect(await client.next('message')).toMatchObject({ seq: 2, data: 'twice' });

  expect(owed).toEqual([]);
  log.append('room:1', 'x'.repeat(60_000));
  expect(await client.next('message')).toMatchObject({ seq: 3 });
  expect(owed).toEqual([expect.any(Function)]);
});
