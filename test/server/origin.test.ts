import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startHub, upgradeStatus } from './harness.js';

describe('origins', () => {
  it('by default are pages of the same host, and clients that are no browsers', async () => {
    const { url, port, hub } = await startHub();
    const from = (Origin: string) => upgradeStatus(url, { Origin });
    expect(await upgradeStatus(url)).toBe(101);
    expect(await from(`http://127.0.0.1:${port}`)).toBe(101);
    expect(await from(`https://127.0.0.1:${port}`)).toBe(101);
    expect(await from('http://127.0.0.1')).toBe(403);
    expect(await from('https://evil.example')).toBe(403);
    expect(await from('null')).toBe(403);
    expect(hub.stats()).toMatchObject({ originRefusals: 3, accepted: 3, errors: 0 });
    const named = { Host: 'App.Example', Origin: 'https://app.example' };
    expect(await upgradeStatus(url, named)).toBe(101);
  });

  it('in a list are accepted, and no others', async () => {
    const { url } = await startHub({ origins: ['https://a.example', 'capacitor://localhost'] });
    const from = (Origin: string) => upgradeStatus(url, { Origin });
    expect(await from('https://a.example')).toBe(101);
    expect(await from('capacitor://localhost')).toBe(101);
    expect(await from('http://a.example')).toBe(403);
    expect(await from('https://a.example.evil.example')).toBe(403);
  });

  it("are all accepted with '*'", async () => {
    const { url } = await startHub({ origins: '*' });
    expect(await upgradeStatus(url, { Origin: 'https://anywhere.example' })).toBe(101);
  });

  it('are judged by a function, and refused when it throws', async () => {
    const sources: string[] = [];
    const { url } = await startHub({
      origins: (origin, request) => {
        if (origin.includes('broken')) throw new Error('rule');
        // What a rule in plain JavaScript might return by mistake.
        if (origin.includes('promise')) return Promise.resolve(false) as unknown as boolean;
        if (origin.includes('rejection')) return Promise.reject(new Error()) as unknown as boolean;
        return request.headers['x-partner'] === 'yes';
      },
      onError: (_error, source) => sources.push(source),
    });
    const from = (Origin: string) => upgradeStatus(url, { Origin, 'X-Partner': 'yes' });
    expect(await from('https://good.example')).toBe(101);
    expect(await upgradeStatus(url, { Origin: 'https://good.example' })).toBe(403);
    expect(await from('https://broken.example')).toBe(403);
    expect(await from('https://promise.example')).toBe(403);
    expect(await from('https://rejection.example')).toBe(403);
    expect(sources).toEqual(['origins']);
  });

  it('that are refused have their socket destroyed', async () => {
    const { port, server } = await startHub();
    // A client that does not end its own half, which would keep the other one open for ever.
    const socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.write(
      'GET /realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Origin: https://evil.example\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    await once(socket, 'end');
    let open = 1;
    while (open > 0) open = await promisify(server.getConnections.bind(server))();
    socket.destroy();
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  });
});
