// The client against a server that means harm, or has gone mad: bounded work, bounded memory, no
// position that the log did not give. Single frames that break a rule are in test/client/frames.test.ts.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { FakeNetwork, FakeServer, ManualClock, type FakeSocket } from '../../src/testing/index.js';
import { setup, SpyStore, type Setup, type SetupOptions } from '../client/harness.js';

type Frame = Record<string, any>;

const TOP = Number.MAX_SAFE_INTEGER;
const MINUTE = 60_000;

/** A room from its first message on, and what its handlers were given. */
async function reading(world: Setup, name = 'room') {
  const seen: number[] = [];
  const gaps: unknown[][] = [];
  const room = world.room({ start: 'earliest' }, name);
  room.subscribe({
    message: ({ seq }) => void seen.push(seq),
    gap: ({ from, to, reason }) => void gaps.push([from, to, reason]),
  });
  await world.pass();
  return { room, seen, gaps };
}

/** A server whose every answer the test writes. `answer` gets each frame of the client, one by one. */
function scripted(
  answer: (frame: Frame, socket: FakeSocket) => void,
  options: SetupOptions = {},
  greet: (socket: FakeSocket) => void = () => undefined,
) {
  const network = new FakeNetwork();
  const server = new FakeServer(network);
  network.onSocket = (socket) => {
    queueMicrotask(() => {
      socket.accept();
      socket.receive({ type: 'welcome', caps: ['recover', 'ping', 'arrays'], heartbeatMs: 10_000 });
      greet(socket);
    });
  };
  network.onSend = (text, socket) => {
    queueMicrotask(() => {
      for (const frame of [JSON.parse(text)].flat()) answer(frame, socket);
    });
  };
  const like = { network, server, clock: new ManualClock(), store: new SpyStore() };
  return setup({ ...options, like });
}

const page = (fields: Frame): Frame => ({
  status: 200,
  channel: 'room',
  epoch: 'e1',
  head: 10,
  oldest: 1,
  messages: [],
  more: false,
  ...fields,
});

/** How many questions about the log were sent so far. */
const questions = ({ sent }: Setup): number => sent('recover').length;

/** Questions in each of the next minutes. */
async function questionsPerMinute(world: Setup, minutes: number): Promise<number[]> {
  const counts: number[] = [];
  for (let i = 0; i < minutes; i += 1) {
    const before = questions(world);
    await world.pass(MINUTE);
    counts.push(questions(world) - before);
  }
  return counts;
}

/** What is kept, without what only waits to be collected. */
const heapAfterGc = (): number => {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
};

describe('numbers', () => {
  test('at the end of what JSON can count: the last ones arrive, none above them', async () => {
    const world = setup();
    let head = TOP - 2;
    world.server.log.facts = () => ({ epoch: 'e1', head, oldest: TOP - 1 });
    const { room, seen, gaps } = await reading(world);
    for (head of [TOP - 1, TOP]) {
      world.network.socket.receive(
        `{"type":"message","channel":"room","epoch":"e1","seq":${head},"data":0}`,
      );
    }
    await world.pass(1_000);
    expect(seen).toEqual([TOP - 1, TOP]);
    for (const seq of ['9007199254740992', '9007199254740993', '1e16', '1e400', '-1e400']) {
      world.network.socket.receive(
        `{"type":"message","channel":"room","epoch":"e1","seq":${seq},"data":0}`,
      );
    }
    await world.pass(MINUTE);
    expect([seen.length, gaps, room.position]).toEqual([2, [], { epoch: 'e1', seq: TOP }]);
    expect(room.state).toEqual({ name: 'live' });
    expect(questions(world)).toBeLessThan(20);
  });

  test('that jump to the end cost a few questions, and no message is passed over', async () => {
    const world = setup();
    const { room, seen, gaps } = await reading(world);
    world.publishTo(3);
    await world.pass(1_000);
    world.network.socket.receive({
      type: 'message',
      channel: 'room',
      epoch: 'e1',
      seq: TOP,
      data: 0,
    });
    world.network.socket.receive({ type: 'heads', heads: { room: ['e1', TOP] } });
    await world.pass(10 * MINUTE);
    world.publishTo(5);
    await world.pass(MINUTE);
    expect([seen, gaps]).toEqual([[1, 2, 3, 4, 5], []]);
    expect(room.position).toEqual({ epoch: 'e1', seq: 5 });
    expect(questions(world)).toBeLessThan(20);
  });
});

