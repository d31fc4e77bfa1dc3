import { describe, expect, it } from 'vitest';
import { connect, logWith, startHub } from './harness.js';

const room = 'room:1';

describe('publish', () => {
  it('is acknowledged with the number, and comes back with its sender', async () => {
    const { url, log, hub } = await startHub({ authorize: () => ({ principal: 'ann' }) });
    const client = await connect(url);
    await client.subscribe(room);
    client.send({ type: 'publish', id: 3, channel: room, key: 'c1-17', data: { text: 'hi' } });
    const { epoch } = log.facts(room);
    const message = { channel: room, epoch, seq: 1, from: 'ann', data: { text: 'hi' } };
    expect(await client.next('message')).toMatchObject(message);
    expect(await client.next('ack')).toEqual({ type: 'ack', id: 3, channel: room, epoch, seq: 1 });
    expect(hub.stats()).toMatchObject({ messagesIn: 1, messagesOut: 1 });
  });

  it('with a key that was used gets the number of then', async () => {
    const { url, log, hub } = await startHub({
      authorize: ({ token }) => ({ principal: token ?? 'nobody' }),
    });
    const publish = { type: 'publish', channel: room, key: 'k', data: 1 };
    const first = await connect(url);
    first.send({ ...publish, id: 1 }, { ...publish, id: 2 });
    expect(await first.next('ack')).toMatchObject({ id: 1, seq: 1 });
    expect(await first.next('ack')).toMatchObject({ id: 2, seq: 1 });
    const other = await connect(url);
    other.send({ type: 'auth', token: 'bob' }, { ...publish, id: 1 });
    expect(await other.next('ack')).toMatchObject({ seq: 2 });
    expect(log.facts(room).head).toBe(2);
    expect(hub.stats().messagesIn).toBe(2);
  });

  it('scopes its key by the principal of the connection when publish names none', async () => {
    const { url } = await startHub({
      authorize: ({ action, token }) => (action === 'connect' ? { principal: token } : {}),
    });
    for (const [token, seq] of [
      ['ann', 1],
      ['bob', 2],
    ] as const) {
      const client = await connect(url);
      client.send(
        { type: 'auth', token },
        { type: 'publish', id: 1, channel: room, key: 'k', data: 1 },
      );
      expect(await client.next('ack')).toMatchObject({ seq });
    }
  });

  it('of what is too large is refused before a number exists', async () => {
    const { url, log } = await startHub();
    const client = await connect(url);
    client.send({ type: 'publish', id: 1, channel: room, key: 'k', data: 'x'.repeat(65_535) });
    expect(await client.next('error')).toMatchObject({
      id: 1,
      channel: room,
      code: 'limit',
      retry: false,
    });
    expect(log.facts(room).head).toBe(0);
    client.send({ type: 'publish', id: 2, channel: room, key: 'k', data: 'x'.repeat(65_534) });
    expect(await client.next('ack')).toMatchObject({ id: 2, seq: 1 });
  });

  it('that the log cannot take is an internal error worth a retry', async () => {
    const errors: unknown[] = [];
    const log = logWith({ append: () => Promise.reject(new Error('down')) });
    const { url } = await startHub({ log, onError: (_error, source) => errors.push(source) });
    const client = await connect(url);
    client.send({ type: 'publish', id: 1, channel: room, key: 'k', data: 1 });
    expect(await client.next('error')).toEqual({
      type: 'error',
      id: 1,
      channel: room,
      code: 'internal',
      retry: true,
    });
    expect(errors).toEqual(['log']);
  });

  it('of data that can be read and not be written is a bad request, with no number', async () => {
    const { url, log, hub } = await startHub();
    const client = await connect(url);
    const nested = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    client.socket.send(`{"type":"publish","id":1,"channel":"${room}","key":"k","data":${nested}}`);
    expect(await client.next('error')).toMatchObject({
      id: 1,
      channel: room,
      code: 'bad_request',
      retry: false,
    });
    expect(log.facts(room).head).toBe(0);
    expect(hub.stats()).toMatchObject({ errors: 0, messagesIn: 0 });
  });

  it('needs an id, data, a channel and a proper key', async () => {
    const { url, log } = await startHub();
    const client = await connect(url);
    const good = { type: 'publish', id: 5, channel: room, key: 'k', data: 1 };
    for (const bad of [
      { id: '5' },
      { id: -1 },
      { id: 1.5 },
      { id: undefined },
      { data: undefined },
      { channel: 5 },
      { channel: '' },
      { key: 5 },
      { key: '' },
      { key: 'x'.repeat(256) },
    ]) {
      client.send({ ...good, ...bad });
      expect(await client.next('error')).toMatchObject({ code: 'bad_request', retry: false });
    }
    expect(log.facts(room).head).toBe(0);
    client.send({ ...good, key: undefined });
    expect(await client.next('ack')).toMatchObject({ id: 5, seq: 1 });
  });
});
