// The sending paths by themselves: what they are called, and what they send.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { settingsOf, type Given } from '../../src/cli/check/given.js';
import { makeLanes } from '../../src/cli/check/lanes.js';
import { Markers } from '../../src/cli/check/markers.js';
import { Pulse } from '../../src/cli/check/pulse.js';
import { atEnd } from '../server/harness.js';
import { freePort } from '../support/redis.mjs';

const pathsOf = (given: Given) =>
  makeLanes({
    settings: settingsOf({ urls: ['ws://host/live'], ...given }),
    markers: new Markers(),
    pulse: new Pulse(),
  });

test('paths that differ in what is not printed have names of their own', () => {
  const send = [
    ...['sh node a.js {marker}', 'sh node b.js {marker}'],
    ...['POST http://host/?kind=a {marker}', 'POST http://host/?kind=b {marker}'],
    ...['ws a {marker}', 'ws b {marker}'],
  ];
  expect(pathsOf({ send }).map(({ name }) => name)).toEqual([
    ...['sh node …', 'sh node … (2)'],
    ...['POST host/', 'POST host/ (2)'],
    ...['ws over ws://host/live', 'ws over ws://host/live (2)'],
  ]);
});

test.each(['KEY=hush node a.js {marker}', `KEY='hush hush' node a.js {marker}`])(
  'what stands in front of a command is not printed: %s',
  (command) => {
    expect(pathsOf({ send: [`sh ${command}`] })[0]?.name).toBe('sh …');
  },
);

test.each([
  ['room:1', '"{channel}"'],
  ['room:1', "'{channel}'"],
  ['room:1', '{channel}'],
  ["it's a {room}", '{channel}'],
])('a command finds the channel %s in %s', async (channel, written) => {
  const [path] = pathsOf({ channel, send: [`sh test ${written} = "$LASTSEQ_CHANNEL"`] });
  await path?.send('m1');
});

test('a connection that the server closes for what was sent takes no more messages', async () => {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  atEnd(() => sockets.close());
  sockets.on('connection', (socket) => {
    socket.on('message', () => socket.close(1008, 'not like this'));
  });
  await once(sockets, 'listening');
  const { port } = sockets.address() as AddressInfo;
  const [path] = pathsOf({ urls: [`ws://127.0.0.1:${port}/`], send: ['ws {marker}'] });
  await path?.send('m1');
  await vi.waitFor(() =>
    expect(path?.send('m2')).rejects.toThrow('closed with 1008 (not like this)'),
  );
});

test('a request that finds nobody says why', async () => {
  const [path] = pathsOf({ send: [`POST http://127.0.0.1:${await freePort()}/ {marker}`] });
  await expect(path?.send('m1')).rejects.toThrow('ECONNREFUSED');
});