describe('heads', () => {
  test('of a million channels nobody asked for take bounded time and leave nothing', async () => {
    const world = setup();
    const { seen } = await reading(world);
    // Below the longest text that is read at all, and above it. The time is that of JSON.parse.
    const headsOf = (count: number): string => {
      const entries = Array.from({ length: count }, (_, i) => `"c${i.toString(36)}":["e",9]`);
      return `{"type":"heads","heads":{${entries.join(',')}}}`;
    };
    const [most, million] = [headsOf(200_000), headsOf(1_000_000)];
    expect([most.length < 8_388_608, million.length > 8_388_608]).toEqual([true, true]);
    world.network.socket.receive(most);
    await world.pass(1_000);
    const [before, asked] = [heapAfterGc(), world.sent().length];
    for (let i = 0; i < 2; i += 1) world.network.socket.receive(most);
    world.network.socket.receive(million);
    await world.pass(1_000);
    expect(heapAfterGc() - before).toBeLessThan(4_000_000);
    expect(world.sent()).toHaveLength(asked);
    expect(world.client.stats().badFrames).toBe(1);
    world.publishTo(1);
    await world.pass(1_000);
    expect(seen).toEqual([1]);
  });
});

describe('pages without end', () => {
  test('that bring nothing are asked for at the pace of the backoff', async () => {
    const world = scripted((frame, socket) => {
      if (frame.type === 'subscribe') {
        socket.receive({ ...page({ head: 10 }), type: 'subscribed', id: frame.id });
      } else if (frame.type === 'recover') {
        socket.receive({ type: 'recovered', id: frame.id, items: [page({ more: true })] });
      } else if (frame.type === 'ping') socket.receive({ type: 'pong' });
    });
    const { room, seen } = await reading(world);
    const counts: number[] = [];
    for (let minute = 0; minute < 5; minute += 1) {
      const before = questions(world);
      for (let i = 0; i < 6; i += 1) {
        await world.pass(10_000);
        world.network.socket.receive({ type: 'heads', heads: { room: ['e1', 10] } });
      }
      counts.push(questions(world) - before);
    }
    expect(Math.max(...counts)).toBeLessThan(30);
    expect(Math.max(...counts.slice(2))).toBeLessThan(10);
    expect([seen, room.state.name]).toEqual([[], 'stalled']);
  });

  test('that bring a little each go no further than the handlers', async () => {
    const world = scripted(
      (frame, socket) => {
        if (frame.type === 'subscribe') {
          socket.receive({ ...page({ head: TOP }), type: 'subscribed', id: frame.id });
        } else if (frame.type === 'recover') {
          const { since } = frame.items[0];
          const messages = [1, 2, 3].map((n) => ({ seq: since + n, data: n }));
          const items = [page({ head: TOP, messages, more: true })];
          socket.receive({ type: 'recovered', id: frame.id, items });
        } else if (frame.type === 'ping') socket.receive({ type: 'pong' });
      },
      { options: { maxQueued: 30, handlerTimeoutMs: false } },
    );
    const seen: number[] = [];
    let release: () => void = () => undefined;
    world.room({ start: 'earliest' }).subscribe(({ seq }) => {
      seen.push(seq);
      return seq % 100 === 0 ? new Promise<void>((resolve) => (release = resolve)) : undefined;
    });
    for (let i = 1; i <= 5; i += 1) {
      await world.pass(5_000);
      expect(seen).toEqual(Array.from({ length: i * 100 }, (_, k) => k + 1));
      const asked = questions(world);
      world.network.socket.receive({ type: 'heads', heads: { room: ['e1', TOP] } });
      await world.pass(5_000);
      // The handlers hang: nothing is asked until they have room.
      expect(questions(world)).toBe(asked);
      release();
    }
    expect(world.client.stats().delivered).toBeLessThan(700);
  });
});

