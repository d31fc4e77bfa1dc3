// "RWS 8" is row 8 in the list of what reconnecting-websocket 4.4.0 does on its own. Each of these
// tests fails over a bare instance of it.
import ReconnectingWebSocket from 'reconnecting-websocket';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { webSocketTransport } from '../../src/adapters/websocket-transport.js';
import type { Transport, TransportEvent } from '../../src/ports/transport.js';
import { FakeWebSocket } from './fake-websocket.js';

const HOUR = 3_600_000;
let events: TransportEvent[];
let transport: Transport;
/** What the app does within an event. */
let react: (event: TransportEvent) => void;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  FakeWebSocket.made = [];
  FakeWebSocket.fault = undefined;
  vi.stubGlobal('WebSocket', FakeWebSocket);
  events = [];
  react = () => undefined;
  transport = webSocketTransport(['lastseq.v1'])((event) => {
    events.push(event);
    react(event);
  });
});

afterEach(() => {
  transport.close(1000, '');
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Lets everything happen that needs no waiting: a timer of 0 ms set within another counts as 1. */
const settle = () => vi.advanceTimersByTimeAsync(1);

const sockets = () => FakeWebSocket.made;

/** The socket of an attempt, as soon as there is one. */
async function dial(attempt: number, url = `ws://server/${attempt}`): Promise<FakeWebSocket> {
  const before = sockets().length;
  transport.open(attempt, url);
  await settle();
  expect(sockets().length).toBe(before + 1);
  return sockets().at(-1) as FakeWebSocket;
}

async function opened(attempt: number): Promise<FakeWebSocket> {
  const socket = await dial(attempt);
  socket.opens();
  return socket;
}

const dropped = (attempt: number, code: number, reason = '') => ({
  type: 'dropped',
  attempt,
  code,
  reason,
});

test('reports open, messages and the close of an attempt, in this order', async () => {
  const socket = await dial(1);
  expect(socket).toMatchObject({ url: 'ws://server/1', binaryType: 'arraybuffer' });
  socket.opens();
  socket.receives('hello');
  socket.closes(4408, 'slow');
  expect(events).toEqual([
    { type: 'opened', attempt: 1 },
    { type: 'received', attempt: 1, data: 'hello' },
    dropped(1, 4408, 'slow'),
  ]);
});

test('is inert until open', async () => {
  transport.send('x');
  await vi.advanceTimersByTimeAsync(HOUR);
  expect([sockets(), events, vi.getTimerCount()]).toEqual([[], [], 0]);
});

describe('dialing', () => {
  test('RWS 1, 3, 10: no delay of the library, after 60 short connections as after none', async () => {
    for (let attempt = 1; attempt <= 60; attempt += 1) (await opened(attempt)).closes(1006);
    expect(sockets().length).toBe(60);
    expect(events.filter(({ type }) => type === 'dropped').length).toBe(60);
  });

  test('RWS 2: no chance of the library: jitter is drawn elsewhere', async () => {
    const random = vi.spyOn(Math, 'random');
    (await opened(1)).closes(1006);
    await opened(2);
    expect(random).not.toHaveBeenCalled();
  });

  test('RWS 4: an attempt begins when it is asked for, however the one before ended', async () => {
    (await opened(1)).closes(1006);
    await vi.advanceTimersByTimeAsync(HOUR);
    expect((await dial(2)).url).toBe('ws://server/2');
  });

  test('RWS 9: after a drop nothing dials again by itself, whatever the code', async () => {
    for (const [i, code] of [1000, 1001, 1006, 1012, 4401].entries()) {
      (await opened(i)).closes(code);
      await vi.advanceTimersByTimeAsync(HOUR);
      expect(sockets().length).toBe(i + 1);
    }
  });

  test('RWS 5f, 7: a handshake that hangs is left to the core, and given up for the next', async () => {
    const hanging = await dial(1);
    await vi.advanceTimersByTimeAsync(24 * HOUR);
    expect([events, hanging.closeCalls, sockets().length]).toEqual([[], [], 1]);
    const next = await opened(2);
    hanging.opens();
    hanging.closes(1006);
    expect(events).toEqual([{ type: 'opened', attempt: 2 }]);
    expect([hanging.closeCalls.length, next.closeCalls.length]).toEqual([1, 0]);
  });

  test('RWS 13: open gives up a half-open socket, which is not heard of again', async () => {
    const halfOpen = await opened(1);
    transport.send('into the void');
    await opened(2);
    halfOpen.receives('late');
    halfOpen.closes(1006);
    expect(events).toEqual([
      { type: 'opened', attempt: 1 },
      { type: 'opened', attempt: 2 },
    ]);
    expect(halfOpen.closeCalls).toEqual([[1000, '']]);
  });

  test('open within the event of the drop', async () => {
    react = (event) => {
      if (event.type === 'dropped' && event.attempt === 1) transport.open(2, 'ws://server/2');
    };
    (await opened(1)).closes(1006);
    await settle();
    expect(sockets().map(({ url }) => url)).toEqual(['ws://server/1', 'ws://server/2']);
  });

  test('only the last of several opens in a row gets a socket', async () => {
    transport.open(1, 'ws://server/1');
    transport.open(2, 'ws://server/2');
    transport.open(3, 'ws://server/3');
    await settle();
    expect(sockets().map(({ url }) => url)).toEqual(['ws://server/3']);
  });

  test('RWS 20: the subprotocols are offered at every attempt', async () => {
    (await opened(1)).closes(1006);
    await opened(2);
    expect(sockets().map(({ protocols }) => protocols)).toEqual([['lastseq.v1'], ['lastseq.v1']]);
  });

  test('the WebSocket is looked up at every attempt, not at import', async () => {
    const Second = class extends FakeWebSocket {};
    (await opened(1)).closes(1006);
    vi.stubGlobal('WebSocket', Second);
    expect(await opened(2)).toBeInstanceOf(Second);
  });
});

describe('what went wrong', () => {
  test('RWS 8: the true close code is seen though an error came first', async () => {
    const socket = await opened(1);
    socket.errors();
    socket.closes(4403, 'forbidden');
    await settle();
    expect(events.slice(1)).toEqual([dropped(1, 4403, 'forbidden')]);
  });

  test('RWS 8: a failed handshake is 1006, not a clean 1000', async () => {
    const socket = await dial(1);
    socket.errors();
    socket.closes(1006);
    await settle();
    expect(events).toEqual([dropped(1, 1006)]);
  });

  test('an error after the close is not a second drop', async () => {
    const socket = await opened(1);
    socket.closes(4000);
    socket.errors();
    socket.closes(1006);
    await settle();
    expect(events.slice(1)).toEqual([dropped(1, 4000)]);
  });

  test('an error that no close follows is a drop, and a close that comes later is none', async () => {
    const socket = await opened(1);
    socket.errors();
    await settle();
    socket.closes(4000);
    expect(events.slice(1)).toEqual([dropped(1, 1006, 'the socket failed')]);
    transport.send('x');
    expect(socket.sent).toEqual([]);
    await opened(2);
  });

  test('a close without an error is a drop', async () => {
    (await dial(1)).closes(1006);
    expect(events).toEqual([dropped(1, 1006)]);
  });

  test.each([
    ['SyntaxError', 'bad address'],
    ['SecurityError', 'blocked by connect-src'],
  ])('RWS 5c: a constructor that throws %s is a drop, and dialing goes on', async (name, text) => {
    for (const attempt of [1, 2, 3]) {
      FakeWebSocket.fault = Object.assign(new Error(text), { name });
      transport.open(attempt, 'ws://server/bad');
      await settle();
      expect(events).toEqual([{ ...dropped(attempt, 1006, text), error: FakeWebSocket.fault }]);
      events.length = 0;
    }
    FakeWebSocket.fault = undefined;
    await opened(4);
    expect(events).toEqual([{ type: 'opened', attempt: 4 }]);
  });

  test('what a constructor throws is told without the parameters of the address', async () => {
    FakeWebSocket.fault = new Error('not allowed: ws://server/1?key=secret');
    transport.open(1, 'ws://server/1?key=secret');
    await settle();
    expect(events).toMatchObject([{ reason: 'not allowed: ws://server/1' }]);
  });

  test('a constructor that throws after close was called is not reported', async () => {
    FakeWebSocket.fault = new Error('blocked');
    transport.open(1, 'ws://server/1');
    transport.close(1000, '');
    await settle();
    expect(events).toEqual([]);
  });

  test('RWS 19: without a WebSocket every attempt is dropped, and nothing throws', async () => {
    vi.stubGlobal('WebSocket', undefined);
    transport.open(1, 'ws://server/1');
    await settle();
    transport.open(2, 'ws://server/2');
    await settle();
    const reason = 'this environment has no WebSocket';
    const error = new Error(reason);
    expect(events).toEqual([
      { ...dropped(1, 1006, reason), error },
      { ...dropped(2, 1006, reason), error },
    ]);
  });

  test('RWS 15: an app that throws within events does not stop what comes after', async () => {
    react = () => {
      throw new Error('bug in the app');
    };
    const socket = await dial(1);
    expect(() => socket.opens()).toThrow('bug in the app');
    expect(() => socket.receives('a')).toThrow('bug in the app');
    expect(() => socket.closes(1006)).toThrow('bug in the app');
    react = () => undefined;
    await settle();
    transport.close(1000, '');
    expect((await opened(2)).url).toBe('ws://server/2');
  });
});

describe('sending', () => {
  test('RWS 11, 12: what cannot be sent is gone: nothing is queued, at no time', async () => {
    transport.send('before open');
    const socket = await dial(1);
    transport.send('while connecting');
    react = ({ type }) => type === 'opened' && transport.send('first');
    socket.opens();
    transport.send('second');
    expect(socket.sent).toEqual(['first', 'second']);
    socket.readyState = FakeWebSocket.CLOSING;
    transport.send('while closing');
    socket.closes(1006);
    transport.send('after the drop');
    const next = await opened(2);
    transport.close(1000, '');
    transport.send('after close');
    const last = await opened(3);
    expect([socket.sent, next.sent, last.sent]).toEqual([
      ['first', 'second'],
      ['first'],
      ['first'],
    ]);
  });

  test('RWS 17: within the event of the drop the old socket is not used either', async () => {
    react = ({ type }) => type === 'dropped' && transport.send('x');
    const socket = await opened(1);
    socket.closes(1006);
    expect(socket.sent).toEqual([]);
  });
});

describe('closing', () => {
  test('RWS 16: at once, and no event comes after it', async () => {
    const socket = await opened(1);
    transport.close(4000, 'bye');
    expect(socket.closeCalls).toEqual([[4000, 'bye']]);
    socket.receives('late');
    socket.errors();
    socket.closes(4000, 'bye');
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(events).toEqual([{ type: 'opened', attempt: 1 }]);
  });

  test.each([1001, 1005, 1006, 1012, 2999, 5000, 0, -1, NaN, 3000.5e9])(
    'RWS 14: %d may not be sent by a browser and becomes 1000',
    async (code) => {
      const socket = await opened(1);
      transport.close(code, '');
      expect(socket.closeCalls).toEqual([[1000, '']]);
    },
  );

  test.each([3000, 4401, 4999])('RWS 14: %d is sent', async (code) => {
    const socket = await opened(1);
    transport.close(code, '');
    expect(socket.closeCalls).toEqual([[code, '']]);
  });

  test.each([
    ['a'.repeat(200), 'a'.repeat(123)],
    ['é'.repeat(100), 'é'.repeat(61)],
    ['\u{1F600}'.repeat(50), '\u{1F600}'.repeat(30)],
  ])('a long reason is cut to 123 bytes, between characters', async (reason, cut) => {
    const socket = await opened(1);
    transport.close(1000, reason);
    expect(socket.closeCalls).toEqual([[1000, cut]]);
  });

  test('a socket whose close throws is given up all the same', async () => {
    const socket = await opened(1);
    vi.spyOn(socket, 'close').mockImplementation(() => {
      throw new Error('InvalidStateError');
    });
    transport.close(1000, '');
    await opened(2);
    expect(events).toEqual([
      { type: 'opened', attempt: 1 },
      { type: 'opened', attempt: 2 },
    ]);
  });

  test('while connecting: nothing of the socket is reported any more', async () => {
    const socket = await dial(1);
    transport.close(1000, '');
    socket.errors();
    socket.closes(1006);
    await settle();
    expect([socket.closeCalls[0], events]).toEqual([[1000, ''], []]);
  });

  test('RWS 5d, 6: in every state, with an open at once or much later', async () => {
    const states: (() => Promise<unknown> | undefined)[] = [
      () => undefined,
      () => void transport.open(1, 'ws://server/1') as undefined,
      () => dial(1),
      () => opened(1),
      async () => (await opened(1)).closes(1006),
      async () => {
        (await opened(1)).closes(1006);
        await settle();
      },
    ];
    for (const reach of states) {
      for (const pause of [undefined, 0, HOUR]) {
        await reach();
        transport.close(1000, '');
        transport.close(1000, '');
        if (pause !== undefined) await vi.advanceTimersByTimeAsync(pause);
        events.length = 0;
        const socket = await opened(2);
        expect(events).toEqual([{ type: 'opened', attempt: 2 }]);
        socket.closes(1006);
      }
    }
  });

  test('leaves no timer, in whatever state', async () => {
    const reach = [() => dial(1), () => opened(2), async () => (await opened(3)).closes(1006)];
    for (const state of reach) {
      await state();
      transport.close(1000, '');
      // What is left is the library's own step of 0 ms, which finds that it was closed.
      await settle();
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  test('an open socket needs no timer', async () => {
    await opened(1);
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('RWS 5: every instance that is thrown away gets an answer to its question for an address', async () => {
    const asked: Promise<string>[] = [];
    const library = ReconnectingWebSocket.prototype as unknown as {
      _getNextUrl: (provider: () => Promise<string>) => Promise<string>;
    };
    vi.spyOn(library, '_getNextUrl').mockImplementation((provider) => {
      const answer = provider();
      asked.push(answer);
      return answer;
    });
    // Before the library asks, while it waits for an answer, and with a socket.
    transport.open(1, 'ws://server/1');
    transport.close(1000, '');
    await settle();
    (await opened(2)).closes(1006);
    await settle();
    transport.close(1000, '');
    await opened(3);
    transport.close(1000, '');
    await settle();
    expect(await Promise.all(asked)).toEqual(['', 'ws://server/2', '', 'ws://server/3']);
  });

  test('where listeners take no signal, nothing comes after it either', async () => {
    const add = FakeWebSocket.prototype.addEventListener;
    vi.spyOn(FakeWebSocket.prototype, 'addEventListener').mockImplementation(function (
      this: FakeWebSocket,
      type,
      listener,
    ) {
      add.call(this, type, listener);
    });
    const socket = await opened(1);
    transport.close(1000, '');
    socket.receives('late');
    socket.closes(1000);
    const other = await opened(2);
    other.closes(4000);
    other.closes(4001);
    await opened(3);
    other.opens();
    other.closes(4002);
    expect(events).toEqual([
      { type: 'opened', attempt: 1 },
      { type: 'opened', attempt: 2 },
      dropped(2, 4000),
      { type: 'opened', attempt: 3 },
    ]);
  });

  test('RWS 26: errors are heard for the life of the socket, or a Node process ends', async () => {
    const failed = await opened(1);
    failed.errors();
    failed.closes(1006);
    const given = await dial(2);
    transport.close(1000, '');
    given.errors();
    expect([failed.listenerCount('error'), given.listenerCount('error')]).toEqual([1, 1]);
  });

  test('RWS 25: 1,000 connections leave no listener of ours and no unsettled library', async () => {
    const added: AbortSignal[] = [];
    const add = FakeWebSocket.prototype.addEventListener;
    vi.spyOn(FakeWebSocket.prototype, 'addEventListener').mockImplementation(function (
      this: FakeWebSocket,
      ...args
    ) {
      if (args[2]?.signal) added.push(args[2].signal);
      add.apply(this, args);
    });
    for (let i = 0; i < 1_000; i += 1) {
      const socket = await opened(i);
      if (i % 2) socket.closes(1006);
      else transport.close(1000, '');
    }
    transport.close(1000, '');
    await settle();
    expect(added.length).toBe(2_000);
    expect(added.every(({ aborted }) => aborted)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('RWS 21: watches no window, document or navigator', async () => {
  const spies = [window, document].map((target) => vi.spyOn(target, 'addEventListener'));
  await opened(1);
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
});

test('RWS 22: prints nothing, and so no token in an address', async () => {
  const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((level) =>
    vi.spyOn(console, level),
  );
  (await dial(1, 'ws://server/?token=secret')).closes(1006);
  FakeWebSocket.fault = new Error('bad');
  transport.open(2, 'ws://server/?token=secret');
  await settle();
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
});
