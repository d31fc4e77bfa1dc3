// Clients that ask for too much or read too little, side by side with one that behaves: whatever they
// do, it gets every message, in order. What each offence is answered with is in test/server.
import { connect as connectTcp } from 'node:net';
import { expect, it } from 'vitest';
import { connect, deferred, recover, startHub, until, type Client } from '../server/harness.js';

const room = 'room:1';
const LINE = 'x'.repeat(60_000);

/** Appends for as long as `work` takes, and sees to it that the witness got all of it in order. */
async function beside(
  witness: Client,
  append: (data: unknown) => { readonly seq: number },
  work: Promise<unknown>,
): Promise<void> {
  let done = false;
  void work.finally(() => (done = true));
  let last = 0;
  while (!done) {
    last = append('mark').seq;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await work;
  last = append('end').seq;
  while ((await witness.next('message')).data !== 'end');
  const seqs = witness.frames.filter(({ type }) => type === 'message').map(({ seq }) => seq);
  expect(seqs).toEqual(Array.from({ length: last }, (_, i) => i + 1));
}

it('messages that are too long end their own connections, and nobody else notices', async () => {
  const { url, hub, log } = await startHub({ maxFrameBytes: 65_536 });
  const witness = await connect(url);
  await witness.subscribe(room);
  const work = async (): Promise<void> => {
    for (let i = 0; i < 40; i += 1) {
      const client = await connect(url);
      await client.subscribe(room);
      const data = 'x'.repeat(65_536 + i * 50_000);
      client.send({ type: 'publish', id: 1, channel: room, data });
      expect(await client.closed).toMatchObject({ code: 1009 });
    }
  };
  await beside(witness, (data) => log.append(room, data), work());
  await until(() => hub.stats().connections === 1);
  expect(hub.stats()).toMatchObject({ subscriptions: 1, badFrames: 40, errors: 0 });
});

it('a flood of subscriptions is held to the limit, and is gone with its connection', async () => {
  const { promise: never } = deferred<object>();
  const { url, hub, log } = await startHub({
    limits: { channels: 100 },
    maxQueuedFrames: 1_000,
    authorize: ({ channel }) => (channel?.startsWith('slow') ? never : {}),
  });
  const witness = await connect(url);
  await witness.subscribe(room);
  const work = async (): Promise<void> => {
    for (let i = 0; i < 10; i += 1) {
      const client = await connect(url);
      for (let batch = 0; batch < 10; batch += 1) {
        const frames = Array.from({ length: 100 }, (_, n) => ({
          type: 'subscribe',
          id: n,
          channel: `c${batch * 100 + n}`,
        }));
        client.send(...frames);
        await client.untilPong();
      }
      const refused = client.frames.filter(({ code }) => code === 'limit');
      expect(refused).toHaveLength(900);
      expect(hub.stats().channels).toBeLessThanOrEqual(101);
      // An app that does not answer: what waits for it is bounded as well.
      const frames = Array.from({ length: 600 }, (_, n) => ({
        type: 'subscribe',
        id: n,
        channel: `slow${n}`,
      }));
      client.send(...frames);
      client.send(...frames);
      expect(await client.closed).toMatchObject({ code: 4429 });
    }
  };
  await beside(witness, (data) => log.append(room, data), work());
  await until(() => hub.stats().connections === 1);
  expect(hub.stats()).toMatchObject({ subscriptions: 1, channels: 1, floods: 10 });
});

it('readers that stop, over sockets and over HTTP, take a bound of memory and nothing from others', async () => {
  const { url, port, hub, log } = await startHub({
    maxBufferedBytes: 2_097_152,
    maxRecoveries: 20,
  });
  const { epoch } = log.facts(room);
  const witness = await connect(url);
  await witness.subscribe(room);
  const stopped: Client[] = [];
  for (let i = 0; i < 10; i += 1) {
    const client = await connect(url);
    await client.subscribe(room);
    await client.subscribe('big');
    client.socket.pause();
    stopped.push(client);
  }
  for (let i = 0; i < 20; i += 1) log.append('big', LINE);
  const query = `channel=big&epoch=${epoch}&since=0`;
  const sockets = Array.from({ length: 60 }, () => {
    const socket = connectTcp({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    socket.pause();
    for (let n = 0; n < 20; n += 1)
      socket.write(`GET /recover?${query} HTTP/1.1\r\nHost: x\r\n\r\n`);
    return socket;
  });
  const work = async (): Promise<void> => {
    while (hub.stats().slowConsumers < stopped.length) {
      log.append('big', LINE);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  await beside(witness, (data) => log.append(room, data), work());
  expect(hub.stats()).toMatchObject({ subscriptions: 1, errors: 0 });
  for (const client of stopped) client.socket.terminate();
  for (const socket of sockets) socket.destroy();
  await until(() => hub.stats().connections === 1);
  // The calls under way went with their sockets.
  let status = 0;
  while (status !== 200) ({ status } = await recover(port, { channel: room, epoch, since: 0 }));
});