test('every frame of older sockets sent again changes nothing', async () => {
  const world = setup();
  const spoken: string[] = [];
  const { onSocket } = world.network;
  world.network.onSocket = (socket) => {
    const receive = socket.receive.bind(socket);
    socket.receive = (data) => {
      spoken.push(typeof data === 'string' ? data : JSON.stringify(data));
      receive(data);
    };
    onSocket(socket);
  };
  const { room, seen, gaps } = await reading(world);
  world.publishTo(20);
  await world.pass(1_000);
  world.server.cut();
  world.publishTo(30);
  await world.pass(MINUTE);
  // A new life of the log: what is sent again below speaks of the one before as well.
  world.server.log.restart('e2');
  world.publishTo(10);
  await world.pass(MINUTE);
  const had = [...seen];
  const old = spoken.splice(0);
  expect(old.length).toBeGreaterThan(30);
  for (let round = 0; round < 3; round += 1) {
    for (const text of round === 1 ? [...old].reverse() : old) world.network.socket.receive(text);
    await world.pass(MINUTE);
  }
  expect(seen).toEqual(had);
  expect(gaps).toEqual([[31, undefined, 'epoch']]);
  expect(room.position).toEqual({ epoch: 'e2', seq: 10 });
  world.publishTo(11);
  await world.pass(MINUTE);
  expect(seen.at(-1)).toBe(11);
});

describe('epochs that change for ever', () => {
  let epoch = 0;
  const flipping = (next: () => string) =>
    scripted((frame, socket) => {
      if (frame.type === 'subscribe') {
        socket.receive({ ...page({ epoch: next() }), type: 'subscribed', id: frame.id });
      } else if (frame.type === 'recover') {
        socket.receive({ type: 'recovered', id: frame.id, items: [page({ epoch: next() })] });
      } else if (frame.type === 'ping') {
        socket.receive({ type: 'pong' });
        socket.receive({ type: 'heads', heads: { room: [next(), 10] } });
      }
    });

  test.each([
    ['a new one every time', () => `n${(epoch += 1)}`],
    ['two in turn', () => `t${(epoch += 1) % 2}`],
  ])('(%s) cost few questions, and are reported', async (_, next) => {
    const world = flipping(next);
    const { room, seen } = await reading(world);
    const counts = await questionsPerMinute(world, 10);
    expect(counts[0]).toBeLessThan(60);
    expect(Math.max(...counts.slice(1))).toBeLessThan(30);
    expect(world.errors).toContain('reset_storm');
    expect(world.errors.filter((code) => code === 'reset_storm').length).toBeLessThanOrEqual(10);
    expect([room.state.name, seen]).toEqual(['stalled', []]);
    await world.client.close();
    expect(world.clock.pending).toBe(0);
  });
});

describe('size and depth', () => {
  test('arrays of a million frames, items, messages and ranges are read and forgotten', async () => {
    const world = setup();
    const { room, seen, gaps } = await reading(world);
    world.publishTo(1);
    await world.pass(1_000);
    const { socket } = world.network;
    const many = (text: string, count: number): string => Array(count).fill(text).join(',');
    const facts = '"channel":"room","epoch":"e1","head":1,"oldest":1,"more":false';
    socket.receive(`[${many('{}', 1_000_000)}]`);
    socket.receive(`[${many('[]', 1_000_000)}]`);
    socket.receive(`{"type":"recovered","id":7,"items":[${many('{}', 1_000_000)}]}`);
    socket.receive(`{"type":"welcome","caps":["recover",${many('"x"', 1_000_000)}]}`);
    const messages = many('{"seq":5}', 400_000);
    socket.receive(
      `{"type":"recovered","id":7,"items":[{"status":200,${facts},"messages":[${messages}]}]}`,
    );
    const ranges = many('[9,3],[3,4]', 300_000);
    socket.receive(
      `{"type":"recovered","id":7,"items":[{"status":200,${facts},"messages":[],"void":[${ranges}]}]}`,
    );
    await world.pass(1_000);
    // Messages far ahead: a buffer keeps a thousand, the log has the rest.
    const early = Array.from(
      { length: 50_000 },
      (_, i) => `{"type":"message","channel":"room","epoch":"e1","seq":${i + 3},"data":0}`,
    );
    socket.receive(`[${early.join(',')}]`);
    expect(room.inspect().held).toBe(1_000);
    await world.pass(MINUTE);
    expect([room.inspect().held, seen, gaps]).toEqual([0, [1], []]);
    world.publishTo(2);
    await world.pass(MINUTE);
    expect(seen).toEqual([1, 2]);
  });

  test('JSON nested without end is refused, or handed on as data, and breaks nothing', async () => {
    const world = setup();
    const { seen } = await reading(world);
    const { socket } = world.network;
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    socket.receive(nested(1_000_000));
    socket.receive('['.repeat(4_000_000));
    socket.receive('{"type":'.repeat(500_000));
    socket.receive(`{"type":"heads","heads":{"room":${nested(100_000)}}}`);
    socket.receive(`{"type":"error","code":${nested(100_000)},"message":${nested(100_000)}}`);
    world.server.log.append('room', 'deep');
    socket.receive(
      `{"type":"message","channel":"room","epoch":"e1","seq":1,"data":${nested(100_000)}}`,
    );
    await world.pass(MINUTE);
    expect(seen).toEqual([1]);
    expect(world.client.state).toEqual({ name: 'open' });
  });
});

