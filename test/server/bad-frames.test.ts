import { describe, expect, it } from 'vitest';
import { connect, deferred, startHub } from './harness.js';

const room = 'room:1';

describe('a frame that breaks a rule', () => {
  it('of an unknown type is answered unsupported, with its id, and the connection lives', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    client.send({ type: 'teleport', id: 12, channel: room }, { type: 'teleport', id: 'twelve' });
    const unsupported = { type: 'error', code: 'unsupported', retry: false };
    expect(await client.next('error')).toMatchObject({ ...unsupported, id: 12, channel: room });
    expect(await client.next('error')).not.toHaveProperty('id');
    await client.subscribe(room);
  });

  it.each([
    { id: 1 },
    { type: 5, id: 1 },
    { type: 'subscribe', id: 1 },
    { type: 'subscribe', id: 'a', channel: room },
    { type: 'subscribe', id: 1, channel: 'x'.repeat(256) },
    { type: 'subscribe', id: 1, channel: 'a\u0000b' },
    { type: 'unsubscribe', channel: 5 },
    { type: 'recover', id: 1 },
    { type: 'recover', items: [] },
    { type: 'recover', id: 1, items: [], limit: 0 },
    { type: 'recover', id: 1, items: [], limit: 1.5 },
    { type: 'auth' },
    { type: 'auth', token: 5 },
  ])('such as %j is answered bad_request, and the connection lives', async (frame) => {
    const { url, hub } = await startHub();
    const client = await connect(url);
    client.send(frame);
    expect(await client.next('error')).toMatchObject({ code: 'bad_request', retry: false });
    expect(hub.stats().badFrames).toBe(1);
    await client.subscribe(room);
  });

  it.each([
    '',
    '{',
    'hello',
    '5',
    'null',
    '"ping"',
    '[5]',
    '[{"type":"ping"},null]',
    '[[]]',
    'NaN',
  ])('such as the text %j closes with 4400', async (text) => {
    const { url, hub } = await startHub();
    const client = await connect(url);
    client.socket.send(text);
    expect(await client.closed).toMatchObject({ code: 4400 });
    expect(hub.stats().badFrames).toBe(1);
  });

  it('and is binary closes with 4400', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    client.socket.send(Buffer.from('{"type":"ping"}'));
    expect(await client.closed).toMatchObject({ code: 4400 });
  });

  it('and is longer than allowed closes with 1009', async () => {
    const { url, hub } = await startHub({ maxFrameBytes: 1_024 });
    const client = await connect(url);
    client.socket.send(JSON.stringify({ type: 'ping', pad: 'x'.repeat(2_000) }));
    expect(await client.closed).toMatchObject({ code: 1009 });
    expect(hub.stats().badFrames).toBe(1);
  });

  it('does not hide the frames around it in an array', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    client.send(
      { type: 'subscribe', id: 1, channel: 'a' },
      { type: '?', id: 2 },
      { type: 'subscribe', id: 3, channel: 'b' },
    );
    await client.next('subscribed');
    await client.next('error');
    expect(await client.next('subscribed')).toMatchObject({ id: 3 });
  });

  it('an empty array holds no frames and does nothing', async () => {
    const { url } = await startHub();
    const client = await connect(url);
    client.socket.send('[]');
    expect(await client.untilPong()).toEqual([]);
  });
});

describe('a flood of frames', () => {
  it('that waits for its turn is bounded by count and closes with 4429', async () => {
    const { promise } = deferred<object>();
    const { url, hub } = await startHub({ authorize: () => promise, maxQueuedFrames: 10 });
    const client = await connect(url);
    for (let id = 0; id < 12; id += 1) client.send({ type: 'subscribe', id, channel: `c${id}` });
    expect(await client.closed).toMatchObject({ code: 4429 });
    expect(hub.stats().floods).toBe(1);
  });

  it('is bounded by bytes as well', async () => {
    const { promise } = deferred<object>();
    const { url } = await startHub({
      authorize: () => promise,
      maxFrameBytes: 1_024,
      maxQueuedBytes: 2_048,
    });
    const client = await connect(url);
    const pad = 'x'.repeat(700);
    for (let id = 0; id < 4; id += 1) client.send({ type: 'subscribe', id, channel: 'a', pad });
    expect(await client.closed).toMatchObject({ code: 4429 });
  });

  it('that is handled as it comes may go on for ever', async () => {
    const { url } = await startHub({ maxQueuedFrames: 10 });
    const client = await connect(url);
    for (let round = 0; round < 100; round += 1) {
      client.send(...Array.from({ length: 10 }, () => ({ type: 'unsubscribe', channel: 'a' })));
      await client.untilPong();
    }
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });
});