test('frames for ten thousand channels never asked for are dropped, and nothing is sent for them', async () => {
  const world = setup();
  const { seen } = await reading(world);
  await world.pass(1_000);
  const [asked, before] = [world.sent().length, heapAfterGc()];
  for (let i = 0; i < 10_000; i += 1) {
    const channel = `c${i}`;
    const facts = { channel, epoch: 'e1', head: 9, oldest: 1 };
    world.network.socket.receive([
      { type: 'subscribed', id: i, ...facts },
      { type: 'message', channel, epoch: 'e1', seq: 3, data: 'x' },
      { type: 'message', channel, data: 'ephemeral' },
      { type: 'unsubscribed', channel, code: 'forbidden', retry: i % 2 === 0 },
      { type: 'error', id: i + 1_000, channel, code: 'internal', retry: true },
      { type: 'recovered', id: i + 1_000, items: [{ status: 200, ...facts, messages: [] }] },
      { type: 'ack', id: i + 1_000, channel, epoch: 'e1', seq: 9 },
      { type: 'heads', heads: { [channel]: ['e1', 9] } },
      { type: 'message', channel, seq: -1 },
    ]);
  }
  await world.pass(MINUTE);
  expect(world.sent('subscribe').concat(world.sent('recover'))).toHaveLength(1);
  expect(world.sent().length - asked).toBeLessThan(5);
  expect(heapAfterGc() - before).toBeLessThan(4_000_000);
  expect([seen, world.errors, world.store.kept.size]).toEqual([[], [], 1]);
});

describe('prototypes', () => {
  const clean = (): unknown[] => [
    Object.getOwnPropertyNames(Object.prototype).length,
    Object.getOwnPropertyNames(Array.prototype).length,
    ({} as Frame).polluted,
  ];

  test('are not changed by keys of heads, messages, limits and pages', async () => {
    const before = clean();
    const world = setup();
    const { seen } = await reading(world);
    const evil =
      '"__proto__":{"polluted":1,"seq":1,"epoch":"e1"},"constructor":{"prototype":{"polluted":1}}';
    const { socket } = world.network;
    for (const text of [
      `{"type":"heads","heads":{"__proto__":["e1",5],"constructor":["e1",5],"toString":["e1",5]}}`,
      `{"type":"heads","heads":{${evil}}}`,
      `{"type":"message","channel":"room",${evil},"data":{${evil}}}`,
      `{"type":"message","channel":"room","id":5,${evil},"data":{${evil}}}`,
      `{"type":"welcome","caps":["recover","__proto__"],"limits":{"__proto__":7,"constructor":7,${evil}}}`,
      `{"type":"recovered","id":1,"items":[{"status":200,"channel":"__proto__",${evil}}]}`,
      `{"type":"error","channel":"__proto__","code":"__proto__","retry":false,${evil}}`,
      `{"__proto__":{"type":"message","channel":"room","epoch":"e1","seq":1,"data":"inherited"}}`,
      `[{"type":"__proto__"},{"type":"constructor"},{"type":"toString"}]`,
    ]) {
      socket.receive(text);
      await world.pass(1_000);
    }
    expect(clean()).toEqual(before);
    expect(seen).toEqual([]);
    world.publishTo(2);
    await world.pass(MINUTE);
    expect(seen).toEqual([1, 2]);
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
    'lend no channel: %s is one like any other',
    async (name) => {
      const before = clean();
      const world = setup();
      const plain = await reading(world);
      const { room, seen, gaps } = await reading(world, name);
      world.publishTo(3, name);
      world.publishTo(1);
      world.server.dropNext(2);
      world.publishTo(5, name);
      world.server.beat();
      await world.pass(MINUTE);
      expect([seen, gaps, plain.seen]).toEqual([[1, 2, 3, 4, 5], [], [1]]);
      expect(room.position).toEqual({ epoch: 'e1', seq: 5 });
      expect(world.store.kept.get(name)).toMatchObject({ seq: 5 });
      expect(clean()).toEqual(before);
    },
  );
});

describe('times that a server names', () => {
  /** Dials in ten minutes, after which the client is closed. A loop without a wait would never end. */
  async function dials(greet: (socket: FakeSocket, world: Setup) => void): Promise<number> {
    const world: Setup = scripted(
      () => undefined,
      {},
      (socket) => {
        if (world.network.sockets.length > 1_000) throw new Error('a thousand dials');
        greet(socket, world);
      },
    );
    world.room().subscribe(() => undefined);
    await world.pass(10 * MINUTE);
    await world.client.close();
    expect(world.clock.pending).toBe(0);
    return world.network.sockets.length;
  }

  test.each([1e-300, 5e-324, 0.001, 1, 100.3, 1e308])(
    'a heartbeat of %d ms neither turns the client in circles nor makes it dial without a wait',
    async (heartbeatMs) => {
      const count = await dials((socket) => {
        socket.receive({ type: 'welcome', caps: [], heartbeatMs });
      });
      expect(count).toBeLessThan(60);
    },
  );

  test('a silent connection is given up whatever fractions of milliseconds the clock shows', async () => {
    for (let i = 0; i < 200; i += 1) {
      const clock = new ManualClock();
      const network = new FakeNetwork();
      const server = new FakeServer(network, { heartbeatMs: 200 });
      const world = setup({ like: { clock, network, server, store: new SpyStore() } });
      await world.pass(i / 7 + i * 997.3);
      world.room().subscribe(() => undefined);
      await world.pass();
      server.goSilent();
      await world.pass(501);
      expect(world.client.state).toMatchObject({ name: 'waiting', reason: 'dead' });
      await world.client.close();
    }
  });

  test.each([
    ['without a spread', {}, 1012],
    ['with a spread of 0', { spreadMs: 0 }, 1012],
    ['with a spread of nothing to speak of', { spreadMs: 1e-9 }, 1000],
    ['and too much at once', { spreadMs: 0 }, 4429],
  ])('goaway %s at every dial meets the backoff', async (_, fields, code) => {
    const count = await dials((socket) => {
      socket.receive({ type: 'goaway', ...fields });
      socket.drop(code);
    });
    expect(count).toBeLessThan(60);
  });

  test('waits beyond every timer do not fire at once', async () => {
    const count = await dials((socket) => {
      socket.receive({ type: 'goaway', spreadMs: 1e308 });
      socket.drop(1012);
    });
    expect(count).toBe(1);
    const world = scripted((frame, socket) => {
      if (frame.type === 'subscribe') {
        socket.receive({ ...page({ head: 10 }), type: 'subscribed', id: frame.id });
      } else if (frame.type === 'recover') {
        const items = [{ status: 503, channel: 'room', retryInMs: 1e308 }];
        socket.receive({ type: 'recovered', id: frame.id, items });
      } else if (frame.type === 'ping') socket.receive({ type: 'pong' });
    });
    await reading(world);
    for (let i = 0; i < 60; i += 1) {
      world.network.socket.receive({ type: 'heads', heads: { room: ['e1', 10] } });
      await world.pass(10_000);
    }
    expect(questions(world)).toBe(1);
  });
});
